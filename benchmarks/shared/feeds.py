"""Two streams of any size that one reconciliation holds against each other, loaded by COPY as bulk requests would have
left them. Nine tenths of the records are matched in pairs, half a tenth waits on each side."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import numpy as np
import polars as pl
from django.db import connection
from psycopg import sql

from benchmarks.shared.database import settle
from ledgers.models import DataStream
from organizations.actors import Actor, user_actor
from organizations.acts import perform
from organizations.ids import uuid7_block
from organizations.management.commands.create_organization import organization_with_owner
from organizations.services.keys import api_key_create
from reconciliation.services.rules import rule_create
from reconciliation.services.stream_reconciliations import reconciliation_create
from reconciliation.services.stream_records import dedup_key
from rules.models import Reconciliation

NOW = datetime(2026, 3, 31, 9, tzinfo=UTC)
DAY_0, DAYS = date(2026, 1, 1), 90
BATCH = 1_000
SCOPES = ("records:read", "records:write", "reconciliations:read")
REFERENCE = {"key": "reference", "operand": "eq", "value": "reference"}
LOADED = (
    "ledgers_bulkrequest",
    "ledgers_importbatch",
    "ledgers_record",
    "reconciliation_match",
    "reconciliation_matchmember",
    "reconciliation_openitem",
)
ALWAYS: dict[str, dict[str, Any]] = {
    "ledgers_bulkrequest": {
        "idempotency_key": "",
        "source": "bulk_api",
        "on_conflict": "skip",
        "status": "completed",
        "attempt": 1,
        "filename": "",
        "total_items": BATCH,
        "successful_items": BATCH,
        "failed_items": 0,
        "skipped_items": 0,
        "error_message": "",
        "error_details": "{}",
        "created_by": "system:bench",
        "started_at": NOW,
        "finished_at": NOW,
    },
    "ledgers_importbatch": {
        "source": "bulk_api",
        "filename": "",
        "record_count": BATCH,
        "currency": "EUR",
        "decimal_places": 2,
        "total_credits": 0,
        "total_debits": 0,
        "by_currency": "{}",
        "created_at": NOW,
        "created_by": "system:bench",
        "voided_by": "",
    },
    "ledgers_record": {
        "kind": "entry",
        "direction": "credit",
        "currency": "EUR",
        "decimal_places": 2,
        "description": "Card payment",
        "counterparty": "",
        "event": "",
        "metadata": '{"batch_no": "B-19"}',
        "dedup_version": 1,
        "suspect": "false",
        "date_inferred": "false",
        "created_by": "system:bench",
        "voided_by": "",
    },
    "reconciliation_match": {
        "status": "accepted",
        "origin": "auto",
        "currency": "EUR",
        "decimal_places": 2,
        "difference": 0,
        "record_count": 2,
        "created_by": "system:bench",
        "decided_by": "system:bench",
    },
    "reconciliation_matchmember": {"live": "true", "overdue_by_hand": "false"},
    "reconciliation_openitem": {"overdue_by_hand": "false"},
}
"""What all rows of a table have alike."""


@dataclass(frozen=True)
class Feeds:
    by: Actor
    key: str
    a: DataStream
    b: DataStream
    reconciliation: Reconciliation


def open_feeds() -> Feeds:
    """An organization with a key, two streams without a record, and their reconciliation with one rule."""
    _organization, owner = perform(
        partial(organization_with_owner, "Bench", "bench@example.com", "UTC", secrets.token_urlsafe(12))
    )
    by = user_actor(owner.user, owner)
    a, b = (
        DataStream.objects.create(
            organization_id=by.organization_id,
            key=key,
            name=key,
            kind="api",
            created_at=NOW,
            created_by=by.ref,
        )
        for key in ("card_acquirer", "house_bank")
    )
    make = partial(reconciliation_create, organization_id=by.organization_id, name="Acquirer to bank")
    made = perform(partial(make, side_a=[a], side_b=[b], by=by, at=NOW))
    facts = {"filters": {"operand": "and", "rules": [REFERENCE]}}
    perform(partial(rule_create, reconciliation=made, facts=facts, by=by, at=NOW))
    new_key = partial(api_key_create, organization_id=by.organization_id, name="bench", scopes=list(SCOPES))
    _key, text = perform(partial(new_key, by=by, at=NOW))
    return Feeds(by, text, a, b, made)


def load(feeds: Feeds, count: int, *, waiting: float = 0.1) -> None:
    """`count` records in all, half on each side, oldest first; so many of them wait, the others are matched in pairs."""
    pairs = count // 2
    rng = np.random.default_rng(1)
    minor = rng.integers(1_00, 5_000_00, pairs)
    day = pl.Series(np.sort(rng.integers(0, DAYS, pairs)) + (DAY_0 - date(1970, 1, 1)).days)
    open_ = pl.Series(rng.random(pairs) < waiting)
    pair = pl.DataFrame({"pair": np.arange(pairs), "amount": minor, "open": open_}).with_columns(
        date=day.cast(pl.Int32).cast(pl.Date)
    )
    records = pl.concat([_side(pair, feeds.a, "a", first=1), _side(pair, feeds.b, "b", first=pairs + 1)])
    _requests(records, feeds)
    _copy("ledgers_record", records.drop("side", "pair", "open"))
    _clearing(records, feeds)
    for table in ("ledgers_bulkrequest", "ledgers_importbatch", "ledgers_record", "reconciliation_match"):
        with connection.cursor() as cursor:
            cursor.execute(
                sql.SQL("SELECT setval(pg_get_serial_sequence({}, 'id'), (SELECT max(id) FROM {}))").format(
                    sql.Literal(table), sql.Identifier(table)
                )
            )
    settle(*LOADED)


def _side(pair: pl.DataFrame, stream: DataStream, side: str, *, first: int) -> pl.DataFrame:
    """Records of one stream, with the batch that each came in."""
    number = pl.col("pair").cast(pl.String).str.zfill(7)
    rows = pair.select(
        (pl.col("pair") + first).alias("id"),
        "date",
        pl.col("date").alias("value_date"),
        "amount",
        pl.col("amount").alias("signed_amount"),
        pl.col("amount").alias("effect"),
        pl.when("open")
        .then(pl.lit(f"{side}-") + number)
        .otherwise(pl.lit("INV-") + number)
        .alias("reference"),
        (pl.lit(f"{side}-tx-") + number).alias("external_id"),
        pl.lit(stream.pk).alias("stream_id"),
        ((pl.col("pair") + first - 1) // BATCH + 1).alias("import_batch_id"),
        (
            pl.lit(NOW) - pl.duration(seconds=pair.height * 2) + pl.duration(seconds=pl.col("pair") + first)
        ).alias("created_at"),
        pl.lit(side).alias("side"),
        "pair",
        "open",
    )
    keys = [str(dedup_key(text)) for text in rows["external_id"]]
    return rows.with_columns(uuid=pl.Series(uuid7_block(rows.height)), dedup_key=pl.Series(keys))


def _requests(records: pl.DataFrame, feeds: Feeds) -> None:
    """The bulk requests and import batches that the records came in."""
    batches = records.group_by("import_batch_id", "stream_id").agg(
        pl.col("id").min().alias("first_record"),
        pl.col("id").max().alias("last_record"),
        pl.col("date").min().alias("date_range_start"),
        pl.col("date").max().alias("date_range_end"),
        pl.col("created_at").max(),
    )
    batches = batches.unique("import_batch_id").sort("import_batch_id").rename({"import_batch_id": "id"})
    keys = pl.when(pl.col("stream_id") == feeds.a.pk).then(pl.lit(feeds.a.key)).otherwise(pl.lit(feeds.b.key))
    asked = batches.select(
        "id", "stream_id", "created_at", (pl.lit("{") + keys + pl.lit("}")).alias("stream_keys")
    )
    _copy("ledgers_bulkrequest", asked.with_columns(organization_id=pl.lit(feeds.by.organization_id)))
    _copy("ledgers_importbatch", batches.drop("created_at").with_columns(bulk_request_id=pl.col("id")))


def _clearing(records: pl.DataFrame, feeds: Feeds) -> None:
    """Matches of the pairs, and open items of the others."""
    of = pl.lit(feeds.reconciliation.pk).alias("reconciliation_id")
    matched = records.filter(~pl.col("open"))
    first = matched.filter(pl.col("side") == "a").select(
        (pl.col("pair") + 1).alias("id"),
        of,
        pl.col("amount").alias("total_a"),
        pl.col("amount").alias("total_b"),
        pl.col("date").alias("cleared_on"),
        "created_at",
        pl.col("created_at").alias("decided_at"),
    )
    _copy("reconciliation_match", first.with_columns(uuid=pl.Series(uuid7_block(first.height))))
    members = matched.select(
        (pl.col("pair") + 1).alias("match_id"),
        of,
        pl.col("id").alias("record_id"),
        "side",
        pl.col("effect").alias("applied"),
    )
    _copy("reconciliation_matchmember", members)
    waiting = records.filter(pl.col("open"))
    _copy(
        "reconciliation_openitem",
        waiting.select(of, pl.col("id").alias("record_id"), "side", pl.col("effect").alias("open_amount")),
    )


def _copy(table: str, rows: pl.DataFrame) -> None:
    whole = rows.with_columns(pl.lit(value).alias(name) for name, value in ALWAYS[table].items())
    texts = [name for name, value in ALWAYS[table].items() if value == ""]  # "", where CSV would say null
    kept = sql.SQL(", FORCE_NOT_NULL ({})").format(_names(texts)) if texts else sql.SQL("")
    statement = sql.SQL("COPY {} ({}) FROM STDIN WITH (FORMAT csv{})").format(
        sql.Identifier(table), _names(whole.columns), kept
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for part in whole.iter_slices(50_000):
            copy.write(part.write_csv(include_header=False, datetime_format="%Y-%m-%d %H:%M:%S%z"))


def _names(columns: list[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def new_rows(stream: DataStream, *, number: int) -> list[dict[str, Any]]:
    """A thousand rows that no request has sent before."""
    first = number * BATCH
    return [
        {
            "date": str(DAY_0 + timedelta(days=place % DAYS)),
            "data_stream_key": stream.key,
            "amount": 100 + place,
            "direction": "credit",
            "currency": "EUR",
            "description": f"Order {first + place}",
            "external_id": f"new-{first + place}",
            "metadata": {"batch_no": f"B-{number}"},
        }
        for place in range(BATCH)
    ]
