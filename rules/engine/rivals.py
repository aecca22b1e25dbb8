"""How sure a pair on the line is, by what else its records could have been paired with: every other partner that the
line allows, chosen elsewhere or not.

Each counts 1 / (1 + how many days worse it is), a better one that was taken elsewhere more than 1; the worse side of the
two is the pair's figure. Called by `line_policy`; `rivals_of_pairs` does the same for the pair path.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rules.engine.confidence import NOBODY
from rules.engine.intervals import unfold
from rules.engine.line import Line, Runs
from rules.engine.sides import Bools, Floats, Ints, Side

BITE = 4_000_000  # runs of equal days looked at at a time


@dataclass(frozen=True, slots=True)
class Rivals:
    """Per pair: the rivals by weight, how many they are, and the nearest one's row: on Side B where `next_is_b`, NOBODY
    where there is none."""

    weight: Floats
    count: Ints
    next_row: Ints
    next_is_b: Bools

    def ids(self, a: Side, b: Side) -> Ints:
        """The nearest ones' record ids."""
        ids = np.full(len(self.next_row), NOBODY, np.int64)
        for side, here in ((a, ~self.next_is_b), (b, self.next_is_b)):
            some = np.flatnonzero(here & (self.next_row != NOBODY))
            ids[some] = side.ids[self.next_row[some]]
        return ids


def weight(worse: Ints) -> Floats:
    """What a rival counts that is so much worse (days, minor units); below 0: better."""
    return np.where(worse >= 0, 1 / (1 + np.maximum(worse, 0)), 1 - worse)


@dataclass(frozen=True, slots=True)
class _Seen:
    """The pairs as one side sees them: its days, each one's partners [lo, hi) among the other side's places, which of
    these it has, and which it may not have (`barred`: pair numbers and places)."""

    day: Ints
    lo: Ints
    hi: Ints
    has: Ints
    others: Ints
    run_of_others: Ints
    barred: tuple[Ints, Ints]

    @property
    def apart(self) -> Ints:
        return np.abs(self.others[self.has] - self.day)


def on_line(
    line: Line, runs: Runs, at_a: Ints, at_b: Ints, refused: tuple[Ints, Ints] | None = None
) -> Rivals:
    """The rivals of pairs (places of both sides) on the line. `refused`: pairs of rows that are nobody's rivals."""
    back_lo, back_hi = _partners_of_b(line, at_b)
    bars = _barred(line, at_a, at_b, refused)
    seen_a = _Seen(line.day_a[at_a], line.lo[at_a], line.hi[at_a], at_b, line.day_b, runs.key_b, bars[0])
    seen_b = _Seen(line.day_b[at_b], back_lo, back_hi, at_a, line.day_a, runs.key_a, bars[1])
    (of_a, count_a, next_a), (of_b, count_b, next_b) = _one_side(seen_a), _one_side(seen_b)
    far = np.iinfo(np.int64).max
    near_a = _worse(seen_a, next_a, far)
    near_b = _worse(seen_b, next_b, far)
    is_b = near_a <= near_b
    row = np.where(
        is_b,
        np.append(line.rows_b, NOBODY)[next_a],
        np.append(line.rows_a, NOBODY)[next_b],
    )
    return Rivals(np.maximum(of_a, of_b), np.maximum(count_a, count_b), row, is_b)


def places(rows: Ints, wanted: Ints) -> Ints:
    """Where each wanted row stands among these rows; NOBODY where it does not."""
    place = np.full(int(max(rows.max(initial=-1), wanted.max(initial=-1))) + 1, NOBODY, np.int64)
    place[rows] = np.arange(len(rows))
    return place[wanted]


def _partners_of_b(line: Line, at_b: Ints) -> tuple[Ints, Ints]:
    """The Side A places that may meet these of Side B: found by search only where there are several."""
    size = len(line.rows_b)
    count = np.cumsum(np.bincount(line.lo, minlength=size + 1) - np.bincount(line.hi, minlength=size + 1))[
        at_b
    ]
    several = np.flatnonzero(count > 1)
    lo, hi = np.zeros(len(at_b), np.int64), np.zeros(len(at_b), np.int64)
    lo[several] = np.searchsorted(line.hi, at_b[several], side="right")
    hi[several] = lo[several] + count[several]
    return lo, hi


