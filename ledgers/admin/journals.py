"""Journals: read only; posted by API or CSV, and never changed."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from ledgers.amounts import major
from ledgers.backoffice import BooksModelAdmin, amount_cell, totals
from ledgers.models import Journal
from ledgers.selectors import entries_of
from ledgers.states import JournalKind
from organizations.backoffice.filters import AmountRangeFilter

ENTRIES_SHOWN = 1_000


@admin.register(Journal)
class JournalAdmin(BooksModelAdmin):
    view_scope = "ledgers:read"
    nav_icon, nav_order = "import_contacts", 40
    intro = gettext_lazy(
        "Transactions of your books: entries whose debits equal their credits, or one entry by itself."
    )
    empty_text = gettext_lazy("There is no journal yet.")
    empty_steps = gettext_lazy("Journals are posted by API, or come with the CSV of your books.")
    list_display = (
        "name",
        "occurred_at",
        "kind",
        "type",
        "reference",
        "description",
        "amount_debit",
        "amount_credit",
    )
    list_filter = ("kind", "occurred_at", "value_date", ("total_debit", AmountRangeFilter), "currency")
    search_fields = ("reference", "description", "type", "=uuid")
    search_help_text = gettext_lazy("Reference, text, type, or id")
    ordering = ("pk",)
    fields = (
        "uuid",
        "kind",
        "type",
        "occurred_at",
        "value_date",
        "reference",
        "description",
        "amount_debit",
        "amount_credit",
        "entries",
        "metadata",
        "created_at",
    )
    readonly_fields = fields
    export_columns = (
        ("Journal", lambda journal: journal.pk),
        ("Id", lambda journal: journal.uuid),
        ("At", lambda journal: journal.occurred_at),
        ("Kind", lambda journal: journal.get_kind_display()),
        ("Type", lambda journal: journal.type),
        ("Reference", lambda journal: journal.reference),
        ("Description", lambda journal: journal.description),
        ("Debit", lambda journal: major(journal.total_debit, journal.decimal_places)),
        ("Credit", lambda journal: major(journal.total_credit, journal.decimal_places)),
        ("Currency", lambda journal: journal.currency),
    )

    @display(description=gettext_lazy("Journal"), ordering="pk")
    def name(self, obj: Journal) -> str:
        return _("Journal %(id)s") % {"id": obj.pk}

    @display(description=gettext_lazy("Debit"), ordering="total_debit")
    def amount_debit(self, obj: Journal) -> str:
        return amount_cell(obj.total_debit, obj.decimal_places, obj.currency)

    @display(description=gettext_lazy("Credit"), ordering="total_credit")
    def amount_credit(self, obj: Journal) -> str:
        return amount_cell(obj.total_credit, obj.decimal_places, obj.currency)

    @display(description=gettext_lazy("Entries"))
    def entries(self, obj: Journal) -> str:
        rows = entries_of(obj)[:ENTRIES_SHOWN]
        return render_to_string("ledgers/entries.html", {"entries": rows})

    def list_summary(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[tuple[str, str]]:
        return totals(queryset, debit="total_debit", credit="total_credit")

    def sentence(self, request: HttpRequest, obj: Journal) -> str:
        if obj.kind == JournalKind.SINGLE:
            return _("One entry, posted by itself.")
        return _("Posted as a whole: its debits equal its credits.")

    def history_subjects(self, obj: Journal) -> list[tuple[str, int | str]]:
        records = entries_of(obj).values_list("pk", flat=True)[:50]
        return [("ledgers.journal", obj.pk), *(("ledgers.record", pk) for pk in records)]
