"""Taking back what passes did: of one pass, or of all passes of a run."""

from __future__ import annotations

from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from api.ledger_runs import bodies, shapes
from api.ledger_runs.views.base import LedgerRunView
from api.ledger_runs.views.matching import pass_of
from api.shared.fields import read_body
from api.shared.idempotency import act
from api.shared.schema import operation
from reconciliation.services.undoing import pass_undo, run_undo


class UndoPass(LedgerRunView):
    scopes = {"POST": "matches:decide"}

    @operation("passes_undo", "Undo a pass", body=bodies.UndoBody, answers={200: shapes.Undone})
    def post(self, request: Request, pass_id: UUID) -> Response:
        """Takes every match that it made back, as one act and without a judgement. 409 while it is under way, and where
        people accepted some of them, unless `undo_accepted`."""
        body = read_body(bodies.UndoBody, request.data)

        def undo() -> int:
            found = pass_of(self.organization_id, pass_id)
            return pass_undo(pass_=found, undo_accepted=body["undo_accepted"], by=self.by, at=self.at)

        return act(request, undo, render=lambda undone: {"undone": undone})


class UndoRun(LedgerRunView):
    scopes = {"POST": "matches:decide"}

    @operation("runs_undo", "Undo a run's passes", body=bodies.UndoBody, answers={200: shapes.Undone})
    def post(self, request: Request, run_id: UUID) -> Response:
        """The same for all passes of the run. What people matched by hand stays."""
        body = read_body(bodies.UndoBody, request.data)

        def undo() -> int:
            run = self.run_of(run_id)
            return run_undo(run=run, undo_accepted=body["undo_accepted"], by=self.by, at=self.at)

        return act(request, undo, render=lambda undone: {"undone": undone})
