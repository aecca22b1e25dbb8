"""What an amount becomes by a slip: the figures to look for on the other side. Used by `pairs`.

Each function takes amounts (minor units, signed) and says which figures they could have become, and how likely each is if
such a slip happened: more ways to slip make each of them say less.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rules.engine.investigation.records import LARGEST
from rules.engine.sides import Floats, Ints

PLACES = 15
FACTORS = {10: 0.35, 100: 0.5, 1000: 0.15}


@dataclass(frozen=True)
class Derived:
    """`row`: the place of the amount it came from; `value`: the figure; `likely`: of all that it could have become; `detail`:
    which digits, factor or schedule."""

    row: Ints
    value: Ints
    likely: Floats
    detail: Ints

    def only(self, chosen: np.ndarray) -> Derived:
        return Derived(self.row[chosen], self.value[chosen], self.likely[chosen], self.detail[chosen])


def joined(parts: list[Derived]) -> Derived:
    found = Derived(
        np.concatenate([part.row for part in parts]),
        np.concatenate([part.value for part in parts]),
        np.concatenate([part.likely for part in parts]),
        np.concatenate([part.detail for part in parts]),
    )
    return found.only((np.abs(found.value) <= LARGEST) & (found.value != 0))


def same(value: Ints) -> Derived:
    return Derived(np.arange(len(value)), value, np.ones(len(value)), np.zeros(len(value), np.int64))


def opposite(value: Ints) -> Derived:
    return Derived(np.arange(len(value)), -value, np.ones(len(value)), np.zeros(len(value), np.int64))


def swapped(value: Ints) -> Derived:
    """Two neighbouring digits in the other order; the first digit never becomes 0. `detail`: the place of the right one,
    counted from the last digit."""
    size, sign = np.abs(value), np.sign(value)
    parts = []
    for place in range(PLACES):
        ten = 10**place
        left, right = size // (10 * ten) % 10, size // ten % 10
        leads = size < 100 * ten
        some = np.flatnonzero((left != right) & (size >= 10 * ten) & ~(leads & (right == 0)))
        other = size[some] + (right - left)[some] * 9 * ten
        parts.append(Derived(some, sign[some] * other, np.ones(len(some)), np.full(len(some), place)))
    found = joined(parts)
    ways = np.bincount(found.row, minlength=len(value))
    return Derived(found.row, found.value, 1 / ways[found.row], found.detail)


def shifted(value: Ints) -> Derived:
    """The point one, two or three places off, where nothing is lost by it. `detail`: the factor, negative where the figure is
    the smaller one."""
    rows = np.arange(len(value))
    parts = []
    for factor, share in FACTORS.items():
        up = rows[np.abs(value) <= LARGEST // factor]
        down = rows[value % factor == 0]
        parts.append(Derived(up, value[up] * factor, np.full(len(up), share / 2), np.full(len(up), factor)))
        parts.append(
            Derived(down, value[down] // factor, np.full(len(down), share / 2), np.full(len(down), -factor))
        )
    return joined(parts)
