"""Identifiers whose records add up to one record of the other side: which fields carry them, and how many days the members
reach back. Used by `search`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rules.engine.cold_start.forms import NO_TEXT, Form
from rules.engine.cold_start.pool import Pool
from rules.engine.intervals import unfold
from rules.engine.keys import sorting
from rules.engine.sides import Bools, Hashes, Ints

MEETINGS_MOST = 5_000_000  # of a single record with an identifier; a form with more is left out
ENOUGH = 0.995  # of what the best lookback finds
LOOKBACKS = (1, 2, 3, 5, 7, 10, 14, 21, 31)


@dataclass(frozen=True, slots=True)
class GroupTrial:
    """A rollup by identifier and what it would find. `groups`: of two members and more. `records`: all of theirs, with the
    single ones."""

    form: Form
    many_is_a: bool
    lookback: int | None
    groups: int
    records: int

    @property
    def place(self) -> tuple[object, ...]:
        lookback = (1, 0) if self.lookback is None else (0, self.lookback)
        return self.form.place, lookback, not self.many_is_a


def group_trials(pool: Pool, forms: Sequence[Form], least: int) -> Iterator[GroupTrial]:
    """Rollups that find at least so many groups of two members and more."""
    for form in forms:
        for many_is_a in (True, False):
            cohorts = gathered(pool, form, many_is_a)
            if cohorts is None or len(cohorts.single) < least:
                continue
            trial = _best_lookback(cohorts, form, many_is_a, pool.books.calendar.reach, least)
            if trial is not None:
                yield trial


@dataclass(frozen=True, slots=True)
class Cohorts:
    """The many side in order of (identifier, day), and which single records (with their days and amounts) point at which
    identifier."""

    code: Ints
    sums: Ints
    first: int
    span: int
    single: Ints
    of: Ints
    day: Ints
    target: Ints
    magnitude: bool

    def found(self, lookback: int | None) -> tuple[int, int]:
        """Groups of two members and more that add up, and the records in them."""
        base = self.of * self.span
        last = self.span - 1 if lookback is None else self.day - self.first
        start = 0 if lookback is None else np.maximum(self.day - lookback - self.first, 0)
        lo = np.searchsorted(self.code, base + start)
        hi = np.searchsorted(self.code, base + np.clip(last, -1, self.span - 1), side="right")
        total = self.sums[hi] - self.sums[lo]
        same = np.abs(total) == np.abs(self.target) if self.magnitude else total == self.target
        several = same & (hi - lo > 1)
        groups = np.unique(self.single[several], return_index=True)[1]
        return len(groups), len(groups) + int((hi - lo)[several][groups].sum())


@dataclass(frozen=True, slots=True)
class Part:
    """Open records of one side that have the form's text: that text and the whole one by number, currency, day, amount.
    `row`: the record's place in the pool."""

    row: Ints
    text: Hashes
    whole: Ints
    unit: Ints
    day: Ints
    measure: Ints

    @classmethod
    def of(cls, pool: Pool, form: Form, side: int) -> Part:
        books, rows = pool.books, (pool.rows_a, pool.rows_b)[side]
        field, texts = (form.field_a, form.field_b)[side], books.texts[side]
        text = texts.of(field, form.chain)[rows]
        row = np.flatnonzero(text != NO_TEXT)
        measure = (books.a, books.b)[side].measure[rows]
        whole, unit, day = texts.codes(field)[0][rows], pool.unit[side], books.days[side][rows]
        return cls(row, text[row], whole[row], unit[row], day[row], measure[row])


def gathered(pool: Pool, form: Form, many_is_a: bool) -> Cohorts | None:
    """None where no identifier has two members, or too many single records would meet."""
    many, single = (Part.of(pool, form, side) for side in ((0, 1) if many_is_a else (1, 0)))
    if not len(many.row) or not len(single.row):
        return None
    width = int(many.unit.max()) + 1
    identifiers, some, cohort = np.unique(
        many.whole * width + many.unit, return_index=True, return_inverse=True
    )
    if len(identifiers) == len(many.row):
        return None
    pointing = _meetings(
        (many.text[some], many.unit[some]), (single.text, single.unit), np.bincount(cohort) > 1
    )
    if pointing is None:
        return None
    of, asking = pointing
    first = int(many.day.min())
    span = int(many.day.max()) - first + 1
    code = cohort * span + many.day - first
    order = sorting(code)
    sums = np.concatenate(([0], np.cumsum(many.measure[order])))
    return Cohorts(
        code[order],
        sums,
        first,
        span,
        single.row[asking],
        of,
        single.day[asking],
        single.measure[asking],
        pool.books.magnitude,
    )


def _meetings(
    cohort: tuple[Hashes, Ints], single: tuple[Hashes, Ints], several: Bools
) -> tuple[Ints, Ints] | None:
    """Cohorts of several members and single records with equal text and currency."""
    joined = [text ^ (unit.astype(np.uint64) << np.uint64(1)) for text, unit in (cohort, single)]
    use = np.flatnonzero(several)
    order = use[np.argsort(joined[0][use], kind="stable")]
    keys = joined[0][order]
    lo, hi = np.searchsorted(keys, joined[1]), np.searchsorted(keys, joined[1], side="right")
    if int((hi - lo).sum()) > MEETINGS_MOST:
        return None
    number, place = unfold(lo, hi)
    near = sorting(order[place])  # in order of identifiers, the binary searches stay in the cache
    return order[place][near], number[near]


def _best_lookback(
    cohorts: Cohorts, form: Form, many_is_a: bool, reach: int, least: int
) -> GroupTrial | None:
    """The shortest lookback that finds as much as any, and none only where each leaves something out; nothing where a few
    of them, spread out, find too little."""
    spread: list[int | None] = [lookback for lookback in LOOKBACKS if lookback <= reach]
    found = {lookback: cohorts.found(lookback) for lookback in (*spread, None)}
    if max(groups for groups, _records in found.values()) < least:
        return None
    every = {one: found[one] if one in found else cohorts.found(one) for one in (*range(1, reach + 1), None)}
    most = max(groups for groups, _records in every.values())
    lookback = next(one for one, (groups, _records) in every.items() if groups >= ENOUGH * most)
    return GroupTrial(form, many_is_a, lookback, *every[lookback])
