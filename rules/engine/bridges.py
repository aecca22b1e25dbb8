"""Edges of a graph without which it would fall apart. Used by `ambiguity`."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import breadth_first_order, connected_components

from rules.engine.sides import Bools, Hashes, Ints


def bridges(low: Ints, high: Ints, nodes: int) -> Bools:
    """For each edge of a simple undirected graph whether it lies on no cycle.

    Every edge outside a spanning tree is given a number, xored into both its ends; summed up a subtree, what is left are
    the edges that leave it. A tree edge is a bridge if none leaves the subtree below it. The numbers are 64 bits of a
    hash of the edge's place: that some of them cancel out by chance is out of the question.
    """
    order, before = _tree(low, high, nodes)
    in_tree = (before[low] == high) | (before[high] == low)
    marks = np.zeros(nodes + 1, np.uint64)
    outside = np.flatnonzero(~in_tree)
    for ends in (low, high):
        np.bitwise_xor.at(marks, ends[outside], _hash(outside))
    for nodes_of_level in reversed(_levels(order, before)):
        np.bitwise_xor.at(marks, before[nodes_of_level], marks[nodes_of_level])
    child = np.where(before[low] == high, low, high)
    return in_tree & (marks[child] == 0)


def _tree(low: Ints, high: Ints, nodes: int) -> tuple[Ints, Ints]:
    """Nodes in breadth-first order from an extra root (the last node) that is tied to every component, and the node
    before each."""
    graph = coo_matrix((np.ones(len(low), np.int8), (low, high)), (nodes, nodes))
    first = np.unique(connected_components(graph, directed=False)[1], return_index=True)[1]
    tails, heads = np.concatenate((low, np.full(len(first), nodes))), np.concatenate((high, first))
    rooted = coo_matrix((np.ones(len(tails), np.int8), (tails, heads)), (nodes + 1, nodes + 1)).tocsr()
    order, before = breadth_first_order(rooted, nodes, directed=False)
    return order.astype(np.int64), before.astype(np.int64)


def _levels(order: Ints, before: Ints) -> list[Ints]:
    """The nodes by their distance from the root, without the root."""
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    parents = place[before[order[1:]]]
    levels, start, end = [], 0, 1
    while end < len(order):
        start, end = end, 1 + int(np.searchsorted(parents, end))
        levels.append(order[start:end])
    return levels


def _hash(numbers: Ints) -> Hashes:
    """splitmix64: spreads small numbers over 64 bits."""
    mixed = (numbers.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
