"""Table files that people upload into a data stream: all rows or none become records of it, read by the one pipeline of
imports (`file_import`), and are taken back as one act.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import polars as pl
from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from ledgers import formats
from ledgers.models import DataStream, ImportBatch, Record, SourceFile
from ledgers.services.batches import batches_add, batches_open, batches_void
from ledgers.services.metadata import definitions_of, metadata_faults
from ledgers.services.parsing import ParsedFile
from ledgers.services.record_rows import ID_MAX
from ledgers.services.records import records_write
from ledgers.services.rows import array_text
from ledgers.services.statements import ImportCounts
from ledgers.states import WRITABLE_STREAMS, SourceFileStatus
from organizations.actors import Actor
from organizations.refusals import Conflict, NotFound, Unreadable
from reconciliation.models import Match, MatchMember
from reconciliation.services.automatic import passes_ring_for_streams
from reconciliation.services.intake import Wiring, issue, lock_for_intake
from reconciliation.services.locks import own_reconciliations, queue_imports, share_streams
from reconciliation.services.matches import matches_end
from reconciliation.services.operations import owned, reconciliations_with
from reconciliation.services.records import VoidCounts
from reconciliation.services.stream_records import dedup_key
from reconciliation.states import MatchStatus

DUPLICATE = "file.duplicate"
ROWS_KEPT = 1_000
TRIES = 50  # others that bring one of a batch's ids beside it: each of them is in the way once

Faults = list[dict[str, Any]]


def stream_for_files(stream: DataStream) -> DataStream:
    """The stream as it stands, if files may go into it: of a kind that programs fill, and there still."""
    found = DataStream.objects.live().filter(pk=stream.pk).first()
    if found is None:
        raise NotFound(_("There is no such stream."), code="stream.not_found")
    if found.kind not in WRITABLE_STREAMS:
        raise owned(found)
    return found


def stream_file_write(
    parsed: ParsedFile, source: SourceFile, stream: DataStream, *, by: Actor, at: datetime
) -> ImportCounts:
    """Write the rows as records of the stream, with open items, one import batch, and passes where it is continuous. A row
    whose external id the stream has is known already.

    Unreadable, with rows and fields named: metadata that does not fit the stream's definitions ("file.rows"); another
    format than a table ("file.format"); the same bytes again, where rows have no external id to be known by
    ("file.duplicate"), unless somebody said that they may. Called inside the act that completes the file.
    """
    if source.format != formats.CSV:
        raise Unreadable(
            _("Into a stream go tables (CSV). Upload statements of a bank account on the import page."),
            code="file.format",
            word="invalid_file",
        )
    queue_imports([stream.pk])
    wiring = lock_for_intake([stream])
    stream = stream_for_files(stream)
    _check_rows(parsed, stream)
    _check_new(parsed, source, stream)
    counts = ImportCounts(pending=sum(each.booked.pending for each in parsed.statements))
    for frame in _frames(parsed):
        new = _write(frame, source, stream, wiring, by=by, at=at)
        counts.add(ImportCounts(imported=new, already_known=frame.height - new))
    if counts.imported:
        passes_ring_for_streams({found.pk for found, _side in wiring[stream.pk]}, at=at)
    return counts


def days_of(parsed: ParsedFile) -> tuple[date | None, date | None]:
    """First and last day of the rows."""
    first: date | None = None
    last: date | None = None
    for frame in _frames(parsed):
        for day in (frame["date"].min(), frame["date"].max()):
            if isinstance(day, date):
                first, last = min(first or day, day), max(last or day, day)
    return first, last


def stream_file_void(*, source: SourceFile, by: Actor, at: datetime) -> VoidCounts:
    """Take the records of an imported file away again, with undecided suggestions on them. Refused where one of them is in
    an accepted match ("record.matched", with their number)."""
    stream = source.stream
    assert stream is not None, "a file of a stream"
    share_streams([stream.pk])
    reconciliation_ids = reconciliations_with([stream.pk])
    own_reconciliations(reconciliation_ids)
    record_ids = _records_of(source)
    _refuse_matched(record_ids)
    undone = sum(_end_suggestions(pk, record_ids, by=by, at=at) for pk in reconciliation_ids)
    ids = array_text(pl.Series(record_ids, dtype=pl.Int64))
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE ledgers_record SET voided_at = %s, voided_by = %s WHERE id = ANY(%s::bigint[])",
            [at, by.ref, ids],
        )
        cursor.execute("DELETE FROM reconciliation_openitem WHERE record_id = ANY(%s::bigint[])", [ids])
    batches_void([source.pk], by=by, at=at)
    return VoidCounts(len(record_ids), 0, undone)


# --- reading ------------------------------------------------------------------------------------------------------------


def _frames(parsed: ParsedFile) -> Iterator[pl.DataFrame]:
    """The rows in batches; those of several currencies one currency after the other."""
    for statement in parsed.statements:
        yield from statement.frames()


def _check_rows(parsed: ParsedFile, stream: DataStream) -> None:
    """What the reader cannot know: what the stream's metadata has to be."""
    definitions = definitions_of([stream.pk])[stream.pk]
    rows: Faults = []
    count = 0
    for frame in _frames(parsed):
        found: Faults = _long_ids(frame)
        if definitions:
            for line, text in frame.select("line_no", "metadata").iter_rows():
                faults = metadata_faults(definitions, json.loads(text))
                found += [{"line": line, "field": f"metadata.{key}", "message": why} for key, why in faults]
        count += len(found)
        rows += found[: ROWS_KEPT - len(rows)]
    if count:
        rows.sort(key=lambda row: (row["line"], row["field"]))
        raise Unreadable(
            _("%(count)s values do not fit. Nothing was imported.") % {"count": count},
            code="file.rows",
            word="invalid_file",
            details={"rows": rows, "row_errors": count},
        )


