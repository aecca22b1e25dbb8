"""Which open items add up to an amount: a count first, then the sets, with a verdict that never calls a guess an answer.

A person asks for it, and investigations do; a pass never does. Sets are *minimal*: none contains a part that adds up to
zero, which could be left out. Everything is counted on arrays before anything is listed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, gcd
from typing import Literal

import numpy as np

from rules.engine.intervals import unfold
from rules.engine.sides import Bools, Ints

Verdict = Literal["unique", "ambiguous", "none", "exhausted"]

SETS_SHOWN = 100
TABLE_CELLS = 25_000_000  # of one table, 8 bytes each
TABLE_WORK = 400_000_000  # cells touched while it is filled
HALVES = 2_000_000  # parts of sets on either side of the middle
MEETINGS = 8_000_000  # pairs of parts whose sum is right, before those that share an item are dropped
WHOLE = 2**63


@dataclass(frozen=True, slots=True)
class Combinations:
    """What a search found.

    `verdict`: "unique" (one set, and the search was complete), "ambiguous" (several), "none" (complete), "exhausted" (the
    budget ended before that could be said). `count`: how many sets there are; at least so many unless `exact`.
    `complete_to`: every set of so many items was looked at. `sets`: places of the items asked about, the closest first,
    at most SETS_SHOWN; empty where there are too many to guess.
    """

    verdict: Verdict
    count: int
    exact: bool
    complete_to: int
    sets: list[tuple[int, ...]]


def combinations(
    amounts: Sequence[int],
    target: int,
    *,
    tolerance: int = 0,
    largest: int = 4,
    costs: Sequence[int] | None = None,
    counted: bool = True,
) -> Combinations:
    """The sets of at most `largest` items whose sum is within `tolerance` of `target` (all minor units, signed).

    `costs`: how far each item is from what is looked for, in days say; sets rank by how much their sum misses the target,
    then the sum of their costs, then their size. Items of 0 are in no set. The order of items decides ties only. `counted`:
    whether sets are counted before they are listed, which is exact however many there are; without, a search among a few dozen
    items takes milliseconds whatever the amounts, and more than SETS_SHOWN are "at least" so many.
    """
    if not 1 <= largest <= 10 or tolerance < 0:
        raise ValueError("from 1 to 10 items, and no negative tolerance")
    values = np.asarray(amounts, np.int64)
    places = np.flatnonzero(values)
    values = values[places]
    sign = -1 if target < 0 else 1
    values, low, high = values * sign, target * sign - tolerance, target * sign + tolerance
    counts = None
    if len(values) and (values > 0).all():
        small = values <= high
        values, places = values[small], places[small]
        counts = _counted(values, max(low, 1), high, largest) if counted else None
    if counts is not None and sum(counts) > SETS_SHOWN:
        return Combinations("ambiguous", sum(counts), True, largest, [])
    found = _listed(values, low, high, largest, counts)
    ranked = _ranked(found, values, places, target * sign, costs)
    return _judged(found, ranked, counts, largest)


@dataclass(frozen=True, slots=True)
class _Listed:
    """Sets by their items' places among the values; `complete_to` sizes; `several`: known to be more than were listed."""

    sets: list[Ints]
    complete_to: int
    several: int = 0


def _judged(
    found: _Listed, ranked: list[tuple[int, ...]], counts: list[int] | None, largest: int
) -> Combinations:
    listed = len(ranked) + found.several
    exact = counts is not None or found.complete_to == largest
    count = sum(counts) if counts is not None else listed
    shown = ranked[:SETS_SHOWN] if listed <= SETS_SHOWN else []
    if count > 1:
        return Combinations("ambiguous", count, exact, found.complete_to, shown)
    if not exact or count > listed:
        return Combinations("exhausted", count, exact, found.complete_to, shown)
    return Combinations("unique" if count else "none", count, True, largest, shown)


# --- Counting -------------------------------------------------------------------------------------------------


