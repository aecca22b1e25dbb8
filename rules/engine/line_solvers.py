"""Which records of a component on the line to keep, so that pairing the kept ones in order gives the most pairs, at the
least days apart, then the oldest. Called by `line`; three exact methods by size and one that is only the most pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rules.engine.line_transport import keep_by_transport
from rules.engine.sides import Bools, Ints

TABLE_CELLS = 4_000_000  # a component up to this many cells is solved by the table
BATCH_CELLS = 8_000_000  # small components are solved together, up to this many cells at a time
SAFE = 2**62


@dataclass(frozen=True, slots=True)
class Window:
    """How many days Side B may be after Side A, both ends included."""

    low: int
    high: int

    @property
    def is_open(self) -> bool:
        return self.high >= OPEN.high


OPEN = Window(-(10**7), 10**7)


def keep_most(
    day_a: Ints,
    day_b: Ints,
    start_a: Ints,
    start_b: Ints,
    parts: Ints,
    window: Window,
    keep_a: Bools,
    keep_b: Bools,
) -> bool:
    """Clears what is to be left out in `keep_a` and `keep_b`, for the components `parts`. False if a component was too
    big to prove the least cost."""
    size_a, size_b = np.diff(start_a)[parts], np.diff(start_b)[parts]
    one_day = (day_a[start_a[parts]] == day_a[start_a[parts + 1] - 1]) & (
        day_b[start_b[parts]] == day_b[start_b[parts + 1] - 1]
    )
    _keep_first(start_a, parts[one_day], np.minimum(size_a, size_b)[one_day], keep_a)
    _keep_first(start_b, parts[one_day], np.minimum(size_a, size_b)[one_day], keep_b)
    small = ~one_day & (size_a * size_b <= TABLE_CELLS)
    proven = True
    for group in _by_shape(parts[small], size_a[small], size_b[small]):
        proven &= _keep_by_table(day_a, day_b, start_a, start_b, group, window, keep_a, keep_b)
    for part in parts[~one_day & ~small]:
        a, b = slice(start_a[part], start_a[part + 1]), slice(start_b[part], start_b[part + 1])
        keep_a[a], keep_b[b], exact = keep_by_transport(day_a[a], day_b[b], window.low, window.high)
        proven &= exact
    return proven


def _keep_first(start: Ints, parts: Ints, count: Ints, keep: Bools) -> None:
    sizes = start[parts + 1] - start[parts]
    offset = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    keep[np.repeat(start[parts], sizes) + offset] = offset < np.repeat(count, sizes)


def _by_shape(parts: Ints, size_a: Ints, size_b: Ints) -> list[Ints]:
    """Components of similar size together, in bites that fit into memory."""
    if not len(parts):
        return []
    shape_a, shape_b = _rounded(size_a), _rounded(size_b)
    order = np.lexsort((shape_b, shape_a))
    change = (np.diff(shape_a[order]) != 0) | (np.diff(shape_b[order]) != 0)
    groups = []
    for group in np.split(order, np.flatnonzero(change) + 1):
        bite = max(1, BATCH_CELLS // int(shape_a[group[0]] * shape_b[group[0]]))
        groups += [parts[group[place : place + bite]] for place in range(0, len(group), bite)]
    return groups


def _rounded(sizes: Ints) -> Ints:
    return 2 ** np.ceil(np.log2(sizes)).astype(np.int64)


def _keep_by_table(
    day_a: Ints,
    day_b: Ints,
    start_a: Ints,
    start_b: Ints,
    parts: Ints,
    window: Window,
    keep_a: Bools,
    keep_b: Bools,
) -> bool:
    padded_a, real_a, place_a = _padded(day_a, start_a, parts)
    padded_b, real_b, place_b = _padded(day_b, start_b, parts)
    if padded_a.shape[1] <= padded_b.shape[1]:
        kept_a, kept_b, proven = solve_table(padded_a, real_a, padded_b, real_b, window)
    else:
        turned = Window(-window.high, -window.low)
        kept_b, kept_a, proven = solve_table(padded_b, real_b, padded_a, real_a, turned)
    keep_a[place_a[real_a]] = kept_a[real_a]
    keep_b[place_b[real_b]] = kept_b[real_b]
    return proven


def _padded(days: Ints, start: Ints, parts: Ints) -> tuple[Ints, Bools, Ints]:
    """The days of each component as one row of a rectangle, which cells are real, and each cell's place."""
    sizes = start[parts + 1] - start[parts]
    offset = np.arange(sizes.max())
    real = offset < sizes[:, None]
    place = np.where(real, start[parts][:, None] + offset, start[parts][:, None])
    return days[place], real, place


def solve_table(
    rows: Ints, real_rows: Bools, cols: Ints, real_cols: Bools, window: Window
) -> tuple[Bools, Bools, bool]:
    """Many components at once: best value of the first i rows and j columns, as one whole number in which a pair counts
    more than all distance, and a day of distance more than all age. Of equal solutions the one that keeps earlier rows."""
    count, height, width = len(rows), rows.shape[1], cols.shape[1]
    age_rows, age_cols = rows - rows.min(axis=1)[:, None], cols - cols.min(axis=1)[:, None]
    pairs = min(height, width)
    oldest = int(age_rows.max() + age_cols.max())
    first, last = np.minimum(rows.min(1), cols.min(1)), np.maximum(rows.max(1), cols.max(1))
    farthest = min(max(abs(window.low), abs(window.high)), int((last - first).max()))
    per_day = pairs * oldest + 1
    with_age = pairs * (pairs * (farthest * per_day + oldest) + 1) < SAFE
    if not with_age:
        per_day, oldest = 1, 0
    per_pair = pairs * (farthest * per_day + oldest) + 1
    best = np.zeros((count, width + 1), np.int64)
    skips = np.zeros((height, count, width + 1), np.uint8)
    for row in range(height):
        apart = cols - rows[:, row, None]
        allowed = (apart >= window.low) & (apart <= window.high) & real_cols & real_rows[:, row, None]
        cost = np.abs(apart) * per_day + (age_rows[:, row, None] + age_cols if with_age else 0)
        taken = best[:, :-1] + np.where(allowed, per_pair - cost, 0)
        new = best.copy()
        np.maximum(new[:, 1:], taken, out=new[:, 1:])
        np.maximum.accumulate(new, axis=1, out=new)
        skips[row] = new == best
        skips[row, :, 1:] |= (new[:, 1:] == new[:, :-1]).astype(np.uint8) << 1
        best = new
    return *_walk_back(skips, real_rows.shape, real_cols.shape), with_age


def _walk_back(
    skips: np.ndarray, shape_rows: tuple[int, ...], shape_cols: tuple[int, ...]
) -> tuple[Bools, Bools]:
    kept_rows, kept_cols = np.zeros(shape_rows, bool), np.zeros(shape_cols, bool)
    part = np.arange(shape_rows[0])
    row, col = np.full(len(part), shape_rows[1]), np.full(len(part), shape_cols[1])
    while len(part):
        skip = skips[row - 1, part, col]
        over_row, over_col = (skip & 1) > 0, (skip & 3) == 2
        pair = skip == 0
        kept_rows[part[pair], row[pair] - 1] = True
        kept_cols[part[pair], col[pair] - 1] = True
        row, col = row - (over_row | pair), col - (over_col | pair)
        more = (row > 0) & (col > 0)
        part, row, col = part[more], row[more], col[more]
    return kept_rows, kept_cols
