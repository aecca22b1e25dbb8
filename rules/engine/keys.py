"""Equal keys on both sides, without making pairs: hashed key tuples, sorted beside a position on a line (a day, an
amount), so that each Side A record's partners are an interval of sorted Side B. Used by both candidate paths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from rules.engine.sides import Hashes, Ints, Side
from rules.engine.tree import Value

Keys = Sequence[tuple[pl.Series, pl.Series]]
HASH_BITS_LEFT = 44  # below so many bits beside the position, keys are numbered instead of cut
SEED = 20_260_331


def key_columns(a: Side, b: Side, values: Sequence[tuple[Value, Value]]) -> list[tuple[pl.Series, pl.Series]]:
    """The columns that must be equal: always the currency and its decimal places, then the rule's."""
    base = [(a.frame[name], b.frame[name]) for name in ("currency", "decimal_places")]
    return base + [(a.values(left), b.values(right)) for left, right in values]


def hashed(columns: Sequence[pl.Series]) -> Hashes:
    """One number per row for its key tuple. Equal tuples have equal numbers, also on the other side."""
    frame = pl.DataFrame([column.alias(str(place)) for place, column in enumerate(columns)])
    return frame.hash_rows(SEED).to_numpy()


def numbered(keys: Keys) -> tuple[Hashes, Hashes]:
    """Key tuples as dense whole numbers, exactly: the slow way, for when hashes collide."""
    frame = pl.concat(
        [pl.DataFrame([pair[side].alias(str(place)) for place, pair in enumerate(keys)]) for side in (0, 1)]
    )
    codes = frame.select(pl.struct(pl.all()).rank("dense").cast(pl.UInt64)).to_series().to_numpy()
    size = len(keys[0][0])
    return codes[:size], codes[size:]


@dataclass(frozen=True, slots=True)
class Lineup:
    """Rows of both sides in order of (key, position), and for each Side A row in that order its partners: the places
    [lo, hi) in Side B's order."""

    rows_a: Ints
    rows_b: Ints
    lo: Ints
    hi: Ints

    @property
    def pairs(self) -> int:
        """How many candidate pairs there are, none of them made."""
        return int((self.hi - self.lo).sum())


@dataclass(frozen=True, slots=True)
class Positions:
    """Where records stand on a line, and from where to where (both included) a Side A record may look on Side B."""

    a: Ints
    b: Ints
    low: Ints
    high: Ints


def line_up(
    key_a: Hashes, key_b: Hashes, positions: Positions, ties: tuple[Ints, Ints] | None = None
) -> Lineup:
    """Sorts both sides by key and position, ties by the given numbers and then by row, and finds the partners."""
    place_b, from_, to = _ranked(positions.b, positions.low, positions.high)
    place_a = _ranked(positions.a, positions.a, positions.a)[0]
    bits = int(max(place_b.max(initial=0), place_a.max(initial=0), to.max(initial=0)) + 1).bit_length()
    if 64 - bits < HASH_BITS_LEFT:
        distinct = np.unique(np.concatenate((key_a, key_b)))
        key_a = np.searchsorted(distinct, key_a).astype(np.uint64) << np.uint64(bits)
        key_b = np.searchsorted(distinct, key_b).astype(np.uint64) << np.uint64(bits)
    else:
        cut = np.uint64((1 << 64) - (1 << bits))
        key_a, key_b = key_a & cut, key_b & cut
    order_a = sorting(key_a | place_a.astype(np.uint64), None if ties is None else ties[0])
    codes_b = key_b | place_b.astype(np.uint64)
    order_b = sorting(codes_b, None if ties is None else ties[1])
    sorted_b, sorted_a = codes_b[order_b], key_a[order_a]
    lo = np.searchsorted(sorted_b, sorted_a | from_[order_a].astype(np.uint64))
    hi = np.searchsorted(sorted_b, sorted_a | to[order_a].astype(np.uint64))
    return Lineup(order_a, order_b, lo, np.maximum(lo, hi))


def _ranked(points: Ints, low: Ints, high: Ints) -> tuple[Ints, Ints, Ints]:
    """Points and the ends of intervals as small numbers from 0, in the same order; the upper end becomes exclusive."""
    if not len(points):
        return points, np.zeros_like(low), np.zeros_like(high)
    first = int(points.min())
    span = int(points.max()) - first + 1
    if span <= 1 << 15:
        return points - first, np.clip(low - first, 0, span), np.clip(high - first + 1, 0, span)
    distinct = np.unique(points)
    return (
        np.searchsorted(distinct, points),
        np.searchsorted(distinct, low),
        np.searchsorted(distinct, high, side="right"),
    )


def sorting(codes: Hashes | Ints, ties: Ints | None = None) -> Ints:
    """The sorting order, equal codes by `ties` and then by row. numpy's fast sort is not stable, so only the rows that
    share their code are sorted again."""
    order = np.argsort(codes)
    sorted_codes = codes[order]
    same = sorted_codes[1:] == sorted_codes[:-1]
    if not same.any():
        return order
    shared = np.zeros(len(order), bool)
    shared[1:] |= same
    shared[:-1] |= same
    where = np.flatnonzero(shared)
    rows = order[where]
    run = np.cumsum(np.concatenate(([True], ~same)))[where]
    if ties is None:
        size = np.int64(len(order))
        order[where] = rows[np.argsort(run * size + rows)]
    else:
        order[where] = rows[np.lexsort((rows, ties[rows], run))]
    return order


def agree(keys: Keys, lineup: Lineup) -> bool:
    """Whether rows brought together by their hash really have equal keys: first partners, and neighbours on Side B."""
    with_partner = np.flatnonzero(lineup.hi > lineup.lo)
    first = lineup.rows_b[lineup.lo[with_partner]]
    several = np.flatnonzero(lineup.hi - lineup.lo > 1)
    inside = np.zeros(len(lineup.rows_b) + 1, np.int64)
    np.add.at(inside, lineup.lo[several] + 1, 1)
    np.add.at(inside, lineup.hi[several], -1)
    second = np.flatnonzero(np.cumsum(inside)[:-1] > 0)
    for a, b in keys:
        if not (a.gather(lineup.rows_a[with_partner]) == b.gather(first)).all():
            return False
        if not (b.gather(lineup.rows_b[second]) == b.gather(lineup.rows_b[second - 1])).all():
            return False
    return True
