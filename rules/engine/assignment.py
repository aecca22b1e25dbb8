"""Which candidate pairs to take: the most, at the least cost, no record twice. Called by `pairs`.

Stars (one record on a side) are taken all at once by array arithmetic; a Python loop runs only over the components that
need a solver. Costs are lexicographic: amount difference, days apart, age.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components, min_weight_full_bipartite_matching

from rules.engine.sides import Bools, Floats, Ints

DENSE_CELLS = 40_000
DENSE_FULL_CELLS = 4_000_000  # where at least a tenth of the cells are pairs
SPARSE_EDGES = 500_000
LABOUR = 14_000_000_000  # what the sparse solver may take at worst: about 20 seconds
NODE = 10  # of it per record beside each that is paired, where they form a long chain; 1 per edge
ROUNDS = 50  # of mutually cheapest edges, before the rest is gone through one by one
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


@dataclass(frozen=True, slots=True)
class Component:
    """The edges of one component, records numbered from 0 on each side, in order of rows."""

    near: Ints
    far: Ints
    height: int
    width: int
    weights: Floats

    @property
    def alone(self) -> float:
        """What staying alone costs: more than all pairs together, so it is chosen only where one must."""
        return min(self.height, self.width) * float(self.weights.max()) + 1


def assign(edges: Edges) -> tuple[Ints, bool]:
    """The edges taken, as their places in order, and whether their cost is proven to be the least."""
    if not len(edges):
        return np.zeros(0, np.int64), True
    part = _component_of(edges.a, edges.b)
    star = (_records(part, edges.a) == 1) | (_records(part, edges.b) == 1)
    taken = [_stars(edges, part, np.flatnonzero(star[part]))]
    rest = np.flatnonzero(~star[part])
    solved, proven = _solve_each(edges, part, rest[np.argsort(part[rest], kind="stable")])
    return np.sort(np.concatenate([*taken, *solved])), proven


def _component_of(a: Ints, b: Ints) -> Ints:
    """For each edge the number of its connected component."""
    _, near = np.unique(a, return_inverse=True)
    _, far = np.unique(b, return_inverse=True)
    size_a = int(near.max()) + 1
    size = size_a + int(far.max()) + 1
    graph = coo_matrix((np.ones(len(a), np.int8), (near, far + size_a)), (size, size))
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


def _solve_each(edges: Edges, part: Ints, places: Ints) -> tuple[list[Ints], bool]:
    """The components of these edges (in order of components) one by one."""
    if not len(places):
        return [], True
    here = edges.only(places)
    start = np.flatnonzero(np.concatenate(([True], np.diff(part[places]) != 0)))
    near, height = _numbered(part[places], here.a, start)
    far, width = _numbered(part[places], here.b, start)
    weights, exact = _weights(here, start, np.minimum(height, width))
    ends = np.append(start[1:], len(places)).tolist()
    taken, proven = [], bool((exact == 3).all())
    for low, high, rows, columns, criteria in zip(
        start.tolist(), ends, height.tolist(), width.tolist(), exact.tolist(), strict=True
    ):
        some = slice(low, high)
        if criteria and _is_exact(high - low, rows, columns):
            chosen = _solve(Component(near[some], far[some], rows, columns, weights[some]))
        else:
            chosen, proven = _closest_first(here.only(np.arange(low, high))), False
        taken.append(places[some][chosen])
    return taken, proven


def _numbered(part: Ints, rows: Ints, start: Ints) -> tuple[Ints, Ints]:
    """Rows numbered from 0 within their component, and how many each component has."""
    codes, inverse = np.unique((part - part[0]) * (int(rows.max()) + 1) + rows, return_inverse=True)

    first = np.minimum.reduceat(inverse, start)
    count = np.diff(np.append(first, len(codes)))
    return inverse - np.repeat(first, np.diff(np.append(start, len(rows)))), count


def _weights(edges: Edges, start: Ints, pairs: Ints) -> tuple[Floats, Ints]:
    """One whole number per edge in which a unit of amount counts more than all days, and a day more than all age; and
    for each component how many of the criteria are in it: the last are dropped where numbers would not stay exact."""
    size = np.diff(np.append(start, len(edges)))
    age = edges.age - np.repeat(np.minimum.reduceat(edges.age, start), size)
    tops = [np.maximum.reduceat(cost, start).astype(float) for cost in (edges.amount, edges.days, age)]
    weights, criteria = np.zeros(len(edges)), np.zeros(len(start), np.int64)
    for count in (1, 2, 3):
        per_day = pairs * tops[2] + 1 if count == 3 else np.ones(len(start))
        top = tops[1] * per_day + (tops[2] if count == 3 else 0) if count > 1 else np.zeros(len(start))
        per_unit = pairs * top + 1
        safe = pairs * (tops[0] * per_unit + top) + 1 < SAFE
        own = edges.amount * np.repeat(per_unit, size)
        if count > 1:
            own += edges.days * np.repeat(per_day, size) + (age if count == 3 else 0)
        weights = np.where(np.repeat(safe, size), own, weights)
        criteria = np.where(safe, count, criteria)
    return weights, criteria


def _is_exact(edges: int, height: int, width: int) -> bool:
    """Whether a component of this size is worth an exact solution."""
    fewer = min(height, width)
    sparse = edges <= SPARSE_EDGES and fewer * (NODE * fewer + edges) <= LABOUR
    return sparse or _is_dense(edges, height * width)


def _is_dense(edges: int, cells: int) -> bool:
    return cells <= DENSE_CELLS or (cells <= DENSE_FULL_CELLS and edges * 10 >= cells)


def _solve(component: Component) -> Ints:
    """The places of the edges taken."""
    if _is_dense(len(component.near), component.height * component.width):
        return _dense(component)
    return _sparse(component)


def _dense(component: Component) -> Ints:
    cost = np.full((component.height, component.width), component.alone)
    edge = np.full(cost.shape, -1, np.int64)
    cost[component.near, component.far] = component.weights
    edge[component.near, component.far] = np.arange(len(component.near))
    chosen = edge[linear_sum_assignment(cost)]
    return chosen[chosen >= 0]


def _sparse(component: Component) -> Ints:
    """One extra column per row stands for staying alone. The solver takes no weight 0, hence the 1."""
    near, far, height, width = component.near, component.far, component.height, component.width
    if height > width:
        near, far, height, width = far, near, width, height
    every = np.arange(height)
    weights = np.concatenate((component.weights + 1, np.full(height, component.alone + 1)))
    places = np.concatenate((near, every)), np.concatenate((far, width + every))
    rows, columns = min_weight_full_bipartite_matching(
        csr_matrix((weights, places), (height, width + height))
    )
    paired = columns < width
    codes = near * width + far
    order = np.argsort(codes)
    return order[np.searchsorted(codes[order], rows[paired] * width + columns[paired])]


def _closest_first(edges: Edges) -> Ints:
    """Rounds of mutually cheapest edges, for components beyond every exact method: not always the most pairs. Equal
    costs prefer equal places within their side, so that many equal records pair up in one round."""
    near, far = np.unique(edges.a, return_inverse=True)[1], np.unique(edges.b, return_inverse=True)[1]
    order = np.lexsort((far, near, np.abs(near - far), edges.age, edges.days, edges.amount))
    near, far = near[order], far[order]
    used_near, used_far = np.zeros(int(near.max()) + 1, bool), np.zeros(int(far.max()) + 1, bool)
    taken: list[Ints] = []
    for _round in range(ROUNDS):
        if not len(order):
            break
        first_near = np.unique(near, return_index=True)[1]
        first_far = np.unique(far, return_index=True)[1]
        mutual = np.intersect1d(first_near, first_far, assume_unique=True)
        taken.append(order[mutual])
        used_near[near[mutual]] = used_far[far[mutual]] = True
        left = ~(used_near[near] | used_far[far])
        order, near, far = order[left], near[left], far[left]
    return np.sort(np.concatenate([*taken, order[_one_by_one(near, far)]]))


def _one_by_one(near: Ints, far: Ints) -> Ints:
    """What rounds of mutually cheapest edges come to, of edges in order of cost: where each edge waits for the one before,
    a round would take no more than one."""
    used_near: set[int] = set()
    used_far: set[int] = set()
    taken = []
    for place, (one, other) in enumerate(zip(near.tolist(), far.tolist(), strict=True)):
        if one not in used_near and other not in used_far:
            taken.append(place)
            used_near.add(one)
            used_far.add(other)
    return np.array(taken, np.int64)
