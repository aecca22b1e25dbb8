"""Windows of days: where pairs are more frequent than they are by accident. Used by `trials`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rules.engine.sides import Floats

SHARES = (0.50, 0.80, 0.90, 0.97, 0.995)
SURE = 2.0  # standard deviations above what is there by accident
Counts = npt.NDArray[np.int64]


def excess(here: Counts, elsewhere: Sequence[Counts]) -> Floats:
    """Pairs by days apart beyond those expected by accident; 0 where they may be there by chance."""
    expected = np.mean(elsewhere, axis=0)
    more = here - expected
    noise = SURE * np.sqrt(expected * (1 + 1 / len(elsewhere)))
    return np.where(more > noise, more, 0.0)


def windows(more: Floats, reach: int) -> list[tuple[int, int]]:
    """The shortest windows that hold so much of the excess, from the shortest to the longest; of equally long ones the one
    that holds most, then the earliest."""
    total = float(more.sum())
    if not total:
        return []
    upto = np.concatenate(([0.0], np.cumsum(more)))
    found: dict[tuple[int, int], None] = {}
    for share in SHARES:
        low, high = _shortest(upto, share * total)
        found[(low - reach, high - 1 - reach)] = None
    return list(found)


def _shortest(upto: Floats, wanted: float) -> tuple[int, int]:
    for length in range(1, len(upto)):
        held = upto[length:] - upto[:-length]
        start = int(np.argmax(held))
        if held[start] >= wanted * (1 - 1e-9):
            return start, start + length
    return 0, len(upto) - 1
