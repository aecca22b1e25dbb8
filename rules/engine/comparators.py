"""What each condition means, on gathered values of candidate pairs (`leaf_holds`) and on one side (`scope_holds`).
A missing value makes every condition false."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import polars as pl

from rules.engine.fields import NOT_WORD, WORD, kind_of, kind_of_field
from rules.engine.sides import Bools, Ints, Side
from rules.engine.tree import Leaf, Scope, Tolerance, Value

Texts = Callable[[pl.Series, pl.Series], pl.Series]
CHUNK = 1_000_000  # candidate pairs whose texts are looked at together


def _contains(text: pl.Series, part: pl.Series) -> pl.Series:
    frame = pl.DataFrame({"text": text, "part": part})
    return frame.select(pl.col("text").str.contains(pl.col("part"), literal=True)).to_series()


def with_borders(text: pl.Series) -> pl.Series:
    """The text with a mark wherever a word may begin (\\x01) or end (\\x02): at its ends and beside all that is neither
    letter nor digit. A value stands in a text as whole words exactly if its marked form is part of the marked text."""
    return "\x01" + text.str.replace_all(f"({NOT_WORD})", "\x02$1\x01") + "\x02"


def _word_in(word: pl.Series, text: pl.Series) -> pl.Series:
    """Whether the whole value occurs in the text, whatever the case, bordered by neither letter nor digit."""
    word, text = word.str.to_lowercase(), text.str.to_lowercase()
    inside = (_contains(text, word) & word.str.contains(WORD)).fill_null(False).arg_true()
    word_inside, text_inside = word.gather(inside), text.gather(inside)
    # Between blanks it surely is a word; only where it stands otherwise are all its borders looked at.
    whole = _contains(" " + text_inside + " ", " " + word_inside + " ")
    unsure = (~whole).arg_true()
    bordered = _contains(with_borders(text_inside.gather(unsure)), with_borders(word_inside.gather(unsure)))
    found = np.zeros(len(word), bool)
    found[inside.filter(whole).to_numpy()] = True
    found[inside.gather(unsure).filter(bordered).to_numpy()] = True
    return pl.Series(found)


COMPARATORS: dict[str, Texts] = {
    "eq": lambda a, b: a == b,
    "neq": lambda a, b: a != b,
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
    "contains": _contains,
    "token_in": _word_in,
    "has_token": lambda a, b: _word_in(b, a),
}


def leaf_holds(leaf: Leaf, a: Side, b: Side, rows_a: Ints, rows_b: Ints) -> Bools:
    """For each pair of rows whether the condition holds."""
    if leaf.tolerance is not None or leaf.days is not None:
        low, high = reach(leaf, a)
        value = numbers(b, leaf.value)[rows_b]
        known = a.values(leaf.key).is_not_null().to_numpy()[rows_a]
        known &= b.values(leaf.value).is_not_null().to_numpy()[rows_b]
        return known & (low[rows_a] <= value) & (value <= high[rows_a])
    left, right, compare = a.values(leaf.key), b.values(leaf.value), COMPARATORS[leaf.operand]
    found = np.zeros(len(rows_a), bool)
    for start in range(0, len(rows_a), CHUNK):
        part = slice(start, start + CHUNK)
        holds = compare(left.gather(rows_a[part]), right.gather(rows_b[part]))
        found[part] = holds.fill_null(False).to_numpy()
    return found


def numbers(side: Side, value: Value) -> Ints:
    """An amount (minor units) or a date (days) per row; 0 where missing."""
    return side.values(value).to_physical().fill_null(0).to_numpy().astype(np.int64)


def reach(leaf: Leaf, a: Side) -> tuple[Ints, Ints]:
    """From where to where, both included, Side B's value may be for each Side A row of a tolerance or window."""
    value = numbers(a, leaf.key)
    if leaf.days is not None:
        return value + leaf.days[0], value + leaf.days[1]
    assert leaf.tolerance is not None
    room = slack(leaf.tolerance, value, a.decimal_places)
    return value - room, value + room


def slack(tolerance: Tolerance, value: Ints, decimal_places: Ints) -> Ints:
    """The most that Side B may be away from these Side A values: minor units or days."""
    if tolerance.unit == "day":
        return np.full(len(value), int(tolerance.amount), np.int64)
    if tolerance.unit == "dollar":
        return _per_exponent(
            tolerance.amount, decimal_places, lambda minor: minor.numerator // minor.denominator
        )
    share = tolerance.amount / 100
    if int(np.abs(value).max(initial=0)) * share.numerator < 2**62:
        return np.abs(value) * share.numerator // share.denominator
    exact = [abs(int(one)) * share.numerator // share.denominator for one in np.unique(value)]
    return np.array(exact, np.int64)[np.searchsorted(np.unique(value), value)]


def _per_exponent(major: Fraction, decimal_places: Ints, rounded: Callable[[Fraction], int]) -> Ints:
    """An amount in major units as minor units per row, rounded as asked, for each number of decimal places that occurs."""
    exponents = np.unique(decimal_places)
    minor = [max(-(2**62), min(2**62, rounded(major * 10 ** int(places)))) for places in exponents]
    return np.array(minor, np.int64)[np.searchsorted(exponents, decimal_places)]


def scope_holds(scope: Scope, side: Side) -> Bools:
    """For each row of the scope's side whether its condition holds."""
    values = side.values(Value(scope.field))
    kind = kind_of_field(scope.field)
    if kind == "money":
        assert isinstance(scope.literal, Fraction)
        return _money_scope(scope.operand, scope.literal, side, values)
    literal = pl.Series([scope.literal], dtype=pl.String)
    if kind == "date":
        literal = literal.str.to_date()
    holds = COMPARATORS[scope.operand](values, literal.new_from_index(0, len(values)))
    return holds.fill_null(False).to_numpy()


def _money_scope(operand: str, literal: Fraction, side: Side, values: pl.Series) -> Bools:
    """Against an amount that may lie between two minor units: then nothing equals it."""
    floor = _per_exponent(literal, side.decimal_places, lambda minor: minor.numerator // minor.denominator)
    ceiling = _per_exponent(
        literal, side.decimal_places, lambda minor: -(-minor.numerator // minor.denominator)
    )
    minor = values.fill_null(0).to_numpy()
    holds = {
        "eq": (minor == floor) & (floor == ceiling),
        "neq": (minor != floor) | (floor != ceiling),
        "gt": minor > floor,
        "gte": minor >= ceiling,
        "lt": minor < ceiling,
        "lte": minor <= floor,
    }[operand]
    return holds & values.is_not_null().to_numpy()


def is_money(leaf: Leaf) -> bool:
    return kind_of(leaf.key) == "money"
