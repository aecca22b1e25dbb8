"""Single records: add, show, change, delete."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from api.shared.idempotency import act
from api.shared.problems import Problem
from api.shared.queries import only
from api.shared.schema import operation
from api.streams import presenting
from api.streams.record_shapes import RecordBody, RecordChangeBody, RecordShape
from api.streams.views.base import PROBLEMS, StreamsView
from organizations.refusals import Invalid
from reconciliation.services.single_records import record_create, record_delete, record_edit, record_of

RECORD_PROBLEMS: Mapping[int, Problem] = {
    **PROBLEMS,
    404: Problem(404, "record.not_found", "There is no record with this id."),
    409: Problem(
        409,
        "record.matched",
        "The record is in match 70 (accepted), decided by user:anna. Undo that match first.",
        details={"match_id": "0195f0a1-7c3e-7d42-9a55-1f2e3d4c5b6a", "status": "accepted"},
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
    scopes = {"POST": "records:write"}

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
