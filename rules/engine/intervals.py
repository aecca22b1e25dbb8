"""Small array arithmetic that several modules need: unfolding intervals without a loop."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from rules.engine.sides import Hashes, Ints


def unfold(lo: Ints, hi: Ints) -> tuple[Ints, Ints]:
    """All places of the intervals [lo, hi): for each the number of its interval, and the place."""
    size = hi - lo
    number = np.repeat(np.arange(len(lo)), size)
    before = np.cumsum(size) - size
    return number, np.arange(len(number)) - (before - lo)[number]


Numbers = TypeVar("Numbers", Ints, Hashes)


def distinct(numbers: Numbers) -> Numbers:
    """Each number once, in order. Sorting is faster than numpy's hashing where most of them differ."""
    found = np.sort(numbers)
    if not len(found):
        return found
    return found[np.concatenate(([True], found[1:] != found[:-1]))]
