"""The line path: exact keys and at most one date window. No pair is ever enumerated: on a line of days each record's
partners are an interval, the line falls into components, and in each the best pairs are pairs in order.

Called by `one_to_one`. Why pairs in order: where (a1, b2) and (a2, b1) are allowed with a1 ≤ a2 and b1 ≤ b2, so are
(a1, b1) and (a2, b2), at no more distance. So a component is solved by saying which records to keep.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rules.engine.census import Census, KeyRuns, census, share_of_days
from rules.engine.keys import Keys, Lineup, Positions, agree, key_codes, line_up, numbered
from rules.engine.line_solvers import Parts, Window, keep_most
from rules.engine.sides import Bools, Ints


@dataclass(frozen=True, slots=True)
class Line:
    """Records that have a partner, in order of (key, day), rows by their place on the side, with their intervals."""

    rows_a: Ints
    rows_b: Ints
    lo: Ints
    hi: Ints
    day_a: Ints
    day_b: Ints

    @property
    def pairs(self) -> int:
        return int((self.hi - self.lo).sum())


@dataclass(frozen=True, slots=True)
class Runs:
    """The keys along a line: per place the number of its key on its side, and how many usable records of the side have
    it, partner or not. `repeats`: how many others of its side a key has, on average over keys (the worse side)."""

    key_a: Ints
    key_b: Ints
    same_a: Ints
    same_b: Ints
    repeats: float
    census: Census

    @classmethod
    def of_single_keys(cls, number_a: Ints, number_b: Ints, share: float) -> Runs:
        """Where no key occurs twice on a side: nothing is met by accident."""
        one_a, one_b = np.ones(len(number_a), np.int64), np.ones(len(number_b), np.int64)
        return cls(number_a, number_b, one_a, one_b, 0.0, Census(len(one_a), len(one_b), 0.0, 0.0, share))


@dataclass(frozen=True, slots=True)
class Components:
    """Where each component begins on both sides (the last entry is the end)."""

    start_a: Ints
    start_b: Ints

    def __len__(self) -> int:
        return len(self.start_a) - 1

    @property
    def size_a(self) -> Ints:
        return np.diff(self.start_a)

    @property
    def size_b(self) -> Ints:
        return np.diff(self.start_b)


def draw_line(
    keys: Keys,
    days: tuple[Ints, Ints],
    window: Window,
    usable: tuple[Bools, Bools],
    ties: tuple[Ints, Ints] | None = None,
) -> tuple[Line, Runs]:
    """All usable records with at least one partner, and their keys. Days of both sides, window of (Side B − Side A)."""
    use_a, use_b = np.flatnonzero(usable[0]), np.flatnonzero(usable[1])
    day_a, day_b = days[0][use_a], days[1][use_b]
    positions = Positions(day_a, day_b, day_a + window.low, day_a + window.high)
    tied = None if ties is None else (ties[0][use_a], ties[1][use_b])
    used = _gathered(keys, use_a, use_b)
    lineup = line_up(*key_codes(used), positions, tied)
    if not agree(used, lineup):
        lineup = line_up(*numbered(used), positions, tied)
    return _trimmed(lineup, use_a, use_b, day_a, day_b, window)


def _gathered(keys: Keys, use_a: Ints, use_b: Ints) -> Keys:
    if len(use_a) == len(keys[0][0]) and len(use_b) == len(keys[0][1]):
        return keys
    return [(a.gather(use_a), b.gather(use_b)) for a, b in keys]


def _trimmed(
    lineup: Lineup, use_a: Ints, use_b: Ints, day_a: Ints, day_b: Ints, window: Window
) -> tuple[Line, Runs]:
    """Without the records that have no partner at all."""
    with_partner = np.flatnonzero(lineup.hi > lineup.lo)
    lo, hi = lineup.lo[with_partner], lineup.hi[with_partner]
    reached = _covered(lo, hi, len(lineup.rows_b))
    place = np.concatenate(([0], np.cumsum(reached)))
    rows_a, rows_b = lineup.rows_a[with_partner], lineup.rows_b[reached]
    line = Line(use_a[rows_a], use_b[rows_b], place[lo], place[hi], day_a[rows_a], day_b[rows_b])
    assert lineup.codes is not None
    of_a, of_b = (KeyRuns.of(codes, lineup.bits) for codes in lineup.codes)
    share = share_of_days(window.high - window.low + 1, day_a, day_b)
    if of_a.repeats == of_b.repeats == 0:
        return line, Runs.of_single_keys(with_partner, np.flatnonzero(reached), share)
    runs = Runs(
        of_a.number[with_partner],
        of_b.number[reached],
        of_a.size[of_a.number[with_partner]],
        of_b.size[of_b.number[reached]],
        max(of_a.repeats, of_b.repeats),
        census(of_a, of_b, lineup.hi - lineup.lo, share),
    )
    return line, runs


def _covered(lo: Ints, hi: Ints, size: int) -> Bools:
    """Which places lie in any of the intervals."""
    change = np.bincount(lo, minlength=size + 1) - np.bincount(hi, minlength=size + 1)
    return np.cumsum(change[:size]) > 0


def components(line: Line) -> Components:
    """Cut wherever the next interval begins at or after the end of the last."""
    if not len(line.rows_a):
        return Components(np.zeros(1, np.int64), np.zeros(1, np.int64))
    first = np.concatenate(([True], line.lo[1:] >= line.hi[:-1]))
    start_a = np.flatnonzero(first)
    return Components(np.append(start_a, len(line.rows_a)), np.append(line.lo[start_a], len(line.rows_b)))


def part_of(line: Line, parts: Components, chosen: Bools) -> Line:
    """Only the chosen components."""
    keep_a = np.repeat(chosen, parts.size_a)
    keep_b = np.repeat(chosen, parts.size_b)
    place = np.concatenate(([0], np.cumsum(keep_b)))
    return Line(
        line.rows_a[keep_a],
        line.rows_b[keep_b],
        place[line.lo[keep_a]],
        place[line.hi[keep_a]],
        line.day_a[keep_a],
        line.day_b[keep_b],
    )


def pair_in_order(line: Line, window: Window) -> tuple[Ints, Ints, bool]:
    """The most pairs at the least days apart, then the oldest: as places on the line, and whether the cost is proven."""
    parts = components(line)
    keep_a, keep_b = np.ones(len(line.rows_a), bool), np.ones(len(line.rows_b), bool)
    unsettled = np.flatnonzero(~_settled(line, parts))
    proven = True
    if len(unsettled):
        seen = Parts(parts.start_a, parts.start_b, line.day_a, line.day_b, line.lo, line.hi)
        proven = keep_most(seen, unsettled, window, keep_a, keep_b)
    return np.flatnonzero(keep_a), np.flatnonzero(keep_b), proven


def _settled(line: Line, parts: Components) -> Bools:
    """Components with as many records on both sides whose pairs in order are all allowed: nothing to leave out."""
    component = np.repeat(np.arange(len(parts)), parts.size_a)
    partner = np.arange(len(line.rows_a)) - parts.start_a[component] + parts.start_b[component]
    wrong = (partner < line.lo) | (partner >= line.hi)
    return (parts.size_a == parts.size_b) & (np.bincount(component[wrong], minlength=len(parts)) == 0)
