"""A run's lists as CSV files, with the filters of the lists."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from rest_framework.request import Request

from api.ledger_runs import book_shapes, filters, presenting, shapes
from api.ledger_runs.views.base import AS_AT, LedgerRunView, as_at
from api.shared.downloads import CSV_TYPE, DownloadView, csv_of
from api.shared.listing import Listing, select
from api.shared.schema import operation
from reconciliation.models import Run
from reconciliation.selectors.as_at import items_as_at
from reconciliation.selectors.discrepancies import discrepancies_of
from reconciliation.selectors.entries import gl_only
from reconciliation.selectors.items import item_rows
from reconciliation.selectors.matches import matches_of

Rows = Callable[[Run, date | None], QuerySet[Any]]
Bodies = Callable[..., list[dict[str, Any]]]
SKIPPED = frozenset({"metadata", "active", "modified_at", "modified_by"})


@dataclass(frozen=True, slots=True)
class Export:
    """One list: what it can be asked, its rows, how they are shown, and the keys that become columns."""

    listing: Listing
    rows: Rows
    bodies: Bodies
    shape: type[shapes.Shape]

    @property
    def keys(self) -> list[str]:
        names: list[str] = list(self.shape().fields)
        return [name for name in names if name not in SKIPPED]


def by_organization(show: Callable[..., list[dict[str, Any]]]) -> Bodies:
    return lambda rows, run: show(rows, organization_id=run.organization_id)


EXPORTS = {
    "items": Export(
        filters.ITEMS,
        lambda run, day: item_rows(run) if day is None else items_as_at(run, day),
        presenting.item_bodies,
        shapes.ItemShape,
    ),
    "matches": Export(
        filters.MATCHES,
        lambda run, _day: matches_of(run),
        by_organization(presenting.match_bodies),
        shapes.MatchShape,
    ),
    "discrepancies": Export(
        filters.DISCREPANCIES,
        lambda run, _day: discrepancies_of(run),
        by_organization(presenting.discrepancy_bodies),
        shapes.DiscrepancyShape,
    ),
    "gl-only": Export(
        filters.GL,
        lambda run, day: gl_only(run, as_at=day),
        by_organization(presenting.gl_bodies),
        book_shapes.GlEntryShape,
    ),
}


class RunCsv(LedgerRunView, DownloadView):
    """Each subclass names one of EXPORTS."""

    scopes = {"GET": "exports:read"}
    name: str

    def export(self, request: Request, run_id: UUID) -> StreamingHttpResponse:
        run = self.run_of(run_id)
        export = EXPORTS[self.name]
        rows = select(export.listing, request.query_params, export.rows(run, as_at(request)))
        show = partial(export.bodies, run=run)
        return csv_of(rows, show, keys=export.keys, filename=f"{self.name}-{run.uuid}.csv")


def csv_operation(name: str, summary: str, **kwargs: Any) -> Any:
    return operation(
        f"{name.replace('-', '_')}_csv",
        summary,
        answers={(200, CSV_TYPE): OpenApiTypes.STR},
        query=EXPORTS[name].listing,
        **kwargs,
    )


class ItemsCsv(RunCsv):
    name = "items"

    @csv_operation("items", "Download the run's items", parameters=[AS_AT])
    def get(self, request: Request, run_id: UUID) -> StreamingHttpResponse:
        """CSV of every item of the filter; amounts in major units, texts safe for spreadsheets."""
        return self.export(request, run_id)


class MatchesCsv(RunCsv):
    name = "matches"

    @csv_operation("matches", "Download the run's matches")
    def get(self, request: Request, run_id: UUID) -> StreamingHttpResponse:
        """CSV of every match of the filter; amounts in major units, texts safe for spreadsheets."""
        return self.export(request, run_id)


class DiscrepanciesCsv(RunCsv):
    name = "discrepancies"

    @csv_operation("discrepancies", "Download the run's discrepancies")
    def get(self, request: Request, run_id: UUID) -> StreamingHttpResponse:
        """CSV of every discrepancy of the filter; amounts in major units, texts safe for spreadsheets."""
        return self.export(request, run_id)


class GlOnlyCsv(RunCsv):
    name = "gl-only"

    @csv_operation("gl-only", "Download entries that no match has", parameters=[AS_AT])
    def get(self, request: Request, run_id: UUID) -> StreamingHttpResponse:
        """CSV of every entry of the filter; amounts in major units, texts safe for spreadsheets."""
        return self.export(request, run_id)
