"""What the back office's pages of ledgers, records and matches share: columns of amounts, totals, rows read in bulk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from django.db.models import Count, QuerySet, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from ledgers.amounts import shown
from organizations.backoffice.base import FilteredList, ScopedModelAdmin
from organizations.backoffice.export_views import ROWS_PER_READ
from organizations.backoffice.paginator import COUNT_MAX

Summary = list[tuple[str, str]]


class FurnishedList(FilteredList):
    """Lets the page read what its rows need (counts, names) in one go, for the rows shown only."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows: list[Any] = list(self.result_list)  # type: ignore[has-type]
        self.model_admin.furnish(rows)
        self.result_list = rows


class BooksModelAdmin(ScopedModelAdmin):
    """The base of pages over books and clearing: amounts stand right-aligned with their currency."""

    nav_group = "books"
    list_max_show_all = 0

    class Media:
        css = {"all": ["ledgers/books.css"]}

    def furnish(self, rows: list[Any]) -> None:
        """Set on these rows (of a page, or of a part of an export) what columns need, in a constant number of queries."""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[FurnishedList]:
        return FurnishedList

    def _rows(self, queryset: QuerySet[Any]) -> Iterator[Any]:
        rows = queryset.iterator(chunk_size=ROWS_PER_READ)
        while part := list(islice(rows, ROWS_PER_READ)):
            self.furnish(part)
            yield from part


def amount_cell(minor: int | None, places: int, currency: str = "", *, plus: bool = False) -> str:
    """A right-aligned cell of a list or a detail."""
    return format_html('<span class="tieout-amount">{}</span>', shown(minor, places, currency, plus=plus))


def chip(text: str, tone: str = "") -> str:
    """A coloured label: the same in a list and in a detail (unfold's own `label=` is for lists alone)."""
    return format_html('<span class="tieout-chip tieout-chip-{}">{}</span>', tone or "plain", text)


def count_cell(number: int | None) -> str:
    return format_html('<span class="tieout-amount">{}</span>', "–" if number is None else f"{number:,}")


def link_to(row: Any, text: str = "") -> str:
    """The row's page, named by `text` or by itself; a dash for none."""
    if row is None:
        return "–"
    url = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    return format_html('<a class="tieout-link" href="{}">{}</a>', url, text or str(row))


def totals(queryset: QuerySet[Any], *, beside: str = "", **sums: str) -> Summary:
    """A line per currency and sum (label=column) of the filtered rows; above 100,000 rows only a hint to filter.

    `beside` is the way to the row that has the amounts ("record__"). One query.
    """
    part = queryset.order_by().values("pk")[: COUNT_MAX + 1]
    currency, places = f"{beside}currency", f"{beside}decimal_places"
    rows = (
        queryset.model._default_manager.filter(pk__in=part)
        .order_by(currency)
        .values(currency, places)
        .annotate(rows=Count("pk"), **{label: Sum(f"{beside}{column}") for label, column in sums.items()})
    )
    found = list(rows)
    if sum(row["rows"] for row in found) > COUNT_MAX:
        return [(_("Total"), _("filter to see it"))]
    return [
        (LABELS[label](), shown(row[label], row[places], row[currency])) for row in found for label in sums
    ]


LABELS: dict[str, Callable[[], str]] = {
    "net": lambda: _("Net"),
    "total": lambda: _("Total"),
    "debit": lambda: _("Debit"),
    "credit": lambda: _("Credit"),
    "difference": lambda: _("Differences"),
}


def refs_of(rows: Iterable[Any], *columns: str) -> set[str]:
    """The actors that these rows name."""
    return {getattr(row, column) for row in rows for column in columns if getattr(row, column)}
