"""How often amounts agree that have nothing to do with each other. Used by `trials`."""

from __future__ import annotations

import numpy as np

from rules.engine.cold_start.pool import Pool
from rules.engine.cold_start.tolerances import Tolerance


class ChanceOfAmounts:
    """The share of all pairs of a record of the sample and one of Side B whose amounts agree."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._known: dict[Tolerance, float] = {}
        order = np.lexsort((pool.money[1], pool.unit[1]))
        self._money, self._unit = pool.money[1][order].astype(float), pool.unit[1][order]

    def of(self, tolerance: Tolerance) -> float:
        if tolerance not in self._known:
            self._known[tolerance] = self._chance(tolerance)
        return self._known[tolerance]

    def _chance(self, tolerance: Tolerance) -> float:
        pool, agree = self._pool, 0
        rows = pool.rows_a[pool.sample]
        money, unit = pool.books.money[0][rows], pool.books.unit[0][rows]
        room = tolerance.room(money, pool.books.a.decimal_places[rows])
        for one in np.unique(unit):
            known, some = self._money[self._unit == one], unit == one
            upto = np.searchsorted(known, money[some] + room[some], side="right")
            agree += int((upto - np.searchsorted(known, money[some] - room[some])).sum())
        return agree / max(len(rows) * len(self._money), 1)
