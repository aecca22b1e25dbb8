"""Reconciliations: what is held against what, and by which rules. Those of streams are made, wired and deleted here; a
ledger's own comes with its ledger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from ledgers.backoffice import chip, count_cell, link_to
from ledgers.models import DataStream
from organizations.actors import Actor
from organizations.backoffice.acts import Act
from organizations.backoffice.current import current_organization
from reconciliation.admin.base import ClearingModelAdmin
from reconciliation.admin.overdue import REFRESH_SECONDS, policy_acts, policy_shown, recompute_of
from reconciliation.admin.proposing import propose_act
from reconciliation.admin.rules.ordering import order_context
from reconciliation.admin.words import plainly
from reconciliation.models import MatchMember, Pass
from reconciliation.selectors.open_sides import open_sides
from reconciliation.services.passes import pass_request
from reconciliation.services.stream_reconciliations import (
    MAY_TAKE_PART,
    NAME_MAX,
    reconciliation_change,
    reconciliation_create,
    reconciliation_void,
)
from reconciliation.states import MatchStatus
from rules.models import Reconciliation, ReconciliationStream, Rule
from rules.states import ReconciliationKind, RuleStatus, RunType, Side

SCOPE = "rules:write"


class NameForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=NAME_MAX, widget=UnfoldAdminTextInputWidget)
    run_type = forms.ChoiceField(
        label=gettext_lazy("Matches"),
        choices=RunType.choices,
        widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy("Continuous: as records come. Batch: when somebody asks."),
    )


def streams_form(base: type[forms.Form], streams: QuerySet[DataStream]) -> type[forms.Form]:
    """With the streams of both sides."""

    def side(label: str) -> forms.Field:
        return forms.ModelMultipleChoiceField(
            streams, label=label, required=False, widget=UnfoldAdminSelectMultipleWidget
        )

    return type("StreamsForm", (base,), {"side_a": side(_("Side A")), "side_b": side(_("Side B"))})


class UndoForm(forms.Form):
    undo_matches = forms.BooleanField(
        label=gettext_lazy("Undo accepted matches of streams that leave"),
        required=False,
        widget=UnfoldBooleanWidget,
        help_text=gettext_lazy("Without this nothing is changed while there are some."),
    )
    field_order = ("side_a", "side_b", "undo_matches")


@admin.register(Reconciliation)
class ReconciliationAdmin(ClearingModelAdmin):
    view_scope = "reconciliations:read"
    nav_group, nav_icon, nav_order = "rules", "balance", 10
    intro = gettext_lazy("What is held against what, and by which rules, from top to bottom.")
    empty_text = gettext_lazy("There is no reconciliation yet.")
    empty_steps = gettext_lazy(
        "A ledger gets its own with its first entry or bank account. Of streams that programs fill, make one here."
    )
    list_display = ("name", "kind", "side_a", "side_b", "count_rules", "run_type", "state", "created_at")
    list_filter = ("kind", "run_type", "created_at")
    list_select_related = ("ledger",)
    search_fields = ("name", "ledger__code")
    search_help_text = gettext_lazy("Name, or code of the ledger")
    ordering = ("name", "pk")
    fields = (
        "kind",
        "owner",
        "side_a",
        "side_b",
        "run_type",
        "state",
        "last_pass",
        "overdue",
        "uuid",
        "created_at",
    )
    readonly_fields = fields
    change_form_outer_before_template = "reconciliation/reconciliation_before.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request).filter(voided_at__isnull=True)
        return rows.exclude(kind=ReconciliationKind.SETTLEMENT)

    def furnish(self, rows: list[Any]) -> None:
        wired: dict[tuple[int, str], list[DataStream]] = defaultdict(list)
        wires = ReconciliationStream.objects.filter(reconciliation__in=[row.pk for row in rows])
        for wire in wires.select_related("stream").order_by("stream__name", "pk"):
            wired[wire.reconciliation_id, wire.side].append(wire.stream)
        active = Q(status=RuleStatus.ACTIVE, voided_at__isnull=True)
        rules = Rule.objects.filter(active, organization__in={row.organization_id for row in rows})
        counts = dict(rules.order_by().values_list("reconciliation").annotate(n=Count("pk")))
        for row in rows:
            row.sides = {side: wired[row.pk, side] for side in Side.values}
            row.rules_count = counts.get(row.pk if row.own_rules else None, 0)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        found = super().get_object(request, object_id, from_field)
        if found is not None:
            self.furnish([found])
        return found

    # --- columns and lines ----------------------------------------------------------------------------------------------

    @display(description=gettext_lazy("Side A"))
    def side_a(self, obj: Any) -> str:
        return _links(obj.sides["a"])

    @display(description=gettext_lazy("Side B"))
    def side_b(self, obj: Any) -> str:
        return _links(obj.sides["b"])

    @display(description=gettext_lazy("Active rules"))
    def count_rules(self, obj: Any) -> str:
        return count_cell(obj.rules_count)

    @display(description=gettext_lazy("Ledger"))
    def owner(self, obj: Reconciliation) -> str:
        return link_to(obj.ledger)

    @display(description=gettext_lazy("State"), ordering="ready")
    def state(self, obj: Reconciliation) -> str:
        return chip(_("ready"), "success") if obj.ready else chip(_("being wired"), "warning")

    @display(description=gettext_lazy("Last matching"))
    def last_pass(self, obj: Reconciliation) -> str:
        found = Pass.objects.filter(reconciliation=obj).order_by("-pk").first()
        if found is None:
            return "–"
        text = _("Matching %(id)s, %(status)s") % {
            "id": found.pk,
            "status": found.get_status_display().lower(),
        }
        return link_to(found, text)

    @display(description=gettext_lazy("Items are overdue"))
    def overdue(self, obj: Reconciliation) -> str:
        return policy_shown(obj)

    def sentence(self, request: HttpRequest, obj: Reconciliation) -> str:
        if obj.kind == ReconciliationKind.LEDGER:
            return _("Statement lines of the ledger's bank accounts are held against the ledger's entries.")
        return _("Records of Side A are held against records of Side B, by the rules below.")

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        obj = kwargs.get("obj")
        if obj is not None:
            context |= order_context(request, obj)
            if obj.kind == ReconciliationKind.STREAMS:  # a ledger's open items stand on its runs
                waiting = {"reconciliation__id__exact": obj.pk, "status__exact": MatchStatus.SUGGESTED}
                matches = reverse("admin:reconciliation_match_changelist")
                context |= {
                    "open": open_sides(obj, at=timezone.now()),
                    "undecided_url": f"{matches}?{urlencode(waiting)}",
                }
        answer = super().render_change_form(request, context, *args, **kwargs)
        if obj is not None and recompute_of(obj) is not None:
            answer.headers["Refresh"] = str(REFRESH_SECONDS)
        return answer

    # --- acts -----------------------------------------------------------------------------------------------------------

    def list_acts(self, request: HttpRequest) -> list[Act]:
        return [
            Act(
                "make",
                _("Reconcile streams"),
                partial(_made, organization_id=current_organization(request).pk),
                SCOPE,
                form=streams_form(NameForm, _streams(request)),
                explain=_(
                    "Records of the streams of Side A will be held against those of Side B. It has no rule at first."
                ),
                success=lambda made: _("%(name)s is made. Add its first rule.") % {"name": made.name},
                after=_to_page,
            )
        ]

    def acts(self, request: HttpRequest, obj: Reconciliation) -> list[Act]:
        owned = (
            _("It comes with its ledger, and is changed there.")
            if obj.kind == ReconciliationKind.LEDGER
            else ""
        )
        return [
            self._match(obj, owned),
            propose_act(obj),
            Act(
                "rename",
                _("Rename"),
                partial(plainly(reconciliation_change, obj), reconciliation=obj),
                SCOPE,
                against=owned,
                form=NameForm,
                initial={"name": obj.name, "run_type": obj.run_type},
                success=_("It is saved."),
            ),
            self._rewire(request, obj, owned),
            *policy_acts(obj),
            self._delete(obj, owned),
        ]

    def _match(self, obj: Reconciliation, owned: str) -> Act:
        return Act(
            "match",
            _("Match now"),
            partial(plainly(pass_request, obj), reconciliation=obj, run=None),
            "matches:decide",
            against=_("A ledger is matched run by run.") if owned else "",
            success=lambda asked: _("Matching %(id)s is asked for.") % {"id": asked.pk},
        )

    def _rewire(self, request: HttpRequest, obj: Any, owned: str) -> Act:
        sides = getattr(obj, "sides", {"a": [], "b": []})
        return Act(
            "streams",
            _("Choose its streams"),
            partial(_wired, plainly(reconciliation_change, obj), reconciliation=obj),
            SCOPE,
            against=owned or ("" if obj.ready else _("Its streams are being wired. Wait for the end.")),
            form=streams_form(UndoForm, _streams(request)),
            initial={f"side_{side}": [stream.pk for stream in sides[side]] for side in Side.values},
            explain=_(
                "A stream that leaves takes its open items and undecided proposals with it; one that comes brings its"
                " records. To change sides it has to leave first."
            ),
            success=_("Its streams are chosen. Much is done by a worker; matching waits for it."),
        )

    def _delete(self, obj: Reconciliation, owned: str) -> Act:
        accepted = (
            MatchMember.objects.filter(
                reconciliation=obj, live=True, match__status=MatchStatus.ACCEPTED
            ).aggregate(n=Count("match_id", distinct=True))["n"]
            if not owned
            else 0
        )
        text = ngettext("%(n)s accepted match is undone", "%(n)s accepted matches are undone", accepted)
        return Act(
            "delete",
            _("Delete"),
            partial(plainly(reconciliation_void, obj), reconciliation=obj),
            SCOPE,
            against=owned,
            danger=True,
            explain=_("Its rules go with it, and %(matches)s. Streams and records stay.")
            % {"matches": text % {"n": f"{accepted:,}"}},
            success=_("It is deleted. Its records are free again in a moment."),
            after=lambda request, _nothing: HttpResponseRedirect(
                reverse("admin:rules_reconciliation_changelist")
            ),
        )


def _links(streams: Iterable[DataStream]) -> str:
    return format_html_join(", ", "{}", ((link_to(stream),) for stream in streams)) or "–"


def _streams(request: HttpRequest) -> QuerySet[DataStream]:
    rows = DataStream.objects.of(current_organization(request).pk).live()
    return rows.filter(kind__in=MAY_TAKE_PART).order_by("name", "pk")


def _made(*, side_a: Any, side_b: Any, **given: Any) -> Reconciliation:
    return reconciliation_create(side_a=list(side_a), side_b=list(side_b), **given)


def _wired(
    change: Callable[..., Reconciliation], *, side_a: Any, side_b: Any, by: Actor, at: datetime, **given: Any
) -> Reconciliation:
    return change(side_a=list(side_a), side_b=list(side_b), by=by, at=at, **given)


def _to_page(request: HttpRequest, made: Reconciliation) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:rules_reconciliation_change", args=[made.pk]))
