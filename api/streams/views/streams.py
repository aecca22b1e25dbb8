"""Data streams: list, make, show, rename, delete, empty, and how they and the work on them stand."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from api.shared.fields import present, present_all, read_body
from api.shared.idempotency import act
from api.shared.queries import only, query_word
from api.shared.schema import operation
from api.streams import stream_bodies as bodies
from api.streams import stream_shapes as shapes
from api.streams.naming import named_account
from api.streams.paths import stream_path
from api.streams.views.base import StreamsView
from ledgers.models import DataStream
from ledgers.selectors.streams import find_stream, listed_streams, stream_health
from ledgers.services.streams import data_stream_change, data_stream_create
from reconciliation.models import StreamOperation
from reconciliation.selectors.operations import operation_of
from reconciliation.services.operations import stream_reset
from reconciliation.services.stream_deletion import RECORDS_AT_ONCE, stream_delete, stream_delete_request

SCOPES = {"GET": "records:read"}
OWNED = OpenApiParameter(
    "include",
    OpenApiTypes.STR,
    enum=["owned"],
    description="Also the streams of ledgers, bank accounts and settlements, which nobody writes to here.",
)
ASYNC = OpenApiParameter(
    "async",
    OpenApiTypes.STR,
    enum=["true", "false"],
    description=f"true: a worker does it. Needed for more than {RECORDS_AT_ONCE:,} records.",
)


class StreamView(StreamsView):
    """Finds the stream of the path, and shows it."""

    def stream(self, key: str) -> DataStream:
        return find_stream(organization_id=self.organization_id, key=key)

    def shown(self, stream: DataStream) -> dict[str, Any]:
        return present(shapes.DataStreamShape, stream, organization_id=self.organization_id)

    def shown_operation(self, row: StreamOperation) -> dict[str, Any]:
        return present(shapes.DataStreamOperationShape, row, organization_id=self.organization_id)


def location(row: StreamOperation) -> dict[str, str]:
    return {"Location": stream_path(row.stream_key, "operations", row.pk)}


class DataStreams(StreamView):
    scopes = {**SCOPES, "POST": "records:write"}

    @operation(
        "data_streams_list",
        "List data streams",
        answers={200: shapes.DataStreamShape(many=True)},
        parameters=[OWNED],
    )
    def get(self, request: Request) -> Response:
        """All that programs write to, by key."""
        only(request, ("include",))
        owned = query_word(request, "include", ("owned",)) is not None
        rows = listed_streams(organization_id=self.organization_id, owned=owned)
        shown = present_all(shapes.DataStreamShape, rows, organization_id=self.organization_id)
        return Response(shown)

    @operation(
        "data_streams_create",
        "Create a data stream",
        body=bodies.DataStreamBody,
        answers={201: shapes.DataStreamShape},
    )
    def post(self, request: Request) -> Response:
        """Empty at first. The key of a deleted stream may be used again."""
        only(request)
        body = read_body(bodies.DataStreamBody, request.data)

        def create() -> DataStream:
            account_id = body.get("bank_account_id")
            return data_stream_create(
                organization_id=self.organization_id,
                key=body["key"],
                name=body["name"],
                kind=body["type"],
                bank_account=None if account_id is None else named_account(self.organization_id, account_id),
                by=self.by,
                at=self.at,
            )

        return act(request, create, render=self.shown, status=201)


class OneDataStream(StreamView):
    scopes = {**SCOPES, "PATCH": "records:write", "DELETE": "records:write"}

    @operation("data_streams_get", "Show a data stream", answers={200: shapes.DataStreamShape})
    def get(self, request: Request, key: str) -> Response:
        """Owned ones too."""
        only(request)
        return Response(self.shown(self.stream(key)))

    @operation(
        "data_streams_change",
        "Rename a data stream",
        body=bodies.DataStreamChangeBody,
        answers={200: shapes.DataStreamShape},
    )
    def patch(self, request: Request, key: str) -> Response:
        """Only its name changes. A stream that belongs to a ledger, bank account or settlement is called as that is: 409
        `stream.owned`."""
        only(request)
        body = read_body(bodies.DataStreamChangeBody, request.data)

        def change() -> DataStream:
            stream = self.stream(key)
            name = body.get("name", stream.name)
            return data_stream_change(stream=stream, name=name, by=self.by, at=self.at)

        return act(request, change, render=self.shown)

    @operation(
        "data_streams_delete",
        "Delete a data stream",
        answers={202: shapes.DataStreamOperationShape, 204: None},
        parameters=[ASYNC],
    )
    def delete(self, request: Request, key: str) -> Response:
        """With its records, import batches and property definitions. 204: it is done. With `async=true` 202: a worker does
        it, `Location` says how far it is, and the stream takes nothing meanwhile. 409: `stream.linked` while a reconciliation
        has it, `stream.too_large` with more records than one request deletes, `stream.owned`, `stream.operation_running`."""
        only(request, ("async",))
        in_background = query_word(request, "async", ("true", "false")) == "true"
        service = stream_delete_request if in_background else stream_delete

        def delete() -> StreamOperation | None:
            return service(stream=self.stream(key), by=self.by, at=self.at)

        return act(
            request,
            delete,
            render=lambda row: self.shown_operation(row) if row else None,
            status=lambda row: 202 if row else 204,
            headers=lambda row: location(row) if row else {},
        )


class ResetDataStream(StreamView):
    scopes = {"POST": "records:write"}

    @operation(
        "data_streams_reset",
        "Empty a data stream",
        body=bodies.EmptyBody,
        answers={202: shapes.DataStreamOperationShape},
    )
    def post(self, request: Request, key: str) -> Response:
        """A worker takes all its records and import batches away and undoes their matches; the stream, its definitions and
        its place in reconciliations stay. `Location` says how far it is. Meanwhile the stream takes nothing."""
        only(request)
        read_body(bodies.EmptyBody, request.data)

        def reset() -> StreamOperation:
            return stream_reset(stream=self.stream(key), by=self.by, at=self.at)

        return act(request, reset, render=self.shown_operation, status=202, headers=location)


class DataStreamHealth(StreamView):
    scopes = SCOPES

    @operation(
        "data_streams_health", "Show how a data stream stands", answers={200: shapes.DataStreamHealthShape}
    )
    def get(self, request: Request, key: str) -> Response:
        """Where `records_count` is not `import_batches_record_sum` plus `orphan_records_count`, records of imports were
        deleted since. Adjustments are not counted."""
        only(request)
        found = stream_health(self.stream(key), at=self.at)
        return Response(present(shapes.DataStreamHealthShape, found, organization_id=self.organization_id))


class DataStreamOperation(StreamView):
    scopes = SCOPES

    @operation(
        "data_streams_operation_get",
        "Show work on a whole data stream",
        answers={200: shapes.DataStreamOperationShape},
    )
    def get(self, request: Request, key: str, operation_id: int) -> Response:
        """How far a reset or deletion is; also when the stream is gone."""
        only(request)
        found = operation_of(organization_id=self.organization_id, stream_key=key, operation_id=operation_id)
        return Response(self.shown_operation(found))
