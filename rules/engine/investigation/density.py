"""How many records one would expect to have a certain amount by accident: what tells a rare figure from a common one."""

from __future__ import annotations

import numpy as np

from rules.engine.investigation.records import Records
from rules.engine.sides import Floats, Ints

ROUND = (1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 100_000, 1_000_000)  # minor units
NEAR = 0.25  # of the amount, either way: how far around the density is taken
DAYS_LEAST = 30
LEAST = 0.5  # records are seen around any amount
BY_CHANCE = 1  # amount seen twice, that says nothing yet


class Density:
    """Of the amounts of one frame, by currency; `window`: days around one over which records are counted."""

    def __init__(self, records: Records, window: int) -> None:
        self._day = np.sort(records.day)
        self._window = window
        self._least = 1 / max(records.days_covered(), DAYS_LEAST)
        self._lines = {
            (unit, step): np.sort(some[some % step == 0])
            for unit in np.unique(records.unit).tolist()
            for some in (np.abs(records.value[records.unit == unit]),)
            for step in ROUND
        }
        self._seen = {
            unit: _seen_once_and_twice(np.abs(records.value[records.unit == unit]))
            for unit in np.unique(records.unit).tolist()
        }

    def per_day(self, unit: Ints, value: Ints, day: Ints) -> Floats:
        """How many other records of a currency one would expect to have this amount, on one day at such a time."""
        return self.of_amount(unit, value) * self.share_of(day)

    def share_of(self, day: Ints) -> Floats:
        """Of all records, how many are on one day at such a time: many where everything is booked at once."""
        found = np.full(len(day), self._least)
        for around in (0, self._window):
            first = np.searchsorted(self._day, day - around)
            count = np.searchsorted(self._day, day + around, side="right") - first - 1
            found = np.maximum(found, count / (max(len(self._day), 1) * (2 * around + 1)))
        return found

    def of_amount(self, unit: Ints, value: Ints) -> Floats:
        """How many other records of a currency have this amount: as many as have exactly it, at least as many as amounts around
        it that are as round suggest, or as the amounts there that repeat. One record, the candidate itself, is not counted."""
        value = np.abs(value)
        found = np.zeros(len(value))
        for one in np.unique(unit).tolist():
            some = np.flatnonzero(unit == one)
            if (one, 1) in self._lines:
                found[some] = self._of_unit(one, value[some])
        return np.maximum(found, 1e-9)

    def _of_unit(self, unit: int, value: Ints) -> Floats:
        line = self._lines[unit, 1]
        equal = np.searchsorted(line, value, side="right") - np.searchsorted(line, value)
        densest = np.maximum(equal - 1, 0).astype(float)
        around = np.maximum((value * NEAR).astype(np.int64), 1)
        for step in ROUND:
            line, round_enough = self._lines[unit, step], value % step == 0
            near = np.searchsorted(line, value + around, side="right") - np.searchsorted(line, value - around)
            cells = np.maximum(2 * around / step, 1)
            rate = np.maximum(near - 1, LEAST) / cells
            densest = np.where(round_enough & (near > 1) | (step == 1), np.maximum(densest, rate), densest)
        return np.maximum(densest, self._repeating(unit, value, around))

    def _repeating(self, unit: int, value: Ints, around: Ints) -> Floats:
        """How many more records one would expect of an amount that was seen once, from how many were seen once and twice
        (Good and Turing): few where amounts are of any kind, many where they are prices of a list."""
        kind, found = _roundness(value), np.zeros(len(value))
        for place, seen in self._seen[unit].items():
            some = kind == place
            low, high = value[some] - around[some], value[some] + around[some]
            once, twice = (
                np.searchsorted(line, high, side="right") - np.searchsorted(line, low) for line in seen
            )
            found[some] = 2 * np.maximum(twice - BY_CHANCE, 0) / np.maximum(once, 1)
        return found


def _seen_once_and_twice(size: Ints) -> dict[int, tuple[Ints, Ints]]:
    """Amounts in order, those that one record has and those that two have, by how round they are."""
    known, times = np.unique(size, return_counts=True)
    kind = _roundness(known)
    return {
        place: (known[(kind == place) & (times == 1)], known[(kind == place) & (times == 2)])
        for place in np.unique(kind).tolist()
    }


def _roundness(size: Ints) -> Ints:
    """The place of the largest round figure that divides it."""
    found = np.zeros(len(size), np.int64)
    for place, step in enumerate(ROUND):
        found[size % step == 0] = place
    return found
