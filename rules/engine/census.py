"""How many records of a rule's pool seem to have a true partner: what makes a pair out of leftovers less sure than the
same pair in fresh books. Called by the line path and by `chance`.

Where nothing belongs together, records of equal keys fall into each other's window by the share of the days that it
takes up. What meets beyond that is there for a reason: it is the shifted calendar of the cold start, by arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rules.engine.sides import Floats, Hashes, Ints

FRESH = 0.2  # records without a true partner to those with one, at least: as measured on whole books
RARE = 0.5  # keys that would meet by accident less often than this tell true partners from accidents
LEAST_TRUE = 0.5  # pairs: with none to be seen there may still be half a one


@dataclass(frozen=True, slots=True)
class Census:
    """Of the keys that are rare enough to tell: the records of each side, the pairs that meet in the window, and how many
    would meet by accident."""

    records_a: int
    records_b: int
    pairs: float
    by_accident: float
    share: float

    @property
    def true(self) -> float:
        """Pairs that seem to belong together."""
        if self.share >= 1:
            return float(min(self.records_a, self.records_b))  # without a window nothing can be told
        most = float(min(self.records_a, self.records_b))
        return min(max((self.pairs - self.by_accident) / (1 - self.share), LEAST_TRUE), most)

    @property
    def weight(self) -> float:
        """How much more an accident weighs than in fresh books: 1 there, more among leftovers."""
        true = self.true
        if not true:
            return 1.0
        alone_a, alone_b = self.records_a - true, self.records_b - true
        return max(alone_a * alone_b / (max(self.records_a, self.records_b) * true) / FRESH, 1.0)


@dataclass(frozen=True, slots=True)
class KeyRuns:
    """Sorted keys of one side: each place's key as a number, and of each key its value and how many places it has."""

    number: Ints
    keys: Hashes
    size: Ints
    start: Ints

    @classmethod
    def of(cls, codes: Hashes, bits: int) -> KeyRuns:
        """Of sorted codes whose lowest bits are not the key."""
        keys = codes >> np.uint64(bits)
        new = np.ones(len(keys), bool)
        new[1:] = keys[1:] != keys[:-1]
        start = np.flatnonzero(new)
        if len(start) == len(keys):
            return cls(start, keys, np.ones(len(keys), np.int64), start)
        return cls(np.cumsum(new) - 1, keys[start], np.diff(np.append(start, len(keys))), start)

    @property
    def repeats(self) -> float:
        """How many others of its side a key has, on average over keys."""
        return len(self.number) / len(self.keys) - 1 if len(self.keys) else 0.0


def census(of_a: KeyRuns, of_b: KeyRuns, partners: Ints, share: float) -> Census:
    """`partners`: per Side A place how many records are in its window."""
    if not len(of_a.keys) or not len(of_b.keys):
        return Census(len(of_a.number), len(of_b.number), 0.0, 0.0, share)
    place = np.minimum(np.searchsorted(of_b.keys, of_a.keys), len(of_b.keys) - 1)
    shared = of_b.keys[place] == of_a.keys
    on_b = np.where(shared, of_b.size[place], 0)
    rare_a = np.maximum(of_a.size, on_b) * share < RARE
    on_a = np.zeros(len(of_b.keys), np.int64)
    on_a[place[shared]] = of_a.size[shared]
    rare_b = np.maximum(of_b.size, on_a) * share < RARE
    pairs = np.add.reduceat(partners, of_a.start)
    return Census(
        int(of_a.size[rare_a].sum()),
        int(of_b.size[rare_b].sum()),
        float(pairs[rare_a].sum()),
        float((of_a.size * on_b)[rare_a].sum()) * share,
        share,
    )


def census_of_counts(size_b: int, partners: Ints, in_reach: Ints, share: float) -> Census:
    """The same of records that meet by more than keys. Per Side A record: how many partners are in its window, and how
    many there would be on whatever day."""
    rare = in_reach * share < RARE
    return Census(
        int(rare.sum()), size_b, float(partners[rare].sum()), float(in_reach[rare].sum()) * share, share
    )


def share_of_days(window: int, day_a: Ints, day_b: Ints) -> float:
    """How much of the days covered by both sides a window takes up: at most all of them."""
    if not len(day_a) or not len(day_b):
        return 1.0
    days = max(int(day_a.max()), int(day_b.max())) - min(int(day_a.min()), int(day_b.min())) + 1
    return min(window / days, 1.0)


def by_accident(others: Ints | Floats, repeats: float, found: Census) -> Floats:
    """How many partners a record would have by accident, weighed by how few of what is there have a true one. `others`:
    with its key on the worse side; `repeats`: how many a key has in general."""
    return np.maximum(others, repeats) * (found.share * found.weight)
