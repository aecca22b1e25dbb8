"""Why records match, or why not."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from api.rules import asking
from api.rules.views.base import RulesView
from api.shared.explaining import ExplanationShape, explanation_body
from api.shared.fields import read_body
from api.shared.idempotency import act
from api.shared.problems import Problem
from api.shared.schema import operation
from reconciliation.selectors.explanations import Explanation, explain_match, explain_records
from reconciliation.selectors.matches import stream_match_of
from rules.selectors import reconciliation_of

READ_PROBLEMS = {
    403: Problem(
        403,
        "auth.missing_scope",
        "This needs the permission reconciliations:read, which you do not have. Ask an admin.",
        details={"scope": "reconciliations:read"},
    ),
    404: Problem(404, "reconciliation.not_found", "There is no reconciliation with this id."),
}
UNKNOWN = "There is no such record on side B of this reconciliation."


class MatchExplanation(RulesView):
    scopes = {"GET": "reconciliations:read"}
    throttle_scope = "explain"
    problems = {**READ_PROBLEMS, 404: Problem(404, "match.not_found", "There is no match with this id.")}

    @operation("reconciliation_matches_explanation", "Explain a match", answers={200: ExplanationShape})
    def get(self, request: Request, match_id: int) -> Response:
        """By the revision of the rule that made it, with each condition's values, and what its confidence was reckoned
        from. A match that a person made has no rule to ask. What was undone is 404."""
        match = stream_match_of(organization_id=self.organization_id, match_id=match_id)
        return Response(explanation_body(explain_match(match)))


class Explain(RulesView):
    scopes = {"POST": "reconciliations:read"}
    throttle_scope = "explain"
    problems = {
        **READ_PROBLEMS,
        422: Problem(422, "record.unknown", UNKNOWN, issues=[{"path": ["side_b", 0], "message": UNKNOWN}]),
    }

    @operation(
        "reconciliations_explain",
        "Explain why records would match, or would not",
        body=asking.ExplainBody,
        answers={200: ExplanationShape},
    )
    def post(self, request: Request, reconciliation_id: int) -> Response:
        """What each active rule says of these records as one group, as if all of them were open; then who has them, and
        whether exactly these were rejected before. The confidence is that of the match that has just these records, else
        null: rivals are only known where a pass looked at all that was open. Nothing is written."""
        body = read_body(asking.ExplainBody, request.data)

        def explain() -> Explanation:
            reconciliation = reconciliation_of(
                organization_id=self.organization_id, reconciliation_id=reconciliation_id
            )
            return explain_records(reconciliation, side_a=body["side_a"], side_b=body["side_b"])

        return act(request, explain, render=explanation_body)
