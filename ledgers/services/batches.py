"""Import batches: what one file or bulk request adds to each stream, summed as it comes in. Called by every import beside
the writing of its records, in the same transaction.

Open the batches before the records are written, since these name them; add what was written afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import polars as pl

from ledgers.models import ImportBatch, SourceFile
from ledgers.money import MINOR_MAX
from ledgers.states import BatchSource, Direction
from organizations.actors import Actor

SUMMED = (
    "record_count",
    "currency",
    "decimal_places",
    "total_credits",
    "total_debits",
    "by_currency",
    "date_range_start",
    "date_range_end",
    "first_record",
    "last_record",
)


def batches_open(
    stream_ids: Iterable[int],
    *,
    source_file_id: int | None = None,
    bulk_request_id: int | None = None,
    source: BatchSource = BatchSource.CSV_UPLOAD,
    by: Actor,
    at: datetime,
) -> dict[int, int]:
    """The id of each stream's batch of this file or bulk request, made at first need. Open only what will have records."""
    ids = set(stream_ids)
    origin = {"source_file_id": source_file_id, "bulk_request_id": bulk_request_id}
    mine = ImportBatch.objects.filter(**origin, stream__in=ids)
    found = dict(mine.values_list("stream_id", "pk"))
    if ids - set(found):
        filename = (
            SourceFile.objects.values_list("filename", flat=True).get(pk=source_file_id)
            if source_file_id is not None
            else ""
        )
        ImportBatch.objects.bulk_create(
            ImportBatch(
                stream_id=pk, source=source, filename=filename, created_at=at, created_by=by.ref, **origin
            )
            for pk in sorted(ids - set(found))
        )
        found = dict(mine.values_list("stream_id", "pk"))
    return found


def batches_add(batch_ids: Mapping[int, int], written: pl.DataFrame) -> None:
    """Count records in: a frame with stream_id, id, date, amount, direction, currency and decimal_places. Two queries,
    however many rows and streams."""
    if written.is_empty():
        return
    spans = {row["stream_id"]: row for row in _spans(written).iter_rows(named=True)}
    sums: dict[int, list[dict[str, Any]]] = {}
    for row in _sums(written).iter_rows(named=True):
        sums.setdefault(row.pop("stream_id"), []).append(row)
    batches = ImportBatch.objects.in_bulk([batch_ids[pk] for pk in spans])
    for batch in batches.values():
        _count_in(batch, sums[batch.stream_id], spans[batch.stream_id])
    ImportBatch.objects.bulk_update(batches.values(), SUMMED)


def batches_void(source_file_ids: Iterable[int], *, by: Actor, at: datetime) -> None:
    """With their files. What they said stays to be read."""
    own = ImportBatch.objects.live().filter(source_file__in=list(source_file_ids))
    own.update(voided_at=at, voided_by=by.ref)


def _sums(written: pl.DataFrame) -> pl.DataFrame:
    """Beyond 64 bits: a thousand amounts of the largest kind still have a sum."""
    amount = pl.col("amount").cast(pl.Int128)
    is_credit = pl.col("direction") == Direction.CREDIT
    return written.group_by("stream_id", "currency").agg(
        pl.col("decimal_places").first(),
        pl.len().cast(pl.Int64).alias("record_count"),
        amount.filter(is_credit).sum().alias("total_credits"),
        amount.filter(~is_credit).sum().alias("total_debits"),
    )


def _spans(written: pl.DataFrame) -> pl.DataFrame:
    return written.group_by("stream_id").agg(
        pl.col("date").min().alias("from"),
        pl.col("date").max().alias("to"),
        pl.col("id").min().alias("first"),
        pl.col("id").max().alias("last"),
    )


def _count_in(batch: ImportBatch, sums: list[dict[str, Any]], span: Mapping[str, Any]) -> None:
    by_currency: dict[str, dict[str, Any]] = {row["currency"]: row for row in batch.by_currency}
    for row in sums:
        before = by_currency.get(row["currency"])
        by_currency[row["currency"]] = row if before is None else _together(before, row)
    rows = sorted(by_currency.values(), key=lambda row: (-row["record_count"], row["currency"]))
    most = rows[0]
    batch.by_currency = rows
    batch.record_count = sum(row["record_count"] for row in rows)
    batch.currency, batch.decimal_places = most["currency"], most["decimal_places"]
    batch.total_credits, batch.total_debits = _kept(most["total_credits"]), _kept(most["total_debits"])
    batch.date_range_start = min(filter(None, (batch.date_range_start, span["from"])))
    batch.date_range_end = max(filter(None, (batch.date_range_end, span["to"])))
    batch.first_record = min(filter(None, (batch.first_record, span["first"])))
    batch.last_record = max(filter(None, (batch.last_record, span["last"])))


def _together(before: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    counted = ("record_count", "total_credits", "total_debits")
    return {**before, **{name: before[name] + row[name] for name in counted}}


def _kept(total: int) -> int:
    """What the column can keep; `by_currency` has the sum itself."""
    return max(-MINOR_MAX, min(total, MINOR_MAX))
