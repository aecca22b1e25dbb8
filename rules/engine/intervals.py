"""Small array arithmetic that several modules need: unfolding intervals without a loop."""

from __future__ import annotations

import numpy as np

from rules.engine.sides import Ints


def unfold(lo: Ints, hi: Ints) -> tuple[Ints, Ints]:
    """All places of the intervals [lo, hi): for each the number of its interval, and the place."""
    size = hi - lo
    number = np.repeat(np.arange(len(lo)), size)
    before = np.cumsum(size) - size
    return number, np.arange(len(number)) - (before - lo)[number]
