"""Bulk requests: send many records, follow them, cancel, try again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial

from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from api.shared.fields import read_body
from api.shared.idempotency import HEADER, act, key_text
from api.shared.pagination import Cursor, HasMore, Page, bad_query, make_cursor
from api.shared.problems import Problem
from api.shared.queries import only, query_instant, query_text, query_word
from api.shared.schema import operation
from api.shared.values import Unfit, read_instant, read_number
from api.streams import bulk_presenting as presenting
from api.streams.bulk_shapes import BulkBody, BulkList, BulkShape, BulkWithResults, SummaryShape
from api.streams.stream_bodies import EmptyBody
from api.streams.views.base import PROBLEMS, StreamsView
from ledgers.selectors.bulk import BulkFilter, bulk_requests_of
from ledgers.states import BulkSource, BulkStatus
from organizations.acts import perform
from reconciliation.services.bulk import bulk_cancel, bulk_of, bulk_request, bulk_retry

LIST = Cursor(default=50, cap=200, offsets=False, cursors=True)
ROWS = HasMore(default=50, cap=200)
LIMIT = OpenApiParameter(
    "limit", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}, description="Rows asked for."
)
OFFSET = OpenApiParameter(
    "offset", {"type": "integer", "minimum": 0, "default": 0}, description="Rows skipped."
)
CURSOR = OpenApiParameter("cursor", OpenApiTypes.STR, description="`next_cursor` of the page before.")
CREATED = (
    OpenApiParameter("created_after", OpenApiTypes.DATETIME, description="At this instant or later."),
    OpenApiParameter("created_before", OpenApiTypes.DATETIME, description="At this instant or earlier."),
)
BULK_PROBLEMS: Mapping[int, Problem] = {
    **PROBLEMS,
    404: Problem(404, "bulk.not_found", "There is no bulk request with this id."),
    409: Problem(
        409,
        "bulk.ended",
        "Bulk request 88 is completed. It cannot be cancelled any more.",
        details={"status": "completed"},
    ),
    422: Problem(
        422,
        "bulk.records",
        "records must contain between 1 and 1000 items",
        issues=[{"path": ["records"], "message": "records must contain between 1 and 1000 items"}],
    ),
    400: Problem(
        400,
        "bulk.on_conflict",
        "on_conflict must be skip or error",
        issues=[{"path": ["on_conflict"], "message": "on_conflict must be skip or error"}],
    ),
}


class BulkView(StreamsView):
    problems = BULK_PROBLEMS


class BulkRecords(BulkView):
    scopes = {"POST": "records:write"}
    problems = {
        **BULK_PROBLEMS,
        409: Problem(
            409,
            "lock.timeout",
            "Somebody else is working on the same records just now. Try again in a moment.",
        ),
    }
    idempotency = OpenApiParameter(
        HEADER,
        OpenApiTypes.STR,
        OpenApiParameter.HEADER,
        description=(
            "Sent again, whatever the body and whoever in the organization sends it: the request that the key made, as it "
            "is now. Kept for ever."
        ),
    )

    @operation(
        "records_bulk_create", "Send many records", body=BulkBody, answers={202: SummaryShape}, also=[400]
    )
    def post(self, request: Request) -> Response:
        """Each row is judged by itself: one that cannot be used fails with a text that says why, and the others are added.
        Only the form of the array (422) and `on_conflict` (400) refuse the whole. Under an `Idempotency-Key` that the
        organization has used, whatever the body, the request that it made comes back as it is now."""
        only(request)
        service = partial(
            bulk_request,
            organization_id=self.organization_id,
            body=request.data,
            idempotency_key=key_text(request) or "",
            by=self.by,
            at=self.at,
        )
        return Response(presenting.summary_body(perform(service)), status=202)


class BulkRequests(BulkView):
    scopes = {"GET": "records:read"}

    @operation(
        "bulk_requests_list",
        "List bulk requests",
        answers={200: BulkList},
        parameters=[
            OpenApiParameter("data_stream_key", OpenApiTypes.STR, description="Where any row names it."),
            OpenApiParameter("status", OpenApiTypes.STR, enum=BulkStatus.values),
            OpenApiParameter(
                "source", OpenApiTypes.STR, description=f"Equal: {', '.join(BulkSource.values)}."
            ),
            *CREATED,
            CURSOR,
            LIMIT,
        ],
    )
    def get(self, request: Request) -> Response:
        """The newest first."""
        only(
            request,
            ("data_stream_key", "status", "source", "created_after", "created_before", "cursor", "limit"),
        )
        window = LIST.window(request.query_params)
        asked = BulkFilter(
            data_stream_key=query_text(request, "data_stream_key"),
            status=query_word(request, "status", BulkStatus.values),
            source=query_text(request, "source"),
            created_after=query_instant(request, "created_after"),
            created_before=query_instant(request, "created_before"),
        )
        behind = _place(window.cursor) if window.cursor is not None else None
        rows = bulk_requests_of(self.organization_id, asked, behind=behind, limit=window.limit + 1)
        more, rows = len(rows) > window.limit, rows[: window.limit]
        cursor = make_cursor([rows[-1].created_at.isoformat(), str(rows[-1].pk)]) if more else None
        page = Page(rows, window, more, next_cursor=cursor)
        return Response(LIST.envelope(page, [presenting.bulk_body(row, at=self.at) for row in rows]))


class OneBulkRequest(BulkView):
    scopes = {"GET": "records:read"}

    @operation(
        "bulk_requests_get",
        "Show a bulk request with its results",
        answers={200: BulkWithResults},
        parameters=[LIMIT, OFFSET],
    )
    def get(self, request: Request, bulk_request_id: int) -> Response:
        """`results` has a page of the rows that are done, in the order in which they were sent."""
        only(request, ("limit", "offset"))
        window = ROWS.window(request.query_params)
        row = bulk_of(organization_id=self.organization_id, bulk_request_id=bulk_request_id)
        results = presenting.results_body(row.content, offset=window.offset, limit=window.limit)
        return Response({**presenting.bulk_body(row, at=self.at), "results": results})


class CancelBulkRequest(BulkView):
    scopes = {"POST": "records:write"}

    @operation("bulk_requests_cancel", "Cancel a bulk request", body=EmptyBody, answers={202: BulkShape})
    def post(self, request: Request, bulk_request_id: int) -> Response:
        """Nothing more is added; what was added stays, and the other rows are skipped, to be tried again. 409 where it has
        ended."""
        only(request)
        read_body(EmptyBody, request.data)
        service = partial(
            bulk_cancel,
            organization_id=self.organization_id,
            bulk_request_id=bulk_request_id,
            by=self.by,
            at=self.at,
        )
        return act(request, service, render=partial(presenting.bulk_body, at=self.at), status=202)


class RetryBulkRequest(BulkView):
    scopes = {"POST": "records:write"}

    @operation(
        "bulk_requests_retry", "Try rows of a bulk request again", body=EmptyBody, answers={202: BulkShape}
    )
    def post(self, request: Request, bulk_request_id: int) -> Response:
        """A new request of the rows that failed or were skipped, which keep their index. Only of a failed or cancelled one,
        and once: what fails then is tried again from the new request."""
        only(request)
        read_body(EmptyBody, request.data)
        service = partial(
            bulk_retry,
            organization_id=self.organization_id,
            bulk_request_id=bulk_request_id,
            by=self.by,
            at=self.at,
        )
        return act(request, service, render=partial(presenting.bulk_body, at=self.at), status=202)


def _place(values: list[str]) -> tuple[datetime, int]:
    try:
        at, pk = values
        return read_instant(at), read_number(pk)
    except (Unfit, ValueError):
        raise bad_query("cursor", _("This cursor was not made here; begin again without one.")) from None
