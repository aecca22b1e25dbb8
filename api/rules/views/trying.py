"""Trying a rule out on the past."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from api.rules import asking
from api.rules.trial_shapes import BacktestShape, JobLink, link
from api.rules.views.base import PROBLEMS, RulesView
from api.shared.fields import present, read_body
from api.shared.idempotency import answer_of, replay_headers
from api.shared.preferences import wait_seconds
from api.shared.problems import Problem
from api.shared.schema import PREFER, operation
from organizations.acts import Answer
from reconciliation.selectors.rule_jobs import backtest_of
from reconciliation.services.backtests import backtest_request
from reconciliation.services.rule_jobs import rule_job_wait
from rules.selectors import reconciliation_of


class Backtests(RulesView):
    scopes = {"POST": "rules:write"}
    problems = {
        **PROBLEMS,
        404: Problem(404, "reconciliation.not_found", "There is no reconciliation with this id."),
        422: Problem(
            422,
            "rule.invalid",
            'filters.rules.0.operand: There is no comparison "equals".',
            issues=[
                {
                    "path": ["rule", "filters", "rules", 0, "operand"],
                    "message": 'There is no comparison "equals".',
                }
            ],
        ),
    }

    @operation(
        "reconciliations_backtest",
        "Try a rule out on the past",
        body=asking.BacktestBody,
        answers={200: BacktestShape, 202: JobLink},
        parameters=[PREFER],
    )
    def post(self, request: Request, reconciliation_id: int) -> Response:
        """A saved rule (`rule_id`), one that is only in the request (`rule`), or a saved one with changes (both). The
        records of the period are taken as if none were matched, and the active rules run over them with the rule in its
        place and without it; a saved rule without changes is compared with doing without it, a changed one with how it
        stands. Nothing is written but the result. Answers 202 at once; with `Prefer: wait=N` the result itself where it is
        there in time."""
        body = read_body(asking.BacktestBody, request.data)

        def ask() -> Answer:
            job = backtest_request(
                reconciliation=reconciliation_of(
                    organization_id=self.organization_id, reconciliation_id=reconciliation_id
                ),
                rule_id=body.get("rule_id"),
                facts=body.get("rule"),
                date_from=body.get("date_from"),
                date_to=body.get("date_to"),
                by=self.by,
                at=self.at,
            )
            return Answer(202, job.pk)

        answer = answer_of(request, ask)
        wait, applied = wait_seconds(request) if "Prefer" in request.headers else (0.0, "")
        job = rule_job_wait(answer.body, seconds=wait)
        headers = replay_headers(answer) | ({"Preference-Applied": applied} if applied else {})
        if wait and not job.is_under_way:
            return Response(
                present(BacktestShape, job, organization_id=self.organization_id), headers=headers
            )
        return Response(link(job), status=202, headers={**headers, "Location": str(link(job)["url"])})


class OneBacktest(RulesView):
    scopes = {"GET": "reconciliations:read"}
    problems = {**PROBLEMS, 404: Problem(404, "backtest.not_found", "There is no backtest with this id.")}

    @operation("reconciliations_backtest_get", "Show a backtest", answers={200: BacktestShape})
    def get(self, request: Request, reconciliation_id: int, job_id: int) -> Response:
        """Its progress while it runs, its result after. A failed one says why in `error`."""
        job = backtest_of(
            organization_id=self.organization_id, reconciliation_id=reconciliation_id, job_id=job_id
        )
        return Response(present(BacktestShape, job, organization_id=self.organization_id))
