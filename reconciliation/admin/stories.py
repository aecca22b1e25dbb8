"""Stories: reconciliations chained end to end. Made, changed and deleted as acts; the page shows the chain."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from ledgers.backoffice import chip, count_cell, link_to
from ledgers.models import DataStream
from organizations.actors import Actor
from organizations.backoffice.acts import Act
from organizations.backoffice.current import current_organization
from organizations.refusals import Invalid
from reconciliation.admin.base import ClearingModelAdmin
from reconciliation.models import Story, StoryLink
from reconciliation.selectors.stories import told_links
from reconciliation.services.stories import (
    NAME_MAX,
    LinkIn,
    story_change,
    story_create,
    story_void,
)
from rules.models import Reconciliation, ReconciliationStream

SCOPE = "rules:write"
STEPS = 8
"""Rows of the form. Programs may chain more."""


def chain_form(organization_id: int) -> type[forms.Form]:
    """The name, and rows of a reconciliation with the stream that joins it to the one before."""
    books = Reconciliation.objects.of(organization_id).live().order_by("name", "pk")
    shared = ReconciliationStream.objects.filter(reconciliation__in=books)
    streams = DataStream.objects.of(organization_id).live().filter(pk__in=shared.values("stream_id"))
    fields: dict[str, forms.Field] = {
        "name": forms.CharField(label=_("Name"), max_length=NAME_MAX, widget=UnfoldAdminTextInputWidget)
    }
    for step in range(1, STEPS + 1):
        fields[f"reconciliation_{step}"] = forms.ModelChoiceField(
            books,
            label=_("%(n)s. reconciliation") % {"n": step},
            required=step == 1,
            widget=UnfoldAdminSelectWidget,
        )
        if step > 1:
            fields[f"stream_{step}"] = forms.ModelChoiceField(
                streams.order_by("name", "pk"),
                label=_("joined to the one before by"),
                required=False,
                empty_label=_("the one stream that both have"),
                widget=UnfoldAdminSelectWidget,
            )
    return type("ChainForm", (forms.Form,), fields)


@admin.register(Story)
class StoryAdmin(ClearingModelAdmin):
    view_scope = "reconciliations:read"
    nav_group, nav_icon, nav_order = "rules", "timeline", 20
    intro = gettext_lazy(
        "Reconciliations chained end to end, so that money can be followed from its first record to its last."
    )
    empty_text = gettext_lazy("There is no story yet.")
    empty_steps = gettext_lazy(
        "Chain reconciliations that share a stream: orders to sales, sales to payouts."
    )
    list_display = ("name", "chain", "count_links", "created_at")
    list_filter = ("created_at",)
    search_fields = ("name", "links__reconciliation__name")
    search_help_text = gettext_lazy("Name, or name of a reconciliation")
    ordering = ("-created_at", "-pk")
    fields = ("links_shown", "created_at")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request).filter(voided_at__isnull=True)
        return rows.prefetch_related("links__reconciliation", "links__shared_stream").annotate(
            n_links=Count("links", distinct=True)
        )

    @display(description=gettext_lazy("Chain"))
    def chain(self, obj: Story) -> str:
        return " → ".join(_name(link) for link in obj.links.all()) or "–"

    @display(description=gettext_lazy("Reconciliations"), ordering="n_links")
    def count_links(self, obj: Any) -> str:
        return count_cell(obj.n_links)

    @display(description=gettext_lazy("Chain"))
    def links_shown(self, obj: Story) -> str:
        rows = []
        for told in told_links([obj])[obj.pk]:
            via = format_html(" {} {}", _("joined by"), link_to(told.shared)) if told.shared else ""
            broken = "" if told.joined else chip(_("no longer joined"), "warning")
            rows.append((link_to(told.link.reconciliation), via, broken))
        return format_html_join("", "<p>{}{} {}</p>", rows) or "–"

    def sentence(self, request: HttpRequest, obj: Story) -> str:
        if any(link.reconciliation.voided_at is not None for link in obj.links.all()):
            return _("A reconciliation of it is deleted, and left out below: chain it anew.")
        return _("Each reconciliation shares a stream with the one before.")

    def list_acts(self, request: HttpRequest) -> list[Act]:
        organization_id = current_organization(request).pk
        return [
            Act(
                "make",
                _("Chain reconciliations"),
                partial(_chained, partial(story_create, organization_id=organization_id)),
                SCOPE,
                form=chain_form(organization_id),
                explain=_("From the first record to the last; each shares a stream with the one before."),
                success=lambda made: _("%(name)s is made.") % {"name": made.name},
                after=lambda request, made: HttpResponseRedirect(
                    reverse("admin:reconciliation_story_change", args=[made.pk])
                ),
            )
        ]

    def acts(self, request: HttpRequest, obj: Story) -> list[Act]:
        links = list(obj.links.all())
        initial: dict[str, Any] = {"name": obj.name}
        for step, link in enumerate(links, start=1):
            initial |= {
                f"reconciliation_{step}": link.reconciliation_id,
                f"stream_{step}": link.shared_stream_id,
            }
        too_long = _("It has more reconciliations than this page shows; change it over the API.")
        return [
            Act(
                "chain",
                _("Change"),
                partial(_chained, partial(story_change, story=obj)),
                SCOPE,
                against=too_long if len(links) > STEPS else "",
                form=chain_form(obj.organization_id),
                initial=initial,
                explain=_("The whole chain is replaced."),
                success=_("It is saved."),
            ),
            Act(
                "delete",
                _("Delete"),
                partial(story_void, story=obj),
                SCOPE,
                danger=True,
                explain=_("Its reconciliations stay."),
                success=_("It is deleted."),
                after=_to_list,
            ),
        ]


def _name(link: StoryLink) -> str:
    if link.reconciliation.voided_at is not None:
        return _("%(name)s (deleted)") % {"name": link.reconciliation.name}
    return link.reconciliation.name


def _chained(service: Callable[..., Story], *, name: str, by: Actor, at: datetime, **rows: Any) -> Story:
    """The form's rows as links; where no stream is chosen, the one that both reconciliations have."""
    links: list[LinkIn] = []
    before: Reconciliation | None = None
    for step in range(1, STEPS + 1):
        books = rows.get(f"reconciliation_{step}")
        if books is None:
            continue
        chosen = rows.get(f"stream_{step}")
        stream_id = chosen.pk if chosen is not None else None
        if before is not None and stream_id is None:
            stream_id = _only_shared(before, books)
        links.append(LinkIn(books.pk, step, shared_stream_id=stream_id))
        before = books
    try:
        return service(name=name, links=links, by=by, at=at)
    except Invalid as refusal:
        refusal.message, refusal.issues = _told(refusal, links), []
        raise


def _told(refusal: Invalid, links: list[LinkIn]) -> str:
    """What is wrong with the chain, by the rows of the form."""
    told = []
    for issue in refusal.issues:
        head, *rest = issue["path"]
        row = (
            _("%(n)s. reconciliation: ") % {"n": links[rest[0]].position} if head == "links" and rest else ""
        )
        told.append(f"{row}{issue['message']}")
    return " ".join(told) or refusal.message


def _only_shared(before: Reconciliation, books: Reconciliation) -> int:
    own = ReconciliationStream.objects.filter(reconciliation=books).values("stream_id")
    shared = list(
        ReconciliationStream.objects.filter(reconciliation=before, stream__in=own)
        .order_by("stream_id")
        .values_list("stream_id", flat=True)
    )
    if len(shared) == 1:
        return shared[0]
    text = (
        _("%(before)s and %(books)s share several streams: choose the one that joins them.")
        if shared
        else _("%(before)s and %(books)s share no stream.")
    )
    raise Invalid(text % {"before": before.name, "books": books.name}, code="story.invalid")


def _to_list(request: HttpRequest, _nothing: Any) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:reconciliation_story_changelist"))
