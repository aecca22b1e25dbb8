"""Equal keys on both sides, without making pairs: hashed key tuples, sorted beside a position on a line (a day, an
amount), so that each Side A record's partners are an interval of sorted Side B. Used by both candidate paths."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import polars as pl

from rules.engine.intervals import distinct
from rules.engine.sides import Bools, Hashes, Ints, Side
from rules.engine.tree import Value

Keys = Sequence[tuple[pl.Series, pl.Series]]
HASH_BITS_LEFT = 44  # below so many bits beside the position, keys are numbered instead of cut
BIG = 100_000  # rows from which both sides are sorted at the same time
SEED = 20_260_331


def key_columns(a: Side, b: Side, values: Sequence[tuple[Value, Value]]) -> list[tuple[pl.Series, pl.Series]]:
    """The columns that must be equal: the currency and its decimal places (unless all records have the same), then the
    rule's."""
    base = [(a.frame[name], b.frame[name]) for name in ("currency", "decimal_places")]
    own = [(a.values(left), b.values(right)) for left, right in values]
    return [pair for pair in base if not (own and _is_one_value(*pair))] + own


def _is_one_value(a: pl.Series, b: pl.Series) -> bool:
    return bool(len(a) and (a == a[0]).all() and (b == a[0]).all())


def hashed(columns: Sequence[pl.Series]) -> Hashes:
    """One number per row for its key tuple. Equal tuples have equal numbers, also on the other side."""
    frame = pl.DataFrame([column.alias(str(place)) for place, column in enumerate(columns)])
    return frame.hash_rows(SEED).to_numpy()


def key_codes(keys: Keys) -> tuple[Hashes, Hashes]:
    """A number per row of both sides, equal where the key tuples are. One column of whole numbers is its own number
    (less the lowest), which is exact and sorts faster; else a hash. No key may be missing."""
    columns_a, columns_b = [a for a, _ in keys], [b for _, b in keys]
    if len(keys) == 1 and columns_a[0].dtype.is_integer() and len(columns_a[0]) and len(columns_b[0]):
        a, b = columns_a[0].to_numpy().astype(np.int64), columns_b[0].to_numpy().astype(np.int64)
        lowest, highest = min(int(a.min()), int(b.min())), max(int(a.max()), int(b.max()))
        if highest - lowest < 1 << 62:
            return (a - lowest).view(np.uint64), (b - lowest).view(np.uint64)
    return hashed(columns_a), hashed(columns_b)


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
    codes: tuple[Hashes, Hashes] | None = (
        None  # key and position of each place, the position in the lowest `bits`
    )
    bits: int = 0

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
    place_b, low, high = _ranked(positions.b, positions.low, positions.high)
    place_a = _ranked(positions.a, positions.a[:0], positions.a[:0])[0]
    bits = int(max(place_b.max(initial=0), place_a.max(initial=0)) + 1).bit_length()
    key_a, key_b = _above(key_a, key_b, bits)
    ties_a, ties_b = (None, None) if ties is None else ties
    if min(len(key_a), len(key_b)) > BIG:
        with ThreadPoolExecutor(1) as other:  # numpy lets go of the interpreter while it sorts
            sorted_b = other.submit(_sorted, key_b, place_b, ties_b)
            order_a, _ = _sorted(key_a, place_a, ties_a)
            order_b, codes_b = sorted_b.result()
    else:
        order_a, _ = _sorted(key_a, place_a, ties_a)
        order_b, codes_b = _sorted(key_b, place_b, ties_b)
    codes_a = key_a[order_a]
    lo = np.searchsorted(codes_b, codes_a | low[order_a].view(np.uint64))
    hi = _upper(codes_b, lo, codes_a | high[order_a].view(np.uint64))
    return Lineup(order_a, order_b, lo, hi, (codes_a, codes_b), bits)


