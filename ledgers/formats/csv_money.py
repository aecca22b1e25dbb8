"""The money columns of a CSV row: one amount with a direction or a sign, or a debit and a credit column."""

import polars as pl

from ledgers.formats.csv_table import Header, unclear_header
from ledgers.formats.typed import Check, Row, bad_amount, bad_direction, direction, filled
from ledgers.money import exponents, parse_major

TWO_COLUMNS, WITH_DIRECTION, SIGNED = "debit and credit columns", "amount and direction", "signed amount"


def layout_of(header: Header) -> str | None:
    """How the header states money: `TWO_COLUMNS`, `WITH_DIRECTION`, `SIGNED`, or None where it doesn't.

    Raises FileRefused `file.columns` where it states money twice: which of the two counts is not ours to guess.
    """
    sides = [role for role in ("debit", "credit") if role in header.roles]
    if "amount" in header.roles and sides:
        named = " and ".join(repr(header.name(role)) for role in ("amount", *sides))
        raise unclear_header(f"has {named}: leave either the amount or the debit and credit columns")
    if "amount" in header.roles:
        return WITH_DIRECTION if "direction" in header.roles else SIGNED
    return TWO_COLUMNS if len(sides) == 2 else None


def with_money(frame: pl.DataFrame, header: Header) -> tuple[pl.DataFrame, list[Check]]:
    """Adds `amount` (minor units, never below zero), `direction` and `decimal_places`, with what to check.

    The frame has `currency` (a code) and the text columns of the header's roles. An amount below zero beside a
    direction would say two things about which way the money went, so it is an error, never read either way.
    """
    layout = layout_of(header)
    two = layout == TWO_COLUMNS
    frame = _two_columns(frame) if two else frame.rename({"amount": "amount_text"})
    frame = frame.with_columns(decimal_places=exponents(frame["currency"]))
    parsed = parse_major(frame["amount_text"], frame["decimal_places"])
    frame = frame.with_columns(minor=parsed.minor, problem=parsed.problem)
    if layout == WITH_DIRECTION:
        frame = frame.rename({"direction": "direction_text"}).with_columns(
            direction=direction("direction_text")
        )
    if layout == SIGNED:
        out = pl.col("minor") < 0
        frame = frame.with_columns(direction=pl.when(out).then(pl.lit("debit")).otherwise(pl.lit("credit")))
    return frame.with_columns(amount=pl.col("minor").abs()), _CHECKS[layout or SIGNED](header)


def _two_columns(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(
        sides=filled("debit").cast(pl.Int8) + filled("credit").cast(pl.Int8),
        amount_text=pl.when(filled("debit")).then(pl.col("debit")).otherwise(pl.col("credit")),
        direction=pl.when(filled("debit")).then(pl.lit("debit")).otherwise(pl.lit("credit")),
    )


def _two_columns_checks(header: Header) -> list[Check]:
    field, one = f"{header.name('debit')}/{header.name('credit')}", pl.col("sides") == 1
    return [
        Check(field, pl.col("sides") == 2, lambda row: "both are filled; fill exactly one"),
        Check(field, pl.col("sides") == 0, lambda row: "neither is filled; fill exactly one"),
        Check(field, one & pl.col("problem").is_not_null(), bad_amount),
        Check(field, one & (pl.col("minor") < 0), _below_zero),
    ]


def _signed_checks(header: Header) -> list[Check]:
    return [Check(header.name("amount"), pl.col("problem").is_not_null(), bad_amount)]


def _with_direction_checks(header: Header) -> list[Check]:
    return [
        *_signed_checks(header),
        Check(header.name("amount"), pl.col("minor") < 0, _below_zero),
        Check(
            header.name("direction"),
            pl.col("direction").is_null(),
            lambda row: bad_direction(row, "direction_text"),
        ),
    ]


_CHECKS = {TWO_COLUMNS: _two_columns_checks, WITH_DIRECTION: _with_direction_checks, SIGNED: _signed_checks}


def _below_zero(row: Row) -> str:
    return f"{row['amount_text'].strip()} is below zero, though its direction is stated; leave out the sign"
