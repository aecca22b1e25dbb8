"""Data streams, and what their metadata holds. Streams that programs fill are made here; owned ones come with their owner."""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from ledgers.backoffice import link_to
from ledgers.models import BankAccount, DataStream, PropertyDefinition
from ledgers.services.streams import (
    DESCRIPTION_MAX,
    KEY_MAX,
    NAME_MAX,
    data_stream_change,
    data_stream_create,
)
from ledgers.states import WRITABLE_STREAMS, PropertyType, StreamKind
from organizations.backoffice.acts import Act
from organizations.backoffice.base import ScopedTabularInline
from organizations.backoffice.current import current_organization
from reconciliation.admin.base import ClearingModelAdmin
from reconciliation.admin.stream_acts import add_act, delete_act, empty_act, health_of, owned
from reconciliation.admin.stream_uploads import file_acts
from reconciliation.admin.words import plainly
from reconciliation.services import definitions
from rules.models import ReconciliationStream

SCOPE = "records:write"
RULES_SCOPE = "rules:write"


class NamesForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=NAME_MAX, widget=UnfoldAdminTextInputWidget)
    description = forms.CharField(
        label=gettext_lazy("Description"),
        max_length=DESCRIPTION_MAX,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )


class StreamForm(NamesForm):
    key = forms.CharField(
        label=gettext_lazy("Key"),
        max_length=KEY_MAX,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("How programs name it; it never changes: card_acquirer"),
    )
    field_order = ("key", "name", "description")


def stream_form(organization_id: int) -> type[forms.Form]:
    """With the bank accounts that it could be a feed of."""
    accounts = BankAccount.objects.of(organization_id).live().order_by("name", "pk")
    field = forms.ModelChoiceField(
        accounts,
        label=_("Bank account"),
        required=False,
        empty_label=_("none"),
        widget=UnfoldAdminSelectWidget,
        help_text=_("Where it is what a program reads from a bank: the account that it reads."),
    )
    return type("StreamOfForm", (StreamForm,), {"bank_account": field})


class DefinitionChangeForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=definitions.NAME_MAX,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("How people call it: Batch number"),
    )
    optional = forms.BooleanField(
        label=gettext_lazy("Records may lack it"), required=False, widget=UnfoldBooleanWidget
    )


class DefinitionForm(DefinitionChangeForm):
    key = forms.CharField(
        label=gettext_lazy("Key"),
        max_length=definitions.KEY_MAX,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("As it stands in the metadata, and in rules behind “metadata.”: batch_no"),
    )
    type = forms.ChoiceField(
        label=gettext_lazy("Type"),
        choices=PropertyType.choices,
        widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy("Rules compare it as that type, where all streams of a side agree."),
    )
    field_order = ("key", "name", "type", "optional")


class DefinitionInline(ScopedTabularInline):
    model = PropertyDefinition
    view_scope = "records:read"
    organization_path = "stream__organization"
    verbose_name_plural = gettext_lazy("What its metadata holds")
    fields = ("link", "name", "type", "optional")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(voided_at__isnull=True)

    @display(description=gettext_lazy("Key"))
    def link(self, obj: PropertyDefinition) -> str:
        return link_to(obj, obj.key)


