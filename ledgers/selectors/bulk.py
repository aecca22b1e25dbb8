"""Bulk requests and import batches as lists show them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.utils.translation import gettext as _

from ledgers.models import BulkRequest, DataStream, ImportBatch, Record
from ledgers.states import RecordKind
from organizations.refusals import NotFound


@dataclass(frozen=True, slots=True)
class BulkFilter:
    """What is asked for; None is everything. Both bounds are inclusive."""

    data_stream_key: str | None = None
    status: str | None = None
    source: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


def bulk_requests_of(
    organization_id: int, asked: BulkFilter, *, behind: tuple[datetime, int] | None, limit: int
) -> list[BulkRequest]:
    """The newest ones, or those behind a place (created_at, id) in that order."""
    rows = BulkRequest.objects.of(organization_id)
    if asked.data_stream_key is not None:
        rows = rows.filter(stream_keys__contains=[asked.data_stream_key])
    if asked.status is not None:
        rows = rows.filter(status=asked.status)
    if asked.source is not None:
        rows = rows.filter(source=asked.source)
    if asked.created_after is not None:
        rows = rows.filter(created_at__gte=asked.created_after)
    if asked.created_before is not None:
        rows = rows.filter(created_at__lte=asked.created_before)
    if behind is not None:
        at, pk = behind
        rows = rows.filter(Q(created_at__lt=at) | Q(created_at=at, pk__lt=pk), created_at__lte=at)
    return list(rows.order_by("-created_at", "-pk")[:limit])


def batches_of(stream: DataStream, *, offset: int, limit: int) -> list[ImportBatch]:
    """A stream's import batches, the newest first."""
    rows = ImportBatch.objects.live().filter(stream=stream).select_related("stream")
    return list(rows.order_by("-pk")[offset : offset + limit])


def batch_of(*, organization_id: int, batch_id: int) -> ImportBatch:
    """Raises NotFound, also where it was voided with its file or stream."""
    rows = ImportBatch.objects.of(organization_id).live().select_related("stream")
    row = rows.filter(pk=batch_id).first()
    if row is None:
        raise NotFound(_("There is no import batch with this id."), code="import_batch.not_found")
    return row


def records_of_batch(batch: ImportBatch, *, offset: int, limit: int) -> list[Record]:
    """Its live records, the newest first: a walk over their span of ids, since records have no index of their batch."""
    if batch.first_record is None or batch.last_record is None:
        return []
    rows = Record.objects.live().filter(
        stream=batch.stream_id,
        pk__gte=batch.first_record,
        pk__lte=batch.last_record,
        import_batch_id=batch.pk,
        kind=RecordKind.ENTRY,
    )
    return list(rows.select_related("stream").order_by("-pk")[offset : offset + limit])
