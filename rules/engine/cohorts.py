"""The many side of a rollup: records by the values of `group_by`, in order of days; and which single records point at
which cohort. Used by `rollups`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from rules.engine.candidates import BUDGET
from rules.engine.found import TooBroad
from rules.engine.intervals import unfold
from rules.engine.keys import Keys, Positions, hashed, line_up, sorting
from rules.engine.sides import Bools, Ints, Side
from rules.engine.tree import RuleSpec, Value
from rules.engine.twins import classes

Chosen = npt.NDArray[np.bool_] | npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Members:
    """Open records of the many side in order of (cohort, day, row). `code` is cohort × (span + 1) + day since `first`."""

    rows: Ints
    cohort: Ints
    code: Ints
    first: int
    span: int

    @property
    def day(self) -> Ints:
        """The day of each member, counted as dates are."""
        return self.code % (self.span + 1) + self.first

    def only(self, chosen: Chosen) -> Members:
        return Members(self.rows[chosen], self.cohort[chosen], self.code[chosen], self.first, self.span)

    def between(self, cohort: Ints, from_day: Ints, to_day: Ints) -> tuple[Ints, Ints]:
        """The places [lo, hi) of a cohort's members from one day to another, both included."""
        base = cohort * (self.span + 1)
        lo, hi = self._places(
            base + np.clip(from_day - self.first, 0, self.span),
            base + np.clip(to_day - self.first + 1, 0, self.span),
        )
        return lo, np.maximum(lo, hi)

    def whole(self, cohort: Ints) -> tuple[Ints, Ints]:
        """The places [lo, hi) of all of a cohort's members."""
        return self._places(cohort * (self.span + 1), (cohort + 1) * (self.span + 1))

    def _places(self, from_code: Ints, to_code: Ints) -> tuple[Ints, Ints]:
        """The first places that have these codes, or higher ones: out of a table where most codes occur, else by binary
        search."""
        last = int(self.code.max(initial=0))
        if last > 4 * len(self.code):
            return np.searchsorted(self.code, from_code), np.searchsorted(self.code, to_code)
        before = np.concatenate(([0], np.cumsum(np.bincount(self.code, minlength=last + 1))))
        return before[np.minimum(from_code, last + 1)], before[np.minimum(to_code, last + 1)]


@dataclass(frozen=True, slots=True)
class Proposals:
    """Single records with the cohort they point at, in the order in which they choose: oldest first."""

    single: Ints
    cohort: Ints

    def __len__(self) -> int:
        return len(self.single)

    def only(self, chosen: Chosen) -> Proposals:
        return Proposals(self.single[chosen], self.cohort[chosen])


def gather_members(rule: RuleSpec, many: Side, inside: Bools) -> Members:
    """The records inside the scopes that have every `group_by` value, and a day to look back to. By date, a cohort is a
    segment: the first field of `group_by` is the day."""
    assert rule.rollup is not None
    by_date = rule.rollup.kind == "date"
    read_as = day_of(rule, rule.group_by[0] if by_date else rule.rollup.date_field)
    columns = [many.frame["currency"], many.frame["decimal_places"]]
    columns += [many.values(rule.value(field)) for field in rule.group_by[1 if by_date else 0 :]]
    known = inside & many.values(read_as).is_not_null().to_numpy()
    for column in columns:
        known &= column.is_not_null().to_numpy()
    rows = np.flatnonzero(known)
    cohort = classes([column.gather(rows) for column in columns]).of
    day = many.days(read_as)[rows]
    first = int(day.min(initial=2**40))
    span = max(int(day.max(initial=0)) - first + 1, 1)
    code = cohort * (span + 1) + day - first
    order = sorting(code)
    return Members(rows[order], cohort[order], code[order], first, span)


def day_of(rule: RuleSpec, field: str) -> Value:
    """A date field as days; a point in time counts as its day (UTC)."""
    value = rule.value(field)
    return Value(field, (), "day") if value.form == "datetime" else value


def point(
    members: Members, many: Side, single: Side, inside: Bools, ends: Sequence[tuple[Value, Value]]
) -> Proposals:
    """Which single records point at which cohort: the currency and the `ends` (value of the many side, value of the
    single side) are equal. Raises TooBroad."""
    place = np.flatnonzero(np.diff(members.cohort, prepend=-1))
    cohort = members.cohort[place]
    some_row, rows = members.rows[place], np.flatnonzero(inside)
    keys = [(many.frame[name], single.frame[name]) for name in ("currency", "decimal_places")]
    keys += [(many.values(left), single.values(right)) for left, right in ends]
    near, far = _equal([(left.gather(some_row), right.gather(rows)) for left, right in keys])
    age = np.empty(len(cohort), np.int64)
    age[np.lexsort((some_row, members.day[place]))] = np.arange(len(cohort))
    single_row = rows[far]
    # The oldest single record chooses first; of several cohorts the one whose first record is the oldest.
    order = np.lexsort((age[near], single_row, single.days("date")[single_row]))
    return Proposals(single_row[order], cohort[near][order])


def _equal(keys: Keys) -> tuple[Ints, Ints]:
    """All pairs of rows with equal keys, none missing. Raises TooBroad."""
    sizes = len(keys[0][0]), len(keys[0][1])
    nowhere = [np.zeros(size, np.int64) for size in sizes]
    codes = hashed([left for left, _ in keys]), hashed([right for _, right in keys])
    lineup = line_up(*codes, Positions(nowhere[0], nowhere[1], nowhere[0], nowhere[0]))
    if lineup.pairs > BUDGET:
        raise TooBroad(lineup.pairs)
    number, place = unfold(lineup.lo, lineup.hi)
    near, far = lineup.rows_a[number], lineup.rows_b[place]
    for left, right in keys:
        same = (left.gather(near) == right.gather(far)).fill_null(False).to_numpy()
        near, far = near[same], far[same]
    return near, far


def cohort_keys(fields: Sequence[str], many: Side, some_rows: Ints) -> pl.Series:
    """The `group_key` of the groups with these members: the values of these fields as written, joined by "|"."""
    texts = [many.frame[field].gather(some_rows).cast(pl.String).alias(field) for field in fields]
    return pl.DataFrame(texts).select(pl.concat_str(pl.all(), separator="|")).to_series()


def run_keys(rule: RuleSpec, many: Side, some_rows: Ints, first: Ints, last: Ints) -> pl.Series:
    """The `group_key` of runs of days: the day, or the first and the last, then the values of the segment."""
    days = [pl.Series(day.astype(np.int32)).cast(pl.Date).cast(pl.String) for day in (first, last)]
    several = days[0] + ".." + days[1]
    own = pl.select(pl.when(days[0] == days[1]).then(days[0]).otherwise(several)).to_series()
    if len(rule.group_by) == 1:
        return own.alias("group_key")
    return own + "|" + cohort_keys(rule.group_by[1:], many, some_rows)
