"""What people decide on suggestions: accept, reject, one by one or many at once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from api.shared.errors import body_of_exception
from api.shared.fields import read_body
from api.shared.idempotency import act, key_of
from api.shared.problems import Problem
from api.shared.queries import only
from api.shared.schema import operation
from api.streams.reconciling import match_shapes, presenting
from api.streams.reconciling.match_shapes import MatchDecisionBody, StreamMatchShape, stored_status
from api.streams.reconciling.views.matches import MATCH_PROBLEMS, MatchesView
from organizations.acts import Answer, perform
from organizations.refusals import Refusal
from reconciliation.models import Match
from reconciliation.selectors.matches import stream_match_of
from reconciliation.services.matches import match_accept, match_reject
from reconciliation.services.stream_matches import refuse_of_settlement

DECISIONS: dict[str, Callable[..., Match]] = {"accept": match_accept, "reject": match_reject}
STATE_PROBLEMS = {
    **MATCH_PROBLEMS,
    409: Problem(
        409,
        "match.state",
        "A rejected match cannot become accepted: decided by user:42 at 2026-03-31T09:00:00+00:00.",
        details={"status": "rejected", "by": "user:42", "at": "2026-03-31T09:00:00+00:00"},
    ),
    422: Problem(
        422,
        "request.invalid",
        'expected_status: "open" is not a valid choice.',
        issues=[{"path": ["expected_status"], "message": '"open" is not a valid choice.'}],
    ),
}


class DecidingView(MatchesView):
    scopes = {"POST": "matches:decide"}
    problems = STATE_PROBLEMS

    def decided(self, match_id: int, action: str, expected: str | None) -> Match:
        match = stream_match_of(organization_id=self.organization_id, match_id=match_id)
        refuse_of_settlement(match.reconciliation)
        expected = stored_status(expected)
        return DECISIONS[action](match_id=match.pk, expected_status=expected, by=self.by, at=self.at)

    def decide(self, request: Request, match_id: int, action: str) -> Response:
        only(request)
        expected = read_body(MatchDecisionBody, request.data).get("expected_status")
        return act(
            request,
            lambda: self.decided(match_id, action, expected),
            render=lambda match: presenting.match_body(match, self.organization_id),
        )


class Accept(DecidingView):
    @operation(
        "reconciliation_matches_accept",
        "Accept a match",
        body=MatchDecisionBody,
        answers={200: StreamMatchShape},
    )
    def post(self, request: Request, match_id: int) -> Response:
        """Its records are reconciled. Accepted already: nothing happens. Rejected: 409, with who and when."""
        return self.decide(request, match_id, "accept")


class Reject(DecidingView):
    @operation(
        "reconciliation_matches_reject",
        "Reject a match",
        body=MatchDecisionBody,
        answers={200: StreamMatchShape},
    )
    def post(self, request: Request, match_id: int) -> Response:
        """Its records are open again, and exactly this group is not suggested again. Of an accepted match: its undo."""
        return self.decide(request, match_id, "reject")


class DecideMany(DecidingView):
    @operation(
        "reconciliation_matches_bulk",
        "Accept or reject many",
        body=match_shapes.MatchBulkDecisionBody,
        answers={200: match_shapes.StreamBulkResults},
    )
    def post(self, request: Request) -> Response:
        """Up to 1,000 matches, each an act of its own with a result of its own: one that is refused stops no other."""
        only(request)
        body = read_body(match_shapes.MatchBulkDecisionBody, request.data)
        results = [self._one(request, body, match_id) for match_id in dict.fromkeys(body["ids"])]
        done = sum(each["result"] == "done" for each in results)
        return Response({"done": done, "refused": len(results) - done, "results": results})

    def _one(self, request: Request, body: dict[str, Any], match_id: int) -> dict[str, Any]:
        """The request's key, joined with the id, is the key of each act, so that a repeat repeats none of them."""
        key = key_of(request)
        if key is not None:
            key = replace(key, key=hashlib.sha256(f"{key.key}/{match_id}".encode()).hexdigest())
        try:
            answer = perform(partial(self._whole, body, match_id), key=key)
        except Refusal as refusal:
            problem = body_of_exception(refusal, request, self.surface)
            return {"id": match_id, "result": "refused", "match": None, "problem": problem}
        return {"id": match_id, "result": "done", "match": answer.body, "problem": None}

    def _whole(self, body: dict[str, Any], match_id: int) -> Answer:
        match = self.decided(match_id, body["action"], body["expected_status"])
        return Answer(200, presenting.match_body(match, self.organization_id))
