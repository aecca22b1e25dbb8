"""Runs of a reconciliation: each is one execution of its rules over what is open."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.shared.fields import read_body
from api.shared.idempotency import act, answer_of, replay_headers
from api.shared.preferences import wait_seconds
from api.shared.problems import Problem
from api.shared.queries import only
from api.shared.schema import PREFER, operation, with_example
from api.streams.reconciling import bodies, presenting, shapes
from api.streams.reconciling.views.base import PAGES, PAGING, PROBLEMS, ReconcilingView, newest_first
from organizations.acts import Answer
from reconciliation.models import Pass
from reconciliation.selectors.reconciliations import pass_of, passes_of
from reconciliation.services.passes import pass_wait
from reconciliation.services.stream_passes import stream_pass_cancel, stream_pass_start, stream_pass_undo
from rules.models import Reconciliation
from rules.selectors import reconciliation_of

RUN_PROBLEMS = {
    **PROBLEMS,
    403: Problem(
        403,
        "auth.missing_scope",
        "This needs the permission matches:decide, which you do not have. Ask an admin.",
        details={"scope": "matches:decide"},
    ),
    409: Problem(
        409,
        "pass.running",
        "A pass is waiting already (0%). Wait for its end, or cancel it.",
        details={"pass": {"id": 7, "status": "pending", "progress": 0}},
    ),
}


@with_example({"undone": 3955})
class UndoneShape(serializers.Serializer[Any]):
    undone = serializers.IntegerField(help_text="Matches that were taken back.")

    class Meta:
        ref_name = "UndoneReconciliationRun"


class RunsView(ReconcilingView):
    problems = RUN_PROBLEMS

    def reconciliation(self, reconciliation_id: int) -> Reconciliation:
        return reconciliation_of(organization_id=self.organization_id, reconciliation_id=reconciliation_id)

    def run(self, reconciliation_id: int, pass_id: int) -> Pass:
        return pass_of(self.reconciliation(reconciliation_id), pass_id)


class Runs(RunsView):
    scopes = {"GET": "reconciliations:read", "POST": "matches:decide"}

    @operation("reconciliation_runs_list", "List runs", answers={200: shapes.RUNS}, parameters=PAGING)
    def get(self, request: Request, reconciliation_id: int) -> Response:
        """Newest first, of both kinds, with the progress of those that are under way. Of a ledger's reconciliation: the
        passes of all its runs."""
        only(request, ("cursor", "limit"))
        page = newest_first(request, passes_of(self.reconciliation(reconciliation_id)))
        return Response(PAGES.envelope(page, presenting.run_bodies(page.rows, self.organization_id)))

    @operation(
        "reconciliation_runs_start",
        "Start a run",
        body=bodies.NothingBody,
        answers={200: shapes.RunShape, 202: shapes.RunShape},
        parameters=[PREFER],
    )
    def post(self, request: Request, reconciliation_id: int) -> Response:
        """A batch run over what is open. The answer waits for its end: 200 with the run as it ended; past the wait 202, and
        it goes on. While another runs it waits for that one; while one that somebody asked for waits: 409 with its
        progress. What a ledger owns is matched in the ledger's runs: 409."""
        only(request)
        read_body(bodies.NothingBody, request.data)

        def ask() -> Answer:
            reconciliation = self.reconciliation(reconciliation_id)
            return Answer(202, stream_pass_start(reconciliation=reconciliation, by=self.by, at=self.at).pk)

        answer = answer_of(request, ask)
        wait, applied = wait_seconds(request)
        found = pass_wait(answer.body, seconds=wait)
        headers = replay_headers(answer) | ({"Preference-Applied": applied} if applied else {})
        return Response(
            presenting.run_body(found, self.organization_id),
            status=202 if found.is_under_way else 200,
            headers={**headers, "Location": shapes.run_path(found)},
        )


class OneRun(RunsView):
    scopes = {"GET": "reconciliations:read"}

    @operation("reconciliation_runs_get", "Show a run", answers={200: shapes.RunShape})
    def get(self, request: Request, reconciliation_id: int, pass_id: int) -> Response:
        """Its progress while it runs, its counts by rule after."""
        only(request)
        return Response(presenting.run_body(self.run(reconciliation_id, pass_id), self.organization_id))


class CancelRun(RunsView):
    scopes = {"POST": "matches:decide"}

    @operation(
        "reconciliation_runs_cancel", "Cancel a run", body=bodies.NothingBody, answers={200: shapes.RunShape}
    )
    def post(self, request: Request, reconciliation_id: int, pass_id: int) -> Response:
        """At once while it waits, between two chunks while it runs; what it wrote stays. Ended: nothing happens."""
        only(request)
        read_body(bodies.NothingBody, request.data)
        return act(
            request,
            lambda: stream_pass_cancel(pass_=self.run(reconciliation_id, pass_id), by=self.by, at=self.at),
            render=lambda pass_: presenting.run_body(pass_, self.organization_id),
        )


class UndoRun(RunsView):
    scopes = {"POST": "matches:decide"}

    @operation("reconciliation_runs_undo", "Undo a run", body=bodies.UndoRunBody, answers={200: UndoneShape})
    def post(self, request: Request, reconciliation_id: int, pass_id: int) -> Response:
        """Takes every match back that it made, as one act and without a judgement: a later run may find them again. 409
        while it is under way, and where some are accepted, unless `undo_accepted`."""
        only(request)
        body = read_body(bodies.UndoRunBody, request.data)

        def undo() -> int:
            found = self.run(reconciliation_id, pass_id)
            return stream_pass_undo(pass_=found, undo_accepted=body["undo_accepted"], by=self.by, at=self.at)

        return act(request, undo, render=lambda undone: {"undone": undone})
