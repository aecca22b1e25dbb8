"""Statement lines: where each stands, what it is matched with, closing and reopening it, its note."""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from ledgers.amounts import major
from ledgers.backoffice import amount_cell, link_to, totals
from ledgers.models import StatementLine
from ledgers.selectors import details_of
from organizations.backoffice.acts import Act
from organizations.backoffice.filters import AmountRangeFilter, DayRangeFilter, ScopedRelatedFilter
from reconciliation.admin.base import ClearingModelAdmin, asked_act
from reconciliation.admin.closings import (
    closing_acts,
    closing_words,
    covered_words,
    match_link,
    open_now,
    standing_chip,
    standing_words,
    subjects_of,
)
from reconciliation.admin.due import DueFilter, due_chip, overdue_at_of
from reconciliation.admin.words import reason_words
from reconciliation.models import MatchMember, OpenItem, Run, RunSource
from reconciliation.selectors.standing import (
    CLOSED,
    MATCHED,
    PARTIAL,
    SUGGESTED,
    UNKNOWN,
    UNMATCHED,
    WRITTEN_OFF,
    standings,
)
from reconciliation.services import items
from rules.models import Reconciliation
from rules.states import Side

DETAILS_SHOWN = 100
"""Payments of one line on its page; a batch may hold a hundred thousand."""


class NoteForm(forms.Form):
    note = forms.CharField(label=gettext_lazy("Note"), required=False, widget=UnfoldAdminTextareaWidget)


STANDINGS = (UNMATCHED, SUGGESTED, PARTIAL, MATCHED, WRITTEN_OFF, CLOSED)


class LineDueFilter(DueFilter):
    record = "record_id"


class StandingFilter(admin.SimpleListFilter):
    """Where a record stands in its ledger's reconciliation. `record` and `side` are for the page at hand."""

    title = gettext_lazy("standing")
    parameter_name = "standing"
    record = "record_id"
    side: str = Side.A

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, standing_words(name)) for name in STANDINGS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        of = {"record_id": OuterRef(self.record), **({"side": self.side} if self.side else {})}
        tokens = OpenItem.objects.filter(**of)
        members = MatchMember.objects.filter(**of, live=True)
        accepted = members.filter(match__status="accepted")
        conditions = {
            UNMATCHED: Q(Exists(tokens.free())),
            CLOSED: Q(Exists(tokens.closed().filter(held_by__isnull=True))),
            WRITTEN_OFF: Q(Exists(tokens.closed().filter(held_by__isnull=False))),
            SUGGESTED: Q(Exists(members.filter(match__status="suggested"))),
            PARTIAL: Q(Exists(tokens.held())) & Q(Exists(accepted)),
            MATCHED: ~Q(Exists(tokens)) & Q(Exists(accepted)),
        }
        condition = conditions.get(self.value() or "")
        return queryset if condition is None else queryset.filter(condition)


