"""Big components of the line: many records on few days. Equal days become one class with a count, and the classes a
small transportation problem. Its matrix is totally unimodular, so a corner solution is in whole numbers."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.optimize import linprog

from rules.engine.sides import Bools, Ints

CLASS_EDGES = (
    60_000  # beyond it, pairing in order from the oldest: still the most pairs, the cost not proven least
)


def keep_by_transport(day_a: Ints, day_b: Ints, low: int, high: int) -> tuple[Bools, Bools, bool]:
    """Which records of one component to keep on both sides, and whether their cost is proven to be the least."""
    days_a, sizes_a = np.unique(day_a, return_counts=True)
    days_b, sizes_b = np.unique(day_b, return_counts=True)
    take_a, take_b = most_in_order(days_a, sizes_a, days_b, sizes_b, low, high)
    first, last = np.searchsorted(days_b, days_a + low), np.searchsorted(days_b, days_a + high, side="right")
    exact = int((last - first).sum()) <= CLASS_EDGES
    if exact and take_a.any():
        edge_a = np.repeat(np.arange(len(days_a)), last - first)
        edge_b = np.arange(len(edge_a)) - np.repeat(np.cumsum(last - first) - last, last - first)
        flow = _least_flow(edge_a, edge_b, days_a, days_b, sizes_a, sizes_b, int(take_a.sum()))
        exact = flow is not None
        if flow is not None:
            take_a = np.bincount(edge_a, flow, len(days_a)).astype(np.int64)
            take_b = np.bincount(edge_b, flow, len(days_b)).astype(np.int64)
    return _first_of_each(sizes_a, take_a), _first_of_each(sizes_b, take_b), exact


def _first_of_each(sizes: Ints, take: Ints) -> Bools:
    offset = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return offset < np.repeat(take, sizes)


def most_in_order(
    days_a: Ints, sizes_a: Ints, days_b: Ints, sizes_b: Ints, low: int, high: int
) -> tuple[Ints, Ints]:
    """How many of each day are paired when the oldest always takes the oldest it may: the most pairs there are."""
    left = sizes_b.tolist()
    take_a = np.zeros(len(days_a), np.int64)
    start, ends = 0, days_b.tolist()
    for place, (day, size) in enumerate(zip(days_a.tolist(), sizes_a.tolist(), strict=True)):
        while start < len(ends) and (ends[start] < day + low or not left[start]):
            start += 1
        at = start
        while size and at < len(ends) and ends[at] <= day + high:
            taken = min(size, left[at])
            left[at] -= taken
            size -= taken
            take_a[place] += taken
            at += 1
    return take_a, sizes_b - np.array(left, np.int64)


def _least_flow(
    edge_a: Ints, edge_b: Ints, days_a: Ints, days_b: Ints, sizes_a: Ints, sizes_b: Ints, total: int
) -> Ints | None:
    """Exactly `total` pairs at the least days apart, then at the least age among those; None if the solver gives up."""
    apart = np.abs(days_b[edge_b] - days_a[edge_a]).astype(float)
    age = (days_a[edge_a] - days_a[0] + days_b[edge_b] - days_b[0]).astype(float)
    count = len(edge_a)
    ones, columns = np.ones(count), np.arange(count)
    limits = sparse.vstack(
        [
            sparse.csr_matrix((ones, (edge_a, columns)), (len(days_a), count)),
            sparse.csr_matrix((ones, (edge_b, columns)), (len(days_b), count)),
        ]
    ).tocsr()
    sizes = np.concatenate((sizes_a, sizes_b)).astype(float)
    every = sparse.csr_matrix(np.ones((1, count)))
    nearest = linprog(apart, limits, sizes, every, [total], method="highs-ds")
    if nearest.status != 0:
        return None
    # The nearest solutions are a face: edges without reduced cost, and days with a price used up. Look there for age.
    price, base = nearest.ineqlin.marginals, nearest.eqlin.marginals[0]
    free = np.flatnonzero(apart - limits.T @ price - base < 0.5)
    full = price < -0.5
    oldest = linprog(
        age[free],
        limits[~full][:, free] if (~full).any() else None,
        sizes[~full] if (~full).any() else None,
        sparse.vstack([limits[full][:, free], every[:, free]]),
        np.append(sizes[full], total),
        method="highs-ds",
    )
    flow = np.zeros(count, np.int64)
    if oldest.status == 0:
        flow[free] = np.rint(oldest.x).astype(np.int64)
    else:
        flow = np.rint(nearest.x).astype(np.int64)
    return flow if int(flow.sum()) == total else None
