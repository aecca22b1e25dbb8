"""Which records of a component on the line to keep, so that pairing the kept ones in order gives the most pairs, at the
least days apart, then the oldest. Called by `line`; exact by table or by flow, and where a component is beyond both,
only the most pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rules.engine.line_transport import keep_by_flow
from rules.engine.sides import Bools, Ints

TABLE_CELLS = 4_000_000  # a component with up to this many pairs is solved by the table
BATCH_CELLS = 32_000_000  # small components are solved together, up to this many cells at a time


@dataclass(frozen=True, slots=True)
class Window:
    """How many days Side B may be after Side A, both ends included."""

    low: int
    high: int


OPEN = Window(-(10**7), 10**7)


@dataclass(frozen=True, slots=True)
class Parts:
    """Components seen from one side: its records (rows of the table), and each one's partners [lo, hi) among the other
    side's records (columns). All in order of days."""

    start: Ints
    start_columns: Ints
    day: Ints
    day_columns: Ints
    lo: Ints
    hi: Ints

    def turned(self) -> Parts:
        """The same seen from the other side."""
        place = np.arange(len(self.day_columns))
        lo, hi = np.searchsorted(self.hi, place, side="right"), np.searchsorted(self.lo, place, side="right")
        return Parts(self.start_columns, self.start, self.day_columns, self.day, lo, hi)

    @property
    def pairs(self) -> Ints:
        """How many candidate pairs each component has."""
        return np.add.reduceat(self.hi - self.lo, self.start[:-1])


def keep_most(parts: Parts, chosen: Ints, window: Window, keep: Bools, keep_columns: Bools) -> bool:
    """Clears what is to be left out in `keep` and `keep_columns`, for the components `chosen`. False if one of them was
    too big to prove the least cost."""
    size, size_columns = np.diff(parts.start)[chosen], np.diff(parts.start_columns)[chosen]
    one_day = _one_day(parts.start, parts.day, chosen) & _one_day(
        parts.start_columns, parts.day_columns, chosen
    )
    fewer = np.minimum(size, size_columns)
    _keep_first(parts.start, chosen[one_day], fewer[one_day], keep)
    _keep_first(parts.start_columns, chosen[one_day], fewer[one_day], keep_columns)
    small = ~one_day & (parts.pairs[chosen] <= TABLE_CELLS)
    high = small & (size > size_columns)
    _keep_by_table(parts, chosen[small & ~high], keep, keep_columns)
    if high.any():
        _keep_by_table(parts.turned(), chosen[high], keep_columns, keep)
    proven = True
    for part in chosen[~one_day & ~small]:
        a = slice(parts.start[part], parts.start[part + 1])
        b = slice(parts.start_columns[part], parts.start_columns[part + 1])
        keep[a], keep_columns[b], exact = keep_by_flow(
            parts.day[a], parts.day_columns[b], window.low, window.high
        )
        proven &= exact
    return proven


def _one_day(start: Ints, day: Ints, chosen: Ints) -> Bools:
    return day[start[chosen]] == day[start[chosen + 1] - 1]


def _keep_first(start: Ints, chosen: Ints, count: Ints, keep: Bools) -> None:
    sizes = start[chosen + 1] - start[chosen]
    offset = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    keep[np.repeat(start[chosen], sizes) + offset] = offset < np.repeat(count, sizes)


def _keep_by_table(parts: Parts, chosen: Ints, keep: Bools, keep_columns: Bools) -> None:
    for group, width in _by_shape(parts, chosen):
        _solve(parts, group, width, keep, keep_columns)


