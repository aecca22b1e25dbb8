"""Records on a line of currency, figure and day, so that all with a certain figure near a certain day are found by binary
search for all asked at once. Used by the relations."""

from __future__ import annotations

import numpy as np

from rules.engine.intervals import unfold
from rules.engine.investigation.records import LARGEST, Records
from rules.engine.sides import Ints

DAYS = 1 << 23  # more than a calendar of four-digit years has


class Line:
    """`figure`: a number of each record (an amount, a word); equal ones stand together, in order of days."""

    def __init__(self, figure: Ints, rows: Ints, day: Ints) -> None:
        self._known, place = np.unique(figure, return_inverse=True)
        code = place * DAYS + day + DAYS // 2
        order = np.lexsort((rows, code))
        self._rows, self._code = rows[order], code[order]

    def nearest(self, figure: Ints, day: Ints, reach: int, most: int) -> tuple[Ints, Ints]:
        """For each asked figure and day the records that have it within reach, at most `most` of them before that day and
        `most` from it on: the place of the question, and the record."""
        if not len(self._known) or not len(figure):
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        place = np.minimum(np.searchsorted(self._known, figure), len(self._known) - 1)
        some = np.flatnonzero(self._known[place] == figure)
        centre = place[some] * DAYS + day[some] + DAYS // 2
        lo, middle = np.searchsorted(self._code, centre - reach), np.searchsorted(self._code, centre)
        hi = np.searchsorted(self._code, centre + reach, side="right")
        number, found = unfold(np.maximum(lo, middle - most), np.minimum(hi, middle + most))
        return some[number], self._rows[found]


def priced(unit: Ints, value: Ints) -> Ints:
    """A figure for a currency with an amount of at most LARGEST."""
    return unit * (LARGEST + 1) * 2 + value + LARGEST


def line_of_amounts(records: Records) -> Line:
    return Line(priced(records.unit, records.value), np.arange(len(records)), records.day)
