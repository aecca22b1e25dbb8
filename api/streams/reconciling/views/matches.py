"""Matches: list, make by hand, show, undo."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from api.shared.fields import read_body
from api.shared.idempotency import act
from api.shared.pagination import COUNT_MAX, OFFSET_MAX, HasMore, Page, make_cursor
from api.shared.problems import Problem
from api.shared.queries import only, query_number
from api.shared.schema import operation
from api.streams.reconciling import match_shapes, presenting
from api.streams.reconciling.views.base import (
    OWNED_TOO,
    PROBLEMS,
    ReconcilingView,
    number_in,
    with_owned,
)
from reconciliation.models import Match
from reconciliation.selectors.stream_matches import (
    WORDS,
    asked_matches,
    live_match_of,
    match_count,
    match_page,
)
from reconciliation.services.matches import match_undo
from reconciliation.services.stream_matches import match_by_hand, refuse_of_settlement

TAKEN = "Match 70 has this record already, by user:anna. Undo that match first."
MATCH_PROBLEMS = {
    **PROBLEMS,
    403: Problem(
        403,
        "auth.missing_scope",
        "This needs the permission matches:decide, which you do not have. Ask an admin.",
        details={"scope": "matches:decide"},
    ),
    404: Problem(404, "match.not_found", "There is no match with this id."),
    422: Problem(
        422,
        "record.matched",
        f"record_ids.0: {TAKEN}",
        issues=[{"path": ["record_ids", 0], "message": TAKEN}],
    ),
}
PAGES = HasMore(default=25, cap=100, cursors=True)
FILTERS = (
    OpenApiParameter("reconciliation_id", OpenApiTypes.INT64, description="Of this one, whatever its kind."),
    OpenApiParameter("status", OpenApiTypes.STR, description=f"Exactly: {', '.join(WORDS)}."),
    OpenApiParameter(
        "limit", {"type": "integer", "minimum": 1, "maximum": PAGES.cap, "default": PAGES.default}
    ),
    OpenApiParameter("offset", {"type": "integer", "minimum": 0, "maximum": OFFSET_MAX}),
    OpenApiParameter(
        "cursor", OpenApiTypes.STR, description="`next_cursor` of the page before, in place of `offset`."
    ),
    OWNED_TOO,
)


class MatchesView(ReconcilingView):
    problems = MATCH_PROBLEMS


class Matches(MatchesView):
    scopes = {"GET": "reconciliations:read", "POST": "matches:decide"}

    @operation(
        "reconciliation_matches_list",
        "List matches",
        answers={200: match_shapes.STREAM_MATCHES},
        parameters=FILTERS,
    )
    def get(self, request: Request) -> Response:
        """Newest first; those that stand: accepted ones (matched) and undecided suggestions. Without a reconciliation those
        of all that are made of streams, with `include=owned` of ledgers, too. `total_count` is exact up to 100,000."""
        only(request, ("reconciliation_id", "status", "limit", "offset", "cursor", "include"))
        window = PAGES.window(request.query_params)
        asked = asked_matches(
            self.organization_id,
            reconciliation_id=query_number(request, "reconciliation_id"),
            word=request.query_params.get("status"),
            owned=with_owned(request),
        )
        found = match_page(
            asked,
            limit=window.limit + 1,
            offset=window.offset,
            before=number_in(window.cursor) if window.cursor is not None else None,
        )
        more, rows = len(found) > window.limit, found[: window.limit]
        page = Page(rows, window, more)
        body: dict[str, Any] = PAGES.envelope(page, presenting.match_bodies(rows, self.organization_id))
        total = match_count(asked, up_to=COUNT_MAX)
        body["total_count"] = min(total, COUNT_MAX)
        if total > COUNT_MAX:
            body["total_is_lower_bound"] = True
        body["next_cursor"] = make_cursor([str(rows[-1].pk)]) if more else None
        return Response(body)

    @operation(
        "reconciliation_matches_create",
        "Match by hand",
        body=match_shapes.MatchBody,
        answers={201: match_shapes.StreamMatchShape},
    )
    def post(self, request: Request) -> Response:
        """These records as one group, accepted at once; each stands on the side of its stream. Suggestions on them are
        superseded. Sides that differ are taken whole, with the difference kept (of a ledger: covered in part, as its runs
        do), unless an adjustment makes them add up. Records of one side alone must sum to zero. 422 names each record that
        is unknown, not in the reconciliation, or reconciled already."""
        only(request)
        body = read_body(match_shapes.MatchBody, request.data)

        def make() -> Match:
            return match_by_hand(
                reconciliation=self.named(body["reconciliation_id"]),
                record_ids=body["record_ids"],
                create_adjustment=body["create_adjustment"],
                adjustment_reason=body.get("adjustment_reason") or "",
                by=self.by,
                at=self.at,
            )

        return act(
            request, make, render=lambda match: presenting.match_body(match, self.organization_id), status=201
        )


class OneMatch(MatchesView):
    scopes = {"GET": "reconciliations:read", "DELETE": "matches:decide"}

    @operation("reconciliation_matches_get", "Show a match", answers={200: match_shapes.StreamMatchShape})
    def get(self, request: Request, match_id: int) -> Response:
        """What was undone, superseded or rejected is 404."""
        only(request)
        match = live_match_of(organization_id=self.organization_id, match_id=match_id)
        return Response(presenting.match_body(match, self.organization_id))

    @operation("reconciliation_matches_delete", "Undo a match", answers={204: None})
    def delete(self, request: Request, match_id: int) -> Response:
        """Accepted or suggested: its records are unreconciled again, and its adjustment is gone. No judgement: a run may
        find it again (`reject` says that it must not)."""
        only(request)

        def undo() -> None:
            match = live_match_of(organization_id=self.organization_id, match_id=match_id)
            refuse_of_settlement(match.reconciliation)
            match_undo(match_id=match.pk, by=self.by, at=self.at)

        return act(request, undo, render=lambda _nothing: None, status=204)
