"""Matches: proposals and decisions, with both sides facing each other; accept, reject, undo, note."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from ledgers.amounts import major
from ledgers.backoffice import amount_cell, chip, count_cell, link_to, refs_of, totals
from organizations.backoffice.acts import Act, run_acts
from organizations.backoffice.current import actor_of, may
from organizations.backoffice.filters import AmountRangeFilter, ScopedRelatedFilter
from reconciliation.admin.base import ClearingModelAdmin, asked_act
from reconciliation.admin.explained import shown_explanation
from reconciliation.admin.words import moment, people, plainly, reason_words, status_word
from reconciliation.models import Match, OpenItem
from reconciliation.selectors.desk import facing_of
from reconciliation.selectors.explanations import explain_match
from reconciliation.services import matches
from reconciliation.states import MatchStatus

LABELS = {
    "suggested": "info",
    "accepted": "success",
    "rejected": "danger",
    "undone": "warning",
    "superseded": "warning",
}


ENDINGS = {
    MatchStatus.SUGGESTED: {"undo-proposal": "undo", "reject": "reject"},
    MatchStatus.ACCEPTED: {"undo": "undo", "reject-accepted": "reject"},
}
"""By the status that the person saw: the act's name, and what it does."""


class NoteForm(forms.Form):
    note = forms.CharField(label=gettext_lazy("Note"), required=False, widget=UnfoldAdminTextareaWidget)


