"""What people said and did about an exception: comments, and its history from the audit trail."""

from __future__ import annotations

from functools import partial

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from api.exceptions import presenting
from api.exceptions.bodies import CommentBody
from api.exceptions.shapes import ACTS, CommentShape
from api.exceptions.views.base import PROBLEMS, ExceptionsView
from api.shared.fields import read_body
from api.shared.idempotency import act
from api.shared.pagination import Cursor, Page, make_cursor
from api.shared.problems import Problem
from api.shared.queries import only
from api.shared.schema import operation
from api.streams.reconciling.views.base import number_in
from exceptions_app.selectors.exceptions import exception_history
from exceptions_app.services.comments import comment_add

NOBODY = "Nobody in your organization has this id."
PAGES = Cursor(default=50, cap=200, offsets=False, cursors=True)
PAGING = (
    OpenApiParameter("cursor", OpenApiTypes.STR, description="`next_cursor` of the page before."),
    OpenApiParameter(
        "limit", {"type": "integer", "minimum": 1, "maximum": PAGES.cap, "default": PAGES.default}
    ),
)


class Comments(ExceptionsView):
    scopes = {"POST": "exceptions:write"}
    problems = {
        **PROBLEMS,
        422: Problem(
            422,
            "comment.invalid",
            f"mentions.0: {NOBODY}",
            issues=[{"path": ["mentions", 0], "message": NOBODY}],
        ),
    }

    @operation(
        "reconciliation_exceptions_comment",
        "Comment on an exception",
        body=CommentBody,
        answers={201: CommentShape},
    )
    def post(self, request: Request, exception_id: int) -> Response:
        """A comment stands as it was written. A key writes for the person who made it."""
        only(request)
        body = read_body(CommentBody, request.data)
        add = partial(comment_add, exception_id=exception_id, **body, **self.named)
        return act(request, add, render=presenting.comment_body, status=201)


class History(ExceptionsView):
    scopes = {"GET": "exceptions:read"}

    @operation(
        "reconciliation_exceptions_history",
        "Show what was done about an exception",
        answers={200: ACTS},
        parameters=PAGING,
    )
    def get(self, request: Request, exception_id: int) -> Response:
        """What the audit trail says of it, newest first: by people, keys, and sweeps."""
        only(request, ("cursor", "limit"))
        window = PAGES.window(request.query_params)
        before = number_in(window.cursor) if window.cursor is not None else None
        found = exception_history(self.exception(exception_id), before=before, limit=window.limit + 1)
        more, events = len(found) > window.limit, found[: window.limit]
        cursor = make_cursor([str(events[-1].pk)]) if more else None
        page = Page(events, window, more, next_cursor=cursor)
        return Response(PAGES.envelope(page, presenting.act_bodies(events, self.organization_id)))
