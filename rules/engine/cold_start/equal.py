"""Counting with equal keys and a window of days, without making pairs: how many records have a candidate, how many pairs
are each other's only one, in this world and in those of the shifted calendar. Used by `trials`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rules.engine.cold_start.pool import NO_KEY, Keys, Pool, Window
from rules.engine.keys import sorting
from rules.engine.sides import Ints

Rows = tuple[Ints, Ints]


@dataclass(frozen=True, slots=True)
class Count:
    """Of the sample: pairs that are each other's only candidate, and records with a candidate."""

    sole: int
    covered: int


@dataclass(frozen=True)
class Line:
    """The records of both sides by (key, day) in one world: for each record of the sample (`rows_a`) where on Side B
    (`rows_b`) each day from −reach to +reach of it begins. Rows are places in the pool."""

    rows_a: Ints
    rows_b: Ints
    edges: Ints
    codes_a: Ints
    codes_b: Ints
    reach: int
    size_a: int
    size_b: int

    def histogram(self) -> Ints:
        """Pairs with equal keys by days apart (Side B − Side A), from −reach to +reach."""
        return np.diff(self.edges, axis=1).sum(axis=0)

    def count(self, window: Window) -> Count:
        low, high = self._between(window)
        return Count(len(self.sole(window)[0][0]), int(np.count_nonzero(high > low)))

    def sole(self, window: Window) -> list[Rows]:
        """The pairs that are each other's only candidate, in the one step that the engine takes here."""
        low, high = self._between(window)
        one = np.flatnonzero(high - low == 1)
        one = one[self._partners(low[one], window) == 1]
        return [(self.rows_a[one], self.rows_b[low[one]])]

    def with_candidate(self, window: Window) -> list[Rows]:
        """Records of the sample, and records of Side B, that have a candidate at all."""
        low, high = self._between(window)
        partners = self._partners(np.arange(len(self.codes_b)), window)
        return [(self.rows_a[high > low], self.rows_b[partners > 0])]

    def crowd(self) -> Ints:
        """For each row of Side A how many candidates it has within reach: 0 where it is not of the sample."""
        found = np.zeros(self.size_a, np.int64)
        found[self.rows_a] = self.edges[:, -1] - self.edges[:, 0]
        return found

    def _between(self, window: Window) -> Rows:
        return self.edges[:, window[0] + self.reach], self.edges[:, window[1] + self.reach + 1]

    def _partners(self, places: Ints, window: Window) -> Ints:
        """How many candidates these of Side B have on all of Side A."""
        found = np.searchsorted(self.codes_a, self.codes_b[places] - window[0], side="right")
        return found - np.searchsorted(self.codes_a, self.codes_b[places] - window[1])


def draw(pool: Pool, keys: Keys, shift: int = 0) -> Line:
    """The line of these keys, Side B's days `shift` weeks on."""
    reach = pool.books.calendar.reach
    use_a, use_b = np.flatnonzero(keys.a != NO_KEY), np.flatnonzero(keys.b != NO_KEY)
    day_a, day_b = pool.day_a[use_a], pool.books.calendar.moved(pool.day_b[use_b], shift)
    days = np.concatenate((day_a, day_b))
    # Room on both sides, so that a window never runs into the next key's days.
    first = int(days.min(initial=2**40)) - 2 * reach - 1
    span = max(int(days.max(initial=0)) - first, 0) + 2 * reach + 2
    codes_b = keys.b[use_b] * span + day_b - first
    order = sorting(codes_b)
    codes_b = codes_b[order]
    near = pool.sample[keys.a[pool.sample] != NO_KEY]
    base = keys.a[near] * span + pool.day_a[near] - first
    in_order = sorting(base)  # so that the binary searches stay in the cache
    edges = np.searchsorted(codes_b, base[in_order][:, None] + np.arange(-reach, reach + 2))
    codes_a = np.sort(keys.a[use_a] * span + day_a - first)
    return Line(near[in_order], use_b[order], edges, codes_a, codes_b, reach, *pool.size)
