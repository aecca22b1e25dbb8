"""Import batches: what each file or bulk request added to a stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from api.shared.pagination import HasMore, Page
from api.shared.problems import Problem
from api.shared.queries import only
from api.shared.schema import operation
from api.streams.bulk_presenting import batch_body
from api.streams.bulk_shapes import BatchList, BatchRecords, BatchShape
from api.streams.presenting import record_body
from api.streams.views.base import PROBLEMS, StreamsView
from api.streams.views.bulk import OFFSET
from ledgers.selectors.bulk import batch_of, batches_of, records_of_batch
from ledgers.selectors.streams import find_stream

BATCHES = HasMore(default=100, cap=100)
RECORDS = HasMore(default=25, cap=100)
BATCH_PROBLEMS: Mapping[int, Problem] = {
    **PROBLEMS,
    404: Problem(404, "import_batch.not_found", "There is no import batch with this id."),
}


def limit_of(style: HasMore) -> OpenApiParameter:
    return OpenApiParameter(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": style.cap, "default": style.default},
        description="Rows asked for.",
    )


class BatchesView(StreamsView):
    scopes = {"GET": "records:read"}
    problems = BATCH_PROBLEMS

    def page(
        self,
        style: HasMore,
        rows: Callable[[int, int], Sequence[Any]],
        show: Callable[[Any], dict[str, Any]],
    ) -> Response:
        """One page of what `rows` gives for an offset and a limit."""
        only(self.request, ("limit", "offset"))
        window = style.window(self.request.query_params)
        found = list(rows(window.offset, window.limit + 1))
        shown = [show(row) for row in found[: window.limit]]
        return Response(style.envelope(Page(shown, window, len(found) > window.limit), shown))


class StreamBatches(BatchesView):
    problems = PROBLEMS

    @operation(
        "data_streams_import_batches",
        "List the import batches of a stream",
        answers={200: BatchList},
        parameters=[limit_of(BATCHES), OFFSET],
    )
    def get(self, request: Request, key: str) -> Response:
        """The newest first. Records that came in one by one are in none."""
        stream = find_stream(organization_id=self.organization_id, key=key)
        return self.page(
            BATCHES,
            lambda offset, limit: batches_of(stream, offset=offset, limit=limit),
            batch_body,
        )


class OneBatch(BatchesView):
    @operation("import_batches_get", "Show an import batch", answers={200: BatchShape})
    def get(self, request: Request, batch_id: int) -> Response:
        """One that was voided with its file or stream is gone."""
        only(request)
        return Response(batch_body(batch_of(organization_id=self.organization_id, batch_id=batch_id)))


class RecordsOfBatch(BatchesView):
    @operation(
        "import_batches_records",
        "List the records of an import batch",
        answers={200: BatchRecords},
        parameters=[limit_of(RECORDS), OFFSET],
    )
    def get(self, request: Request, batch_id: int) -> Response:
        """Those that are there still, the newest first."""
        batch = batch_of(organization_id=self.organization_id, batch_id=batch_id)
        return self.page(
            RECORDS,
            lambda offset, limit: records_of_batch(batch, offset=offset, limit=limit),
            record_body,
        )
