"""Which taken pairs are ambiguous: another assignment of the same size and cost (amount and days) gives one of the
records another partner, twins being the same partner. Called by `pairs` for rules that abstain.

Method: the residual graph of the assignment over classes of twins. Prices are found that leave no arc below 0; an arc
can then be used at no cost exactly if it lies on a cycle of arcs at 0. A pair of classes is certain if none of its arcs
does: then every such assignment takes it equally often.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from rules.engine.assignment import Edges
from rules.engine.found import Found
from rules.engine.sides import Bools, Ints

SAFE = 2**61


@dataclass(frozen=True, slots=True)
class Arcs:
    tail: Ints
    head: Ints
    cost: Ints

    def only(self, chosen: Bools) -> Arcs:
        return Arcs(self.tail[chosen], self.head[chosen], self.cost[chosen])


def certain(edges: Edges, chosen: Ints, class_a: Ints, class_b: Ints) -> Found:
    """Of the chosen edges those that are not ambiguous; the Side A rows of the others are left open. `class_a` and
    `class_b`: each row's class of twins."""
    if not len(chosen):
        return Found()
    near = np.unique(class_a[edges.a], return_inverse=True)[1]
    distinct_b, far = np.unique(class_b[edges.b], return_inverse=True)
    codes, one, place = np.unique(near * len(distinct_b) + far, return_index=True, return_inverse=True)
    taken = np.bincount(place[chosen], minlength=len(codes))
    size_a = np.bincount(near[np.unique(edges.a, return_index=True)[1]])
    size_b = np.bincount(far[np.unique(edges.b, return_index=True)[1]])
    ambiguous = _movable(near[one], far[one], _cost(edges.only(one)), taken, size_a, size_b)[place[chosen]]
    sure = chosen[~ambiguous]
    return Found(edges.a[sure], edges.b[sure], edges.a[chosen[ambiguous]])


def _cost(edges: Edges) -> Ints:
    """Amount before days as one number; the amount alone where it would grow too big (then more is called a tie)."""
    count = len(edges)
    per_unit = count * int(edges.days.max()) + 1
    if (int(edges.amount.max()) + 1) * per_unit * (count + 1) < SAFE:
        return edges.amount * per_unit + edges.days
    return edges.amount


def _movable(a: Ints, b: Ints, cost: Ints, taken: Ints, size_a: Ints, size_b: Ints) -> Bools:
    """For each pair of classes whether some assignment of the same size and cost takes more or less of it."""
    arcs = _residual(a, b, cost, taken, size_a, size_b)
    price = _prices(arcs, len(size_a) + len(size_b) + 2)
    if price is None:
        return np.ones(len(a), bool)
    free = arcs.only(arcs.cost + price[arcs.tail] - price[arcs.head] == 0)
    graph = coo_matrix((np.ones(len(free.tail), np.int8), (free.tail, free.head)), (len(price), len(price)))
    part = connected_components(graph, connection="strong")[1]
    free = free.only(part[free.tail] == part[free.head])
    width = len(price)
    on_cycle = _without_leaves(np.minimum(free.tail, free.head), np.maximum(free.tail, free.head), width)
    return np.isin(a * width + (b + len(size_a)), on_cycle)


def _residual(a: Ints, b: Ints, cost: Ints, taken: Ints, size_a: Ints, size_b: Ints) -> Arcs:
    """Taking one more of a pair of classes (a → b), giving one back (b → a), and records that come in or stay out
    (one node per side)."""
    far = b + len(size_a)
    used_a, used_b = np.bincount(a, taken, len(size_a)), np.bincount(b, taken, len(size_b))
    nodes_a, nodes_b = np.arange(len(size_a)), np.arange(len(size_b)) + len(size_a)
    out_a, out_b = len(size_a) + len(size_b), len(size_a) + len(size_b) + 1
    more, back = taken < np.minimum(size_a[a], size_b[b]), taken > 0
    idle_a, busy_a = nodes_a[used_a < size_a], nodes_a[used_a > 0]
    idle_b, busy_b = nodes_b[used_b < size_b], nodes_b[used_b > 0]
    tails = [a[more], far[back], np.full(len(idle_a), out_a), busy_a, idle_b, np.full(len(busy_b), out_b)]
    heads = [far[more], a[back], idle_a, np.full(len(busy_a), out_a), np.full(len(idle_b), out_b), busy_b]
    rest = len(idle_a) + len(busy_a) + len(idle_b) + len(busy_b)
    costs = [cost[more], -cost[back], np.zeros(rest, np.int64)]
    return Arcs(np.concatenate(tails), np.concatenate(heads), np.concatenate(costs))


def _prices(arcs: Arcs, nodes: int) -> Ints | None:
    """Bellman-Ford over all components at once; None if the assignment was not of least cost."""
    price = np.zeros(nodes, np.int64)
    for _ in range(nodes + 1):
        lower = price.copy()
        np.minimum.at(lower, arcs.head, price[arcs.tail] + arcs.cost)
        if (lower == price).all():
            return price
        price = lower
    return None


def _without_leaves(low: Ints, high: Ints, nodes: int) -> Ints:
    """The codes (low × nodes + high) of edges that are left when loose ends are cut off again and again: an edge that
    leads nowhere else can only be used to and fro."""
    codes = np.unique(low * nodes + high)
    while len(codes):
        low, high = codes // nodes, codes % nodes
        ends = np.bincount(np.concatenate((low, high)), minlength=nodes)
        inner = (ends[low] > 1) & (ends[high] > 1)
        if inner.all():
            break
        codes = codes[inner]
    return codes
