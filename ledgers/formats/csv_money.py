"""The money columns of a CSV row: one amount with a direction or a sign, or a debit and a credit column."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from ledgers.formats.csv_header import Header, unclear_header
from ledgers.formats.declaration import CREDIT_POSITIVE, DEBIT_POSITIVE, UNSIGNED_REVERSALS
from ledgers.formats.typed import DIRECTIONS, Check, Row, bad_amount, bad_direction, direction, filled, shown
from ledgers.money import EXPONENTS, exponents, parse_major

TWO_COLUMNS, WITH_DIRECTION, SIGNED = "debit and credit columns", "amount and direction", "signed amount"


@dataclass(frozen=True, slots=True)
class MoneyStyle:
    """How amounts are written, and what their signs mean; by default as our own layouts have it."""

    decimal_mark: str = "."
    thousands: str = ""
    currency_signs: tuple[str, ...] = ()
    other_signs: bool = False
    sign_convention: str = ""  # empty: below zero is an error beside a direction, and a debit without one
    zero_is_empty: bool = False
    spare_zeros: bool = False
    directions: Mapping[str, str] = field(default_factory=lambda: DIRECTIONS)

    @property
    def plain(self) -> bool:
        return self.decimal_mark == "." and not (self.thousands or self.currency_signs or self.other_signs)


OWN_STYLE = MoneyStyle()

ONLY = {"€": "EUR"}
"""Sign → the one currency whose amounts are written with it. `$` and `£` are those of many."""


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


def with_money(
    frame: pl.DataFrame, header: Header, style: MoneyStyle = OWN_STYLE
) -> tuple[pl.DataFrame, list[Check]]:
    """Adds `amount` (minor units, never below zero), `direction` and `decimal_places`, with what to check.

    The frame has `currency` (a code) and the text columns of the header's roles. An amount below zero beside a
    direction would say two things about which way the money went, so it is an error unless a convention is declared.
    """
    layout = layout_of(header) or SIGNED
    frame = _two_columns(frame, style) if layout == TWO_COLUMNS else frame.rename({"amount": "amount_text"})
    frame = frame.with_columns(decimal_places=exponents(frame["currency"]))
    texts = (
        frame["amount_text"] if style.plain else frame.select(plain_amount("amount_text", style)).to_series()
    )
    parsed = parse_major(texts, frame["decimal_places"], spare_zeros=style.spare_zeros)
    frame = frame.with_columns(minor=parsed.minor, problem=parsed.problem)
    if layout == WITH_DIRECTION:
        frame = frame.rename({"direction": "direction_text"}).with_columns(
            direction=direction("direction_text", style.directions)
        )
    if layout == SIGNED:
        out = pl.col("minor") > 0 if style.sign_convention == DEBIT_POSITIVE else pl.col("minor") < 0
        frame = frame.with_columns(direction=pl.when(out).then(pl.lit("debit")).otherwise(pl.lit("credit")))
    elif style.sign_convention == CREDIT_POSITIVE:  # two columns whose numbers have signs of their own
        out = pl.col("minor") < 0
        frame = frame.with_columns(direction=pl.when(out).then(pl.lit("debit")).otherwise(pl.lit("credit")))
    elif style.sign_convention == UNSIGNED_REVERSALS:
        other = pl.when(pl.col("direction") == "debit").then(pl.lit("credit")).otherwise(pl.lit("debit"))
        frame = frame.with_columns(
            direction=pl.when((pl.col("minor") < 0) & pl.col("direction").is_not_null())
            .then(other)
            .otherwise(pl.col("direction"))
        )
    checks = _CHECKS[layout](header)
    if style.sign_convention in (CREDIT_POSITIVE, DEBIT_POSITIVE, UNSIGNED_REVERSALS):
        checks = [check for check in checks if check.message is not _below_zero]
    if layout == TWO_COLUMNS and style.sign_convention == CREDIT_POSITIVE:
        checks.append(_debit_above_zero(header))
    signs = [sign for sign in style.currency_signs if ONLY.get(sign, sign.strip().upper()) in EXPONENTS]
    checks += [_of_another_currency(header, sign, layout) for sign in signs]
    return frame.with_columns(amount=pl.col("minor").abs()), checks


def _of_another_currency(header: Header, sign: str, layout: str) -> Check:
    """A declared sign may still be that of another currency than the row's: 12 USD among euros is no 12 EUR."""
    only = ONLY.get(sign, sign.strip().upper())
    wrong = pl.col("currency") != only
    named = (
        f"{header.name('debit')}/{header.name('credit')}" if layout == TWO_COLUMNS else header.name("amount")
    )
    return Check(
        named,
        pl.col("amount_text").str.contains(sign, literal=True) & wrong,
        lambda row: f"{shown(row['amount_text'])} is not in {row['currency']}, the currency of the row",
    )


