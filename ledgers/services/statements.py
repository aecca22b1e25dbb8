"""Writes a parsed statement into its account's stream: new records, and which line states which record. Knows no match.

Called by intake inside its transaction, under the stream's shared lock.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import polars as pl
from django.db import connection

from ledgers.formats.events import BALANCE_COLUMN, Balance
from ledgers.models import DataStream, Record, SourceFile, Statement, StatementLine
from ledgers.money import exponent
from ledgers.services.batches import batches_add, batches_open
from ledgers.services.dedup import later_keys, numbered_keys
from ledgers.services.parsing import ParsedStatement
from ledgers.services.records import records_write
from ledgers.services.rows import array_text, copy_rows, draw_ids, id_sequence
from ledgers.states import LineStatus, RecordKind
from organizations.actors import Actor

KNOWN_SCHEMA = {"key": pl.String, "record_id": pl.Int64, "ended_on": pl.Date}


@dataclass(slots=True)
class ImportCounts:
    """Lines: `imported` are new records (suspects among them), `already_known` state a record that was there."""

    imported: int = 0
    already_known: int = 0
    suspect: int = 0
    pending: int = 0

    def add(self, other: ImportCounts) -> None:
        self.imported += other.imported
        self.already_known += other.already_known
        self.suspect += other.suspect
        self.pending += other.pending


def statement_open(
    parsed: ParsedStatement,
    *,
    source_file: SourceFile,
    stream: DataStream,
    position: int,
    currency: str,
    at: datetime,
) -> Statement:
    """The statement's row, with its stated balances in minor units (credit +)."""
    start, end = parsed.start, parsed.booked
    opening, closing = _in(parsed.opening, currency), _in(parsed.closing, currency)
    return Statement.objects.create(
        source_file=source_file,
        stream=stream,
        bank_account_id=stream.bank_account_id,
        position=position,
        number=start.number[:64],
        sequence=start.sequence[:64],
        currency=currency,
        decimal_places=exponent(currency),
        from_date=start.from_date,
        to_date=start.to_date,
        begins_on=parsed.begins_on,
        ends_on=parsed.ends_on,
        opening_amount=opening.amount_signed_minor if opening else None,
        opening_kind=opening.kind[:8] if opening else "",
        opening_on=opening.date if opening else None,
        closing_amount=closing.amount_signed_minor if closing else None,
        closing_on=closing.date if closing else None,
        running_order=parsed.running.order,
        credit_sum=end.credit_sum,
        debit_sum=end.debit_sum,
        line_count=end.lines,
        pending_count=end.pending,
        created_at=at,
    )


def _in(balance: Balance | None, currency: str) -> Balance | None:
    """A balance in another currency than the lines says nothing of them: it counts as not stated."""
    return balance if balance is not None and balance.currency in ("", currency) else None


def statement_write(
    parsed: ParsedStatement, *, statement: Statement, stream: DataStream, by: Actor, at: datetime
) -> Iterator[tuple[pl.DataFrame, ImportCounts]]:
    """Write the lines batch by batch; gives each batch's new records (id, date, effect, …) and counts.

    Details are written behind them, below the records that are new: those of a known line are there already.
    """
    if not parsed.bases:
        return
    parents: list[pl.DataFrame] = []
    keys = numbered_keys(pl.concat(parsed.bases))["key"]
    offset = 0
    first = not Record.objects.filter(
        stream=stream
    ).exists()  # then nothing can be known, and is not looked for
    for frame in parsed.frames():
        lines = frame.with_columns(keys.slice(offset, frame.height).alias("dedup_key"))
        offset += frame.height
        told = _all_new(lines) if first else _told_apart(lines, statement=statement, stream=stream)
        new = _new_write(
            told.filter(pl.col("record_id").is_null()).drop("record_id"),
            statement=statement,
            stream=stream,
            by=by,
            at=at,
        )
        known = told.filter(pl.col("record_id").is_not_null())
        _lines_write(new, known, statement=statement)
        if parsed.has_details:
            parents.append(new.select("line_no", "id", "date", "value_date", "date_inferred"))
        yield new, ImportCounts(new.height, known.height, int(new["suspect"].sum()))

    if parents:
        _details_write(
            parsed, pl.concat(parents), stream=stream, source_file_id=statement.source_file_id, by=by, at=at
        )


