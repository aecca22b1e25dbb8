"""Passes: each matching that was done, what each rule found, how it ended. Read only, but for stopping one."""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import display
from unfold.widgets import UnfoldBooleanWidget

from ledgers.backoffice import chip, count_cell, link_to, refs_of
from organizations.backoffice.acts import Act
from organizations.backoffice.filters import ScopedRelatedFilter
from reconciliation.admin.base import ClearingModelAdmin
from reconciliation.admin.words import moment, people, plainly
from reconciliation.models import Match, Pass
from reconciliation.services.passes import pass_cancel
from reconciliation.services.undoing import pass_undo
from reconciliation.states import MatchStatus

LABELS = {
    "pending": "info",
    "running": "primary",
    "completed": "success",
    "failed": "danger",
    "cancelled": "warning",
}


class UndoAcceptedForm(forms.Form):
    undo_accepted = forms.BooleanField(
        label=gettext_lazy("The accepted ones too"),
        required=False,
        widget=UnfoldBooleanWidget,
        help_text=gettext_lazy("Without this nothing is undone while some of them are accepted."),
    )


@admin.register(Pass)
class PassAdmin(ClearingModelAdmin):
    organization_path = "reconciliation__organization"
    view_scope = "reconciliations:read"
    nav_group, nav_icon, nav_order = "work", "play_circle", 50
    nav_title = gettext_lazy("Automatic matching")
    intro = gettext_lazy("Each time the rules went over open records: what they found, and how it ended.")
    empty_text = gettext_lazy("Nothing was matched yet.")
    empty_steps = gettext_lazy(
        "Open a run with a statement file and choose “Match automatically”, or a reconciliation of streams and “Match now”."
    )
    list_display = (
        "name",
        "run_link",
        "state",
        "done",
        "count_lines",
        "count_proposals",
        "count_left",
        "count_taken",
        "requested_at",
        "asker",
        "duration",
    )
    list_filter = (
        "status",
        ("reconciliation", ScopedRelatedFilter),
        ("reconciliation__ledger", ScopedRelatedFilter),
        "trigger",
        "requested_at",
    )
    list_select_related = ("run__ledger", "reconciliation__ledger")
    search_fields = ("=pk", "=uuid", "run__note", "error")
    search_help_text = gettext_lazy("Number of the matching, name of the run, or words of an error")
    ordering = ("-finished_at", "-requested_at", "-pk")  # under way first: PostgreSQL puts empty ones on top
    fields = (
        "state",
        "run_link",
        "done",
        "count_lines",
        "count_proposals",
        "count_left",
        "count_taken",
        "count_records",
        "by_rule",
        "error",
        "trigger",
        "asked",
        "started_at",
        "finished_at",
        "attempts",
        "uuid",
    )
    readonly_fields = fields

    def furnish(self, rows: list[Any]) -> None:
        names = people(rows[0].reconciliation.organization_id, refs_of(rows, "requested_by")) if rows else {}
        for row in rows:
            row.asker_name = names.get(row.requested_by, row.requested_by)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        found = super().get_object(request, object_id, from_field)
        if found is not None:
            self.furnish([found])
        return found

    @display(description=gettext_lazy("Matching"), ordering="pk")
    def name(self, obj: Pass) -> str:
        return _("Matching %(id)s") % {"id": obj.pk}

    @display(description=gettext_lazy("Run, or reconciliation"))
    def run_link(self, obj: Pass) -> str:
        return link_to(obj.run or obj.reconciliation.ledger or obj.reconciliation)

    @display(description=gettext_lazy("Status"), ordering="status")
    def state(self, obj: Pass) -> str:
        return chip(obj.get_status_display(), LABELS[obj.status])

    @display(description=gettext_lazy("Progress"))
    def done(self, obj: Pass) -> str:
        rule = f" · {obj.current_rule}" if obj.is_under_way and obj.current_rule else ""
        return f"{obj.progress}%{rule}"

    @display(description=gettext_lazy("Lines matched"), ordering="matched")
    def count_lines(self, obj: Pass) -> str:
        return count_cell(obj.matched)

    @display(description=gettext_lazy("Proposals made"), ordering="suggested")
    def count_proposals(self, obj: Pass) -> str:
        return count_cell(obj.suggested)

    @display(description=gettext_lazy("Left, since several fitted"), ordering="ambiguous")
    def count_left(self, obj: Pass) -> str:
        return count_cell(obj.ambiguous)

    @display(description=gettext_lazy("Taken by people meanwhile"), ordering="lost_to_others")
    def count_taken(self, obj: Pass) -> str:
        return count_cell(obj.lost_to_others)

    @display(description=gettext_lazy("Records looked at"))
    def count_records(self, obj: Pass) -> str:
        return count_cell(obj.total_records)

    @display(description=gettext_lazy("Worker's attempts"))
    def attempts(self, obj: Pass) -> int:
        return obj.attempt

    @display(description=gettext_lazy("Asked for by"), ordering="requested_by")
    def asker(self, obj: Any) -> str:
        return obj.asker_name

    @display(description=gettext_lazy("Asked for"))
    def asked(self, obj: Any) -> str:
        return _("%(who)s on %(when)s") % {"who": obj.asker_name, "when": moment(obj.requested_at)}

    @display(description=gettext_lazy("Took"))
    def duration(self, obj: Pass) -> str:
        if obj.started_at is None or obj.finished_at is None:
            return "–"
        return _("%(n)s s") % {"n": f"{(obj.finished_at - obj.started_at).total_seconds():,.1f}"}

    @display(description=gettext_lazy("By rule"))
    def by_rule(self, obj: Pass) -> str:
        return (
            render_to_string("reconciliation/by_rule.html", {"rows": obj.rule_summary})
            if obj.rule_summary
            else "–"
        )

    def list_summary(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[tuple[str, str]]:
        sums = queryset.order_by().aggregate(
            matched=Coalesce(Sum("matched"), 0), suggested=Coalesce(Sum("suggested"), 0)
        )
        return [
            (_("Lines matched"), f"{sums['matched']:,}"),
            (_("Proposals made"), f"{sums['suggested']:,}"),
        ]

    def sentence(self, request: HttpRequest, obj: Pass) -> str:
        if obj.undone_at is not None:
            return _("It was undone on %(when)s: its matches were taken back.") % {
                "when": moment(obj.undone_at)
            }
        return {
            "pending": _("It waits for its turn: one matching per reconciliation at a time."),
            "running": _("It is under way. People can go on working meanwhile."),
            "completed": _("It is done. What it proposes waits in its run for a decision.")
            if obj.run is not None
            else _("It is done. What it proposes waits among the matches for a decision."),
            "failed": _("It broke off. What it had written stays; match again."),
            "cancelled": _("It was stopped. What it had written stays."),
        }[obj.status]

    def acts(self, request: HttpRequest, obj: Pass) -> list[Act]:
        ended = "" if obj.is_under_way else _("It has ended.")
        stopping = _("It is being stopped.") if obj.cancel_requested_at else ""
        return [
            Act(
                "stop",
                _("Stop"),
                partial(pass_cancel, pass_=obj),
                "matches:decide",
                against=ended or stopping,
                success=_("It stops. What it found so far stays."),
            ),
            self._undoing(obj),
        ]

    def _undoing(self, obj: Pass) -> Act:
        """Takes back all that it found, in one act; what people accepted of it only where they say so."""
        counts = live_counts(obj)
        proposed, accepted = counts.get(MatchStatus.SUGGESTED, 0), counts.get(MatchStatus.ACCEPTED, 0)
        against = ""
        if obj.is_under_way:
            against = _("It is under way. Stop it first.")
        elif not proposed + accepted:
            against = _("None of its matches stands any more.") if obj.suggested else _("It found nothing.")
        return Act(
            "undo",
            _("Undo this matching"),
            partial(plainly(pass_undo, obj.reconciliation), pass_=obj),
            "matches:decide",
            against=against,
            danger=True,
            form=UndoAcceptedForm if accepted else None,
            explain=_(
                "All that stands of what it found is taken back in one act: %(proposed)s proposals, %(accepted)s accepted "
                "matches. Their records are open again, and may be proposed again. What people matched by hand "
                "stays."
            )
            % {"proposed": f"{proposed:,}", "accepted": f"{accepted:,}"},
            success=lambda undone: (
                ngettext("Undone: %(n)s match.", "Undone: %(n)s matches.", undone) % {"n": f"{undone:,}"}
            ),
        )


def live_counts(row: Pass) -> dict[str, int]:
    """How many of the pass's matches stand, by status."""
    live = Match.objects.live().filter(made_by_pass=row).order_by()
    return dict(live.values_list("status").annotate(n=Count("pk")))
