"""CSV statements: one table of lines of one account in one currency, found by the names in its header."""

from collections.abc import Iterator
from typing import BinaryIO

import polars as pl

from ledgers.formats.csv_money import TWO_COLUMNS, layout_of, with_money
from ledgers.formats.csv_table import ColumnNames, CsvTable, Header, missing_columns
from ledgers.formats.events import (
    LINE_SCHEMA,
    Event,
    FileRefused,
    Lines,
    RowErrors,
    StatementEnd,
    StatementStart,
)
from ledgers.formats.typed import Check, Sums, add_up, bad_day, day, filled, json_of, report, shown

COLUMNS: ColumnNames = {
    "booking_date": ("booking_date", "date", "transaction_date", "posted_at"),
    "amount": ("amount",),
    "direction": ("direction", "type", "credit_debit", "cdtdbtind"),
    "debit": ("debit",),
    "credit": ("credit",),
    "currency": ("currency", "ccy"),
    "value_date": ("value_date",),
    "reference": ("reference", "ref"),
    "end_to_end_id": ("end_to_end_id",),  # also the reference, where no other column is
    "description": ("description", "narrative", "details"),
    "counterparty": ("counterparty",),
    "external_id": ("external_id", "id", "transaction_id"),
}

IDS = ("reference", "end_to_end_id", "external_id")
TEXTS = ("description", "counterparty")
OPTIONAL = ("booking_date", "value_date", *IDS, *TEXTS)


def read(file: BinaryIO, *, currency: str | None = None) -> Iterator[Event]:
    """One statement: its start, its lines, its end. `currency` is the ledger's; None takes the file's own, if it has one.

    Raises FileRefused, at the end for rows that cannot be taken (`file.rows`), else at once. Lines given before
    are of a file that turned out to be wrong: take them back.
    """
    errors = RowErrors()
    table = CsvTable(file, COLUMNS)
    header = _settled(table.header)
    sums = Sums()
    started = False
    for batch in table.batches(errors):
        currency = currency or _currency_of_file(batch, header)
        if not started:
            yield StatementStart(index=0, currency=currency)
            started = True
        frame = _typed(batch, header, currency, errors)
        if not errors:  # else nothing of the file will be kept; only its faults are still of use
            for found in add_up(frame, ["currency"]).iter_rows():
                sums.add(*found)
            yield Lines(0, frame)
    errors.refuse_if_any()
    if not started:
        yield StatementStart(index=0, currency=currency)
    total = sums.of(currency)
    yield StatementEnd(0, None, None, sums.lines, total.credit_sum, total.debit_sum, 0, sums.all())


def _settled(header: Header) -> Header:
    """The header with everything that a line needs, else FileRefused `file.columns` naming what lacks."""
    layout = layout_of(header)
    missing = [] if "booking_date" in header.roles else ["booking_date"]
    if layout is None:
        missing.append("amount (or both debit and credit)")
    if missing:
        raise missing_columns(header, " and ".join(missing))
    return header.without("direction") if layout == TWO_COLUMNS else header


def _currency_of_file(batch: pl.DataFrame, header: Header) -> str:
    """The first currency that the file names: the others must agree with it."""
    if "currency" not in header.roles:
        raise missing_columns(header, "currency, which is needed as the file belongs to no ledger yet")
    named = batch[str(header.roles["currency"])].str.strip_chars().str.to_uppercase()
    codes = named.filter(named.str.contains("^[A-Z]{3}$"))
    if codes.is_empty():
        message = f"The column {header.name('currency')!r} names no currency. Write codes such as EUR in it."
        raise FileRefused("file.columns", message)
    return str(codes[0])


def _typed(batch: pl.DataFrame, header: Header, currency: str, errors: RowErrors) -> pl.DataFrame:
    """The batch as LINE_SCHEMA. Where `errors` grew, rows of the result are not to be used."""
    extra = {name: f"extra {name}" for name in header.others()}
    frame = batch.select(
        "line_no",
        *(pl.col(str(place)).alias(role) for role, place in header.roles.items() if role != "currency"),
        *(pl.col(str(place)).alias(extra[name]) for name, place in header.others().items()),
        currency_text=pl.col(str(header.roles["currency"])) if "currency" in header.roles else pl.lit(""),
        currency=pl.lit(currency),
    )
    frame = frame.with_columns(pl.lit("").alias(role) for role in OPTIONAL if role not in header.roles)
    frame = frame.rename({"booking_date": "date_text", "value_date": "value_date_text"})
    frame, checks = with_money(frame, header)
    frame = frame.with_columns(date=day("date_text"), value_date=day("value_date_text"))
    report(frame, [*_day_checks(header), *checks, _currency_check(header, currency)], errors)
    reference = "reference" if "reference" in header.roles else "end_to_end_id"
    return frame.select(
        *("line_no", "date", "value_date", "amount", "direction", "currency", "decimal_places", *TEXTS),
        date_inferred=pl.lit(False),
        reference=pl.col(reference).str.strip_chars(),
        external_id=pl.col("external_id").str.strip_chars(),
        end_to_end_id=pl.col("end_to_end_id").str.strip_chars(),
        metadata=json_of(extra),
    ).select(pl.col(name).cast(kind) for name, kind in LINE_SCHEMA.items())


def _day_checks(header: Header) -> list[Check]:
    late = filled("value_date_text") & pl.col("value_date").is_null()
    return [
        Check(header.name("booking_date"), pl.col("date").is_null(), lambda row: bad_day(row, "date_text")),
        Check(header.name("value_date"), late, lambda row: bad_day(row, "value_date_text")),
    ]


def _currency_check(header: Header, currency: str) -> Check:
    other = pl.col("currency_text").str.strip_chars().str.to_uppercase() != currency
    return Check(
        header.name("currency"),
        filled("currency_text") & other,
        lambda row: (
            f"{shown(row['currency_text'])} is another currency than {currency}, in which this account is kept"
        ),
    )