@admin.register(Match)
class MatchAdmin(ClearingModelAdmin):
    organization_path = "reconciliation__organization"
    view_scope = "reconciliations:read"
    nav_group, nav_icon, nav_order = "work", "join_inner", 30
    intro = gettext_lazy(
        "Which records belong together, of statements and ledgers or of other streams: proposed, accepted, or taken back."
    )
    empty_text = gettext_lazy("There is no match yet.")
    empty_steps = gettext_lazy(
        "Open a run with a statement file and match it, by the rules or by hand; or make a reconciliation of streams."
    )
    list_display = (
        "name",
        "ledger",
        "state",
        "how",
        "amount_sure",
        "amount_a",
        "amount_b",
        "amount_difference",
        "count_records",
        "created_at",
        "decider",
    )
    list_filter = (
        "status",
        ("reconciliation", ScopedRelatedFilter),
        ("reconciliation__ledger", ScopedRelatedFilter),
        ("run", ScopedRelatedFilter),
        "origin",
        "created_at",
        ("total_a", AmountRangeFilter),
    )
    list_select_related = ("reconciliation__ledger", "rule_revision__rule", "run")
    search_fields = ("=pk", "=uuid", "note", "group_key")
    search_help_text = gettext_lazy("Number or id of the match, its reference, or words of its note")
    ordering = ("pk",)
    actions = ("accept", "reject")
    fields = (
        "state",
        "ledger",
        "run_link",
        "how",
        "sure",
        "amount_a",
        "amount_b",
        "amount_difference",
        "note",
        "made",
        "decided",
        "ended",
        "in_place_of",
        "replaced_by",
        "cleared_on",
        "uuid",
    )
    readonly_fields = fields
    change_form_before_template = "reconciliation/match_sides.html"
    export_columns = (
        ("Match", lambda match: match.pk),
        ("Id", lambda match: match.uuid),
        (
            "Ledger, or reconciliation",
            lambda match: (
                match.reconciliation.ledger.code if match.reconciliation.ledger else match.reconciliation.name
            ),
        ),
        ("Status", lambda match: match.get_status_display()),
        ("Rule", lambda match: how_words(match)),
        ("Confidence", lambda match: match.confidence),
        ("Side A", lambda match: major(match.total_a, match.decimal_places)),
        ("Side B", lambda match: major(match.total_b, match.decimal_places)),
        ("Difference", lambda match: major(match.difference, match.decimal_places)),
        ("Currency", lambda match: match.currency),
        ("Records", lambda match: match.record_count),
        ("Note", lambda match: match.note),
        ("Made", lambda match: match.created_at),
        ("Decided", lambda match: match.decided_at),
        ("Decided by", lambda match: match.decider_name),
    )

    def furnish(self, rows: list[Any]) -> None:
        names = (
            people(
                rows[0].reconciliation.organization_id, refs_of(rows, "decided_by", "created_by", "ended_by")
            )
            if rows
            else {}
        )
        for row in rows:
            row.names, row.decider_name = names, names.get(row.decided_by, "")

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        found = super().get_object(request, object_id, from_field)
        if found is not None:
            self.furnish([found])
        return found

    @display(description=gettext_lazy("Match"), ordering="pk")
    def name(self, obj: Match) -> str:
        return _("Match %(id)s") % {"id": obj.pk}

    @display(description=gettext_lazy("Ledger, or reconciliation"))
    def ledger(self, obj: Match) -> str:
        return link_to(obj.reconciliation.ledger or obj.reconciliation)

    @display(description=gettext_lazy("Run"))
    def run_link(self, obj: Match) -> str:
        return link_to(obj.run)

    @display(description=gettext_lazy("Status"), ordering="status")
    def state(self, obj: Match) -> str:
        return chip(obj.get_status_display(), LABELS[obj.status])

    @display(description=gettext_lazy("Found by"))
    def how(self, obj: Match) -> str:
        return how_words(obj)

    @display(description=gettext_lazy("Sure"), ordering="confidence")
    def amount_sure(self, obj: Match) -> str:
        return format_html('<span class="tieout-amount">{}</span>', self.sure(obj))

    @display(description=gettext_lazy("Sure"))
    def sure(self, obj: Match) -> str:
        return "–" if obj.confidence is None else f"{int(obj.confidence * 100)}%"

    @display(description=gettext_lazy("Records"), ordering="record_count")
    def count_records(self, obj: Match) -> str:
        return count_cell(obj.record_count)

    @display(description=gettext_lazy("Side A"), ordering="total_a")
    def amount_a(self, obj: Match) -> str:
        return amount_cell(obj.total_a, obj.decimal_places, obj.currency, plus=True)

    @display(description=gettext_lazy("Side B"), ordering="total_b")
    def amount_b(self, obj: Match) -> str:
        return amount_cell(obj.total_b, obj.decimal_places, obj.currency, plus=True)

    @display(description=gettext_lazy("Difference"), ordering="difference")
    def amount_difference(self, obj: Match) -> str:
        return amount_cell(obj.difference, obj.decimal_places, obj.currency)

    @display(description=gettext_lazy("Decided by"), ordering="decided_by")
    def decider(self, obj: Any) -> str:
        return obj.decider_name or "–"

    @display(description=gettext_lazy("Made"))
    def made(self, obj: Any) -> str:
        return by_when(obj.names, obj.created_by, obj.created_at)

    @display(description=gettext_lazy("Decided"))
    def decided(self, obj: Any) -> str:
        return by_when(obj.names, obj.decided_by, obj.decided_at)

    @display(description=gettext_lazy("Ended"))
    def ended(self, obj: Any) -> str:
        if obj.ended_at is None:
            return "–"
        return f"{by_when(obj.names, obj.ended_by, obj.ended_at)} ({reason_words(obj.ended_reason)})"

    @display(description=gettext_lazy("In place of"))
    def in_place_of(self, obj: Any) -> str:
        rows = Match.objects.filter(reconciliation_id=obj.reconciliation_id, superseded_by=obj.pk)
        return format_html_join(", ", "{}", ((link_to(row),) for row in rows.order_by("pk")[:50])) or "–"

    @display(description=gettext_lazy("Replaced by"))
    def replaced_by(self, obj: Match) -> str:
        return link_to(Match.objects.filter(pk=obj.superseded_by).first() if obj.superseded_by else None)

    def list_summary(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[tuple[str, str]]:
        return totals(queryset, total="total_a", difference="difference")

    def history_subjects(self, obj: Match) -> list[tuple[str, int | str]]:
        """Itself, the matching that proposed it, and what was done to the rest that it leaves."""
        about: list[tuple[str, int | str]] = [("reconciliation.match", obj.pk)]
        if obj.made_by_pass_id:
            about.append(("reconciliation.pass", obj.made_by_pass_id))
        held = OpenItem.objects.filter(held_by=obj.pk).values_list("record_id", flat=True)
        return [*about, *(("ledgers.record", record_id) for record_id in held)]

    def sentence(self, request: HttpRequest, obj: Match) -> str:
        return {
            "suggested": _("This is a proposal: its records are kept together until somebody decides."),
            "accepted": _(
                "These records clear each other, all but what is left below. Undoing it opens them again."
            )
            if obj.difference
            else _("These records clear each other. Undoing it opens them again."),
            "rejected": _(
                "Somebody judged that these do not belong together. They are not proposed as a group again."
            ),
            "undone": _("This match was taken back; its records are open again, or matched otherwise."),
            "superseded": _("Match %(id)s took the place of this one.") % {"id": obj.superseded_by},
        }[obj.status]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        obj = kwargs.get("obj")
        if obj is not None:
            context["each"] = facing_of([obj])[0]
            context["why"] = shown_explanation(explain_match(obj))
        return super().render_change_form(request, context, *args, **kwargs)

    def acts(self, request: HttpRequest, obj: Match) -> list[Act]:
        status = _("It is %(status)s.") % {"status": status_word(obj.status)}
        asked = asked_act(request)
        note = Act(
            "note",
            _("Note"),
            partial(matches.match_note, match_id=obj.pk),
            "matches:decide",
            form=NoteForm,
            initial={"note": obj.note},
            explain=_("For whoever looks at this match next."),
            success=_("The note is kept."),
        )
        accept = Act(
            "accept",
            _("Accept"),
            partial(
                plainly(matches.match_accept, obj.reconciliation),
                match_id=obj.pk,
                expected_status=MatchStatus.SUGGESTED,
            ),
            "matches:decide",
            against="" if obj.status == MatchStatus.SUGGESTED or asked == "accept" else status,
            success=_("Accepted."),
        )
        shown = ENDINGS[
            MatchStatus.SUGGESTED if obj.status == MatchStatus.SUGGESTED else MatchStatus.ACCEPTED
        ]
        endings = self._endings(obj, "" if obj.is_live else status)
        # What was pressed on a page that is no longer true is found too: the service says who was there before.
        return [
            accept,
            *(
                replace(act, against="") if act.name == asked else act
                for act in endings
                if act.name == asked or act.name in shown
            ),
            note,
        ]

    def _endings(self, obj: Match, against: str) -> list[Act]:
        """Undo, which is not remembered, and reject, which is: of a proposal and of an accepted match under names of their
        own, so that a button never does to one what it promised of the other."""
        books = obj.reconciliation
        replaced = Match.objects.filter(reconciliation=books, superseded_by=obj.pk).exists()
        stays = " " + _("The matches that it took the place of do not come back.") if replaced else ""
        undone = _(
            "Its records are open again. Nothing is remembered: a later matching may propose this group again. "
            "To say that it is wrong, reject it instead."
        )
        rejected = _(
            "You judge that these do not belong together. Its records are open again, and exactly this group is "
            "never proposed again."
        )
        services = {
            "undo": plainly(matches.match_undo, books),
            "reject": plainly(matches.match_reject, books),
        }
        return [
            Act(
                name,
                _("Undo") if verb == "undo" else _("Reject"),
                partial(services[verb], match_id=obj.pk, expected_status=status),
                "matches:decide",
                against=against,
                danger=verb == "reject" and status == MatchStatus.ACCEPTED,
                explain={"undo": undone + stays, "reject": rejected + stays}[verb]
                if name != "reject"
                else "",
                success=_("Undone. Its records are open again.")
                if verb == "undo"
                else _("Rejected. Its records are open again."),
            )
            for status, names in ENDINGS.items()
            for name, verb in names.items()
        ]

    # --- Many at once -----------------------------------------------------------------------------------------------

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return may(request, "matches:decide")

    @admin.action(description=gettext_lazy("Accept the ticked proposals"), permissions=["decide"])
    def accept(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._decide(request, queryset, matches.match_accept)

    @admin.action(description=gettext_lazy("Reject the ticked proposals"), permissions=["decide"])
    def reject(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._decide(request, queryset, matches.match_reject)

    def _decide(self, request: HttpRequest, queryset: QuerySet[Any], service: Callable[..., Match]) -> None:
        told = {"expected_status": MatchStatus.SUGGESTED, "by": actor_of(request), "at": timezone.now()}
        run_acts(
            request,
            [
                (
                    _("Match %(id)s") % {"id": match.pk},
                    partial(plainly(service, match.reconciliation), match_id=match.pk, **told),
                )
                for match in queryset[:1_000]
            ],
        )


def how_words(match: Match) -> str:
    if match.origin == "manual":
        return _("by hand")
    return match.rule_revision.rule.name if match.rule_revision is not None else "–"


def by_when(names: dict[str, str], ref: str, instant: Any) -> str:
    if not ref or instant is None:
        return "–"
    return _("%(who)s on %(when)s") % {"who": names.get(ref, ref), "when": moment(instant)}
