"""Twins: records of one side that are equal in all that a rule looks at, so that it makes no difference which of them
is taken. They are interchangeable, never ambiguous; the oldest, then the lowest id, goes first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl

from rules.engine.intervals import unfold
from rules.engine.keys import hashed, sorting
from rules.engine.sides import BASE_TYPES, TWIN_FIELDS, Ints, Side


@dataclass(frozen=True, slots=True)
class Twins:
    """`of`: each row's class, numbered by its first row's place among first rows. `rows`: rows by class, then row;
    class c has rows[start[c]:start[c + 1]]."""

    of: Ints
    rows: Ints
    start: Ints

    @classmethod
    def of_each(cls, size: int) -> Twins:
        """Every row a class of its own."""
        every = np.arange(size)
        return cls(every, every, np.arange(size + 1))

    @property
    def size(self) -> Ints:
        return np.diff(self.start)

    @property
    def first(self) -> Ints:
        return self.rows[self.start[:-1]]


def twins(side: Side, named: Iterable[str]) -> Twins:
    """The classes of a side for a rule that names these fields."""
    base = set(BASE_TYPES) - {"id"}
    fields = sorted(base.union(TWIN_FIELDS, named).intersection(side.frame.columns))
    return classes([side.frame[field] for field in fields])


def classes(columns: list[pl.Series]) -> Twins:
    """Rows by equal values in all these columns; a missing value equals a missing value."""
    codes = hashed(columns)
    order = sorting(codes)
    same = codes[order][1:] == codes[order][:-1]
    if not _really_same(columns, order[1:][same], order[:-1][same]):
        frame = pl.DataFrame([column.alias(str(place)) for place, column in enumerate(columns)])
        codes = frame.select(pl.struct(pl.all()).rank("dense").cast(pl.UInt64)).to_series().to_numpy()
        order = sorting(codes)
        same = codes[order][1:] == codes[order][:-1]
    if not same.any():
        return Twins.of_each(len(codes))
    return _numbered(order, np.flatnonzero(np.concatenate(([True], ~same))))


def _really_same(columns: list[pl.Series], left: Ints, right: Ints) -> bool:
    return all(column.gather(left).eq_missing(column.gather(right)).all() for column in columns)


def _numbered(order: Ints, start: Ints) -> Twins:
    """Classes from rows in order of (class, row) and where each class starts there."""
    by_age = sorting(order[start])
    number = np.empty(len(start), np.int64)
    number[by_age] = np.arange(len(start))
    size = np.diff(np.append(start, len(order)))
    of = np.empty(len(order), np.int64)
    of[order] = np.repeat(number, size)
    rows = order[unfold(start[by_age], start[by_age] + size[by_age])[1]]
    return Twins(of, rows, np.concatenate(([0], np.cumsum(size[by_age]))))