def _above(key_a: Hashes, key_b: Hashes, bits: int) -> tuple[Hashes, Hashes]:
    """Keys with the lowest bits free for positions: small numbers moved up, hashes cut, or numbered where too little of
    them would be left."""
    top = max(int(key_a.max(initial=0)), int(key_b.max(initial=0)))
    if top.bit_length() + bits <= 64:
        return key_a << np.uint64(bits), key_b << np.uint64(bits)
    if 64 - bits >= HASH_BITS_LEFT:
        cut = np.uint64((1 << 64) - (1 << bits))
        return key_a & cut, key_b & cut
    known = distinct(np.concatenate((key_a, key_b)))
    shift = np.uint64(bits)
    return (
        np.searchsorted(known, key_a).view(np.uint64) << shift,
        np.searchsorted(known, key_b).view(np.uint64) << shift,
    )


def _sorted(keys: Hashes, places: Ints, ties: Ints | None) -> tuple[Ints, Hashes]:
    codes = keys | places.view(np.uint64)
    order = sorting(codes, ties)
    return order, codes[order]


def _upper(codes: Hashes, lo: Ints, ends: Hashes) -> Ints:
    """Where codes below `ends` stop. Most records have one partner or none: only the others are searched for."""
    if not len(codes):
        return lo
    padded = np.append(codes, np.uint64(2**64 - 1))
    last = len(codes)
    some = (lo < last) & (padded[np.minimum(lo, last)] < ends)
    several = np.flatnonzero(some & (lo + 1 < last) & (padded[np.minimum(lo + 1, last)] < ends))
    hi = lo + some
    hi[several] = np.searchsorted(codes, ends[several])
    return hi


def _ranked(points: Ints, low: Ints, high: Ints) -> tuple[Ints, Ints, Ints]:
    """Points and the ends of intervals as small numbers from 0, in the same order; the upper end becomes exclusive."""
    if not len(points):
        return points, np.zeros_like(low), np.zeros_like(high)
    first = int(points.min())
    span = int(points.max()) - first + 1
    if span <= 1 << 15:
        return points - first, np.clip(low - first, 0, span), np.clip(high - (first - 1), 0, span)
    known = distinct(points)
    return (
        np.searchsorted(known, points),
        np.searchsorted(known, low),
        np.searchsorted(known, high, side="right"),
    )


def sorting(codes: Hashes | Ints, ties: Ints | None = None) -> Ints:
    """The sorting order, equal codes by `ties` and then by row. Codes and ties are not negative."""
    codes = codes.view(np.uint64)
    if ties is not None and len(codes):
        bits = int(ties.max()).bit_length()
        if int(codes.max()).bit_length() + bits <= 64:
            codes, ties = codes << np.uint64(bits) | ties.view(np.uint64), None
    order = _with_rows(codes) if ties is None else None
    if order is not None:
        return order
    order = np.argsort(codes)  # numpy's fast sort is not stable: equal codes are put in order below
    runs = codes[order]
    return _within_runs(order, runs[1:] == runs[:-1], ties)


def _with_rows(codes: Hashes) -> Ints | None:
    """Sorts codes and rows as one number: three times as fast as an argsort. Where both do not fit into 64 bits, rows
    that share the high bits of their code are sorted again; None where those are too many."""
    if not len(codes):
        return np.zeros(0, np.int64)
    bits = len(codes).bit_length()
    room = 64 - bits
    spare = max(int(codes.max()).bit_length() - room, 0)
    packed = (codes >> np.uint64(spare)) << np.uint64(bits)
    packed |= np.arange(len(codes), dtype=np.uint64)
    packed.sort()
    order = (packed & np.uint64((1 << bits) - 1)).view(np.int64)
    if not spare:
        return order
    runs, in_order = packed >> np.uint64(bits), codes[order]
    same = runs[1:] == runs[:-1]
    if not (same & (in_order[1:] != in_order[:-1])).any():
        return order
    if 4 * np.count_nonzero(same) > len(codes):
        return None
    return _within_runs(order, same, codes)


def _within_runs(order: Ints, same: Bools, ties: Ints | Hashes | None) -> Ints:
    """Puts rows that stand in one run (`same`: as the one before) in order of ties, then of rows."""
    if not same.any():
        return order
    shared = np.zeros(len(order), bool)
    shared[1:] |= same
    shared[:-1] |= same
    where = np.flatnonzero(shared)
    rows = order[where]
    run = np.cumsum(np.concatenate(([True], ~same)))[where]
    if ties is None:
        order[where] = rows[np.argsort(run * np.int64(len(order)) + rows)]
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
