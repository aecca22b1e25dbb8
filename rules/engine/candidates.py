"""Candidate pairs of the pair path: keys, bands and words by hash and binary search, counted before any pair is made,
then every condition checked on what is left. Called by `pairs`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rules.engine.comparators import is_date, is_money, leaf_holds, points, reach, scope_holds
from rules.engine.found import NONE, TooBroad
from rules.engine.intervals import distinct, unfold
from rules.engine.keys import Lineup, Positions, key_codes, key_columns, line_up
from rules.engine.plan import Alternative
from rules.engine.sides import Bools, Hashes, Ints, Side
from rules.engine.tree import Leaf
from rules.engine.words import word_lineup

BUDGET = 20_000_000  # candidate pairs per rule
FEW = 5_000_000  # up to so many pairs, texts are compared directly instead of by an index of words
DAYS_ONE_BY_ONE = 40  # widest window that is taken day by day beside an amount within a tolerance

Pairs = tuple[Ints, Ints]


def usable(alternative: Alternative, a: Side, b: Side) -> tuple[Bools, Bools]:
    """The rows that can meet at all: inside the scopes, and with no value missing that a condition compares."""
    use_a, use_b = np.ones(len(a), bool), np.ones(len(b), bool)
    for leaf in alternative.leaves:
        for side, value, use in ((a, leaf.key, use_a), (b, leaf.value, use_b)):
            if side.values(value).null_count():
                use &= side.values(value).is_not_null().to_numpy()
    for scope in alternative.scopes:
        if scope.side == "a":
            use_a &= scope_holds(scope, a)
        else:
            use_b &= scope_holds(scope, b)
    return use_a, use_b


@dataclass(frozen=True, slots=True)
class Crowd:
    """The candidates of an alternative: per Side A row how many (of the first of its twins, for each of them), and how
    many records of either side are in them."""

    per_a: Ints
    pairs: int
    records_a: int
    records_b: int

    @property
    def accidental(self) -> float:
        """Candidates beyond one per record, per record."""
        true = min(self.records_a, self.records_b)
        return (self.pairs - true) / true if true else 0.0


def candidates(
    found: Sequence[Alternative], a: Side, b: Side, weights: tuple[Ints, Ints]
) -> tuple[Pairs, list[Crowd]]:
    """All pairs (rows of both sides, each once, in order) for which one of the alternatives holds, and of each
    alternative how many. `weights`: how many records each row stands for; rows of 0 are left out.

    Raises TooBroad where more than BUDGET pairs would have to be looked at.
    """
    seen: list[Ints] = []
    crowds: list[Crowd] = []
    left = BUDGET
    among = weights[0] > 0, weights[1] > 0
    for alternative in found:
        rows_a, rows_b = _of_one(alternative, a, b, among, left)
        left -= len(rows_a)
        seen.append(rows_a * len(b) + rows_b)
        crowds.append(_crowd(rows_a, rows_b, *weights))
    codes = seen[0] if len(seen) == 1 else NONE
    if len(seen) > 1 or (codes[1:] <= codes[:-1]).any():
        codes = distinct(np.concatenate(seen))
    return (codes // max(len(b), 1), codes % max(len(b), 1)), crowds


def _crowd(rows_a: Ints, rows_b: Ints, of_a: Ints, of_b: Ints) -> Crowd:
    per_a = np.bincount(rows_a, of_b[rows_b], minlength=len(of_a)).astype(np.int64)
    in_b = np.zeros(len(of_b), bool)
    in_b[rows_b] = True
    return Crowd(per_a, int((per_a * of_a).sum()), int(of_a[per_a > 0].sum()), int(of_b[in_b].sum()))


def _of_one(alternative: Alternative, a: Side, b: Side, among: tuple[Bools, Bools], budget: int) -> Pairs:
    use_a, use_b = usable(alternative, a, b)
    use_a &= among[0]
    use_b &= among[1]
    rows_a, rows_b = np.flatnonzero(use_a), np.flatnonzero(use_b)
    if not len(rows_a) or not len(rows_b):
        return NONE, NONE
    rows_a, rows_b = _narrowed(alternative, a, b, rows_a, rows_b, budget)
    for leaf in alternative.leaves:
        if len(rows_a):
            holds = leaf_holds(leaf, a, b, rows_a, rows_b)
            rows_a, rows_b = rows_a[holds], rows_b[holds]
    return rows_a, rows_b


def _narrowed(alternative: Alternative, a: Side, b: Side, rows_a: Ints, rows_b: Ints, budget: int) -> Pairs:
    """Pairs with equal keys and, by what costs least, within a band or with a common word; not all conditions hold."""
    keys = key_columns(a, b, [(leaf.key, leaf.value) for leaf in alternative.keys])
    key_a, key_b = key_codes([(left.gather(rows_a), right.gather(rows_b)) for left, right in keys])
    lineup = _least(alternative.bands, a, b, rows_a, rows_b, key_a, key_b)
    turned = False
    if lineup.pairs > FEW and alternative.words:
        leaf = alternative.words[0]
        by_word = word_lineup(leaf, a, b, rows_a, rows_b, key_a, key_b)
        if by_word.pairs < lineup.pairs:
            lineup, turned = by_word, leaf.operand == "has_token"
    days = [leaf for leaf in alternative.bands if is_date(leaf)]
    money = [leaf for leaf in alternative.bands if is_money(leaf)]
    if lineup.pairs > 4 * (len(rows_a) + len(rows_b)) and days and money:
        by_day = _day_by_day(days[0], money[0], a, b, rows_a, rows_b, key_a, key_b, budget)
        if by_day is not None:
            return by_day
    if lineup.pairs > budget:
        raise TooBroad(lineup.pairs + BUDGET - budget)
    number, place = unfold(lineup.lo, lineup.hi)
    left, right = lineup.rows_a[number], lineup.rows_b[place]
    return (rows_a[right], rows_b[left]) if turned else (rows_a[left], rows_b[right])


def _least(
    bands: Sequence[Leaf], a: Side, b: Side, rows_a: Ints, rows_b: Ints, key_a: Hashes, key_b: Hashes
) -> Lineup:
    """The band that leaves the fewest pairs beside the keys; the keys alone where there is none."""
    if not bands:
        nowhere = np.zeros(len(rows_a), np.int64)
        return line_up(key_a, key_b, Positions(nowhere, np.zeros(len(rows_b), np.int64), nowhere, nowhere))
    lineups = [line_up(key_a, key_b, _positions(leaf, a, b, rows_a, rows_b)) for leaf in bands]
    return min(lineups, key=lambda lineup: lineup.pairs)


def _positions(leaf: Leaf, a: Side, b: Side, rows_a: Ints, rows_b: Ints) -> Positions:
    low, high = reach(leaf, a)
    at_a, at_b = points(a, leaf.key)[rows_a], points(b, leaf.value)[rows_b]
    low, high = low[rows_a], high[rows_a]
    if at_b.dtype != object:
        return Positions(at_a, at_b, low, high)
    known = np.unique(at_b)  # numbers of any size by their place among Side B's
    below, above = np.searchsorted(known, low), np.searchsorted(known, high, side="right") - 1
    return Positions(np.searchsorted(known, at_a), np.searchsorted(known, at_b), below, above)


def _day_by_day(
    day_leaf: Leaf,
    money_leaf: Leaf,
    a: Side,
    b: Side,
    rows_a: Ints,
    rows_b: Ints,
    key_a: Hashes,
    key_b: Hashes,
    budget: int,
) -> Pairs | None:
    """Both bands at once: for each day of the window, equal keys and that very day, and the amount by binary search in
    codes of (key, day, amount). None where the window is too wide or the codes do not fit."""
    days, money = _positions(day_leaf, a, b, rows_a, rows_b), _positions(money_leaf, a, b, rows_a, rows_b)
    window = range(int((days.low - days.a).min()), int((days.high - days.a).max()) + 1)
    known = distinct(np.concatenate((key_a, key_b)))
    amounts = distinct(money.b)
    first, bits = int(days.b.min()), len(amounts).bit_length() + 1
    span = int(days.b.max()) - first + 1
    if len(window) > DAYS_ONE_BY_ONE or (len(known) * span).bit_length() + bits > 62:
        return None
    base_b = (np.searchsorted(known, key_b) * span + days.b - first) << bits
    codes_b = base_b | np.searchsorted(amounts, money.b)
    order_b = np.argsort(codes_b)
    sorted_b = codes_b[order_b]
    from_ = np.searchsorted(amounts, money.low)
    to = np.searchsorted(amounts, money.high, side="right")
    number_a = np.searchsorted(known, key_a) * span
    order_a = np.argsort((number_a + days.a - first) << bits | from_)
    parts: list[Pairs] = []
    total = 0
    for offset in window:
        day = days.a[order_a] + offset - first
        inside = order_a[(day >= 0) & (day < span)]
        base = (number_a[inside] + days.a[inside] + offset - first) << bits
        lo, hi = np.searchsorted(sorted_b, base | from_[inside]), np.searchsorted(sorted_b, base | to[inside])
        total += int((hi - lo).sum())
        if total > budget:
            raise TooBroad(total + BUDGET - budget)
        number, place = unfold(lo, hi)
        parts.append((rows_a[inside[number]], rows_b[order_b[place]]))
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])
