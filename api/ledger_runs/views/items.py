"""Items of a run and their discrepancies: what people see, close, reopen and note."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from api.ledger_runs import bodies, filters, presenting, shapes
from api.ledger_runs.item_shapes import OneItemShape
from api.ledger_runs.views.base import AS_AT, LedgerRunView, as_at
from api.shared.fields import read_body
from api.shared.idempotency import act
from api.shared.schema import operation
from ledgers.models import SourceFile
from reconciliation.models import Discrepancy
from reconciliation.selectors.as_at import items_as_at
from reconciliation.selectors.discrepancies import discrepancies_of, discrepancy_of
from reconciliation.selectors.items import item_of, item_rows, source_file_ids
from reconciliation.services import discrepancies, items


class Items(LedgerRunView):
    scopes = {"GET": "reconciliations:read"}

    @operation(
        "items_list",
        "List the run's items",
        answers={200: shapes.ItemList},
        query=filters.ITEMS,
        parameters=[AS_AT],
    )
    def get(self, request: Request, run_id: UUID) -> Response:
        """Statement lines of the run's files, each once."""
        run = self.run_of(run_id)
        show = partial(presenting.item_bodies, run=run)
        day = as_at(request)
        if day is not None:
            return self.listed(request, filters.ITEMS, items_as_at(run, day), show)
        # Named one by one, so that the index of lines by file gives the page in order, without a sort of them all.
        files = SourceFile.objects.in_bulk(source_file_ids(run).values_list("source_file_id", flat=True))
        rows = item_rows(run).filter(source_file_id__in=list(files))
        return self.listed(request, filters.ITEMS, rows, show, count_all=_counter(list(files.values())))


def _counter(files: Sequence[SourceFile]) -> Callable[[], int] | None:
    """Of one file the lines are the items, and were counted as they came in; of several a line may stand in two."""
    if len(files) != 1:
        return None
    [file] = files
    return lambda: (file.imported_count or 0) + (file.already_known_count or 0)


class OneItem(LedgerRunView):
    scopes = {"GET": "reconciliations:read"}

    @operation("items_get", "Show an item", answers={200: OneItemShape})
    def get(self, request: Request, item_id: UUID) -> Response:
        """As the newest run that it stands in shows it, with the payments that the bank booked as this one line."""
        return Response(presenting.one_item_body(item_id, self.organization_id))


class ItemAct(LedgerRunView):
    """An act on one item, answered with the item."""

    def item_act(self, request: Request, item_id: UUID, service: Callable[[], Any]) -> Response:
        return act(request, service, render=lambda _done: presenting.item_body(item_id, self.organization_id))


class CloseItem(ItemAct):
    scopes = {"POST": "items:close"}

    @operation("items_close", "Close an item", body=bodies.CloseItemBody, answers={200: shapes.ItemShape})
    def post(self, request: Request, item_id: UUID) -> Response:
        """Takes it out of what is open, with a reason; a suggestion on it is undone first. Of an item that an accepted
        match covers in part, it writes off the rest. 409 where it is matched: reject the match first. Closed already:
        nothing happens."""
        body = read_body(bodies.CloseItemBody, request.data)
        return self.item_act(
            request,
            item_id,
            lambda: items.item_close(
                organization_id=self.organization_id,
                item_id=item_id,
                ledger_id=body["ledger_id"],
                reason=body.get("reason") or "",
                note=body.get("note") or "",
                cleared_on=body.get("cleared_on"),
                by=self.by,
                at=self.at,
            ),
        )


class ReopenItem(ItemAct):
    scopes = {"POST": "items:close"}

    @operation("items_reopen", "Reopen an item", body=bodies.NoBody, answers={200: shapes.ItemShape})
    def post(self, request: Request, item_id: UUID) -> Response:
        """Only a closed one (else 409)."""
        read_body(bodies.NoBody, request.data)
        return self.item_act(
            request,
            item_id,
            lambda: items.item_reopen(
                organization_id=self.organization_id, item_id=item_id, by=self.by, at=self.at
            ),
        )


