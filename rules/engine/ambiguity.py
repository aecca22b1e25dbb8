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
from rules.engine.bridges import bridges
from rules.engine.found import Found
from rules.engine.sides import Bools, Ints

SAFE = 2**61
LABOUR = 300_000_000  # arcs looked at for prices; components that would need more are left open


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
    far = b + len(size_a)
    size = len(size_a) + len(size_b)
    graph = coo_matrix((np.ones(len(a), np.int8), (a, far)), (size, size))
    parts, part = connected_components(graph, directed=False)
    used = np.concatenate((np.bincount(a, taken, len(size_a)), np.bincount(b, taken, len(size_b))))
    room = np.concatenate((size_a, size_b))
    more, back = taken < np.minimum(size_a[a], size_b[b]), taken > 0
    take = Arcs(a[more], far[more], cost[more])
    give = Arcs(far[back], a[back], -cost[back])
    part = part.astype(np.int64)
    arcs = _together(take, give, *_outside(used, room, part, parts, len(size_a)))
    nodes = size + 2 * parts
    price, unknown = _prices(arcs, np.concatenate((part, np.repeat(np.arange(parts), 2))), parts)
    free = arcs.only(arcs.cost + price[arcs.tail] - price[arcs.head] == 0)
    graph = coo_matrix((np.ones(len(free.tail), np.int8), (free.tail, free.head)), (nodes, nodes))
    circle = connected_components(graph, connection="strong")[1]
    free = free.only(circle[free.tail] == circle[free.head])
    # An arc and its reverse are one edge, which alone makes no cycle: what remains is not a bridge.
    codes = np.unique(np.minimum(free.tail, free.head) * nodes + np.maximum(free.tail, free.head))
    movable = np.isin(a * nodes + far, codes[~bridges(codes // nodes, codes % nodes, nodes)])
    return movable | unknown[part[a]]


def _outside(used: Ints, room: Ints, part: Ints, parts: int, size_a: int) -> tuple[Arcs, Arcs]:
    """Records that come in for others of their side, or stay out: one more node per component and side."""
    nodes = np.arange(len(used))
    is_b = nodes >= size_a
    out = len(used) + 2 * part + is_b
    idle, busy = used < room, used > 0
    # On Side A flow starts outside, on Side B it ends there.
    comes = Arcs(
        np.where(is_b, nodes, out)[idle], np.where(is_b, out, nodes)[idle], np.zeros(idle.sum(), np.int64)
    )
    leaves = Arcs(
        np.where(is_b, out, nodes)[busy], np.where(is_b, nodes, out)[busy], np.zeros(busy.sum(), np.int64)
    )
    return comes, leaves


def _together(*arcs: Arcs) -> Arcs:
    return Arcs(
        np.concatenate([some.tail for some in arcs]),
        np.concatenate([some.head for some in arcs]),
        np.concatenate([some.cost for some in arcs]),
    )


def _prices(arcs: Arcs, part: Ints, parts: int) -> tuple[Ints, Bools]:
    """Bellman-Ford over all components at once (`part`: each node's), and the components that have no prices since their
    assignment was not of least cost, or that would need too much work: long chains settle one node a step."""
    price, size = np.zeros(len(part), np.int64), np.bincount(part, minlength=parts)
    unknown = np.zeros(parts, bool)
    step, left = 0, LABOUR
    while len(arcs.tail):
        lower = price.copy()
        np.minimum.at(lower, arcs.head, price[arcs.tail] + arcs.cost)
        changing = np.zeros(parts, bool)
        changing[part[lower != price]] = True
        price, step, left = lower, step + 1, left - len(arcs.tail)
        unknown |= changing & ((step > size) | (left < 0))
        going_on = changing & ~unknown
        if not going_on.all():
            arcs = arcs.only(going_on[part[arcs.tail]])
    return price, unknown
