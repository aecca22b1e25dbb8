"""Runs of days whose sum meets a single record: all single records, all runs in reach, at once. Used by `rollups`.

Short reaches: every run is added up, one subtraction of running sums each. Long ones: for each last day the first days
are looked up by the running sum that they would need, so that a year costs 365 look-ups and not 66,795 runs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rules.engine.candidates import BUDGET
from rules.engine.cohorts import Members, Proposals
from rules.engine.comparators import numbers
from rules.engine.found import NONE, TooBroad
from rules.engine.intervals import distinct, unfold
from rules.engine.sides import Ints
from rules.engine.sums import SAFE, RollUp, Sums, meets, qualifying

BITE = 2_000_000  # runs that are added up at a time
SHORT = 8  # runs per last day up to which they are added up one by one
Bounds = list[tuple[Ints, Ints]]


@dataclass(frozen=True, slots=True)
class Buckets:
    """The days that have open members, in order of (segment, day): `start` is where each begins among the members (the
    last entry is the end), `running` the sum of all members before, `number` at each place how many begin before it."""

    start: Ints
    segment: Ints
    running: Ints
    number: Ints

    @classmethod
    def of(cls, job: RollUp, members: Members) -> Buckets:
        code = members.code
        changes = np.flatnonzero(code[1:] != code[:-1]) + 1 if len(code) else NONE
        start = np.concatenate(([0], changes, [len(code)] if len(code) else NONE)).astype(np.int64)
        running = np.concatenate((np.zeros(1, np.int64), np.cumsum(job.many.measure[members.rows])))[start]
        begins = np.zeros(len(code) + 1, bool)
        begins[start[:-1]] = True
        return cls(start, members.cohort[start[:-1]], running, np.cumsum(begins) - begins)


class Windows:
    """All runs of days that single records have in reach."""

    def __init__(self, job: RollUp, members: Members, proposals: Proposals) -> None:
        self._job, self._members = job, members
        self._buckets = Buckets.of(job, members)
        lo, hi = job.reach(members, proposals)
        some = np.flatnonzero(hi > lo)
        some = some[np.argsort(lo[some])]  # neighbours look at the same days
        self._single = proposals.single[some]
        self._lo, self._hi = self._buckets.number[lo[some]], self._buckets.number[hi[some]]
        size = self._hi - self._lo
        self._runs = size * (size + 1) // 2
        self.count = np.bincount(self._single, self._runs, len(job.single)).astype(np.int64)
        self.tried = int(self._runs.sum())

    def qualifying(self) -> Sums:
        """The runs that meet their single record, in the order in which they choose: the oldest single record first, and
        for each the least difference, then the latest end, then the shortest run. Raises TooBroad."""
        found = qualifying(self._job, self._members, self._adding_up())
        first, end = self.days_of(found)
        last = self._members.day[found.hi - 1]
        age = self._job.single.days("date")[found.single]
        order = np.lexsort(
            (*self._age_of_segments(found), end - first, -last, found.difference, found.single, age)
        )
        return found.only(order)

    def _age_of_segments(self, found: Sums) -> tuple[Ints, ...]:
        """Of several segments that a single record means, the oldest goes first: by the least day, then row."""
        if not len(self._single) or np.bincount(self._single).max() == 1:
            return ()
        members = self._members
        oldest = np.searchsorted(members.cohort, members.cohort[found.lo])
        return members.rows[oldest], members.day[oldest]

    def days_of(self, sums: Sums) -> tuple[Ints, Ints]:
        """The days [lo, hi) of these runs, as numbers of buckets."""
        return self._buckets.number[sums.lo], self._buckets.number[sums.hi]

    def _adding_up(self) -> Sums:
        ends = int((self._hi - self._lo).sum())
        bounds = self._bounds() if self.tried > SHORT * ends else None
        if bounds is not None and ends <= BUDGET:
            return self._looked_up(bounds)
        if self.tried > BUDGET:
            raise TooBroad(self.tried)
        bite = np.cumsum(self._runs) // BITE
        starts = np.flatnonzero(np.concatenate(([True], bite[1:] != bite[:-1]))) if len(bite) else NONE
        if not len(starts):
            return _together([])  # no single record has a day in reach
        parts = [
            self._added_up(start, end) for start, end in zip(starts, [*starts[1:], len(bite)], strict=True)
        ]
        return _together(parts)

    def _added_up(self, start: int, end: int) -> Sums:
        """Every run of these single records whose sum meets."""
        lo, single = self._lo[start:end], self._single[start:end]
        number, last = unfold(lo, self._hi[start:end])
        upto = self._buckets.running[last + 1]
        of_end, first = unfold(lo[number], last + 1)
        before = self._buckets.running[first]
        if self._job.is_exact:  # most runs fail here already
            target = self._job.single.measure[single][number]
            near = before == (upto - target)[of_end]
            if self._job.magnitude:
                near |= before == (upto + target)[of_end]
            some = np.flatnonzero(near)
            of_end, first, before = of_end[some], first[some], before[some]
        places = self._buckets.start
        sums = Sums(single[number[of_end]], places[first], places[last[of_end] + 1])
        return sums.only(meets(self._job, self._members, sums, upto[of_end] - before))

    def _looked_up(self, bounds: Bounds) -> Sums:
        """For each single record and last day, the first days before which the running sum is as much lower as needed."""
        buckets = self._buckets
        number, last = unfold(self._lo, self._hi)
        upto = buckets.running[last + 1]
        before = buckets.running[:-1]
        known = distinct(before)
        codes = buckets.segment * (len(known) + 1) + np.searchsorted(known, before)
        order = np.argsort(codes, kind="stable")
        codes = codes[order]
        parts = []
        for low, high in bounds:
            from_, to = self._ranks(known, upto - high[number], upto - low[number])
            some = np.flatnonzero(to > from_)
            base = buckets.segment[last[some]] * (len(known) + 1)
            from_ = np.searchsorted(codes, base + from_[some])
            to = np.searchsorted(codes, base + to[some])
            if (total := int((to - from_).sum())) > BUDGET:
                raise TooBroad(total)
            of_end, place = unfold(from_, to)
            first, of_end = order[place], some[of_end]
            inside = (first >= self._lo[number[of_end]]) & (first <= last[of_end])
            first, of_end = first[inside], of_end[inside]
            parts.append(
                Sums(self._single[number[of_end]], buckets.start[first], buckets.start[last[of_end] + 1])
            )
        return _together(parts)

    def _ranks(self, known: Ints, low: Ints, high: Ints) -> tuple[Ints, Ints]:
        """Which of the known running sums are from low to high: places [from, to)."""
        from_ = np.searchsorted(known, low)
        if not self._job.is_exact:
            return from_, np.searchsorted(known, high, side="right")
        found = (
            known[np.minimum(from_, len(known) - 1)] == low
        )  # low is high: nearly all are not there at all
        return from_, from_ + found

    def _bounds(self) -> Bounds | None:
        """Between which sums a run must be for each single record, generously; None where sums cannot be looked up."""
        job, members = self._job, self._members
        values = job.many.measure[members.rows]
        target = job.single.measure[self._single]
        if float(np.abs(values.astype(float)).sum()) + float(np.abs(target).max(initial=0)) > SAFE / 4:
            return None
        if job.is_exact:
            return [(target, target), (-target, -target)] if job.magnitude else [(target, target)]
        leaf = next(leaf for leaf in job.variant.amounts if leaf.tolerance is not None)
        of_many, of_single = job.ends(leaf)
        if of_many.field != "amount" or leaf.tolerance is None:
            return None
        value = numbers(job.single, of_single)[self._single].astype(float)
        room = float(leaf.tolerance.amount)
        if leaf.tolerance.unit == "percent":
            low = value / (1 + room / 100) if job.many_is_a else value * (1 - room / 100)
            high = value / (1 - room / 100) if job.many_is_a else value * (1 + room / 100)
        else:
            places = job.single.decimal_places[self._single]
            low, high = value - room * 10.0**places, value + room * 10.0**places
        slack = 2 + np.abs(value) * 1e-9
        low, high = (
            np.clip(end, -SAFE / 2, SAFE / 2).astype(np.int64) for end in (low - slack, high + slack)
        )
        return [(low, high), (-high, -low)]


def _together(parts: list[Sums]) -> Sums:
    """Each run once."""
    single, lo, hi = (
        np.concatenate([NONE, *[getattr(part, name) for part in parts]]) for name in ("single", "lo", "hi")
    )
    order = np.lexsort((hi, lo, single))
    single, lo, hi = single[order], lo[order], hi[order]
    new = np.ones(len(order), bool)
    new[1:] = (single[1:] != single[:-1]) | (lo[1:] != lo[:-1]) | (hi[1:] != hi[:-1])
    return Sums(single[new], lo[new], hi[new])