class ItemNote(ItemAct):
    scopes = {"PATCH": "items:close"}

    @operation("items_note", "Set an item's note", body=bodies.NoteBody, answers={200: shapes.ItemShape})
    def patch(self, request: Request, item_id: UUID) -> Response:
        """null or an empty text clears it. A note puts the item's open discrepancies in review."""
        body = read_body(bodies.NoteBody, request.data)

        def note() -> None:
            _line, run = item_of(organization_id=self.organization_id, item_id=item_id)
            if "note" in body:
                items.item_note(run=run, item_id=item_id, note=body["note"] or "", by=self.by, at=self.at)

        return self.item_act(request, item_id, note)


# --- discrepancies -----------------------------------------------------------------------------------------------------------


class Discrepancies(LedgerRunView):
    scopes = {"GET": "reconciliations:read"}

    @operation(
        "discrepancies_list",
        "List the run's discrepancies",
        answers={200: shapes.DiscrepancyList},
        query=filters.DISCREPANCIES,
    )
    def get(self, request: Request, run_id: UUID) -> Response:
        """Stated differences; open ones of severity warning or critical keep the run from being closed."""

        show = partial(presenting.discrepancy_bodies, organization_id=self.organization_id)

        return self.listed(request, filters.DISCREPANCIES, discrepancies_of(self.run_of(run_id)), show)


class DiscrepancyAct(LedgerRunView):
    """An act on one discrepancy, answered with the discrepancy."""

    scopes = {"POST": "items:close"}

    def discrepancy_act(
        self, request: Request, discrepancy_id: UUID, service: Callable[[Discrepancy], Any]
    ) -> Response:
        return act(
            request,
            lambda: service(
                discrepancy_of(organization_id=self.organization_id, discrepancy_id=discrepancy_id)
            ),
            render=lambda _done: presenting.discrepancy_body(discrepancy_id, self.organization_id),
        )


class CloseDiscrepancy(DiscrepancyAct):
    @operation(
        "discrepancies_close",
        "Close a discrepancy",
        body=bodies.CloseDiscrepancyBody,
        answers={200: shapes.DiscrepancyShape},
    )
    def post(self, request: Request, discrepancy_id: UUID) -> Response:
        """With a reason. Closed already: nothing happens."""
        body = read_body(bodies.CloseDiscrepancyBody, request.data)
        reason, note = body["reason"], body.get("note") or ""
        return self.discrepancy_act(
            request,
            discrepancy_id,
            lambda row: discrepancies.discrepancy_close(
                discrepancy=row, reason=reason, note=note, by=self.by, at=self.at
            ),
        )


class ReopenDiscrepancy(DiscrepancyAct):
    @operation(
        "discrepancies_reopen",
        "Reopen a discrepancy",
        body=bodies.NoBody,
        answers={200: shapes.DiscrepancyShape},
    )
    def post(self, request: Request, discrepancy_id: UUID) -> Response:
        """Only a closed one (else 409)."""
        read_body(bodies.NoBody, request.data)
        return self.discrepancy_act(
            request,
            discrepancy_id,
            lambda row: discrepancies.discrepancy_reopen(discrepancy=row, by=self.by, at=self.at),
        )


class ReviewDiscrepancy(DiscrepancyAct):
    @operation(
        "discrepancies_review",
        "Take a discrepancy in review",
        body=bodies.NoBody,
        answers={200: shapes.DiscrepancyShape},
    )
    def post(self, request: Request, discrepancy_id: UUID) -> Response:
        """In review already: nothing happens. Closed: 409."""
        read_body(bodies.NoBody, request.data)
        return self.discrepancy_act(
            request,
            discrepancy_id,
            lambda row: discrepancies.discrepancy_review(discrepancy=row, by=self.by, at=self.at),
        )
