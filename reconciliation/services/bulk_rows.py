"""Writes a chunk of a bulk request's rows: each judged by itself, those of one stream written together, with their open
items and import batches. In the caller's one transaction; no query per row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl
from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from ledgers.models import BulkRequest, DataStream
from ledgers.services.batches import batches_add, batches_open
from ledgers.services.metadata import definitions_of, metadata_issues
from ledgers.services.record_rows import STREAM, FieldIssue, RecordIn, read_row
from ledgers.services.records import records_write
from ledgers.states import WRITABLE_STREAMS, BatchSource, BulkRowStatus, BulkSource, OnConflict
from organizations import audit
from organizations.actors import Actor
from reconciliation.services.automatic import passes_ring_for_records
from reconciliation.services.intake import Wiring, issue, share_wiring
from reconciliation.services.locks import share_streams_in_reset
from reconciliation.services.stream_records import dedup_key, not_written_here, records_frame

TRIES = 50
"""Whoever brings one of these ids beside us is in the way once, since all of its ids are known then: more writers than that
at one moment there are not."""
BATCH_SOURCES = {
    BulkSource.BULK_API: BatchSource.BULK_API,
    BulkSource.CSV: BatchSource.CSV_UPLOAD,
    BulkSource.NACHA: BatchSource.NACHA_UPLOAD,
}

KNOWN = """
SELECT r.stream_id, r.dedup_key::text FROM unnest(%s::bigint[], %s::uuid[]) AS k(stream_id, dedup_key)
JOIN ledgers_record r ON r.stream_id = k.stream_id AND r.dedup_key = k.dedup_key AND r.voided_at IS NULL
"""


@dataclass(slots=True)
class Row:
    """One row of the request and what becomes of it: a record to write, until `status` says how it ended."""

    index: int
    stream_key: str
    record: RecordIn | None
    external_id: str | None
    stream_id: int = 0
    key: str = ""
    status: BulkRowStatus | None = None
    error: str = ""
    record_id: int = 0

    def fail(self, error: str) -> None:
        self.status, self.error = BulkRowStatus.FAILED, error

    def result(self) -> dict[str, Any]:
        """As `BulkContent.results` keeps it."""
        assert self.status is not None, "every row of a chunk has ended"
        found = {"index": self.index, "status": self.status.value, "external_id": self.external_id}
        if self.status == BulkRowStatus.SUCCESSFUL:
            found["record_id"] = self.record_id
        elif self.status == BulkRowStatus.FAILED:
            found["error"] = self.error
        return found


@dataclass(slots=True)
class Places:
    """Where the rows of a chunk go: live streams by key, and what they are wired to, read behind the locks."""

    streams: dict[str, DataStream]
    wiring: Wiring = field(default_factory=dict)


def chunk_write(
    request: BulkRequest, given: Iterable[dict[str, Any]], *, by: Actor, at: datetime
) -> list[dict[str, Any]]:
    """Write these rows ({index, row}); what became of each, in their order."""
    rows = [_read(each) for each in given]
    places = _locked_places(rows, request.organization_id)
    _place(rows, places)
    _check_metadata(rows)
    for tries_left in reversed(range(TRIES)):
        waiting = [row for row in rows if row.status is None]
        fresh = _without_known(waiting, request)
        try:
            with transaction.atomic():
                _write(fresh, places, request, by=by, at=at)
            break
        except IntegrityError:  # one of these ids came in beside us: look again
            if not tries_left:
                raise
            for row in fresh:
                row.status, row.record_id = None, 0
    return [row.result() for row in rows]


def _read(given: dict[str, Any]) -> Row:
    key, record, issues = read_row(given["row"])
    external_id = given["row"].get("external_id") if isinstance(given["row"], dict) else None
    row = Row(given["index"], key, record, external_id if isinstance(external_id, str) else None)
    if issues:
        row.fail("; ".join(str(each) for each in issues))
    elif record is not None and record.external_id:
        row.key = str(dedup_key(record.external_id))
    return row


def _locked_places(rows: Sequence[Row], organization_id: int) -> Places:
    """The streams that the rows name, as they are behind their locks, with what they are wired to."""
    keys = {row.stream_key for row in rows if row.status is None}
    live = DataStream.objects.of(organization_id).live()
    found = list(live.filter(key__in=keys, kind__in=WRITABLE_STREAMS).values_list("pk", flat=True))
    share_streams_in_reset(found)
    streams = {stream.key: stream for stream in live.filter(key__in=keys)}
    ready = [stream.pk for stream in streams.values() if stream.pk in found and not stream.resetting]
    return Places(streams, share_wiring(ready))


def _place(rows: Iterable[Row], places: Places) -> None:
    for row in rows:
        if row.status is not None:
            continue
        stream = places.streams.get(row.stream_key)
        if stream is None:
            row.fail(str(FieldIssue(STREAM, _("There is no data stream with this key."))))
        elif stream.kind not in WRITABLE_STREAMS:
            row.fail(str(FieldIssue(STREAM, not_written_here(stream))))
        elif stream.pk not in places.wiring:
            message = _("Stream %(name)s is being reset or deleted. Send it again when that has ended.")
            row.fail(str(FieldIssue(STREAM, message % {"name": stream.name})))
        else:
            row.stream_id = stream.pk


def _check_metadata(rows: Iterable[Row]) -> None:
    waiting = [row for row in rows if row.status is None and row.record is not None]
    definitions = definitions_of({row.stream_id for row in waiting})
    for row in waiting:
        assert row.record is not None
        issues = metadata_issues(definitions[row.stream_id], row.record.metadata)
        if issues:
            row.fail("; ".join(issues))


def _without_known(rows: Sequence[Row], request: BulkRequest) -> list[Row]:
    """Those whose external id the stream does not have, and no earlier row brings."""
    keyed = [row for row in rows if row.key]
    known = _known({(row.stream_id, row.key) for row in keyed})
    fresh = []
    for row in rows:
        if not row.key:
            fresh.append(row)
        elif (row.stream_id, row.key) not in known:
            known.add((row.stream_id, row.key))
            fresh.append(row)
        elif request.on_conflict == OnConflict.SKIP:
            row.status = BulkRowStatus.SKIPPED
        else:
            row.fail(_("external_id already exists in this data stream"))
    return fresh


def _known(keys: set[tuple[int, str]]) -> set[tuple[int, str]]:
    if not keys:
        return set()
    stream_ids, texts = zip(*sorted(keys), strict=True)
    with connection.cursor() as cursor:
        cursor.execute(KNOWN, [list(stream_ids), list(texts)])
        return {(stream_id, key) for stream_id, key in cursor.fetchall()}


def _write(rows: Sequence[Row], places: Places, request: BulkRequest, *, by: Actor, at: datetime) -> None:
    """Records, open items, import batches, one audit event, and one ring for passes."""
    if not rows:
        return
    streams = {stream.pk: stream for stream in places.streams.values()}
    by_stream: dict[int, list[Row]] = {}
    for row in rows:
        by_stream.setdefault(row.stream_id, []).append(row)
    source = BATCH_SOURCES[BulkSource(request.source)]
    batches = batches_open(by_stream, bulk_request_id=request.pk, source=source, by=by, at=at)
    parts = []
    for stream_id, own in sorted(by_stream.items()):
        written = records_write(
            records_frame(row.record for row in own if row.record is not None),
            stream=streams[stream_id],
            import_batch_id=batches[stream_id],
            keys_in_order=True,
            by=by,
            at=at,
        )
        for row, record_id in zip(own, written["id"].to_list(), strict=True):
            row.status, row.record_id = BulkRowStatus.SUCCESSFUL, record_id
        issue(written, places.wiring[stream_id], at=at)
        parts.append(written.with_columns(pl.lit(stream_id, dtype=pl.Int64).alias("stream_id")))
    whole = pl.concat(parts)
    batches_add(batches, whole)
    passes_ring_for_records(
        {found.pk for stream_id in by_stream for found, _side in places.wiring[stream_id]}, at=at
    )
    audit.record(
        action="records.added",
        organization_id=request.organization_id,
        by=by,
        at=at,
        subject=request,
        subjects=[streams[pk] for pk in sorted(by_stream)],
        records=whole.height,
        first_record=int(whole["id"].min()),  # type: ignore[arg-type]
        last_record=int(whole["id"].max()),  # type: ignore[arg-type]
    )
