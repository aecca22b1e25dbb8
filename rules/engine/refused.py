"""Groups that a person rejected: exactly these are never offered again. Read by the matchers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rules.engine.sides import Ints, Side


class Refused:
    """Pairs as arrays of ids, and every group by its exact members."""

    def __init__(self, groups: Sequence[tuple[Sequence[int], Sequence[int]]]) -> None:
        pairs = [(a[0], b[0]) for a, b in groups if len(a) == 1 and len(b) == 1]
        self._pairs = np.array(sorted(set(pairs)), np.int64).reshape(-1, 2)
        self._groups = {(frozenset(a), frozenset(b)) for a, b in groups}

    def pairs(self, a: Side, b: Side) -> tuple[Ints, Ints]:
        """The refused pairs of which both records are open, as rows."""
        rows_a, rows_b = a.rows_of(self._pairs[:, 0]), b.rows_of(self._pairs[:, 1])
        both = (rows_a >= 0) & (rows_b >= 0)
        return rows_a[both], rows_b[both]

    def single_ids(self, of_b: bool) -> Ints:
        """The ids that stand alone on a side of a refused group."""
        sides = [b if of_b else a for a, b in self._groups]
        return np.array(sorted({next(iter(side)) for side in sides if len(side) == 1}), np.int64)

    def holds(self, ids_a: Ints, ids_b: Ints) -> bool:
        """Whether exactly this group was rejected."""
        return (frozenset(ids_a.tolist()), frozenset(ids_b.tolist())) in self._groups
