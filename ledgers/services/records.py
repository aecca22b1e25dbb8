"""Writes records from a frame of lines: ids, signs and effect are worked out here, for every way in. Called by intake."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl

from ledgers.models import DataStream, Record
from ledgers.services.rows import copy_rows, draw_ids, id_sequence
from ledgers.states import Direction, RecordKind
from organizations.actors import Actor
from organizations.ids import uuid7_block

GIVEN: dict[str, Any] = {
    "date": pl.Date,
    "value_date": pl.Date,
    "occurred_at": pl.Datetime("us", "UTC"),
    "amount": pl.Int64,
    "direction": pl.String,
    "currency": pl.String,
    "decimal_places": pl.Int16,
    "reference": pl.String,
    "description": pl.String,
    "counterparty": pl.String,
    "external_id": pl.String,
    "event": pl.String,
    "metadata": pl.String,
    "dedup_key": pl.String,
    "suspect": pl.Boolean,
    "date_inferred": pl.Boolean,
    "journal_id": pl.Int64,
    "parent_id": pl.Int64,
}
"""What a frame may say of a record; what it leaves out is empty, null or false."""

EMPTY = {
    "reference": "",
    "description": "",
    "counterparty": "",
    "external_id": "",
    "event": "",
    "metadata": "{}",
}
FALSE = ("suspect", "date_inferred")


def records_write(
    lines: pl.DataFrame,
    *,
    stream: DataStream,
    source_file_id: int | None = None,
    import_batch_id: int | None = None,
    kind: RecordKind = RecordKind.ENTRY,
    keys_in_order: bool = False,
    by: Actor,
    at: datetime,
) -> pl.DataFrame:
    """COPY one record per line into the stream; the lines come back with `id`, `uuid`, `signed_amount` and `effect`.

    `amount` is in minor units as sent, `direction` credit or debit. Ids ascend in the order of the lines. `keys_in_order`
    writes by dedup key: two writers of the same keys then wait for each other in one direction, never in a circle.
    """
    count = lines.height
    signed = (
        pl.when(pl.col("direction") == Direction.CREDIT).then(pl.col("amount")).otherwise(-pl.col("amount"))
    )
    filled = lines.with_columns(
        pl.Series("id", draw_ids(id_sequence(Record), count), dtype=pl.Int64),
        pl.Series("uuid", uuid7_block(count), dtype=pl.String),
        signed.alias("signed_amount"),
        (signed * stream.effect_sign).alias("effect"),
    )
    missing = [name for name in GIVEN if name not in lines.columns]
    row = filled.with_columns(
        *(pl.lit(_default(name), dtype=GIVEN[name]).alias(name) for name in missing),
        pl.lit(stream.pk).alias("stream_id"),
        pl.lit(kind.value).alias("kind"),
        pl.lit(1).alias("dedup_version"),
        pl.lit(source_file_id, dtype=pl.Int64).alias("source_file_id"),
        pl.lit(import_batch_id, dtype=pl.Int64).alias("import_batch_id"),
        pl.lit(at).alias("created_at"),
        pl.lit(by.ref).alias("created_by"),
        pl.lit("").alias("voided_by"),
    )
    columns = ["id", "uuid", "stream_id", "kind", *GIVEN, "signed_amount", "effect", "dedup_version"]
    columns += ["source_file_id", "import_batch_id", "created_at", "created_by", "voided_by"]
    copy_rows(Record, row.select(*columns).sort("dedup_key") if keys_in_order else row.select(*columns))
    return filled


def _default(name: str) -> object:
    if name in EMPTY:
        return EMPTY[name]
    return False if name in FALSE else None