def _counted(values: Ints, low: int, high: int, largest: int) -> list[int] | None:
    """How many sets of each size, of positive values, by a table of counts by size and sum; None where it is too big.

    Equal values are put in together, times the ways to choose them. Sums wrap around 2^64, which leaves the last figure
    right as long as it is below 2^63 itself: floats beside them tell.
    """
    if high < low or not len(values):
        return [0] * largest
    unit = gcd(*values.tolist())
    distinct, times = np.unique(values // unit, return_counts=True)
    first, last = -(-low // unit), high // unit
    cells = (largest + 1) * (last + 1)
    if cells > TABLE_CELLS or cells * len(distinct) > TABLE_WORK:
        return None
    ways = np.zeros((largest + 1, last + 1), np.int64)
    rough = np.zeros((largest + 1, last + 1)) if _may_overflow(len(values), largest) else None
    for table in (ways, rough):
        if table is not None:
            table[0, 0] = 1
            for value, most in zip(distinct.tolist(), times.tolist(), strict=True):
                _put_in(table, value, most, largest, last)
    if rough is not None and rough[1:, first:].sum() >= WHOLE / 2:
        return None
    return [int(row.sum()) for row in ways[1:, first:]]


def _may_overflow(items: int, largest: int) -> bool:
    return sum(comb(items, size) for size in range(1, largest + 1)) >= WHOLE


def _put_in(table: np.ndarray, value: int, most: int, largest: int, last: int) -> None:
    """Up to `most` items of this value into every set counted so far; the biggest sets first, so that none is met again."""
    for size in range(largest, 0, -1):
        for chosen in range(1, min(most, size) + 1):
            shift = chosen * value
            if shift > last:
                break
            table[size, shift:] += comb(most, chosen) * table[size - chosen, : last + 1 - shift]


# --- Listing --------------------------------------------------------------------------------------------------


def _listed(values: Ints, low: int, high: int, largest: int, counts: list[int] | None) -> _Listed:
    """By meeting in the middle, size by size, as far as the budget goes."""
    sets: list[Ints] = []
    parts: dict[int, Ints] = {0: np.zeros((1, 0), np.int64)}
    complete_to = 0
    for size in range(1, largest + 1):
        if counts is not None and counts[size - 1] == 0:
            complete_to += complete_to == size - 1
            continue
        half = size - size // 2
        if comb(len(values), half) > HALVES:
            break
        for length in (size // 2, half):
            if length not in parts:
                parts[length] = _parts(len(values), length)
        met = _meet(values, parts[size // 2], parts[half], low, high)
        if met is None:
            break
        minimal = met[_minimal(values[met])]
        sets += list(minimal)
        complete_to += complete_to == size - 1
        if len(sets) > SETS_SHOWN and counts is None:
            return _Listed(sets[: SETS_SHOWN + 1], complete_to, len(sets) - SETS_SHOWN - 1)
    return _Listed(sets, complete_to)


def _parts(items: int, length: int) -> Ints:
    """All sets of `length` places in ascending order, a row each."""
    rows = np.arange(items)[:, None]
    for _more in range(length - 1):
        number, after = unfold(rows[:, -1] + 1, np.full(len(rows), items))
        rows = np.column_stack((rows[number], after))
    return rows


def _meet(values: Ints, left: Ints, right: Ints, low: int, high: int) -> Ints | None:
    """Sets whose first places are a row of `left` and whose others are a row of `right`; None where too many sums agree."""
    order = np.argsort(values[right].sum(axis=1), kind="stable")
    right = right[order]
    sums = values[right].sum(axis=1)
    needed = values[left].sum(axis=1)
    start, end = np.searchsorted(sums, low - needed, "left"), np.searchsorted(sums, high - needed, "right")
    if int((end - start).clip(0).sum()) > MEETINGS:
        return None
    number, place = unfold(start, np.maximum(start, end))
    if left.shape[1]:
        apart = left[number, -1] < right[place, 0]
        number, place = number[apart], place[apart]
    return np.column_stack((left[number], right[place]))


def _minimal(amounts: Ints) -> Bools:
    """Rows of which no part adds up to 0."""
    keep = np.ones(len(amounts), bool)
    size = amounts.shape[1]
    for chosen in range(1, 2**size - 1):
        part = np.flatnonzero([(chosen >> place) & 1 for place in range(size)])
        if len(part) > 1:
            keep &= amounts[:, part].sum(axis=1) != 0
    return keep


def _ranked(
    found: _Listed, values: Ints, places: Ints, target: int, costs: Sequence[int] | None
) -> list[tuple[int, ...]]:
    asked = np.zeros(len(values), np.int64) if costs is None else np.asarray(costs, np.int64)[places]

    def closeness(rows: Ints) -> tuple[int, int, int, tuple[int, ...]]:
        return abs(int(values[rows].sum()) - target), int(asked[rows].sum()), len(rows), tuple(rows.tolist())

    return [tuple(places[rows].tolist()) for rows in sorted(found.sets, key=closeness)]
