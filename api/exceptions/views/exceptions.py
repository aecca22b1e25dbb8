"""Exceptions: list, open, show, change, delete."""

from __future__ import annotations

from functools import partial

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from api.exceptions import presenting
from api.exceptions.bodies import ExceptionBody, ExceptionChangeBody
from api.exceptions.shapes import EXCEPTIONS, ExceptionShape, ShownExceptionShape
from api.exceptions.views.base import FILTERS, PROBLEMS, ExceptionsView, filters_of
from api.shared.fields import read_body
from api.shared.idempotency import act
from api.shared.pagination import OFFSET_MAX, HasMore, Page
from api.shared.problems import Problem
from api.shared.queries import only, query_number, query_word
from api.shared.schema import operation
from exceptions_app.selectors.exceptions import listed_exceptions
from exceptions_app.services.exceptions import exception_change, exception_create, exception_delete
from exceptions_app.states import ExceptionStatus

PAGES = HasMore(default=25, cap=100)
LIST_PARAMETERS = (
    OpenApiParameter("reconciliation_id", OpenApiTypes.INT64),
    OpenApiParameter("data_stream_id", OpenApiTypes.INT64, description="Ours."),
    OpenApiParameter("status", OpenApiTypes.STR, enum=ExceptionStatus.values),
    OpenApiParameter(
        "limit", {"type": "integer", "minimum": 1, "maximum": PAGES.cap, "default": PAGES.default}
    ),
    OpenApiParameter("offset", {"type": "integer", "minimum": 0, "maximum": OFFSET_MAX}),
)


class Exceptions(ExceptionsView):
    scopes = {"GET": "exceptions:read", "POST": "exceptions:write"}
    problems = {**PROBLEMS, 404: Problem(404, "stream.not_found", "There is no data stream with this id.")}

    @operation(
        "reconciliation_exceptions_list",
        "List exceptions",
        answers={200: EXCEPTIONS},
        parameters=LIST_PARAMETERS,
    )
    def get(self, request: Request) -> Response:
        """Newest first, with what is overdue in each now."""
        only(request, [parameter.name for parameter in LIST_PARAMETERS])
        window = PAGES.window(request.query_params)
        rows = listed_exceptions(
            self.organization_id,
            reconciliation_id=query_number(request, "reconciliation_id"),
            stream_id=query_number(request, "data_stream_id"),
            status=query_word(request, "status", ExceptionStatus.values),
        )
        found = list(rows[window.offset : window.offset + window.limit + 1])
        more, found = len(found) > window.limit, found[: window.limit]
        page = Page(found, window, more)
        return Response(PAGES.envelope(page, presenting.exception_bodies(found, at=self.at)))

    @operation(
        "reconciliation_exceptions_create",
        "Create an exception",
        body=ExceptionBody,
        answers={201: ExceptionShape},
        also=[404],
    )
    def post(self, request: Request) -> Response:
        """For a stream of a reconciliation. A pair has one open or investigating exception at most; the sweep opens it by
        itself when something is overdue. Made dismissed or resolved it may stand beside that one."""
        only(request)
        body = read_body(ExceptionBody, request.data)
        create = partial(
            exception_create,
            reconciliation_id=body["reconciliation_id"],
            stream_id=body["data_stream_id"],
            title=body.get("title") or "",
            description=body.get("description") or "",
            status=body["status"],
            assignee_ids=body.get("assignee_ids", ()),
            **self.named,
        )
        return act(request, create, render=lambda row: presenting.exception_body(row, at=self.at), status=201)


class OneException(ExceptionsView):
    scopes = {"GET": "exceptions:read", "PATCH": "exceptions:write", "DELETE": "exceptions:write"}

    @operation(
        "reconciliation_exceptions_get",
        "Show an exception",
        answers={200: ShownExceptionShape},
        parameters=FILTERS,
    )
    def get(self, request: Request, exception_id: int) -> Response:
        """`filtered_aggregates` are of the records that all filters leave; without any they equal `aggregates`."""
        filters = filters_of(request)
        row = self.exception(exception_id)
        return Response(presenting.shown_body(row, filters=filters, at=self.at))

    @operation(
        "reconciliation_exceptions_change",
        "Change an exception",
        body=ExceptionChangeBody,
        answers={200: ExceptionShape},
    )
    def patch(self, request: Request, exception_id: int) -> Response:
        """Any status may follow any other. `opened_at` is set when it becomes open or investigating again, `closed_at` when
        it is closed; from dismissed to resolved, or back, it stays. One of a pair can be open or investigating: 422."""
        only(request)
        body = read_body(ExceptionChangeBody, request.data)
        if "description" in body:
            body["description"] = body["description"] or ""
        change = partial(exception_change, exception_id=exception_id, **body, **self.named)
        return act(request, change, render=lambda row: presenting.exception_body(row, at=self.at))

    @operation("reconciliation_exceptions_delete", "Delete an exception", answers={204: None})
    def delete(self, request: Request, exception_id: int) -> Response:
        """While something is overdue, the next sweep opens another one."""
        only(request)
        delete = partial(exception_delete, exception_id=exception_id, **self.named)
        return act(request, delete, render=lambda _nothing: None, status=204)
