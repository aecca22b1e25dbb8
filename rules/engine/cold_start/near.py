"""Pairs of one form of text whose amounts are close, and how a rule with a tolerance would choose among them: equal amounts
first, then the rest, each only where it is the sole candidate. Used by `trials`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rules.engine.cold_start.equal import Count, Rows
from rules.engine.cold_start.pool import NO_KEY, Keys, Pool, Window
from rules.engine.cold_start.tolerances import EQUAL, TOLERANCES, Tolerance
from rules.engine.intervals import unfold
from rules.engine.keys import sorting
from rules.engine.sides import Bools, Floats, Ints

PAIRS_MOST = 2_000_000  # looked at per form and world; a form with more is tried with equal amounts only


@dataclass(frozen=True)
class NearPairs:
    """Candidate pairs of one world, as places in the pool; `sampled`: whose Side A record is of the sample."""

    a: Ints
    b: Ints
    apart: Ints
    difference: Floats
    money: Ints
    decimal_places: Ints
    sampled: Bools
    reach: int
    size_a: int
    size_b: int

    def within(self, tolerance: Tolerance) -> Bools:
        if tolerance == EQUAL:
            return self.difference == 0
        return self.difference <= tolerance.room(self.money, self.decimal_places)

    def only(self, chosen: Bools) -> NearPairs:
        return NearPairs(
            self.a[chosen],
            self.b[chosen],
            self.apart[chosen],
            self.difference[chosen],
            self.money[chosen],
            self.decimal_places[chosen],
            self.sampled[chosen],
            self.reach,
            self.size_a,
            self.size_b,
        )

    def histogram(self) -> Ints:
        """The sample's pairs by days apart, from −reach to +reach."""
        return np.bincount(self.apart[self.sampled] + self.reach, minlength=2 * self.reach + 1)

    def count(self, window: Window) -> Count:
        inside = self._inside(window)
        return Count(sum(len(a) for a, _b in self.sole(window)), len(np.unique(inside.a[inside.sampled])))

    def sole(self, window: Window) -> list[Rows]:
        """What a rule over these pairs finds in the window for the sample, by the engine's two steps: equal amounts, then the
        rest of the records."""
        inside = self._inside(window)
        equal = inside.only(inside.difference == 0)
        first = equal.only(_sole(equal.a, equal.b))
        rest = inside.only(~np.isin(inside.a, equal.a) & ~np.isin(inside.b, first.b))
        later = rest.only(_sole(rest.a, rest.b))
        return [(step.a[step.sampled], step.b[step.sampled]) for step in (first, later)]

    def with_candidate(self, window: Window) -> list[Rows]:
        """Records that have a candidate at all in each step (of Side B: as far as it is known)."""
        inside = self._inside(window)
        equal = inside.only(inside.difference == 0)
        return [(equal.a, equal.b), (inside.a, inside.b)]

    def crowd(self) -> Ints:
        """For each row of Side A how many candidates it has within reach."""
        return np.bincount(self.a, minlength=self.size_a)

    def _inside(self, window: Window) -> NearPairs:
        return self.only((self.apart >= window[0]) & (self.apart <= window[1]))


def _sole(a: Ints, b: Ints) -> Bools:
    if not len(a):
        return np.zeros(0, bool)
    return (np.bincount(a)[a] == 1) & (np.bincount(b)[b] == 1)


def near_pairs(pool: Pool, keys: Keys, shift: int = 0) -> NearPairs | None:
    """The sample's pairs with equal keys within the widest tolerance, and all pairs of the Side B records among them.
    None where too many would have to be looked at."""
    day_b = pool.books.calendar.moved(pool.day_b, shift)
    own = _joined(pool, (keys.a, pool.day_a, pool.sample), (keys.b, day_b, np.arange(len(day_b))))
    if own is None:
        return None
    sampled = np.zeros(len(pool.rows_a), bool)
    sampled[pool.sample] = True
    others = np.flatnonzero(~sampled & (keys.a != NO_KEY))
    rivals = _joined(pool, (keys.a, pool.day_a, others), (keys.b, day_b, np.unique(own[1])))
    if rivals is None:
        return None
    a, b = np.concatenate((own[0], rivals[0])), np.concatenate((own[1], rivals[1]))
    money_a = pool.money[0][a]
    return NearPairs(
        a,
        b,
        day_b[b] - pool.day_a[a],
        _difference(money_a, pool.money[1][b]),
        money_a,
        _decimal_places(pool)[a],
        sampled[a],
        pool.books.calendar.reach,
        *pool.size,
    )


Records = tuple[Ints, Ints, Ints]
"""Keys and days of all records of a side, and which of them are meant."""


def _joined(pool: Pool, left: Records, right: Records) -> tuple[Ints, Ints] | None:
    """Pairs with equal keys within reach and the widest tolerance."""
    reach = pool.books.calendar.reach
    rows_a = left[2][left[0][left[2]] != NO_KEY]
    rows_b = right[2][right[0][right[2]] != NO_KEY]
    day_a, day_b = left[1][rows_a], right[1][rows_b]
    first = int(np.concatenate((day_a, day_b)).min(initial=2**40)) - reach
    span = max(int(np.concatenate((day_a, day_b)).max(initial=0)) - first, 0) + reach + 2
    codes_b = right[0][rows_b] * span + day_b - first
    order = sorting(codes_b)
    base = left[0][rows_a] * span + day_a - first
    lo = np.searchsorted(codes_b[order], base - reach)
    hi = np.searchsorted(codes_b[order], base + reach, side="right")
    if int((hi - lo).sum()) > PAIRS_MOST:
        return None
    number, place = unfold(lo, hi)
    a, b = rows_a[number], rows_b[order[place]]
    money_a, money_b = pool.money[0][a], pool.money[1][b]
    decimal_places = _decimal_places(pool)[a]
    room = np.max([widest.room(money_a, decimal_places) for widest in _widest()], axis=0)
    close = (np.sign(money_a) == np.sign(money_b)) & (_difference(money_a, money_b) <= room)
    return a[close], b[close]


def _widest() -> tuple[Tolerance, Tolerance]:
    return max(TOLERANCES, key=lambda one: one.dollar), max(TOLERANCES, key=lambda one: one.percent)


def _decimal_places(pool: Pool) -> Ints:
    return pool.books.a.decimal_places[pool.rows_a]


def _difference(a: Ints, b: Ints) -> Floats:
    """How far apart, exactly 0 only where they are equal: also amounts whose difference whole numbers cannot hold."""
    apart = np.abs(a.astype(float) - b.astype(float))
    return np.where(a == b, 0.0, np.maximum(apart, 1.0))