def plain_amount(column: str, style: MoneyStyle) -> pl.Expr:
    """The amount as `parse_major` wants it; what is not written in this style becomes null, so that it is an error."""
    text = pl.col(column).str.strip_chars()
    if style.other_signs:
        text = text.str.replace_all("−", "-", literal=True)
        text = text.str.replace(r"^\(([^()+-]+)\)$", "-$1").str.replace(r"^([^+-]+)([+-])$", "$2$1")
    if style.currency_signs:
        signs = "|".join(re.escape(sign) for sign in sorted(style.currency_signs, key=len, reverse=True))
        text = text.str.replace(rf"^([+-]?)\s*(?:{signs})\s*", "$1").str.replace(rf"\s*(?:{signs})$", "")
        text = text.str.replace(r"^([+-]) +", "$1")
    mark = re.escape(style.decimal_mark)
    if style.thousands:
        between = f"[{re.escape(style.thousands)}]"
        grouped = rf"^[+-]?[0-9]{{1,3}}(?:{between}[0-9]{{3}})+(?:{mark}[0-9]*)?$"
        text = pl.when(text.str.contains(grouped)).then(text.str.replace_all(between, "")).otherwise(text)
    if style.decimal_mark == ",":
        known = text.str.contains(r"^[+-]?[0-9]*,?[0-9]*$")
        text = pl.when(known).then(text.str.replace(",", ".", literal=True))
    return text


def _two_columns(frame: pl.DataFrame, style: MoneyStyle) -> pl.DataFrame:
    debit, credit = filled("debit"), filled("credit")
    if style.zero_is_empty:
        debit, credit = (
            (debit & ~(_zero("debit") & credit & ~_zero("credit"))),
            (credit & ~(_zero("credit") & debit & ~_zero("debit"))),
        )
    return frame.with_columns(
        sides=debit.cast(pl.Int8) + credit.cast(pl.Int8),
        amount_text=pl.when(debit).then(pl.col("debit")).otherwise(pl.col("credit")),
        direction=pl.when(debit).then(pl.lit("debit")).otherwise(pl.lit("credit")),
    )


def _zero(column: str) -> pl.Expr:
    return pl.col(column).str.contains("^[^1-9]*0[^1-9]*$")


def _two_columns_checks(header: Header) -> list[Check]:
    named, one = f"{header.name('debit')}/{header.name('credit')}", pl.col("sides") == 1
    return [
        Check(named, pl.col("sides") == 2, lambda row: "both are filled; fill exactly one"),
        Check(named, pl.col("sides") == 0, lambda row: "neither is filled; fill exactly one"),
        Check(named, one & pl.col("problem").is_not_null(), bad_amount),
        Check(named, one & (pl.col("minor") < 0), _below_zero),
    ]


def _debit_above_zero(header: Header) -> Check:
    """Most banks write debits without a sign: taken as money in, each of them would be wrong by twice its amount."""
    return Check(
        header.name("debit"),
        filled("debit") & (pl.col("sides") == 1) & (pl.col("minor") > 0),
        lambda row: (
            f"{row['amount_text'].strip()} is above zero in the column of debits, which credit_positive would read as money"
            " in; declare the sign convention unsigned, or unsigned_reversals where a minus takes back"
        ),
    )


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