def _new_write(
    lines: pl.DataFrame, *, statement: Statement, stream: DataStream, by: Actor, at: datetime
) -> pl.DataFrame:
    """Lines that nobody stated before, as records of the file's import batch in this stream."""
    file_id = statement.source_file_id
    batches = batches_open([stream.pk], source_file_id=file_id, by=by, at=at) if lines.height else {}
    new = records_write(
        lines,
        stream=stream,
        source_file_id=file_id,
        import_batch_id=batches.get(stream.pk),
        by=by,
        at=at,
    )
    batches_add(batches, new.with_columns(pl.lit(stream.pk).alias("stream_id")))
    return new


def _details_write(
    parsed: ParsedStatement,
    parents: pl.DataFrame,
    *,
    stream: DataStream,
    source_file_id: int,
    by: Actor,
    at: datetime,
) -> None:
    """Each detail of a new line as a record below that line's, on its days: no open item, no sum, no key to be known by."""
    below = parents.rename({"id": "parent_id"})
    for frame in parsed.details():
        lines = frame.join(below, on="line_no", how="inner", maintain_order="left")
        records_write(
            lines, stream=stream, source_file_id=source_file_id, kind=RecordKind.DETAIL, by=by, at=at
        )


def _all_new(lines: pl.DataFrame) -> pl.DataFrame:
    return lines.with_columns(pl.lit(None, dtype=pl.Int64).alias("record_id"), pl.lit(False).alias("suspect"))


def _told_apart(lines: pl.DataFrame, *, statement: Statement, stream: DataStream) -> pl.DataFrame:
    """Adds record_id (null: new), suspect, and the key that holds. See the module `dedup` and its rule on twins."""
    known = known_records(stream, lines["dedup_key"])
    told = lines.join(known, left_on="dedup_key", right_on="key", how="left", maintain_order="left")
    told = told.with_columns(pl.lit(False).alias("suspect"))
    if statement.from_date is None:
        return told.drop("ended_on")
    nameless = (pl.col("external_id") == "") & (pl.col("end_to_end_id") == "")
    ended = pl.col("ended_on") < statement.from_date
    apart = told.select((nameless & pl.col("record_id").is_not_null() & ended).fill_null(False)).to_series()
    if not apart.any():
        return told.drop("ended_on")
    again = told.filter(apart)
    fresh = later_keys(again["dedup_key"], statement.from_date)
    again = (
        again.drop("record_id", "ended_on")
        .with_columns(fresh.alias("dedup_key"))
        .join(known_records(stream, fresh).drop("ended_on"), left_on="dedup_key", right_on="key", how="left")
        .with_columns(pl.col("record_id").is_null().alias("suspect"))
        .select(*lines.columns, "record_id", "suspect")
    )
    kept = told.filter(~apart).select(*lines.columns, "record_id", "suspect")
    return pl.concat([kept, again]).sort("line_no")


def known_records(stream: DataStream, keys: pl.Series) -> pl.DataFrame:
    """Live records of the stream under these keys (key, record_id, ended_on), and on which day the statement that brought each one ended."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT r.dedup_key::text, r.id, max(s.to_date)
            FROM ledgers_record r
            LEFT JOIN ledgers_statementline l ON l.record_id = r.id AND l.status = 'new'
            LEFT JOIN ledgers_statement s ON s.id = l.statement_id
            WHERE r.stream_id = %s AND r.dedup_key = ANY(%s::uuid[]) AND r.voided_at IS NULL
            GROUP BY r.id
            """,
            [stream.pk, array_text(keys)],
        )
        return pl.DataFrame(cursor.fetchall(), schema=KNOWN_SCHEMA, orient="row")


def _lines_write(new: pl.DataFrame, known: pl.DataFrame, *, statement: Statement) -> None:
    given = pl.col(BALANCE_COLUMN) if BALANCE_COLUMN in new.columns else pl.lit(None, dtype=pl.Int64)
    balance = given.alias("balance")
    rows = pl.concat(
        [
            new.select(
                "line_no",
                pl.col("id").alias("record_id"),
                pl.lit(LineStatus.NEW.value).alias("status"),
                balance,
            ),
            known.select("line_no", "record_id", pl.lit(LineStatus.KNOWN.value).alias("status"), balance),
        ]
    ).sort("line_no")
    copy_rows(
        StatementLine,
        rows.select(
            pl.Series("id", draw_ids(id_sequence(StatementLine), rows.height), dtype=pl.Int64),
            pl.lit(statement.pk).alias("statement_id"),
            pl.lit(statement.source_file_id).alias("source_file_id"),
            "record_id",
            "line_no",
            "status",
            pl.lit("").alias("note"),
            "balance",
        ),
    )
