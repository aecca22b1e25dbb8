"""The raw texts of camt entries as typed lines, a batch at a time, and what cannot be read as row errors."""

from collections.abc import Callable, Sequence

import polars as pl

from ledgers.formats.camt_details import RawDetail
from ledgers.formats.camt_entry import RawLine
from ledgers.formats.camt_statement import StatementState
from ledgers.formats.events import DETAIL_SCHEMA, LINE_SCHEMA, RowErrors
from ledgers.formats.typed import Check, Row, bad_amount, bad_day, day, report, shown
from ledgers.money import exponents, parse_major


def _schema(row: type[RawLine] | type[RawDetail]) -> dict[str, pl.DataType]:
    return {name: pl.Int64() if kind is int else pl.String() for name, kind in row.__annotations__.items()}


RAW_SCHEMA, RAW_DETAIL_SCHEMA = _schema(RawLine), _schema(RawDetail)

INDICATORS = {"CRDT": "credit", "DBIT": "debit"}


def typed(
    rows: Sequence[RawLine],
    statements: Sequence[StatementState],
    default_currency: str | None,
    errors: RowErrors,
) -> pl.DataFrame:
    """LINE_SCHEMA and `statement`, in the order of the rows. Where `errors` grew, the result is not to be used.

    The day of a line: booking date, else value date, else a date of its details, else the statement's one day
    (then `date_inferred`).
    """
    frame = _columns(rows, RAW_SCHEMA)
    currencies = {state.index: _first(state.currency, default_currency) for state in statements}
    days = {state.index: state.day for state in statements}
    frame = frame.with_columns(
        currency=pl.when(pl.col("currency") != "")
        .then(pl.col("currency"))
        .otherwise(_by_statement(currencies, pl.String())),
        statement_day=_by_statement(days, pl.Date()),
        date_text=pl.coalesce(_stated("booking_text"), _stated("value_text"), _stated("detail_date")),
        direction=pl.col("indicator").replace_strict(INDICATORS, default=None, return_dtype=pl.String),
    )
    frame = frame.with_columns(decimal_places=exponents(frame["currency"]))
    parsed = parse_major(frame["amount_text"], frame["decimal_places"], spare_zeros=True)
    frame = frame.with_columns(
        amount=parsed.minor,
        problem=parsed.problem,
        date_inferred=pl.col("date_text").is_null(),
        date=pl.when(pl.col("date_text").is_null()).then(pl.col("statement_day")).otherwise(day("date_text")),
        value_date=day("value_text"),
    )
    report(frame, _CHECKS, errors, line="source_line")
    return frame.select("statement", *(pl.col(name).cast(kind) for name, kind in LINE_SCHEMA.items()))


def typed_details(rows: Sequence[RawDetail], errors: RowErrors) -> pl.DataFrame:
    """DETAIL_SCHEMA and `statement`, in the order of the rows. Where `errors` grew, the result is not to be used."""
    frame = _columns(rows, RAW_DETAIL_SCHEMA).with_columns(
        direction=pl.col("indicator").replace_strict(INDICATORS, default=None, return_dtype=pl.String),
    )
    frame = frame.with_columns(decimal_places=exponents(frame["currency"]))
    parsed = parse_major(frame["amount_text"], frame["decimal_places"], spare_zeros=True)
    frame = frame.with_columns(amount=parsed.minor, problem=parsed.problem)
    report(frame, _MONEY_CHECKS, errors, line="source_line")
    return frame.select("statement", *(pl.col(name).cast(kind) for name, kind in DETAIL_SCHEMA.items()))


def _columns(rows: Sequence[tuple], schema: dict[str, pl.DataType]) -> pl.DataFrame:
    columns = zip(*rows, strict=True) if rows else ([] for _ in schema)
    return pl.DataFrame(
        [pl.Series(name, column, dtype=schema[name]) for name, column in zip(schema, columns, strict=True)]
    )


def _first(*codes: str | None) -> str:
    return next((code for code in codes if code), "")


def _by_statement(values: dict, kind: pl.DataType) -> pl.Expr:
    return pl.col("statement").replace_strict(
        list(values), pl.Series(list(values.values()), dtype=kind), default=None, return_dtype=kind
    )


def _stated(column: str) -> pl.Expr:
    return pl.when(pl.col(column) != "").then(pl.col(column))


def _entry(message: Callable[[Row], str]) -> Callable[[Row], str]:
    """Say which entry it is: a file may be one long line, and then the line says nothing."""
    return lambda row: f"entry {row['line_no']:,}{_place(row)}: {message(row)}"


def _place(row: Row) -> str:
    return f", detail {row['number']:,}" if "number" in row else ""


def _no_day(row: Row) -> str:
    if row["date_text"] is None:
        return "no date is stated, and the balances do not give the statement one day"
    return bad_day(row, "date_text")


def _bad_indicator(row: Row) -> str:
    return f"{shown(row['indicator'])} is neither CRDT nor DBIT"


_KNOWN_CODE = pl.col("currency").str.contains("^[A-Z]{3}$")

_MONEY_CHECKS = [
    Check("Amt", ~_KNOWN_CODE, _entry(lambda row: f"{shown(row['currency'])} is not a currency code")),
    Check("Amt", _KNOWN_CODE & pl.col("problem").is_not_null(), _entry(bad_amount)),
    Check("Amt", pl.col("amount") < 0, _entry(lambda row: f"{shown(row['amount_text'])} is below zero")),
    Check("CdtDbtInd", pl.col("direction").is_null(), _entry(_bad_indicator)),
]
_CHECKS = [
    *_MONEY_CHECKS,
    Check("BookgDt", pl.col("date").is_null(), _entry(_no_day)),
    Check(
        "ValDt",
        (pl.col("value_text") != "") & pl.col("value_date").is_null(),
        _entry(lambda row: bad_day(row, "value_text")),
    ),
]
