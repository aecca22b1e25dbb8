"""Runs: create, list, show, rename, delete; and the ledger-level trigger."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from api.ledger_runs import bodies, filters, presenting, shapes
from api.ledger_runs.views.base import LedgerRunView
from api.shared.fields import read_body
from api.shared.idempotency import act
from api.shared.schema import operation
from ledgers.selectors import find_ledger
from reconciliation.models import Run
from reconciliation.selectors.runs import countable, runs_of
from reconciliation.services import runs


class Runs(LedgerRunView):
    scopes = {"GET": "reconciliations:read", "POST": "imports:write"}

    @operation("ledger_runs_list", "List runs", answers={200: shapes.RunList}, query=filters.RUNS)
    def get(self, request: Request) -> Response:
        """Runs of all ledgers, or of one with `ledger_id`."""

        show = partial(presenting.run_bodies, organization_id=self.organization_id)

        found = runs_of(self.organization_id)
        return self.listed(request, filters.RUNS, countable(found), show, fetch=found)

    @operation(
        "ledger_runs_create",
        "Create a run",
        body=bodies.RunBody,
        answers={201: shapes.RunDetailShape, 200: shapes.RunDetailShape},
        also=[404],
    )
    def post(self, request: Request) -> Response:
        """A run to upload statement files into. `idempotency_key` of the body is unique per ledger: the same key and body
        give the first run (200), another body 409."""
        body = read_body(bodies.RunBody, request.data)

        def create() -> tuple[Run, bool]:
            ledger = find_ledger(organization_id=self.organization_id, ledger_id=body["ledger_id"])
            return runs.run_create(
                organization_id=self.organization_id,
                ledger=ledger,
                mode=body["mode"],
                source_type=body["source_type"],
                note=body.get("note") or "",
                idempotency_key=body.get("idempotency_key") or "",
                by=self.by,
                at=self.at,
            )

        return act(
            request,
            create,
            render=lambda made: presenting.run_body(made[0].uuid, self.organization_id),
            status=lambda made: 201 if made[1] else 200,
        )


class OneRun(LedgerRunView):
    scopes = {"GET": "reconciliations:read", "PATCH": "imports:write", "DELETE": "imports:write"}

    @operation("ledger_runs_get", "Show a run", answers={200: shapes.RunDetailShape})
    def get(self, request: Request, run_id: UUID) -> Response:
        """With its last pass, and the proof that it adds up."""
        return Response(presenting.run_body(run_id, self.organization_id))

    @operation(
        "ledger_runs_note", "Set the run's note", body=bodies.NoteBody, answers={200: shapes.RunDetailShape}
    )
    def patch(self, request: Request, run_id: UUID) -> Response:
        """The note is the run's display name; null or an empty text clears it."""
        body = read_body(bodies.NoteBody, request.data)

        def note() -> Run:
            run = self.run_of(run_id)
            if "note" not in body:
                return run
            return runs.run_note(run=run, note=body["note"] or "", by=self.by, at=self.at)

        return act(request, note, render=lambda run: presenting.run_body(run.uuid, self.organization_id))

    @operation("ledger_runs_delete", "Delete a run", answers={204: None})
    def delete(self, request: Request, run_id: UUID) -> Response:
        """Takes its files, items, matches and discrepancies with it; entries of the ledger stay and are free again.
        409 while the run is closed or a pass of it is under way."""
        return act(
            request,
            lambda: runs.run_void(run=self.run_of(run_id), by=self.by, at=self.at),
            render=lambda _nothing: None,
            status=204,
        )