def _barred(
    line: Line, at_a: Ints, at_b: Ints, refused: tuple[Ints, Ints] | None
) -> tuple[tuple[Ints, Ints], tuple[Ints, Ints]]:
    """For each side the pairs (by number) one of whose candidates was refused, and that candidate's place."""
    none = np.zeros(0, np.int64)
    if refused is None or not len(refused[0]) or not len(at_a):
        return (none, none), (none, none)
    place_a, place_b = places(line.rows_a, refused[0]), places(line.rows_b, refused[1])
    here = (place_a >= 0) & (place_b >= 0)
    place_a, place_b = place_a[here], place_b[here]
    allowed = (line.lo[place_a] <= place_b) & (place_b < line.hi[place_a])
    place_a, place_b = place_a[allowed], place_b[allowed]
    pair_a, pair_b = places(at_a, place_a), places(at_b, place_b)
    of_a, of_b = pair_a >= 0, pair_b >= 0
    return (pair_a[of_a], place_b[of_a]), (pair_b[of_b], place_a[of_b])


def _one_side(seen: _Seen) -> tuple[Floats, Ints, Ints]:
    """Per pair: weight and number of the rivals of one record, and the place of the nearest."""
    found, count = np.zeros(len(seen.day)), np.zeros(len(seen.day), np.int64)
    near = np.full(len(seen.day), NOBODY, np.int64)
    several = np.flatnonzero(seen.hi - seen.lo > 1)
    if not len(several):
        return found, count, near
    found[several] = _weights(seen, several)
    count[several] = (seen.hi - seen.lo)[several] - 1
    near[several] = _nearest(seen, several)
    pair, place = seen.barred
    if len(pair):
        worse = np.abs(seen.others[place] - seen.day[pair]) - seen.apart[pair]
        np.subtract.at(found, pair, weight(worse))
        np.subtract.at(count, pair, 1)
        for number in np.unique(pair).tolist():
            near[number] = _nearest_allowed(seen, number, place[pair == number])
    return found, count, near


def _weights(seen: _Seen, some: Ints) -> Floats:
    """Partners of one day count together, and records of one day, interval and distance are one question."""
    lo, hi, day, apart = seen.lo[some], seen.hi[some], seen.day[some], seen.apart[some]
    # An interval is that of its key and day, so where it begins and the day say both.
    codes = (lo * (np.ptp(day) + 1) + day - day.min()) * (int(apart.max()) + 1) + apart
    _codes, one, back = np.unique(codes, return_index=True, return_inverse=True)
    lo, hi, day, apart = lo[one], hi[one], day[one], apart[one]
    days = seen.others
    starts = np.zeros(len(days) + 1, bool)
    starts[1:-1] = days[1:] != days[:-1]
    starts[np.concatenate(([0, len(days)], lo, hi))] = True
    bounds, run_of = np.flatnonzero(starts), np.cumsum(starts) - 1
    first, last = run_of[lo], run_of[hi]
    size, of_day = np.diff(bounds), days[bounds[:-1]]
    total = np.empty(len(one))
    bites = np.cumsum(last - first) // BITE
    for bite in np.unique(bites):
        chosen = np.flatnonzero(bites == bite)
        number, run = unfold(first[chosen], last[chosen])
        worse = np.abs(of_day[run] - day[chosen][number]) - apart[chosen][number]
        total[chosen] = np.bincount(number, weight(worse) * size[run], minlength=len(chosen))
    return total[back] - 1


def _nearest(seen: _Seen, some: Ints) -> Ints:
    """The place of the nearest other partner in days (then the oldest): one of the four around where the record's own
    day would stand, since only one is excluded."""
    lo, hi, day, has = seen.lo[some], seen.hi[some], seen.day[some], seen.has[some]
    lowest = min(int(seen.others.min()), int(day.min()))
    span = max(int(seen.others.max()), int(day.max())) - lowest + 1
    codes = seen.run_of_others * span + seen.others - lowest
    middle = np.searchsorted(codes, seen.run_of_others[lo] * span + day - lowest)
    middle = np.clip(middle, lo, hi)
    best = np.full(len(some), NOBODY, np.int64)
    least = np.full(len(some), np.iinfo(np.int64).max)
    for offset in (-2, -1, 0, 1):
        place = middle + offset
        fits = (place >= lo) & (place < hi) & (place != has)
        place = np.where(fits, place, 0)
        apart = np.abs(seen.others[place] - day)
        better = fits & (apart < least)
        best, least = np.where(better, place, best), np.where(better, apart, least)
    return best


def _nearest_allowed(seen: _Seen, number: int, barred: Ints) -> int:
    """The same for one pair some of whose candidates were refused."""
    places = np.arange(seen.lo[number], seen.hi[number])
    places = places[(places != seen.has[number]) & ~np.isin(places, barred)]
    if not len(places):
        return NOBODY
    apart = np.abs(seen.others[places] - seen.day[number])
    return int(places[np.argmin(apart)])


def _worse(seen: _Seen, near: Ints, far: int) -> Ints:
    """How many days worse than the own partner the nearest other is; `far` where there is none."""
    if not len(near):
        return near
    worse = np.abs(seen.others[near] - seen.day) - seen.apart
    return np.where(near == NOBODY, far, worse)