def _by_shape(parts: Parts, chosen: Ints) -> list[tuple[Ints, int]]:
    """Components of similar shape together, in bites that fit into memory; with each, the most partners of a row."""
    if not len(chosen):
        return []
    height = _rounded(np.diff(parts.start)[chosen])
    width = _rounded(np.maximum.reduceat(parts.hi - parts.lo, parts.start[:-1])[chosen])
    order = np.lexsort((width, height))
    change = (np.diff(height[order]) != 0) | (np.diff(width[order]) != 0)
    groups: list[tuple[Ints, int]] = []
    for group in np.split(order, np.flatnonzero(change) + 1):
        bite = max(1, BATCH_CELLS // int(height[group[0]] * width[group[0]]))
        bites = [chosen[group[place : place + bite]] for place in range(0, len(group), bite)]
        groups += [(some, int(width[group[0]])) for some in bites]
    return groups


def _rounded(sizes: Ints) -> Ints:
    return 2 ** np.ceil(np.log2(sizes)).astype(np.int64)


def _worth_of_a_pair(parts: Parts, group: Ints) -> int:
    """More than all the days that the other pairs could save by its loss."""
    first = np.minimum(parts.day[parts.start[group]], parts.day_columns[parts.start_columns[group]])
    last = np.maximum(
        parts.day[parts.start[group + 1] - 1], parts.day_columns[parts.start_columns[group + 1] - 1]
    )
    return int(np.diff(parts.start)[group].max()) * int((last - first).max()) + 1


def _solve(parts: Parts, group: Ints, width: int, keep: Bools, keep_columns: Bools) -> None:
    """Many components at once. The table holds, for the first i rows and j columns, the best value as one whole number;
    of row i only the columns that it can reach, since before them nothing changes any more and behind them nothing yet.

    Of equal solutions it takes the one that leaves out the latest records. That is the oldest one: where two solutions
    are best, so is the one with the earlier of both in each place (costs on a line are Monge), so one is earliest
    everywhere.
    """
    worth = _worth_of_a_pair(parts, group)
    start, end = parts.start[group], parts.start[group + 1]
    height = int((end - start).max())
    offset = np.arange(width + 1)
    first = np.arange(len(group))[:, None] * (width + 1)
    best = np.zeros((len(group), width + 1), np.int64)
    skips = np.zeros((height, len(group), width + 1), np.uint8)
    lo_before, reach_before = parts.lo[start], np.zeros(len(group), np.int64)
    for step in range(height):
        # Components with fewer rows repeat their last one, which then has no partners.
        row = np.minimum(start + step, end - 1)
        lo, reach = parts.lo[row], np.where(start + step < end, parts.hi[row] - parts.lo[row], 0)
        place = np.minimum(offset + (lo - lo_before)[:, None], reach_before[:, None])
        before = best.ravel().take(place + first)
        column = np.minimum(lo[:, None] + offset[:-1], len(parts.day_columns) - 1)
        gain = worth - np.abs(parts.day_columns[column] - parts.day[row][:, None])
        taken = before[:, :-1] + np.where(offset[:-1] < reach[:, None], gain, 0)
        best = before.copy()
        np.maximum(best[:, 1:], taken, out=best[:, 1:])
        np.maximum.accumulate(best, axis=1, out=best)
        skips[step] = best == before
        skips[step, :, 1:] |= (best[:, 1:] == best[:, :-1]).astype(np.uint8) << 1
        lo_before, reach_before = lo, reach
    keep[_places(start, end)] = keep_columns[
        _places(parts.start_columns[group], parts.start_columns[group + 1])
    ] = False
    _walk_back(parts, group, skips, keep, keep_columns)


def _places(start: Ints, end: Ints) -> Ints:
    size = end - start
    return np.arange(size.sum()) + np.repeat(start - (np.cumsum(size) - size), size)


def _walk_back(
    parts: Parts, group: Ints, skips: npt.NDArray[np.uint8], keep: Bools, keep_columns: Bools
) -> None:
    """Marks the pairs of the best solution as kept, from the last row and column to the first."""
    part, start, start_column = np.arange(len(group)), parts.start[group], parts.start_columns[group]
    row, column = parts.start[group + 1] - 1, parts.start_columns[group + 1]
    while len(part):
        column = np.minimum(column, parts.hi[row])
        skip = skips[row - start, part, column - parts.lo[row]]
        pair, over_column = skip == 0, skip == 2
        keep[row[pair]] = True
        keep_columns[column[pair] - 1] = True
        row, column = row - ~over_column, column - (over_column | pair)
        more = (row >= start) & (column > start_column)
        part, row, column = part[more], row[more], column[more]
        start, start_column = start[more], start_column[more]