def _long_ids(frame: pl.DataFrame) -> Faults:
    long = frame.filter(pl.col("external_id").str.len_chars() > ID_MAX)
    message = _("An external id has at most %(most)s characters.") % {"most": f"{ID_MAX:,}"}
    return [{"line": line, "field": "external_id", "message": message} for line in long["line_no"].to_list()]


def _check_new(parsed: ParsedFile, source: SourceFile, stream: DataStream) -> None:
    """Rows with an external id are known by it. Others are not, so the same bytes would come in twice, unless the stream was
    emptied since."""
    if source.taken_again or not any((frame["external_id"] == "").any() for frame in _frames(parsed)):
        return
    same = SourceFile.objects.live().filter(
        stream=stream,
        checksum_sha256=source.checksum_sha256,
        status=SourceFileStatus.COMPLETED,
        import_batches__voided_at__isnull=True,
    )
    earlier = same.exclude(pk=source.pk).order_by("pk").first()
    if earlier is not None:
        raise Unreadable(
            _(
                "This very file was imported into %(stream)s before (%(name)s, %(day)s), and its rows have no external id to"
                " be known by. If they happened twice, say so; else take this file away."
            )
            % {"stream": stream.name, "name": earlier.filename, "day": earlier.created_at.date()},
            code=DUPLICATE,
            word="duplicate_file",
        )


# --- writing ------------------------------------------------------------------------------------------------------------


def _write(
    frame: pl.DataFrame, source: SourceFile, stream: DataStream, wiring: Wiring, *, by: Actor, at: datetime
) -> int:
    """One batch: how many of its rows were new. An id that came in beside us meanwhile is looked for again."""
    keys = [str(key) if (key := dedup_key(text)) else None for text in frame["external_id"].to_list()]
    rows = frame.with_columns(pl.Series("dedup_key", keys, dtype=pl.String))
    for tries_left in reversed(range(TRIES)):
        fresh = _fresh(rows, stream)
        if fresh.is_empty():
            return 0
        try:
            with transaction.atomic():
                batches = batches_open([stream.pk], source_file_id=source.pk, by=by, at=at)
                new = records_write(
                    fresh,
                    stream=stream,
                    source_file_id=source.pk,
                    import_batch_id=batches[stream.pk],
                    by=by,
                    at=at,
                )
            break
        except IntegrityError:
            if not tries_left:
                raise
    batches_add(batches, new.with_columns(pl.lit(stream.pk).alias("stream_id")))
    issue(new, wiring[stream.pk], at=at)
    return new.height


def _fresh(rows: pl.DataFrame, stream: DataStream) -> pl.DataFrame:
    """Without rows that the stream has; of several with one id the first."""
    keyed = rows["dedup_key"].drop_nulls()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT dedup_key::text FROM ledgers_record
            WHERE stream_id = %s AND dedup_key = ANY(%s::uuid[]) AND voided_at IS NULL
            """,
            [stream.pk, array_text(keyed)],
        )
        known = pl.Series([key for (key,) in cursor.fetchall()], dtype=pl.String)
    key = pl.col("dedup_key")
    return rows.filter(key.is_null() | (key.is_first_distinct() & ~key.is_in(known.implode())))


# --- taking back --------------------------------------------------------------------------------------------------------


def _records_of(source: SourceFile) -> list[int]:
    """Of its batch's range of ids those that it wrote and that are there still."""
    batch = ImportBatch.objects.filter(source_file=source, first_record__isnull=False).first()
    if batch is None:
        return []
    rows = Record.objects.live().filter(
        stream_id=batch.stream_id, pk__range=(batch.first_record, batch.last_record), source_file_id=source.pk
    )
    return list(rows.order_by("pk").values_list("pk", flat=True))


def _refuse_matched(record_ids: list[int]) -> None:
    members = MatchMember.objects.filter(record_id__in=record_ids, live=True)
    count = members.filter(match__status=MatchStatus.ACCEPTED).values("record_id").distinct().count()
    if count:
        raise Conflict(
            _("%(count)s records of this file are in accepted matches. Undo those matches first.")
            % {"count": count},
            code="record.matched",
            word="match_state_conflict",
            details={"records": count},
        )


def _end_suggestions(reconciliation_id: int, record_ids: list[int], *, by: Actor, at: datetime) -> int:
    members = MatchMember.objects.filter(
        reconciliation_id=reconciliation_id, record_id__in=record_ids, live=True
    )
    live = Match.objects.live().filter(pk__in=members.values("match_id"))
    match_ids = list(live.order_by("pk").values_list("pk", flat=True))
    matches_end(
        match_ids,
        reconciliation_id=reconciliation_id,
        status=MatchStatus.UNDONE,
        reason="source_voided",
        by=by,
        at=at,
    )
    return len(match_ids)
