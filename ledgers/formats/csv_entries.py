"""CSV of the user's books: entries, or journals where a column groups its lines; found by the names in its header.

Columns are those of the ledger surface's entry bodies. Whether a journal foots is judged by the service that posts it.
"""

from collections.abc import Iterator
from functools import partial
from typing import BinaryIO
from zoneinfo import ZoneInfo

import polars as pl

from ledgers.formats.csv_header import ColumnNames, Header, missing_columns
from ledgers.formats.csv_money import SIGNED, TWO_COLUMNS, layout_of, with_money
from ledgers.formats.csv_table import CsvTable
from ledgers.formats.events import ENTRY_SCHEMA, RowErrors
from ledgers.formats.typed import (
    Check,
    Row,
    bad_day,
    day,
    filled,
    instant,
    json_of,
    report,
    shown,
)

COLUMNS: ColumnNames = {
    "date": ("date", "booking_date", "transaction_date", "posted_at"),
    "timestamp": ("timestamp",),
    "amount": ("amount",),
    "direction": ("type", "direction", "credit_debit", "cdtdbtind"),
    "debit": ("debit",),
    "credit": ("credit",),
    "ledger_code": ("ledger_code", "ledger", "account"),
    "journal_key": ("journal", "journal_id", "transaction_id"),
    "reference": ("reference_id", "reference", "ref"),
    "description": ("description", "narrative", "details"),
    "value_date": ("value_date",),
    "event": ("event",),
    "currency": ("currency", "ccy"),
}

OPTIONAL = ("ledger_code", "journal_key", "reference", "description", "value_date", "event", "currency")
TRIMMED = ("journal_key", "reference", "event")


def read(
    file: BinaryIO, *, currency: str | None = None, ledger_code: str = "", time_zone: str = "UTC"
) -> Iterator[pl.DataFrame]:
    """Frames of ENTRY_SCHEMA, at most `BATCH_ROWS` rows each.

    `ledger_code` is that of the ledger the file is for: it stands in where a row names none; empty: the file must
    have the column. `currency` stands in likewise, and where the file names no ledgers every row must agree with it.
    `time_zone` (IANA) is the organization's: a date is the day there, and a time without an offset is a time there.
    Raises FileRefused, at the end for rows that cannot be taken (`file.rows`), else at once; take back what came before.
    """
    errors = RowErrors()
    table = CsvTable(file, COLUMNS)
    header = _settled(table.header, ledger_code, currency)
    for batch in table.batches(errors):
        frame = _typed(batch, header, currency, ledger_code, time_zone, errors)
        if not errors:
            yield frame
    errors.refuse_if_any()


def _settled(header: Header, ledger_code: str, currency: str | None) -> Header:
    layout = layout_of(header)
    missing = []
    if "date" not in header.roles and "timestamp" not in header.roles:
        missing.append("date")
    if layout is None:
        missing.append("amount and type (or both debit and credit)")
    if layout == SIGNED:  # in books a sign says debit to some and credit to others
        missing.append("type (debit or credit)")
    if not ledger_code and "ledger_code" not in header.roles:
        missing.append("ledger_code")
    if currency is None and "currency" not in header.roles:
        missing.append("currency")
    if missing:
        raise missing_columns(header, " and ".join(missing))
    return header.without("direction") if layout == TWO_COLUMNS else header


def _typed(
    batch: pl.DataFrame,
    header: Header,
    currency: str | None,
    ledger_code: str,
    time_zone: str,
    errors: RowErrors,
) -> pl.DataFrame:
    """The batch as ENTRY_SCHEMA. Where `errors` grew, rows of the result are not to be used."""
    extra = {name: f"extra {name}" for name in header.others()}
    frame = batch.select(
        "line_no",
        *(pl.col(str(place)).alias(role) for role, place in header.roles.items()),
        *(pl.col(str(place)).alias(extra[name]) for name, place in header.others().items()),
    )
    frame = frame.with_columns(pl.lit("").alias(role) for role in OPTIONAL if role not in header.roles)
    frame = _with_days(frame, header, ZoneInfo(time_zone))
    frame = frame.with_columns(
        currency=_or_default("currency", currency or "").str.to_uppercase(),
        ledger_code=_or_default("ledger_code", ledger_code),
    )
    frame, checks = with_money(frame, header)
    report(frame, [*_day_checks(header), *checks, *_code_checks(header, currency)], errors)
    frame = frame.with_columns(pl.col(name).str.strip_chars() for name in TRIMMED)
    frame = frame.with_columns(metadata=json_of(extra))
    return frame.select(pl.col(name).cast(kind) for name, kind in ENTRY_SCHEMA.items())


def _with_days(frame: pl.DataFrame, header: Header, zone: ZoneInfo) -> pl.DataFrame:
    """`date`, `value_date` and `timestamp`. The instant is in the timestamp column, else in a date with a time."""
    day_role = "date" if "date" in header.roles else "timestamp"
    moment_role = "timestamp" if "timestamp" in header.roles else "date"
    frame = frame.with_columns(
        pl.col(day_role).alias("date_text"),
        pl.col(moment_role).alias("timestamp_text"),
        pl.col("value_date").alias("value_date_text"),
    )
    frame = frame.with_columns(timestamp=instant("timestamp_text", zone), written=day("date_text"))
    there = instant("date_text", zone).dt.convert_time_zone(zone.key).dt.date()
    return frame.with_columns(
        date=pl.when(pl.col("written").is_not_null()).then(pl.coalesce(there, pl.col("written"))),
        value_date=day("value_date_text"),
    )


def _or_default(role: str, default: str) -> pl.Expr:
    return pl.when(filled(role)).then(pl.col(role).str.strip_chars()).otherwise(pl.lit(default))


def _day_checks(header: Header) -> list[Check]:
    checks = []
    for role in ("date", "timestamp"):
        if role in header.roles:
            text = f"{role}_text"
            checks.append(Check(header.name(role), day(text).is_null(), partial(bad_day, column=text)))
    moment = "timestamp" if "timestamp" in header.roles else "date"
    timed = pl.col("timestamp_text").str.contains(":", literal=True)
    no_time = timed & day("timestamp_text").is_not_null() & pl.col("timestamp").is_null()
    checks.append(Check(header.name(moment), no_time, _no_such_time))
    late = filled("value_date_text") & pl.col("value_date").is_null()
    return [*checks, Check(header.name("value_date"), late, partial(bad_day, column="value_date_text"))]


def _code_checks(header: Header, currency: str | None) -> list[Check]:
    code = pl.col("currency")
    checks = [
        Check(header.name("currency"), ~code.str.contains("^[A-Z]{3}$"), _bad_currency),
        Check(
            header.name("ledger_code"),
            pl.col("ledger_code") == "",
            lambda row: "the ledger's code is missing",
        ),
    ]
    if currency and "ledger_code" not in header.roles:
        other = code.str.contains("^[A-Z]{3}$") & (code != currency)
        checks.append(Check(header.name("currency"), other, partial(_other_currency, expected=currency)))
    return checks


def _no_such_time(row: Row) -> str:
    text = shown(row["timestamp_text"])
    return f"{text} is a time that the clocks did not show that day; write the offset from UTC behind it"


def _other_currency(row: Row, expected: str) -> str:
    return f"{shown(row['currency'])} is another currency than {expected}, in which the ledger is kept"


def _bad_currency(row: Row) -> str:
    if not row["currency"]:
        return "the currency is missing"
    return f"{shown(row['currency'])} is not a currency code; write three letters, as in EUR"
