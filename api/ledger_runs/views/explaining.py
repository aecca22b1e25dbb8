"""Why a match was made."""

from __future__ import annotations

from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from api.ledger_runs.views.base import LedgerRunView
from api.shared.explaining import ExplanationShape, Names, explanation_body
from api.shared.schema import operation
from reconciliation.selectors.explanations import explain_match
from reconciliation.selectors.matches import match_of


class MatchExplanation(LedgerRunView):
    scopes = {"GET": "reconciliations:read"}
    throttle_scope = "explain"

    @operation("matches_explanation", "Explain a match", answers={200: ExplanationShape})
    def get(self, request: Request, match_id: UUID) -> Response:
        """By the revision of the rule that made it, with each condition's values, and what its confidence was reckoned
        from. A match that a person made has no rule to ask. Ids are UUIDs, as everywhere on this surface."""
        found = explain_match(match_of(organization_id=self.organization_id, match_id=match_id))
        return Response(explanation_body(found, Names.by_uuid(found)))
