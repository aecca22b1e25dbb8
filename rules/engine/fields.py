"""What a rule may name: the fields with their kinds, and the transforms. `parse` checks against these tables, `sides`
turns a field with its transforms into a Polars expression."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import polars as pl

from rules.engine.tree import METADATA, Form, Transform, Value

Kind = Literal["money", "date", "text", "number", "instant", "boolean"]

FIELDS: dict[str, Kind] = {
    "amount": "money",
    "signed_amount": "money",
    "effect": "money",
    "date": "date",
    "value_date": "date",
    "reference": "text",
    "description": "text",
    "counterparty": "text",
    "external_id": "text",
    "direction": "text",
    "currency": "text",
}
# What the engine compares for itself; a rule cannot name these. `measure` is what sums are compared in.
INTERNAL: dict[str, Kind] = {"measure": "money", "magnitude": "money", "sign": "money"}
KIND_OF_FORM: dict[Form, Kind] = {
    "number": "number",
    "major": "number",
    "date": "date",
    "day": "date",
    "datetime": "instant",
    "boolean": "boolean",
    "text": "text",
}

# Letters and digits of any script: a border of a word is anything else.
WORD = r"[\p{L}\p{N}]+"
NOT_WORD = r"[^\p{L}\p{N}]"

# Numbers of metadata are exact: up to 20 digits before the point and 18 after it. Anything else is missing.
SCALE = 18
NUMBER = pl.Decimal(38, SCALE)
NUMBER_TEXT = rf"^([+-]?[0-9]{{1,20}}(?:\.[0-9]{{1,{SCALE}}})?)$"
INSTANT_TEXT = (
    r"^([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[Tt ]([0-9]{2}:[0-9]{2})(?::([0-9]{2}(?:\.[0-9]{1,9})?))?"
    r"(Z|z|[+-][0-9]{2}:?[0-9]{2})?)?$"
)
INSTANT = pl.Datetime("us", "UTC")


def kind_of_field(field: str) -> Kind | None:
    """The kind of a field by its name alone; None where no such field exists. Metadata is text."""
    if field.startswith(METADATA) and len(field) > len(METADATA):
        return "text"
    return FIELDS.get(field)


def kind_of(value: Value) -> Kind:
    """What a value is compared as: a transformed amount or date is text."""
    if value.transforms:
        return "text"
    if value.form:
        return KIND_OF_FORM[value.form]
    kind = kind_of_field(value.field) or INTERNAL.get(value.field)
    assert kind is not None, f"the rule was not parsed: no field {value.field}"
    return kind


def _first_words(text: pl.Expr, n: int) -> pl.Expr:
    words = text.str.to_lowercase().str.replace_all(NOT_WORD + "+", " ").str.strip_chars(" ")
    return words.str.split(" ").list.head(n).list.join(" ")


TRANSFORMS: dict[str, Callable[[pl.Expr, int], pl.Expr]] = {
    "lowercase": lambda text, n: text.str.to_lowercase(),
    "uppercase": lambda text, n: text.str.to_uppercase(),
    "alphanumeric_only": lambda text, n: text.str.replace_all("[^A-Za-z0-9]+", ""),
    "digits_only": lambda text, n: text.str.replace_all("[^0-9]+", ""),
    "first_n_chars": lambda text, n: text.str.slice(0, n),
    "first_words": _first_words,
}
WITH_N = frozenset({"first_n_chars", "first_words"})
CALENDAR_MONTH = Transform("first_n_chars", 7)  # of an ISO date: the year and the month


def as_number(text: pl.Expr) -> pl.Expr:
    """Exact decimals; anything that is not plainly written as one (no exponent, no separators) is missing."""
    return text.str.extract(NUMBER_TEXT).cast(NUMBER, strict=False)


def as_instant(text: pl.Expr) -> pl.Expr:
    """ISO 8601 with an offset, without one UTC; a day alone is its midnight in UTC. Anything else is missing."""
    part = [text.str.extract(INSTANT_TEXT, group) for group in range(1, 5)]
    written = pl.concat_str(
        part[0],
        pl.lit("T"),
        part[1].fill_null("00:00"),
        pl.lit(":"),
        part[2].fill_null("00"),
        part[3].fill_null("Z").str.to_uppercase(),
    )
    return written.str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False)


def _as_boolean(text: pl.Expr) -> pl.Expr:
    return text.str.to_lowercase().replace_strict({"true": True, "false": False}, default=None)


def _as_day(text: pl.Expr) -> pl.Expr:
    return text.str.extract("^([0-9]{4}-[0-9]{2}-[0-9]{2})$").str.to_date("%Y-%m-%d", strict=False)


# `major` reads an amount and not a text: in major units, exactly.
FORMS: dict[Form, Callable[[pl.Expr], pl.Expr]] = {
    "number": as_number,
    "date": _as_day,
    "datetime": as_instant,
    "day": lambda text: as_instant(text).dt.date(),
    "boolean": _as_boolean,
    "text": lambda column: column.cast(pl.String),
    "major": lambda minor: minor.cast(NUMBER) / (pl.lit(10, pl.Int64) ** pl.col("decimal_places")),
}


def expression(value: Value) -> pl.Expr:
    """The field with its transforms; null where it is missing (an empty text is missing).

    `amount` is a magnitude in minor units: direction is a field of its own.
    """
    if value.field == "magnitude":
        return pl.col("measure").abs()
    if value.field == "sign":
        return pl.col("measure").sign()
    column = pl.col(value.field)
    if value.field == "amount":
        column = column.abs()
    if value.form:
        column = FORMS[value.form](column)
    if kind_of(value) != "text":
        return column
    text = column.cast(pl.String)
    for transform in value.transforms:
        text = TRANSFORMS[transform.name](text, transform.n)
    return pl.when(text != "").then(text)
