"""Which candidate pairs to take: the most, at the least cost, no record twice. Called by `pairs`.

Sure pairs and stars are taken all at once by array arithmetic; a Python loop runs only over the components that need a
solver. Costs are lexicographic: amount difference, days apart, age.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components, min_weight_full_bipartite_matching

from rules.engine.sides import Bools, Ints

DENSE_CELLS = 40_000
DENSE_FULL_CELLS = 4_000_000  # where at least a tenth of the cells are pairs
SPARSE_EDGES = 500_000
SAFE = 2.0**51  # whole numbers up to here are exact as floats, with room for sums of two


@dataclass(frozen=True, slots=True)
class Edges:
    """Candidate pairs (rows of both sides) in order of (a, b), with what they cost."""

    a: Ints
    b: Ints
    amount: Ints
    days: Ints
    age: Ints

    def __len__(self) -> int:
        return len(self.a)

    def only(self, chosen: Ints | Bools) -> Edges:
        return Edges(self.a[chosen], self.b[chosen], self.amount[chosen], self.days[chosen], self.age[chosen])


def assign(edges: Edges) -> tuple[Ints, bool]:
    """The edges taken, as their places in order, and whether their cost is proven to be the least."""
    if not len(edges):
        return np.zeros(0, np.int64), True
    part = component_of(edges.a, edges.b)
    size_a, size_b = _records(part, edges.a), _records(part, edges.b)
    star = (size_a == 1) | (size_b == 1)
    on_star = star[part]
    taken = [_stars(edges, part, np.flatnonzero(on_star))]
    rest = np.flatnonzero(~on_star)
    rest = rest[np.argsort(part[rest], kind="stable")]
    proven = True
    for places in np.split(rest, np.flatnonzero(np.diff(part[rest])) + 1) if len(rest) else []:
        chosen, exact = solve(edges.only(places))
        taken.append(places[chosen])
        proven &= exact
    return np.sort(np.concatenate(taken)), proven


def component_of(a: Ints, b: Ints) -> Ints:
    """For each edge the number of its connected component."""
    distinct_a, near = np.unique(a, return_inverse=True)
    distinct_b, far = np.unique(b, return_inverse=True)
    size = len(distinct_a) + len(distinct_b)
    graph = coo_matrix((np.ones(len(a), np.int8), (near, far + len(distinct_a))), (size, size))
    return connected_components(graph, directed=False)[1].astype(np.int64)[near]


def _records(part: Ints, rows: Ints) -> Ints:
    """How many different rows each component has."""
    _, first = np.unique(rows, return_index=True)
    return np.bincount(part[first], minlength=int(part.max()) + 1)


def _stars(edges: Edges, part: Ints, places: Ints) -> Ints:
    """Components with one record on a side: the cheapest edge of each, all at once."""
    here = edges.only(places)
    order = np.lexsort((here.b, here.a, here.age, here.days, here.amount, part[places]))
    sorted_part = part[places][order]
    first = np.ones(len(order), bool)
    first[1:] = sorted_part[1:] != sorted_part[:-1]
    return places[order[first]]


def solve(edges: Edges) -> tuple[Ints, bool]:
    """One component: the places of the edges taken, and whether the cost is proven."""
    rows_a, near = np.unique(edges.a, return_inverse=True)
    rows_b, far = np.unique(edges.b, return_inverse=True)
    weights, exact = _weights(edges, min(len(rows_a), len(rows_b)))
    cells = len(rows_a) * len(rows_b)
    if weights is None:
        return _closest_first(edges), False
    if cells <= DENSE_CELLS or (cells <= DENSE_FULL_CELLS and len(edges) * 10 >= cells):
        return _dense(near, far, len(rows_a), len(rows_b), weights), exact
    if len(edges) <= SPARSE_EDGES:
        return _sparse(near, far, len(rows_a), len(rows_b), weights), exact
    return _closest_first(edges), False


def _weights(edges: Edges, pairs: int) -> tuple[np.ndarray | None, bool]:
    """One whole number per edge in which a unit of amount counts more than all days, and a day more than all age; the
    last criteria are dropped where numbers would not stay exact. None where even the amounts do not."""
    age = edges.age - edges.age.min()
    for criteria in ((edges.amount, edges.days, age), (edges.amount, edges.days), (edges.amount,)):
        scale, top = 1.0, 0.0
        scales = []
        for cost in reversed(criteria):
            scales.append(int(scale))
            top += float(cost.max()) * scale
            scale = pairs * top + 1
        if scale < SAFE:
            parts = [cost * factor for cost, factor in zip(reversed(criteria), scales, strict=True)]
            return np.sum(parts, axis=0).astype(np.float64), len(criteria) == 3
    return None, False


def _dense(near: Ints, far: Ints, height: int, width: int, weights: np.ndarray) -> Ints:
    """A pair that is not allowed costs more than all allowed ones together, so it is chosen only where one must stay
    alone."""
    alone = min(height, width) * float(weights.max()) + 1
    cost = np.full((height, width), alone)
    edge = np.full((height, width), -1, np.int64)
    cost[near, far] = weights
    edge[near, far] = np.arange(len(weights))
    chosen = edge[linear_sum_assignment(cost)]
    return chosen[chosen >= 0]


def _sparse(near: Ints, far: Ints, height: int, width: int, weights: np.ndarray) -> Ints:
    """One extra column per row stands for staying alone. The solver takes no weight 0, hence the 1."""
    if height > width:
        near, far, height, width = far, near, width, height
    alone = min(height, width) * float(weights.max()) + 2
    every = np.arange(height)
    graph = csr_matrix(
        (
            np.concatenate((weights + 1, np.full(height, alone + 1))),
            (np.concatenate((near, every)), np.concatenate((far, width + every))),
        ),
        (height, width + height),
    )
    rows, columns = min_weight_full_bipartite_matching(graph)
    paired = columns < width
    codes = near * width + far
    order = np.argsort(codes)
    return order[np.searchsorted(codes[order], rows[paired] * width + columns[paired])]


def _closest_first(edges: Edges) -> Ints:
    """Rounds of mutually cheapest edges, for components beyond every exact method: not always the most pairs. Equal
    costs prefer equal places within their row, so that many equal records pair up in one round."""
    spread = np.abs(_place(edges.a) - _place(edges.b))
    order = np.lexsort((edges.b, edges.a, spread, edges.age, edges.days, edges.amount))
    a, b = edges.a[order], edges.b[order]
    taken: list[Ints] = []
    while len(order):
        first_a = np.unique(a, return_index=True)[1]
        first_b = np.unique(b, return_index=True)[1]
        mutual = np.intersect1d(first_a, first_b)
        taken.append(order[mutual])
        left = ~np.isin(a, a[mutual]) & ~np.isin(b, b[mutual])
        order, a, b = order[left], a[left], b[left]
    return np.sort(np.concatenate(taken))


def _place(rows: Ints) -> Ints:
    return np.unique(rows, return_inverse=True)[1]
