"""Big components of the line: many records on few days. Equal days become one class with a count, and the question which
records to keep a small flow problem. Its matrix is totally unimodular, so a corner solution is in whole numbers."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.optimize import linprog

from rules.engine.intervals import unfold
from rules.engine.sides import Bools, Floats, Ints

CLASS_EDGES = (
    60_000  # beyond it, pairing in order from the oldest: still the most pairs, the cost not proven least
)


def keep_by_flow(day_a: Ints, day_b: Ints, low: int, high: int) -> tuple[Bools, Bools, bool]:
    """Which records of one component (in order of days) to keep on both sides, and whether their cost is proven to be
    the least."""
    days_a, sizes_a = np.unique(day_a, return_counts=True)
    days_b, sizes_b = np.unique(day_b, return_counts=True)
    take_a, take_b = most_in_order(days_a, sizes_a, days_b, sizes_b, low, high)
    exact: tuple[Ints, Ints] | None
    if low <= int(days_b[0] - days_a[-1]) and int(days_b[-1] - days_a[0]) <= high:
        exact = _without_window(days_a, sizes_a, days_b, sizes_b)
    else:
        exact = _within_window(days_a, sizes_a, days_b, sizes_b, low, high, int(take_a.sum()))
    if exact is not None:
        take_a, take_b = exact
    return _first_of_each(sizes_a, take_a), _first_of_each(sizes_b, take_b), exact is not None


def _first_of_each(sizes: Ints, take: Ints) -> Bools:
    offset = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return offset < np.repeat(take, sizes)


def most_in_order(
    days_a: Ints, sizes_a: Ints, days_b: Ints, sizes_b: Ints, low: int, high: int
) -> tuple[Ints, Ints]:
    """How many of each day are paired when the oldest always takes the oldest it may: the most pairs there are."""
    left = sizes_b.tolist()
    take_a = np.zeros(len(days_a), np.int64)
    start, days = 0, days_b.tolist()
    for place, (day, size) in enumerate(zip(days_a.tolist(), sizes_a.tolist(), strict=True)):
        while start < len(days) and (days[start] < day + low or not left[start]):
            start += 1
        at = start
        while size and at < len(days) and days[at] <= day + high:
            taken = min(size, left[at])
            left[at] -= taken
            size -= taken
            take_a[place] += taken
            at += 1
    return take_a, sizes_b - np.array(left, np.int64)


def _within_window(
    days_a: Ints, sizes_a: Ints, days_b: Ints, sizes_b: Ints, low: int, high: int, pairs: int
) -> tuple[Ints, Ints] | None:
    """A transport from days to days: how many pairs on each edge, and how many records of each day stay alone."""
    first, last = np.searchsorted(days_b, days_a + low), np.searchsorted(days_b, days_a + high, side="right")
    if int((last - first).sum()) > CLASS_EDGES:
        return None
    edge_a, edge_b = unfold(first, last)
    count, height, width = len(edge_a), len(days_a), len(days_b)
    alone = np.arange(height + width)
    rows = np.concatenate((edge_a, height + edge_b, alone, np.full(count, height + width)))
    columns = np.concatenate((np.arange(count), np.arange(count), count + alone, np.arange(count)))
    shape = height + width + 1, count + height + width
    matrix = sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape)
    apart = np.abs(days_b[edge_b] - days_a[edge_a])
    age = days_a[edge_a] - days_a[0] + days_b[edge_b] - days_b[0]
    nothing = np.zeros(height + width)
    flow = _least(
        [np.concatenate((apart, nothing)), np.concatenate((age, nothing))],
        matrix,
        np.concatenate((sizes_a, sizes_b, [pairs])).astype(float),
        np.concatenate((np.full(count, np.inf), sizes_a, sizes_b)),
    )
    if flow is None:
        return None
    return sizes_a - flow[count : count + height], sizes_b - flow[count + height :]


def _without_window(days_a: Ints, sizes_a: Ints, days_b: Ints, sizes_b: Ints) -> tuple[Ints, Ints] | None:
    """Where everybody may meet everybody, all of the smaller side are kept, and records flow along the line from day to
    day: so many edges as days, however far apart they are."""
    if sizes_a.sum() > sizes_b.sum():
        turned = _without_window(days_b, sizes_b, days_a, sizes_a)
        return None if turned is None else (turned[1], turned[0])
    days = np.union1d(days_a, days_b)
    gaps, size = np.diff(days), len(days)
    node = np.arange(size - 1)
    rows = np.concatenate((node, node + 1, node, node + 1, np.searchsorted(days, days_b)))
    columns = np.concatenate(
        (node, node, node + size - 1, node + size - 1, 2 * (size - 1) + np.arange(len(days_b)))
    )
    signs = np.repeat([-1.0, 1.0, 1.0, -1.0, 1.0], [size - 1] * 4 + [len(days_b)])
    wanted = np.zeros(size)
    wanted[np.searchsorted(days, days_a)] = sizes_a
    flow = _least(
        [np.concatenate((gaps, gaps, 0 * days_b)), np.concatenate((0 * gaps, 0 * gaps, days_b - days_b[0]))],
        sparse.csr_matrix((signs, (rows, columns)), (size, 2 * (size - 1) + len(days_b))),
        wanted,
        np.concatenate((np.full(2 * (size - 1), np.inf), sizes_b)),
    )
    return None if flow is None else (sizes_a, flow[2 * (size - 1) :])


def _least(costs: list[Ints], matrix: sparse.csr_matrix, totals: Floats, upper: Floats) -> Ints | None:
    """The flow of least first cost, among those of least second cost; None if the solver gives up.

    What is least in one cost is a face: variables with a reduced cost stay at the bound where they are.
    """
    low, high = np.zeros(len(upper)), upper.copy()
    flow = None
    for cost in costs:
        found = linprog(
            cost, A_eq=matrix, b_eq=totals, bounds=np.column_stack((low, high)), method="highs-ds"
        )
        if found.status != 0:
            return None
        flow = np.rint(found.x).astype(np.int64)
        high = np.where(found.lower.marginals > 0.5, low, high)
        low = np.where(found.upper.marginals < -0.5, high, low)
    return flow
