"""Questions about data streams: by key, as a list, and how healthy one is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Max, Q, QuerySet, Sum
from django.utils.translation import gettext as _

from ledgers.models import BulkRequest, DataStream, ImportBatch, PropertyDefinition, Record
from ledgers.models.records import DataStreamQuerySet
from ledgers.services.streams import KEY_FORM, KEY_MAX
from ledgers.states import WRITABLE_STREAMS, BulkStatus, RecordKind
from organizations.refusals import NotFound

STUCK_AFTER = timedelta(minutes=5)
"""A bulk request whose worker gave no sign of life for longer is stuck (contract of the stream surface, A.1)."""


def find_stream(*, organization_id: int, key: str) -> DataStream:
    """The live stream of this key, owned ones too. NotFound "stream.not_found"."""
    found = stream_by_key(organization_id=organization_id, key=key)
    if found is None:
        raise NotFound(
            _("There is no data stream with this key. Look it up in the list of data streams."),
            code="stream.not_found",
        )
    return found


def stream_by_key(*, organization_id: int, key: str) -> DataStream | None:
    """The same, None where there is none: for keys that a body or a query names."""
    if not KEY_FORM.fullmatch(key) or len(key) > KEY_MAX:
        return None  # nor could the database compare every text
    return DataStream.objects.of(organization_id).live().filter(key=key).first()


def listed_streams(*, organization_id: int, owned: bool = False) -> DataStreamQuerySet:
    """By key: those that programs fill; with `owned` also those of ledgers, bank accounts and settlements."""
    rows = DataStream.objects.of(organization_id).live().order_by("key")
    return rows if owned else rows.filter(kind__in=WRITABLE_STREAMS)


def listed_definitions(*, organization_id: int, stream_key: str) -> QuerySet[PropertyDefinition]:
    """What the metadata of the stream of this key holds, by key; nothing where there is no such stream."""
    stream = stream_by_key(organization_id=organization_id, key=stream_key)
    rows = PropertyDefinition.objects.live().filter(stream=stream).select_related("stream")
    return rows.order_by("key") if stream else rows.none()


def definition_of(*, organization_id: int, definition_id: int) -> PropertyDefinition:
    """NotFound "definition.not_found"."""
    rows = PropertyDefinition.objects.of(organization_id).live().select_related("stream")
    found = rows.filter(pk=definition_id).first()
    if found is None:
        raise NotFound(_("There is no property definition with this id."), code="definition.not_found")
    return found


@dataclass(frozen=True, slots=True)
class StreamHealth:
    """Counts of rows. `records_count` and `import_batches_record_sum` drift apart where records came by themselves, or
    were deleted since."""

    records_count: int
    import_batches_count: int
    import_batches_record_sum: int
    orphan_records_count: int
    bulk_requests: dict[str, int]
    """By status; `stuck` ones are among those that are processing."""
    last_ingestion_at: datetime | None


def stream_health(stream: DataStream, *, at: datetime) -> StreamHealth:
    """In three queries. Adjustments, which exist in their match only, are not counted."""
    records = Record.objects.live().filter(stream=stream, kind=RecordKind.ENTRY)
    of_records = records.aggregate(
        count=Count("pk"), orphans=Count("pk", filter=Q(import_batch_id__isnull=True)), last=Max("created_at")
    )
    of_batches = (
        ImportBatch.objects.live()
        .filter(stream=stream)
        .aggregate(count=Count("pk"), records=Sum("record_count"))
    )
    return StreamHealth(
        records_count=of_records["count"],
        import_batches_count=of_batches["count"],
        import_batches_record_sum=int(of_batches["records"] or 0),
        orphan_records_count=of_records["orphans"],
        bulk_requests=_bulk_counts(stream, at=at),
        last_ingestion_at=of_records["last"],
    )


def _bulk_counts(stream: DataStream, *, at: datetime) -> dict[str, int]:
    """Requests that name its key since it is this stream's: an earlier stream's are not its own."""
    quiet = Q(heartbeat_at__lt=at - STUCK_AFTER)
    counted = {status.value: Count("pk", filter=Q(status=status)) for status in BulkStatus}
    rows = BulkRequest.objects.of(stream.organization_id).filter(
        stream_keys__contains=[stream.key], created_at__gte=stream.created_at
    )
    return rows.aggregate(**counted, stuck=Count("pk", filter=Q(status=BulkStatus.PROCESSING) & quiet))
