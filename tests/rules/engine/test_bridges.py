"""Bridges of a graph, against taking each edge away and looking."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.engine.bridges import bridges

NODES = 9
EDGES = st.sets(
    st.tuples(st.integers(0, NODES - 1), st.integers(0, NODES - 1)).filter(lambda one: one[0] < one[1])
)


def connected(edges: set[tuple[int, int]], start: int, goal: int) -> bool:
    seen, left = {start}, [start]
    while left:
        at = left.pop()
        for edge in edges:
            if at in edge:
                (other,) = set(edge) - {at}
                left += [other] if other not in seen else []
                seen.add(other)
    return goal in seen


@settings(max_examples=200, deadline=None)
@given(edges=EDGES)
def test_a_bridge_is_an_edge_without_which_its_ends_lose_each_other(edges: set[tuple[int, int]]) -> None:
    listed = sorted(edges)
    low, high = np.array(listed, np.int64).reshape(-1, 2).T
    expected = [not connected(edges - {edge}, *edge) for edge in listed]
    assert bridges(low, high, NODES).tolist() == expected
