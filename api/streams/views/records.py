"""Records: list, add, show, change, delete."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from api.shared.idempotency import act
from api.shared.pagination import Page, make_cursor
from api.shared.problems import Problem
from api.shared.queries import only
from api.shared.schema import operation
from api.streams import presenting
from api.streams.record_filters import (
    LIST,
    LIST_PARAMETERS,
    asked_of,
    place_of,
    place_values,
)
from api.streams.record_shapes import RecordBody, RecordChangeBody, RecordList, RecordShape
from api.streams.views.base import PROBLEMS, StreamsView
from ledgers.models import Record
from organizations.refusals import Invalid
from reconciliation.selectors.records import RecordFilter, named_reconciliation, records_page
from reconciliation.services.single_records import record_create, record_delete, record_edit, record_of

RECORD_PROBLEMS: Mapping[int, Problem] = {
    **PROBLEMS,
    404: Problem(404, "record.not_found", "There is no record with this id."),
    409: Problem(
        409,
        "record.matched",
        "The record is in match 70 (accepted), decided by user:anna. Undo that match first.",
        details={"match_id": 70, "status": "accepted"},
    ),
    422: Problem(
        422,
        "record.invalid",
        "amount: Write whole minor units, like 125000 for 1,250.00: no fraction and no text.",
        issues=[
            {
                "path": ["amount"],
                "message": "Write whole minor units, like 125000 for 1,250.00: no fraction and no text.",
            }
        ],
    ),
}


class RecordsView(StreamsView):
    problems = RECORD_PROBLEMS


class Records(RecordsView):
    scopes = {"GET": "records:read", "POST": "records:write"}

    @operation("records_list", "List records", answers={200: RecordList}, parameters=LIST_PARAMETERS)
    def get(self, request: Request) -> Response:
        """The newest first: by id, between instants by arrival. All filters hold together, and at least one of those that
        narrow the list (of the first six) has to be there. What is named and not there has no records. With
        `reconciliation_id` each record is shown as that reconciliation sees it. Adjustments are listed by their match only.
        """
        asked = asked_of(request)
        window = LIST.window(request.query_params)
        rows = records_page(
            self.organization_id, asked, behind=place_of(window.cursor, asked), limit=window.limit + 1
        )
        more, rows = len(rows) > window.limit, rows[: window.limit]
        cursor = make_cursor(place_values(rows[-1], asked)) if more else None
        page = Page(rows, window, more, next_cursor=cursor)
        return Response(LIST.envelope(page, self.listed(rows, asked)))

    def listed(self, rows: list[Record], asked: RecordFilter) -> list[dict[str, Any]]:
        if asked.reconciliation_id is None or not rows:
            return presenting.record_bodies(rows)
        reconciliation = named_reconciliation(self.organization_id, asked.reconciliation_id)
        if reconciliation is None:
            return []  # deleted since the rows were read
        return presenting.entry_bodies(rows, reconciliation=reconciliation, at=self.at)

    @operation("records_create", "Add a record", body=RecordBody, answers={201: RecordShape})
    def post(self, request: Request) -> Response:
        """It is open at once in each reconciliation of its stream; where one is continuous, it is matched. An external id
        that the stream has already is refused. Streams of ledgers and bank accounts get their records there."""
        only(request)
        service = partial(
            record_create,
            organization_id=self.organization_id,
            body=_object(request),
            by=self.by,
            at=self.at,
        )
        return act(request, service, render=lambda row: self.shown(row.pk), status=201)

    def shown(self, record_id: int) -> dict[str, Any]:
        return presenting.record_body(record_of(organization_id=self.organization_id, record_id=record_id))


class OneRecord(RecordsView):
    scopes = {"GET": "records:read", "PATCH": "records:write", "DELETE": "records:write"}

    @operation("records_get", "Show a record", answers={200: RecordShape})
    def get(self, request: Request, record_id: int) -> Response:
        """Of whatever stream, those of ledgers and bank accounts too."""
        only(request)
        row = record_of(organization_id=self.organization_id, record_id=record_id)
        return Response(presenting.record_body(row))

    @operation("records_change", "Change a record", body=RecordChangeBody, answers={200: RecordShape})
    def patch(self, request: Request, record_id: int) -> Response:
        """What is left out stays; stream and currency never change. A record in an accepted match, wholly or in part and
        in whatever reconciliation, is 409; suggestions on it are undone."""
        only(request)
        service = partial(
            record_edit,
            organization_id=self.organization_id,
            record_id=record_id,
            body=_object(request),
            by=self.by,
            at=self.at,
        )
        return act(request, service, render=presenting.record_body)

    @operation("records_delete", "Delete a record", answers={204: None})
    def delete(self, request: Request, record_id: int) -> Response:
        """It is gone from lists and sums, and may be sent again. 409 as for a change."""
        only(request)
        service = partial(
            record_delete,
            organization_id=self.organization_id,
            record_id=record_id,
            by=self.by,
            at=self.at,
        )
        return act(request, service, render=lambda _nothing: None, status=204)


def _object(request: Request) -> Mapping[str, Any]:
    if not isinstance(request.data, Mapping):
        raise Invalid(_("The body is an object with fields, like date and amount."), code="record.invalid")
    return request.data
