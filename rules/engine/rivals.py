"""How sure a pair is, by what else its records could have been paired with: rivals among the candidates of the same step.

Each other candidate of either record counts 1 / (1 + how much worse it is), a better one that was taken elsewhere more
than 1, and the worse side of the two is the pair's figure. Called by `line_policy`.
"""

from __future__ import annotations

import numpy as np

from rules.engine.intervals import unfold
from rules.engine.line import Line
from rules.engine.sides import Floats, Ints

BITE = 4_000_000  # runs of equal days looked at at a time


def weight(worse: Ints) -> Floats:
    """What a rival counts that is so much worse (days, minor units); below 0: better."""
    return np.where(worse >= 0, 1 / (1 + np.maximum(worse, 0)), 1 - worse)


def on_line(line: Line, rows_a: Ints, rows_b: Ints) -> Floats:
    """The rivals of pairs (rows of both sides) among all the partners that the line allows. Cost is days apart."""
    at_a, at_b = _places(line.rows_a, rows_a), _places(line.rows_b, rows_b)
    apart = np.abs(line.day_b[at_b] - line.day_a[at_a])
    every_b = np.arange(len(line.rows_b))
    back_lo = np.searchsorted(line.hi, every_b, side="right")
    back_hi = np.searchsorted(line.lo, every_b, side="right")
    of_a = _one_side(line.lo[at_a], line.hi[at_a], line.day_a[at_a], apart, line.day_b)
    of_b = _one_side(back_lo[at_b], back_hi[at_b], line.day_b[at_b], apart, line.day_a)
    return np.maximum(of_a, of_b)


def _places(rows: Ints, wanted: Ints) -> Ints:
    place = np.empty(int(rows.max(initial=-1)) + 1, np.int64)
    place[rows] = np.arange(len(rows))
    return place[wanted]


def _one_side(lo: Ints, hi: Ints, day: Ints, apart: Ints, days: Ints) -> Floats:
    """For each record with partners [lo, hi) of the other side's `days`: its rivals beside a partner `apart` days away.

    Partners of one day count together, and records of one day, interval and distance are one question.
    """
    found = np.zeros(len(lo))
    several = np.flatnonzero(hi - lo > 1)
    if not len(several):
        return found
    lo, hi, day, apart = lo[several], hi[several], day[several], apart[several]
    # An interval is that of its key and day, so where it begins and the day say both.
    codes = (lo * (np.ptp(day) + 1) + day - day.min()) * (int(apart.max()) + 1) + apart
    _codes, one, back = np.unique(codes, return_index=True, return_inverse=True)
    lo, hi, day, apart = lo[one], hi[one], day[one], apart[one]
    starts = np.zeros(len(days) + 1, bool)
    starts[1:-1] = days[1:] != days[:-1]
    starts[np.concatenate(([0, len(days)], lo, hi))] = True
    bounds, run_of = np.flatnonzero(starts), np.cumsum(starts) - 1
    first, last = run_of[lo], run_of[hi]
    size, of_day = np.diff(bounds), days[bounds[:-1]]
    total = np.empty(len(one))
    bites = np.cumsum(last - first) // BITE
    for bite in np.unique(bites):
        some = np.flatnonzero(bites == bite)
        number, run = unfold(first[some], last[some])
        worse = np.abs(of_day[run] - day[some][number]) - apart[some][number]
        total[some] = np.bincount(number, weight(worse) * size[run], minlength=len(some))
    found[several] = total[back] - 1
    return found
