"""The raw texts of statement lines as typed lines, a batch at a time; shared by the readers of MT, BAI2, OFX and QIF."""

from collections.abc import Callable, Sequence
from json import JSONEncoder
from typing import NamedTuple

import polars as pl

from ledgers.formats.events import LINE_SCHEMA, RowErrors
from ledgers.formats.typed import Check, Row, bad_amount, day, report, shown
from ledgers.money import exponents, parse_major

json_text = JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class RawLine(NamedTuple):
    """What a line says, as text: the columns of a frame before anything is parsed."""

    statement: int  # index of the statement in the file
    line_no: int
    source_line: int  # the line in the file, for errors
    amount_text: str  # digits, '.' before the decimals; with a sign only where there is no direction
    currency: str
    direction: str  # credit or debit; empty: the amount's sign says it
    date_text: str  # YYYY-MM-DD
    value_text: str  # the same, or empty
    reference: str
    description: str
    counterparty: str
    external_id: str
    end_to_end_id: str
    metadata: str


class FieldNames(NamedTuple):
    """How a format calls its fields, for errors."""

    amount: str
    date: str
    value_date: str


RAW_SCHEMA = {
    name: pl.Int64() if kind is int else pl.String() for name, kind in RawLine.__annotations__.items()
}


def typed(rows: Sequence[RawLine], names: FieldNames, errors: RowErrors) -> pl.DataFrame:
    """LINE_SCHEMA and `statement`, in the order of the rows. Where `errors` grew, the result is not to be used."""
    columns = zip(*rows, strict=True) if rows else ([] for _ in RAW_SCHEMA)
    frame = pl.DataFrame(
        [
            pl.Series(name, column, dtype=RAW_SCHEMA[name])
            for name, column in zip(RAW_SCHEMA, columns, strict=True)
        ]
    )
    frame = frame.with_columns(decimal_places=exponents(frame["currency"]))
    parsed = parse_major(frame["amount_text"], frame["decimal_places"], spare_zeros=True)
    sign = pl.when(parsed.minor < 0).then(pl.lit("debit")).otherwise(pl.lit("credit"))
    stated = pl.col("direction") != ""
    frame = frame.with_columns(
        minor=parsed.minor,
        amount=parsed.minor.abs(),
        problem=parsed.problem,
        stated=stated,
        direction=pl.when(stated).then(pl.col("direction")).otherwise(sign),
        date=day("date_text"),
        value_date=day("value_text"),
        date_inferred=pl.lit(False),
    )
    report(frame, _checks(names), errors, line="source_line")
    return frame.select("statement", *(pl.col(name).cast(kind) for name, kind in LINE_SCHEMA.items()))


def _checks(names: FieldNames) -> list[Check]:
    below = pl.col("stated") & (pl.col("minor") < 0)
    no_value = (pl.col("value_text") != "") & pl.col("value_date").is_null()
    return [
        Check(names.amount, pl.col("problem").is_not_null(), bad_amount),
        Check(names.amount, below, lambda row: f"{shown(row['amount_text'])} is below zero"),
        Check(names.date, pl.col("date").is_null(), _no_day("date_text")),
        Check(names.value_date, no_value, _no_day("value_text")),
    ]


def _no_day(column: str) -> Callable[[Row], str]:
    return lambda row: f"{shown(row[column])} is not a day of the calendar"
