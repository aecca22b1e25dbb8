"""Reconciliations: list, make, show, change, delete."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from api.shared.fields import read_body
from api.shared.idempotency import act
from api.shared.queries import only
from api.shared.schema import operation
from api.streams.reconciling import bodies, presenting, shapes
from api.streams.reconciling.views.base import (
    OWNED_TOO,
    PAGES,
    PAGING,
    ReconcilingView,
    newest_first,
    with_owned,
)
from ledgers.models import DataStream
from organizations.refusals import Invalid
from reconciliation.selectors.reconciliations import listed_reconciliations
from reconciliation.services.stream_reconciliations import (
    reconciliation_change,
    reconciliation_create,
    reconciliation_void,
)
from rules.models import Reconciliation
from rules.selectors import reconciliation_of

SIDES = {"side_a_stream_ids": "side_a", "side_b_stream_ids": "side_b"}


class Reconciliations(ReconcilingView):
    scopes = {"GET": "reconciliations:read", "POST": "rules:write"}

    @operation(
        "reconciliations_list",
        "List reconciliations",
        answers={200: shapes.RECONCILIATIONS},
        parameters=[*PAGING, OWNED_TOO],
    )
    def get(self, request: Request) -> Response:
        """Newest first. Those that ledgers and settlements own are left out unless they are asked for."""
        only(request, ("cursor", "limit", "include"))
        rows = listed_reconciliations(self.organization_id, owned=with_owned(request))
        page = newest_first(request, rows)
        shown = presenting.reconciliation_bodies(page.rows, self.organization_id)
        return Response(PAGES.envelope(page, shown))

    @operation(
        "reconciliations_create",
        "Create a reconciliation",
        body=bodies.ReconciliationBody,
        answers={201: shapes.ReconciliationShape},
    )
    def post(self, request: Request) -> Response:
        """Streams on Side A that should agree with streams on Side B; a stream stands on one side only. It has no rule yet.
        What the streams hold is open in it at once, or, where it is much, once a worker has put it in (`ready`)."""
        only(request, ())
        body = read_body(bodies.ReconciliationBody, request.data)

        def create() -> Reconciliation:
            return reconciliation_create(
                organization_id=self.organization_id,
                name=body["name"],
                run_type=body["run_type"],
                **named_sides(body, self.organization_id),
                by=self.by,
                at=self.at,
            )

        return act(
            request,
            create,
            render=lambda row: presenting.reconciliation_body(row, self.organization_id),
            status=201,
        )


class OneReconciliation(ReconcilingView):
    scopes = {"GET": "reconciliations:read", "PATCH": "rules:write", "DELETE": "rules:write"}

    @operation("reconciliations_get", "Show a reconciliation", answers={200: shapes.ReconciliationShape})
    def get(self, request: Request, reconciliation_id: int) -> Response:
        """Of whatever kind."""
        only(request, ())
        return Response(presenting.reconciliation_body(self._row(reconciliation_id), self.organization_id))

    @operation(
        "reconciliations_change",
        "Change a reconciliation",
        body=bodies.ReconciliationChangeBody,
        answers={200: shapes.ReconciliationShape},
    )
    def patch(self, request: Request, reconciliation_id: int) -> Response:
        """What is left out stays; a side that is given replaces the streams of that side. A stream that is taken out takes
        suggestions along; accepted matches of its records refuse it (409 `reconciliation.has_matches`, with their number)
        unless `undo_matches`. A worker takes it out; until then `ready` is false. Owned: 409."""
        only(request, ())
        body = read_body(bodies.ReconciliationChangeBody, request.data)

        def change() -> Reconciliation:
            return reconciliation_change(
                reconciliation=self._row(reconciliation_id),
                name=body.get("name"),
                run_type=body.get("run_type"),
                undo_matches=body["undo_matches"],
                **named_sides(body, self.organization_id),
                by=self.by,
                at=self.at,
            )

        return act(
            request, change, render=lambda row: presenting.reconciliation_body(row, self.organization_id)
        )

    @operation("reconciliations_delete", "Delete a reconciliation", answers={204: None})
    def delete(self, request: Request, reconciliation_id: int) -> Response:
        """With its rules, matches and places in stories. Its records are free again, once a worker has taken its matches
        back; streams and records stay. Owned: 409."""
        only(request, ())

        def delete() -> None:
            reconciliation_void(reconciliation=self._row(reconciliation_id), by=self.by, at=self.at)

        return act(request, delete, render=lambda _nothing: None, status=204)

    def _row(self, reconciliation_id: int) -> Reconciliation:
        return reconciliation_of(organization_id=self.organization_id, reconciliation_id=reconciliation_id)


def named_sides(body: dict[str, Any], organization_id: int) -> dict[str, Sequence[DataStream]]:
    """The sides that the body names, as streams; Invalid with every id that is no stream of this organization."""
    ids = {pk for name in SIDES for pk in body.get(name, ())}
    rows = DataStream.objects.of(organization_id).live().in_bulk(list(ids)) if ids else {}
    message = _("There is no data stream with this id.")
    issues = [
        {"path": [name, place], "message": message}
        for name in SIDES
        for place, pk in enumerate(body.get(name, ()))
        if pk not in rows
    ]
    if issues:
        path = ".".join(str(step) for step in issues[0]["path"])
        raise Invalid(f"{path}: {message}", code="stream.not_found", issues=issues)
    return {side: [rows[pk] for pk in body[name]] for name, side in SIDES.items() if name in body}
