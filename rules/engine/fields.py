"""What a rule may name: the fields with their kinds, and the transforms. `parse` checks against these tables, `sides`
turns a field with its transforms into a Polars expression."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import polars as pl

from rules.engine.tree import Transform, Value

Kind = Literal["money", "date", "text"]

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
METADATA = "metadata."
# What the engine compares for itself; a rule cannot name these. `measure` is what sums are compared in.
INTERNAL: dict[str, Kind] = {"measure": "money", "magnitude": "money", "sign": "money"}

# Letters and digits of any script: a border of a word is anything else.
WORD = r"[\p{L}\p{N}]+"
NOT_WORD = r"[^\p{L}\p{N}]"


def kind_of_field(field: str) -> Kind | None:
    """The kind of a field by its name; None where no such field exists."""
    if field.startswith(METADATA) and len(field) > len(METADATA):
        return "text"
    return FIELDS.get(field)


def kind_of(value: Value) -> Kind:
    """The kind after transforms: a transformed amount or date is text."""
    kind = kind_of_field(value.field) or INTERNAL.get(value.field)
    assert kind is not None, f"the rule was not parsed: no field {value.field}"
    return "text" if value.transforms else kind


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
    if kind_of(value) != "text":
        return column
    text = column.cast(pl.String)
    for transform in value.transforms:
        text = TRANSFORMS[transform.name](text, transform.n)
    return pl.when(text != "").then(text)
