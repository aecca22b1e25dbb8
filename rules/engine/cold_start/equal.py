"""Counting with equal keys and a window of days, without making pairs: how many records have a candidate, how many pairs
are each other's only one, in this world and in those of the shifted calendar. Used by `trials`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rules.engine.cold_start.pool import NO_KEY, Keys, Pool, Window
from rules.engine.keys import sorting
from rules.engine.sides import Ints


@dataclass(frozen=True, slots=True)
class Count:
    """Of the sample: pairs that are each other's only candidate, and records with a candidate."""

    sole: int
    covered: int


@dataclass(frozen=True)
class Line:
    """The records of both sides by (key, day) in one world; for each record of the sample where on Side B each day from
    −reach to +reach of it begins."""

    key_b: Ints
    day_b: Ints
    edges: Ints
    codes_a: Ints
    first: int
    span: int
    reach: int

    def histogram(self) -> Ints:
        """Pairs with equal keys by days apart (Side B − Side A), from −reach to +reach."""
        return np.diff(self.edges, axis=1).sum(axis=0)

    def count(self, window: Window) -> Count:
        low, high = self.edges[:, window[0] + self.reach], self.edges[:, window[1] + self.reach + 1]
        one = np.flatnonzero(high - low == 1)
        partner = low[one]
        base = self.key_b[partner] * self.span + self.day_b[partner] - self.first
        back = np.searchsorted(self.codes_a, base - window[0], side="right")
        back -= np.searchsorted(self.codes_a, base - window[1])
        return Count(int(np.count_nonzero(back == 1)), int(np.count_nonzero(high > low)))


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
    near = pool.sample[keys.a[pool.sample] != NO_KEY]
    base = np.sort(keys.a[near] * span + pool.day_a[near] - first)
    edges = np.searchsorted(codes_b[order], base[:, None] + np.arange(-reach, reach + 2))
    codes_a = np.sort(keys.a[use_a] * span + day_a - first)
    return Line(keys.b[use_b][order], day_b[order], edges, codes_a, first, span, reach)
