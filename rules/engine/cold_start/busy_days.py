"""What equal amounts alone meet by accident where both sides have their busy days together (salaries on the first of a
month, the last day of a year): in other weeks those days meet quiet ones, so that the shifted calendar shows too little.
Used by `trials`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rules.engine.cold_start.equal import Count, Line
from rules.engine.cold_start.pool import Window
from rules.engine.cold_start.windows import Counts


@dataclass(frozen=True, slots=True)
class BusyDays:
    """Pairs of records of one currency, whatever their amounts, by days apart: here, and in all moved worlds together."""

    here: Counts
    elsewhere: Counts

    @classmethod
    def of(cls, lines: Sequence[Line]) -> BusyDays:
        here, *elsewhere = [line.histogram() for line in lines]
        return cls(here, np.sum(elsewhere, axis=0))

    def accidents(self, same_price: Sequence[Counts], counts: Sequence[Count], window: Window) -> float:
        """How many sole pairs accident makes within the window, by how many pairs there are to agree. `same_price` and
        `counts`: pairs of equal amounts by days apart, and what the window finds, in each moved world.

        How often amounts agree, and how many of those are sole, is as in the moved worlds, where nothing belongs together.
        """
        reach = len(self.here) // 2
        inside = slice(window[0] + reach, window[1] + reach + 1)
        agreeing = np.sum(same_price, axis=0)
        rate = float(agreeing.sum()) / max(float(self.elsewhere.sum()), 1.0)
        sole = (sum(count.sole for count in counts) + 1) / (float(agreeing[inside].sum()) + 1)
        return float(self.here[inside].sum()) * rate * min(sole, 1.0)