@admin.register(StatementLine)
class StatementLineAdmin(ClearingModelAdmin):
    organization_path = "source_file__organization"
    view_scope = "reconciliations:read"
    nav_group, nav_icon, nav_order = "work", "receipt_long", 20
    intro = gettext_lazy("Lines of bank statements, and where each stands against the ledger's entries.")
    empty_text = gettext_lazy("There is no statement line yet.")
    empty_steps = gettext_lazy("Upload a statement file to a run: its lines appear here.")
    list_display = (
        "date",
        "reference",
        "text",
        "amount_effect",
        "standing",
        "due",
        "amount_open",
        "match_link",
        "run_link",
        "place",
    )
    list_filter = (
        StandingFilter,
        LineDueFilter,
        ("statement__bank_account", ScopedRelatedFilter),
        ("source_file__run_source__run", ScopedRelatedFilter),
        ("record__date", DayRangeFilter),
        ("record__amount", AmountRangeFilter),
        "status",
    )
    list_select_related = ("record", "source_file")
    search_fields = (
        "record__reference",
        "record__description",
        "record__counterparty",
        "=record__external_id",
    )
    search_help_text = gettext_lazy("Reference, text, counterparty, or the bank's id")
    ordering = ("pk",)  # as they came in: by date within a file, and quick behind a million rows
    fields = (
        "run_link",
        "place",
        "date",
        "value_date",
        "amount_effect",
        "direction",
        "reference",
        "text",
        "counterparty",
        "external_id",
        "standing",
        "due",
        "match_link",
        "covered",
        "closing",
        "note",
    )
    readonly_fields = fields
    change_form_before_template = "reconciliation/line_sides.html"
    export_columns = (
        ("Date", lambda line: line.record.date),
        ("Value date", lambda line: line.record.value_date),
        ("Amount", lambda line: major(line.record.signed_amount, line.record.decimal_places)),
        ("Currency", lambda line: line.record.currency),
        ("Reference", lambda line: line.record.reference),
        ("Description", lambda line: line.record.description),
        ("Counterparty", lambda line: line.record.counterparty),
        ("Bank's id", lambda line: line.record.external_id),
        ("Standing", lambda line: standing_words(line.standing_now.status)),
        ("Overdue from", lambda line: overdue_at_of(line.standing_now)),
        ("Open", lambda line: major(open_now(line.standing_now), line.record.decimal_places)),
        ("Match", lambda line: line.standing_now.match_id),
        ("Close reason", lambda line: reason_words(line.standing_now.close_reason)),
        ("Note", lambda line: line.note),
        ("File", lambda line: line.source_file.filename),
        ("Line", lambda line: line.line_no),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request).filter(voided_at__isnull=True)
        return rows.select_related(
            "source_file__run_source__run__ledger", "statement__bank_account__ledger__reconciliation"
        )

    def furnish(self, rows: list[Any]) -> None:
        keys = {(reconciliation_id_of(row), row.record_id) for row in rows}
        found = standings(keys)
        for row in rows:
            row.standing_now = found[reconciliation_id_of(row), row.record_id]

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        found = super().get_object(request, object_id, from_field)
        if found is not None:
            self.furnish([found])
        return found

    @display(description=gettext_lazy("Date"), ordering="record__date")
    def date(self, obj: StatementLine) -> Any:
        return obj.record.date

    @display(description=gettext_lazy("Value date"))
    def value_date(self, obj: StatementLine) -> Any:
        return obj.record.value_date

    @display(description=gettext_lazy("Reference"), ordering="record__reference")
    def reference(self, obj: StatementLine) -> str:
        return obj.record.reference or "–"

    @display(description=gettext_lazy("Text"))
    def text(self, obj: StatementLine) -> str:
        return obj.record.description or obj.record.counterparty or "–"

    @display(description=gettext_lazy("Counterparty"))
    def counterparty(self, obj: StatementLine) -> str:
        return obj.record.counterparty or "–"

    @display(description=gettext_lazy("Bank's id"))
    def external_id(self, obj: StatementLine) -> str:
        return obj.record.external_id or "–"

    @display(description=gettext_lazy("Direction"))
    def direction(self, obj: StatementLine) -> str:
        return obj.record.get_direction_display()

    @display(description=gettext_lazy("Amount"), ordering="record__signed_amount")
    def amount_effect(self, obj: StatementLine) -> str:
        return amount_cell(obj.record.effect, obj.record.decimal_places, obj.record.currency, plus=True)

    @display(description=gettext_lazy("Standing"))
    def standing(self, obj: Any) -> str:
        return standing_chip(obj.standing_now.status)

    @display(description=gettext_lazy("Due"))
    def due(self, obj: Any) -> str:
        return due_chip(obj.standing_now)

    @display(description=gettext_lazy("Open"))
    def amount_open(self, obj: Any) -> str:
        left = open_now(obj.standing_now)
        return amount_cell(left, obj.record.decimal_places, plus=True) if left else ""

    @display(description=gettext_lazy("Match"))
    def match_link(self, obj: Any) -> str:
        return match_link(obj.standing_now)

    @display(description=gettext_lazy("Matched amount"))
    def covered(self, obj: Any) -> str:
        return covered_words(obj.record, obj.standing_now)

    @display(description=gettext_lazy("Run"))
    def run_link(self, obj: StatementLine) -> str:
        return link_to(run_of(obj))

    @display(description=gettext_lazy("File and line"), ordering="pk")
    def place(self, obj: StatementLine) -> str:
        text = _("%(file)s, line %(line)s") % {"file": obj.source_file.filename, "line": obj.line_no}
        return link_to(obj.source_file, text)

    @display(description=gettext_lazy("Closed"))
    def closing(self, obj: Any) -> str:
        return closing_words(obj.standing_now, obj.source_file.organization_id)

    def list_summary(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[tuple[str, str]]:
        return totals(queryset, beside="record__", net="effect")

    def sentence(self, request: HttpRequest, obj: Any) -> str:
        words = {
            UNMATCHED: _("The bank states this movement, and no ledger entry is matched with it."),
            PARTIAL: _(
                "A match covers a part of this line; the rest is open until it is matched or written off."
            ),
            WRITTEN_OFF: _("A match covers a part of this line, and the rest is written off: see why below."),
            SUGGESTED: _("A ledger entry is proposed for this line, and nobody has decided yet."),
            MATCHED: _("This line is matched with the ledger's entries below."),
            CLOSED: _("This line is closed: it needs no ledger entry."),
            UNKNOWN: _(
                "This line's account belongs to no ledger, or it is older than the ledger's opening balance."
            ),
        }
        return words[obj.standing_now.status]

    def history_subjects(self, obj: StatementLine) -> list[tuple[str, int | str]]:
        return subjects_of(obj.record)

    def currency_of(self, obj: StatementLine) -> str:
        return obj.record.currency

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        obj = kwargs.get("obj")
        if obj is not None:
            context["each"] = obj.standing_now.facing()
            details = details_of(obj.record)
            context |= {"details": details[:DETAILS_SHOWN], "details_count": details.count()}
            context["details_sum"] = obj.record.metadata.get("details_sum")
        return super().render_change_form(request, context, *args, **kwargs)

    def acts(self, request: HttpRequest, obj: Any) -> list[Act]:
        run = run_of(obj)
        if run is None:  # what a file without a run brought is worked on once a run has the file too
            return []
        found = standings([(run.reconciliation_id, obj.record_id)])[run.reconciliation_id, obj.record_id]
        who = {"organization_id": run.organization_id, "item_id": obj.record.uuid}
        close = partial(items.item_close, ledger_id=run.ledger.uuid, **who)
        services = (close, partial(items.item_reopen, **who))
        acts = closing_acts(obj.record, found, run.reconciliation, services, asked_act(request))
        return [*acts, self._noting(run, obj)]

    def _noting(self, run: Run, obj: StatementLine) -> Act:
        return Act(
            "note",
            _("Note"),
            partial(items.item_note, run=run, item_id=obj.record.uuid),
            "items:close",
            form=NoteForm,
            initial={"note": obj.note},
            explain=_("For whoever looks at this line next."),
            success=_("The note is kept."),
        )


def run_of(line: StatementLine) -> Run | None:
    """The run whose file states the line; files may also come in without a run."""
    source: RunSource | None = getattr(line.source_file, "run_source", None)
    return source.run if source is not None else None


def reconciliation_id_of(line: StatementLine) -> int:
    """That of the ledger which the line's account belongs to; 0 while it belongs to none."""
    account = line.statement.bank_account
    if account is None or account.ledger is None:
        return 0
    reconciliation: Reconciliation | None = getattr(account.ledger, "reconciliation", None)
    return reconciliation.pk if reconciliation is not None else 0
