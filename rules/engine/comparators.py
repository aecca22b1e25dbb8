"""What each condition means, on gathered values of candidate pairs (`leaf_holds`) and on one side (`scope_holds`).
A missing value makes every condition false."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Context, Decimal
from fractions import Fraction
from typing import cast

import numpy as np
import polars as pl

from rules.engine.fields import NUMBER, SCALE, Kind, as_instant, kind_of
from rules.engine.sides import Bools, Ints, Side
from rules.engine.texts import COSTLY, comparator
from rules.engine.tree import Leaf, Scope, Tolerance, Value

CHUNK = 1_000_000  # candidate pairs whose texts are looked at together
EXACT = Context(prec=60)
MOST = 2**63 - 1
UNIT = 10**SCALE  # numbers of metadata are counted in these parts of one, as whole numbers of any size


def leaf_holds(leaf: Leaf, a: Side, b: Side, rows_a: Ints, rows_b: Ints) -> Bools:
    """For each pair of rows whether the condition holds."""
    if leaf.is_band:
        low, high = reach(leaf, a)
        value = points(b, leaf.value)[rows_b]
        known = a.values(leaf.key).is_not_null().to_numpy()[rows_a]
        known &= b.values(leaf.value).is_not_null().to_numpy()[rows_b]
        return known & (low[rows_a] <= value) & (value <= high[rows_a])
    left, right = a.values(leaf.key), b.values(leaf.value)
    compare = comparator(leaf.operand, leaf.min_score)
    if leaf.operand in COSTLY:
        rows_a, rows_b, again = _different(left, right, rows_a, rows_b)
    else:
        again = None
    found = np.zeros(len(rows_a), bool)
    for start in range(0, len(rows_a), CHUNK):
        part = slice(start, start + CHUNK)
        holds = compare(left.gather(rows_a[part]), right.gather(rows_b[part]))
        found[part] = holds.fill_null(False).to_numpy()
    return found if again is None else found[again]


def _different(
    left: pl.Series, right: pl.Series, rows_a: Ints, rows_b: Ints
) -> tuple[Ints, Ints, Ints | None]:
    """One pair of rows for each pair of different values, and for each given pair which of them is its like; None where
    all pairs differ."""
    first_a, first_b = _first_like(left, rows_a), _first_like(right, rows_b)
    if first_a is None and first_b is None:
        return rows_a, rows_b, None
    like_a = rows_a if first_a is None else first_a[rows_a]
    like_b = rows_b if first_b is None else first_b[rows_b]
    codes, again = np.unique(like_a * len(right) + like_b, return_inverse=True)
    return codes // len(right), codes % len(right), again


def _first_like(values: pl.Series, rows: Ints) -> Ints | None:
    """For each of these rows (others: 0) the first of them with the same value; None where all differ."""
    named = np.zeros(len(values), bool)
    named[rows] = True
    used = np.flatnonzero(named)
    frame = pl.DataFrame({"value": values.gather(used), "row": used})
    if frame["value"].n_unique() == len(used):
        return None
    first = np.zeros(len(values), np.int64)
    first[used] = frame.select(pl.col("row").first().over("value")).to_series().to_numpy()
    return first


def numbers(side: Side, value: Value) -> Ints:
    """An amount (minor units) or a date (days) per row; 0 where missing."""
    return side.values(value).to_physical().fill_null(0).to_numpy().astype(np.int64)


def points(side: Side, value: Value) -> Ints:
    """`numbers`, also of a number of metadata: whole multiples of 1 / UNIT, as Python's own whole numbers, since they go
    beyond 64 bits."""
    if kind_of(value) != "number":
        return numbers(side, value)
    exact = side.values(value).to_physical().fill_null(0).to_list()
    return np.array([*exact, None], object)[:-1]  # the None keeps numpy from choosing a narrower type


def reach(leaf: Leaf, a: Side) -> tuple[Ints, Ints]:
    """From where to where, both included, Side B's value may be for each Side A row of a tolerance or window."""
    value = points(a, leaf.key)
    if leaf.days is not None:
        return value + leaf.days[0], value + leaf.days[1]
    assert leaf.tolerance is not None
    if kind_of(leaf.key) == "number":
        room = _room(leaf.tolerance, value)
    else:
        room = slack(leaf.tolerance, value, a.decimal_places)
        # Near the ends of 64 bits a sum would wrap around.
        return np.maximum(value, room - MOST) - room, np.minimum(value, MOST - room) + room
    return value - room, value + room


def _room(tolerance: Tolerance, value: Ints) -> Ints:
    """`slack` of numbers of metadata, in parts of one."""
    if tolerance.unit == "dollar":
        minor = tolerance.amount * UNIT
        return cast(Ints, value * 0 + minor.numerator // minor.denominator)
    share = tolerance.amount / 100
    return np.abs(value) * share.numerator // share.denominator


def slack(tolerance: Tolerance, value: Ints, decimal_places: Ints) -> Ints:
    """The most that Side B may be away from these Side A values: minor units or days."""
    if tolerance.unit == "day":
        return np.full(len(value), int(tolerance.amount), np.int64)
    if tolerance.unit == "dollar":
        return _per_exponent(
            tolerance.amount, decimal_places, lambda minor: minor.numerator // minor.denominator
        )
    share = tolerance.amount / 100
    if (
        int(np.abs(value).max(initial=0)) * share.numerator < 2**62
    ):  # whole numbers, so rounding down is exact
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
    value = Value(scope.field, (), scope.form)
    values, kind = side.values(value), kind_of(value)
    known = values.is_not_null().to_numpy()
    if scope.operand in ("in", "not_in"):
        assert isinstance(scope.literal, tuple)
        among = _is_one_of(scope.literal, kind, side, values)
        return known & (among if scope.operand == "in" else ~among)
    assert not isinstance(scope.literal, tuple)
    if kind == "money":
        assert isinstance(scope.literal, Fraction)
        return _money_scope(scope.operand, scope.literal, side, values)
    literal = _column([scope.literal], kind).new_from_index(0, len(values))
    holds = comparator(scope.operand, scope.min_score)(values, literal)
    return known & holds.fill_null(False).to_numpy()


def _column(literals: Sequence[str | Fraction], kind: Kind) -> pl.Series:
    """Literals of `parse` as values of this kind."""
    if kind == "number":
        exact = [
            Decimal(int(one * UNIT)).scaleb(-SCALE, EXACT) for one in literals if isinstance(one, Fraction)
        ]
        return pl.Series(exact, dtype=NUMBER)
    texts = pl.Series([str(one) for one in literals], dtype=pl.String)
    if kind == "date":
        return texts.str.to_date()
    if kind == "boolean":
        return texts == "true"
    return (
        texts.to_frame("text").select(as_instant(pl.col("text"))).to_series() if kind == "instant" else texts
    )


def _is_one_of(literals: Sequence[str | Fraction], kind: Kind, side: Side, values: pl.Series) -> Bools:
    if kind == "money":
        equal = [_money_scope("eq", one, side, values) for one in literals if isinstance(one, Fraction)]
        return cast(Bools, np.logical_or.reduce(equal))
    return values.is_in(_column(literals, kind).implode()).fill_null(False).to_numpy()


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


def is_date(leaf: Leaf) -> bool:
    return kind_of(leaf.key) == "date"
