"""Sets that need some of the same records, or the same single record: which of them are taken, and how many others each
one had beside it. Used by `rollups`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rules.engine.candidates import BUDGET
from rules.engine.found import TooBroad
from rules.engine.intervals import unfold
from rules.engine.sides import Bools, Ints
from rules.engine.tree import OnAmbiguity

FAR = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Claims:
    """Sets in the order in which they choose, each with what it needs: a single record, and the units [lo, hi) of a line
    (members, or days). `kind`: the class of twins of its single record. `difference`: of the sums, in minor units."""

    single: Ints
    lo: Ints
    hi: Ints
    kind: Ints
    difference: Ints

    def only(self, chosen: Bools) -> Claims:
        return Claims(
            self.single[chosen],
            self.lo[chosen],
            self.hi[chosen],
            self.kind[chosen],
            self.difference[chosen],
        )


def choose(claims: Claims, on_ambiguity: OnAmbiguity) -> Bools:
    """Which sets are taken.

    `best`: in the order in which they choose, each that needs nothing of an earlier one's. `sole`: only a set that is the
    only one to meet its single record, and shares no member with a set of another. `abstain`: only where the single
    record has one set of least difference, and none of another that needs some of the same members meets it as well.
    Twins among single records are not another: the oldest takes.
    """
    if on_ambiguity == "best":
        return first_come(claims)
    if on_ambiguity == "sole":
        sure = (_own(claims) == 1) & (_overlaps(claims) == _overlaps_within(claims, claims.kind))
    else:
        sure = _is_only_best(claims) & (_best_of_others(claims) > claims.difference)
    chosen = np.zeros(len(sure), bool)
    chosen[np.flatnonzero(sure)[first_come(claims.only(sure))]] = True
    return chosen


def count_rivals(claims: Claims) -> Ints:
    """For each set how many others meet its single record or need one of its members."""
    return _own(claims) - 1 + _overlaps(claims) - _overlaps_within(claims, claims.single)


def _own(claims: Claims) -> Ints:
    return np.bincount(claims.single)[claims.single]


def _overlaps(claims: Claims) -> Ints:
    """For each set how many, itself included, share a unit with it: those that begin before it ends, less those that end
    before it begins."""
    units = int(claims.hi.max(initial=0)) + 1
    begun = np.cumsum(np.bincount(claims.lo + 1, minlength=units + 1))
    ended = np.cumsum(np.bincount(claims.hi, minlength=units + 1))
    return begun[claims.hi] - ended[claims.lo]


def _overlaps_within(claims: Claims, number: Ints) -> Ints:
    """The same among the sets that share a number."""
    found = np.ones(len(number), np.int64)
    shared = np.flatnonzero(np.bincount(number)[number] > 1)
    offset = number[shared] * (int(claims.hi.max(initial=0)) + 1)
    lo, hi = claims.lo[shared] + offset, claims.hi[shared] + offset
    found[shared] = np.searchsorted(np.sort(lo), hi) - np.searchsorted(np.sort(hi), lo, side="right")
    return found


def _is_only_best(claims: Claims) -> Bools:
    """Whether a set is the one of least difference among those of its single record."""
    size = int(claims.single.max(initial=-1)) + 1
    least = np.full(size, FAR)
    np.minimum.at(least, claims.single, claims.difference)
    best = claims.difference == least[claims.single]
    return best & (np.bincount(claims.single[best], minlength=size)[claims.single] == 1)


def _best_of_others(claims: Claims) -> Ints:
    """For each set the least difference of a set with another kind of single record that needs some of its units."""
    number, unit = _unfolded(claims)
    kind, difference = claims.kind[number], claims.difference[number]
    order = np.lexsort((kind, difference, unit))
    first = order[np.concatenate(([True], unit[order][1:] != unit[order][:-1]))]
    size = int(unit.max(initial=-1)) + 1
    best, of_kind, second = np.full(size, FAR), np.full(size, -1), np.full(size, FAR)
    best[unit[first]], of_kind[unit[first]] = difference[first], kind[first]
    other = kind != of_kind[unit]
    np.minimum.at(second, unit[other], difference[other])
    rival = np.full(len(claims.single), FAR)
    np.minimum.at(rival, number, np.where(other, best[unit], second[unit]))
    return rival


def first_come(claims: Claims) -> Bools:
    """Each set that needs nothing of a set taken before it. Sets that meet no other are taken together; the others in
    rounds: whichever is the first for all that it needs."""
    taken = (_overlaps(claims) == 1) & (_own(claims) == 1)
    rest = np.flatnonzero(~taken)
    waiting = claims.only(~taken)
    singles = int(claims.single.max(initial=-1)) + 1
    number, unit = _unfolded(waiting)
    units = int(unit.max(initial=-1)) + 1
    rank = np.arange(len(rest))
    while len(rank):
        first_of, first_single = np.full(units, len(rest)), np.full(singles, len(rest))
        np.minimum.at(first_of, unit, number)
        np.minimum.at(first_single, waiting.single[rank], rank)
        is_first = np.zeros(len(rest), bool)
        is_first[rank] = first_single[waiting.single[rank]] == rank
        is_first[number[first_of[unit] < number]] = False
        taken[rest[is_first]] = True
        # What a set just taken needs is gone, and with it every other set that needs some of it.
        gone = np.zeros(units, bool)
        gone[unit[is_first[number]]] = True
        left = np.zeros(len(rest), bool)
        left[rank] = True
        left[number[gone[unit]]] = False
        lost = np.zeros(singles, bool)
        lost[waiting.single[is_first]] = True
        left &= ~(is_first | lost[waiting.single])
        rank = rank[left[rank]]
        alive = left[number]
        number, unit = number[alive], unit[alive]
    return taken


def _unfolded(claims: Claims) -> tuple[Ints, Ints]:
    total = int((claims.hi - claims.lo).sum())
    if total > BUDGET:
        raise TooBroad(total)
    return unfold(claims.lo, claims.hi)
