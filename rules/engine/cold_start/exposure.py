"""Which accidents can be wrong pairs: only those of records that have no candidate of their own here. Used by `trials`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from rules.engine.cold_start.equal import Count, Rows
from rules.engine.cold_start.pool import Window
from rules.engine.cold_start.windows import Counts
from rules.engine.sides import Bools, Ints

EXPOSED_LEAST = 0.1
"""So much of the accidents is always taken for wrong pairs: what is not seen is not known."""

MARGIN = 1.5
"""For records that differ within their kind: those most often in an accident are the least often free of another."""

CROWDS = np.array([2, 3, 5, 9, 17])
"""Records are compared with their like: by how many others of their key there are within reach."""

Marks = list[tuple[Bools, Bools]]


class World(Protocol):
    """Candidate pairs here, or in a world of the shifted calendar; what a rule finds of them, by the engine's steps."""

    @property
    def size_a(self) -> int: ...

    @property
    def size_b(self) -> int: ...

    def histogram(self) -> Counts: ...

    def count(self, window: Window) -> Count: ...

    def sole(self, window: Window) -> list[Rows]: ...

    def with_candidate(self, window: Window) -> list[Rows]: ...

    def crowd(self) -> Ints: ...


def exposure(here: World, elsewhere: Sequence[World], window: Window) -> float:
    """The share of accidental pairs (of the moved worlds) neither of whose records has a true partner within the window.

    What can be seen is how many have no candidate at all here. Some of the others have one by accident: how many is told by
    the other moved worlds, for records with as many others of their key. So a customer with many payments of whom nothing
    belongs together counts in full, however well all others are covered. One pair more of each kind is counted, an exposed
    one: of few pairs little can be told.
    """
    if len(elsewhere) < 2:
        return 1.0
    known, worlds = _marks(here, window), [_marks(world, window) for world in elsewhere]
    total, free, unhindered = (np.zeros(len(CROWDS) + 1) for _ in range(3))
    for place, world in enumerate(elsewhere):
        crowd = np.searchsorted(CROWDS, world.crowd(), side="right")
        for step, (rows_a, rows_b) in enumerate(world.sole(window)):
            kind = crowd[rows_a]
            total += _tally(kind)
            free += _tally(kind[_free(known[step], rows_a, rows_b)])
            for at, other in enumerate(worlds):
                unhindered += _tally(kind[_free(other[step], rows_a, rows_b)]) if at != place else 0
    if not total.sum():
        return 1.0
    expected = (unhindered + 1) / (total * (len(elsewhere) - 1) + 1)
    share = np.minimum((free + 1) / (total + 1) / expected, 1.0)
    mean = float((share * total).sum() / total.sum())
    return min(max(mean * MARGIN, EXPOSED_LEAST), 1.0)


def _marks(world: World, window: Window) -> Marks:
    """For each step and each row of the pool whether it has a candidate."""
    found = []
    for rows_a, rows_b in world.with_candidate(window):
        marks = np.zeros(world.size_a, bool), np.zeros(world.size_b, bool)
        marks[0][rows_a], marks[1][rows_b] = True, True
        found.append(marks)
    return found


def _free(known: tuple[Bools, Bools], rows_a: Ints, rows_b: Ints) -> Bools:
    """Which of these pairs have no candidate on either side."""
    return ~known[0][rows_a] & ~known[1][rows_b]


def _tally(kind: Ints) -> Ints:
    return np.bincount(kind, minlength=len(CROWDS) + 1)