@admin.register(DataStream)
class DataStreamAdmin(ClearingModelAdmin):
    view_scope = "records:read"
    nav_group, nav_icon, nav_order = "books", "stream", 70
    intro = gettext_lazy(
        "Where records come from: ledgers and bank accounts have a stream each, and programs fill others over the API."
    )
    empty_text = gettext_lazy("There is no data stream yet.")
    empty_steps = gettext_lazy(
        "Make one for a program to fill, or post to a ledger: its stream comes with that."
    )
    list_display = ("name", "key", "kind", "owner", "created_at")
    list_filter = ("kind", "created_at")
    list_select_related = ("ledger", "bank_account")
    search_fields = ("name", "key")
    search_help_text = gettext_lazy("Name or key")
    ordering = ("name", "pk")
    fields = ("key", "kind", "description", "owner", "reconciled_in", "created_at")
    readonly_fields = fields
    inlines = (DefinitionInline,)
    change_form_outer_before_template = "reconciliation/stream_before.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(voided_at__isnull=True)

    @display(description=gettext_lazy("Belongs to"))
    def owner(self, obj: DataStream) -> str:
        return link_to(obj.ledger or obj.bank_account)

    @display(description=gettext_lazy("Reconciled in"))
    def reconciled_in(self, obj: DataStream) -> str:
        wires = ReconciliationStream.objects.filter(stream=obj, reconciliation__voided_at__isnull=True)
        rows = wires.select_related("reconciliation").order_by("reconciliation__name", "pk")
        links = ((link_to(wire.reconciliation), wire.side.upper()) for wire in rows)
        return format_html_join(", ", _("{}, Side {}"), links) or "–"

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        obj = kwargs.get("obj")
        health = health_of(obj) if obj is not None else None
        if obj is not None and health is not None:
            of = f"?stream__id__exact={obj.pk}"
            counts = health.bulk_requests
            context |= {
                "health": health,
                "under_way": counts["pending"] + counts["processing"],
                "records_url": reverse("admin:reconciliation_streamrecord_changelist") + of,
                "batches_url": reverse("admin:ledgers_importbatch_changelist") + of,
            }
        return super().render_change_form(request, context, *args, **kwargs)

    def sentence(self, request: HttpRequest, obj: DataStream) -> str:
        if obj.kind in WRITABLE_STREAMS:
            return _("Programs fill it over the API, and people with files.")
        return _("It is filled by what it belongs to.")

    def list_acts(self, request: HttpRequest) -> list[Act]:
        return [
            Act(
                "make",
                _("Make a stream"),
                partial(_made, organization_id=current_organization(request).pk),
                SCOPE,
                form=stream_form(current_organization(request).pk),
                explain=_("Empty at first; programs fill it over the API, and people with files."),
                success=lambda made: _("%(name)s is made.") % {"name": made.name},
                after=lambda request, made: HttpResponseRedirect(
                    reverse("admin:ledgers_datastream_change", args=[made.pk])
                ),
            )
        ]

    def acts(self, request: HttpRequest, obj: DataStream) -> list[Act]:
        return [
            add_act(obj),
            *file_acts(obj),
            Act(
                "rename",
                _("Rename"),
                partial(plainly(data_stream_change, obj), stream=obj),
                SCOPE,
                against=owned(obj),
                form=NamesForm,
                initial={"name": obj.name, "description": obj.description},
                success=_("It is saved."),
            ),
            Act(
                "define",
                _("Define a metadata key"),
                partial(plainly(definitions.definition_create, obj), stream=obj),
                RULES_SCOPE,
                form=DefinitionForm,
                explain=_("Rules that name the key compare it as its type from then on."),
                success=lambda made: _("%(key)s is defined.") % {"key": made.key},
            ),
            empty_act(obj),
            delete_act(obj),
        ]


@admin.register(PropertyDefinition)
class PropertyDefinitionAdmin(ClearingModelAdmin):
    organization_path = "stream__organization"
    view_scope = "records:read"
    nav_group, nav_icon, nav_order = "books", "label", 75
    nav_title = gettext_lazy("Metadata keys")
    intro = gettext_lazy("What the metadata of streams holds. Rules compare a key as its type.")
    empty_text = gettext_lazy("No metadata key is defined.")
    empty_steps = gettext_lazy("Open a data stream and define what its records' metadata holds.")
    list_display = ("name", "key", "type", "optional", "stream_link", "created_at")
    list_filter = ("type", "created_at")
    list_select_related = ("stream",)
    search_fields = ("name", "key", "stream__name")
    search_help_text = gettext_lazy("Name, key, or name of the stream")
    ordering = ("stream__name", "key", "pk")
    fields = ("key", "type", "optional", "stream_link", "created_at")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(voided_at__isnull=True)

    @display(description=gettext_lazy("Stream"), ordering="stream__name")
    def stream_link(self, obj: PropertyDefinition) -> str:
        return link_to(obj.stream)

    def sentence(self, request: HttpRequest, obj: PropertyDefinition) -> str:
        return _("Rules name it metadata.%(key)s.") % {"key": obj.key}

    def acts(self, request: HttpRequest, obj: PropertyDefinition) -> list[Act]:
        return [
            Act(
                "change",
                _("Change"),
                partial(plainly(definitions.definition_change, obj.stream), definition=obj),
                RULES_SCOPE,
                form=DefinitionChangeForm,
                initial={"name": obj.name, "optional": obj.optional},
                success=_("It is saved."),
            ),
            Act(
                "delete",
                _("Delete"),
                partial(plainly(definitions.definition_void, obj.stream), definition=obj),
                RULES_SCOPE,
                danger=True,
                explain=_("Values in records stay. To rules the key is text from then on."),
                success=_("It is deleted."),
                after=_back_to_stream(obj),
            ),
        ]


def _made(*, bank_account: BankAccount | None, **given: Any) -> DataStream:
    kind = StreamKind.API if bank_account is None else StreamKind.BANK_FEED
    return data_stream_create(kind=kind, bank_account=bank_account, **given)


def _back_to_stream(obj: PropertyDefinition) -> Any:
    def back(request: HttpRequest, _nothing: Any) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:ledgers_datastream_change", args=[obj.stream_id]))

    return back
