"""Ledger entries, posted by API or CSV: where each stands, what it is matched with, closing and reopening it."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from ledgers.amounts import major
from ledgers.backoffice import amount_cell, link_to, totals
from ledgers.models import Journal, Record
from ledgers.states import StreamKind
from organizations.backoffice.acts import Act
from organizations.backoffice.filters import AmountRangeFilter, ScopedRelatedFilter
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
from reconciliation.admin.items import StandingFilter
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


class EntryStandingFilter(StandingFilter):
    record = "pk"
    side = Side.B


@admin.register(Record)
class EntryAdmin(ClearingModelAdmin):
    organization_path = "stream__organization"
    view_scope = "ledgers:read"
    nav_icon, nav_order = "receipt", 30
    nav_title = gettext_lazy("Ledger entries")
    intro = gettext_lazy("Entries of your ledgers, and where each stands against the bank's statements.")
    empty_text = gettext_lazy("There is no entry yet.")
    empty_steps = gettext_lazy("Import your books as CSV on a ledger's page, or post entries by API.")
    list_display = (
        "date",
        "reference_shown",
        "text",
        "amount_debit",
        "amount_credit",
        "ledger_link",
        "standing",
        "due",
        "amount_open",
        "match_shown",
        "journal_link",
    )
    list_filter = (
        EntryStandingFilter,
        DueFilter,
        ("stream__ledger", ScopedRelatedFilter),
        "date",
        "value_date",
        ("amount", AmountRangeFilter),
        "direction",
    )
    list_select_related = ("stream__ledger",)
    search_fields = ("reference", "description", "event", "=uuid")
    search_help_text = gettext_lazy("Reference, text, or event")
    ordering = ("pk",)  # as they were posted: quick behind a million rows
    fields = (
        "ledger_link",
        "journal_link",
        "date",
        "value_date",
        "occurred_at",
        "amount_debit",
        "amount_credit",
        "reference_shown",
        "text",
        "event",
        "standing",
        "due",
        "match_shown",
        "covered",
        "closing",
        "uuid",
        "created_at",
    )
    readonly_fields = fields
    change_form_before_template = "reconciliation/line_sides.html"
    export_columns = (
        ("Entry", lambda entry: entry.pk),
        ("Ledger", lambda entry: entry.stream.ledger.code),
        ("Date", lambda entry: entry.date),
        ("Value date", lambda entry: entry.value_date),
        ("Debit", lambda entry: side_of(entry, "debit")),
        ("Credit", lambda entry: side_of(entry, "credit")),
        ("Currency", lambda entry: entry.currency),
        ("Reference", lambda entry: entry.reference),
        ("Description", lambda entry: entry.description),
        ("Event", lambda entry: entry.event),
        ("Standing", lambda entry: standing_words(entry.standing_now.status)),
        ("Overdue from", lambda entry: overdue_at_of(entry.standing_now)),
        ("Open", lambda entry: major(open_now(entry.standing_now), entry.decimal_places)),
        ("Match", lambda entry: entry.standing_now.match_id),
        ("Journal", lambda entry: entry.journal.uuid if entry.journal else ""),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        return rows.filter(stream__kind=StreamKind.LEDGER, voided_at__isnull=True)

    def furnish(self, rows: list[Any]) -> None:
        ledgers = {row.stream.ledger_id for row in rows}
        by_ledger = dict(Reconciliation.objects.filter(ledger__in=ledgers).values_list("ledger_id", "pk"))
        found = standings({(by_ledger.get(row.stream.ledger_id, 0), row.pk) for row in rows})
        journals = Journal.objects.in_bulk({row.journal_id for row in rows if row.journal_id is not None})
        for row in rows:
            row.standing_now = found[by_ledger.get(row.stream.ledger_id, 0), row.pk]
            row.journal = journals.get(row.journal_id)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        found = super().get_object(request, object_id, from_field)
        if found is not None:
            self.furnish([found])
        return found

    @display(description=gettext_lazy("Ledger"))
    def ledger_link(self, obj: Record) -> str:
        return link_to(obj.stream.ledger)

    @display(description=gettext_lazy("Reference"), ordering="reference")
    def reference_shown(self, obj: Record) -> str:
        return obj.reference or "–"

    @display(description=gettext_lazy("Text"), ordering="description")
    def text(self, obj: Record) -> str:
        return obj.description or "–"

    @display(description=gettext_lazy("Debit"))
    def amount_debit(self, obj: Record) -> str:
        return self._amount(obj, "debit")

    @display(description=gettext_lazy("Credit"))
    def amount_credit(self, obj: Record) -> str:
        return self._amount(obj, "credit")

    def _amount(self, obj: Record, direction: str) -> str:
        return amount_cell(obj.amount, obj.decimal_places, obj.currency) if obj.direction == direction else ""

    @display(description=gettext_lazy("Standing"))
    def standing(self, obj: Any) -> str:
        return standing_chip(obj.standing_now.status)

    @display(description=gettext_lazy("Due"))
    def due(self, obj: Any) -> str:
        return due_chip(obj.standing_now)

    @display(description=gettext_lazy("Open"))
    def amount_open(self, obj: Any) -> str:
        left = open_now(obj.standing_now)
        return amount_cell(left, obj.decimal_places, plus=True) if left else ""

    @display(description=gettext_lazy("Match"))
    def match_shown(self, obj: Any) -> str:
        return match_link(obj.standing_now)

    @display(description=gettext_lazy("Matched amount"))
    def covered(self, obj: Any) -> str:
        return covered_words(obj, obj.standing_now)

    @display(description=gettext_lazy("Journal"))
    def journal_link(self, obj: Any) -> str:
        return link_to(obj.journal, _("Journal %(id)s") % {"id": obj.journal_id})

    @display(description=gettext_lazy("Closed"))
    def closing(self, obj: Any) -> str:
        return closing_words(obj.standing_now, obj.stream.organization_id)

    def list_summary(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[tuple[str, str]]:
        return totals(queryset, net="effect")

    def sentence(self, request: HttpRequest, obj: Any) -> str:
        return {
            UNMATCHED: _(
                "No statement line is matched with this entry: the bank has not stated it, or not yet."
            ),
            PARTIAL: _(
                "A match covers a part of this entry; the rest is open until it is matched or written off."
            ),
            WRITTEN_OFF: _(
                "A match covers a part of this entry, and the rest is written off: see why below."
            ),
            SUGGESTED: _("A statement line is proposed for this entry, and nobody has decided yet."),
            MATCHED: _("This entry is reconciled with the statement lines below."),
            CLOSED: _("This entry is closed: it needs no statement line."),
            UNKNOWN: _("This entry is older than its ledger's opening balance, which stands for it."),
        }[obj.standing_now.status]

    def history_subjects(self, obj: Any) -> list[tuple[str, int | str]]:
        about = subjects_of(obj)
        return [*about, ("ledgers.journal", obj.journal_id)] if obj.journal is not None else about

    def acts(self, request: HttpRequest, obj: Any) -> list[Act]:
        books = Reconciliation.objects.filter(ledger=obj.stream.ledger_id).first()
        if books is None:
            return []
        found = standings([(books.pk, obj.pk)])[books.pk, obj.pk]
        who = {"organization_id": obj.stream.organization_id, "entry_id": obj.uuid}
        services = (partial(items.entry_close, **who), partial(items.entry_reopen, **who))
        return closing_acts(obj, found, books, services, asked_act(request))

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        obj = kwargs.get("obj")
        if obj is not None:
            context["each"] = obj.standing_now.facing()
        return super().render_change_form(request, context, *args, **kwargs)


def side_of(entry: Record, direction: str) -> Any:
    return major(entry.amount, entry.decimal_places) if entry.direction == direction else None
