"""The shifted calendar: worlds in which Side B's records keep their weekday, text and amount but stand in other weeks, so
that nothing that belongs together meets; and the days that are looked at closely. Used by `pool`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rules.engine.intervals import distinct
from rules.engine.sides import Bools, Ints

REACH_MAX = 31  # days between two records of a pair
WORLDS_MAX = 9
BLOCKS = 3
MONDAY = 3  # day 0 is a Thursday


@dataclass(frozen=True, slots=True)
class Calendar:
    """The weeks in which Side B has records, and how far they are moved: `trying` (weeks) for choosing among rules,
    `checking` for judging the chosen one by other worlds than those that it was chosen by, where there are enough.

    Weeks without records are skipped, so that a gap, or one record of long ago, leaves the worlds as dense as this one.
    """

    weeks: Ints
    reach: int
    trying: tuple[int, ...]
    checking: tuple[int, ...]

    @classmethod
    def of(cls, days_b: Ints) -> Calendar | None:
        """None where Side B has records in one week only: there is nowhere to move it."""
        weeks = distinct((days_b + MONDAY) // 7)
        size = len(weeks)
        if size < 2:
            return None
        wanted = max(1, min(4, size // 3))
        farthest = max(1, (size + 1 - wanted) // 2)  # weeks that Side B is moved at least, either way
        reach = min(REACH_MAX, (7 * farthest - 1) // 2)
        least = 2 * reach // 7 + 1
        moves = np.arange(least, size - least + 1)
        moves = moves[np.linspace(0, len(moves) - 1, min(WORLDS_MAX, len(moves))).round().astype(int)]
        if len(moves) < 4:
            return cls(weeks, reach, tuple(moves.tolist()), tuple(moves.tolist()))
        return cls(weeks, reach, tuple(moves[1::3].tolist()), tuple(np.delete(moves, np.s_[1::3]).tolist()))

    def moved(self, days: Ints, by: int) -> Ints:
        """These days of Side B so many weeks on, around the period."""
        if not by:
            return days
        week, weekday = np.divmod(days + MONDAY, 7)
        place = (np.searchsorted(self.weeks, week) + by) % len(self.weeks)
        return self.weeks[place] * 7 + weekday - MONDAY


def blocks(days: Ints, wanted: int) -> Bools:
    """The records of three blocks of whole days, early, in the middle and late, together about `wanted` of them."""
    if len(days) <= wanted:
        return np.ones(len(days), bool)
    known, count = np.unique(days, return_counts=True)
    upto = np.cumsum(count)
    chosen = np.zeros(len(known), bool)
    for block in range(BLOCKS):
        start = (2 * block + 1) * len(days) // (2 * BLOCKS) - wanted // (2 * BLOCKS)
        first = int(np.searchsorted(upto, start, side="right"))
        last = int(np.searchsorted(upto, start + wanted // BLOCKS))
        chosen[first : max(last, first + 1)] = True
    return chosen[np.searchsorted(known, days)]
