"""The assignment of candidate pairs, by every method, against a plain assignment over the whole matrix."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from rules.engine import assignment
from rules.engine.assignment import SPARSE_EDGES, Edges, assign
from tests.rules.engine.strategies import seeds

Total = tuple[int, int, int, int]


def edges_of(a: np.ndarray, b: np.ndarray, rng: np.random.Generator, top: int = 3) -> Edges:
    codes = np.unique(a.astype(np.int64) * 100_000 + b)
    costs = (rng.integers(0, top, len(codes)) for _ in range(3))
    return Edges(codes // 100_000, codes % 100_000, *costs)


def total(edges: Edges, chosen: np.ndarray) -> Total:
    some = edges.only(chosen)
    assert len(np.unique(some.a)) == len(np.unique(some.b)) == len(some)
    return len(some), int(some.amount.sum()), int(some.days.sum()), int(some.age.sum())


def best(edges: Edges) -> Total:
    """By one assignment over the whole matrix, costs as one exact number."""
    rows, near = np.unique(edges.a, return_inverse=True)
    columns, far = np.unique(edges.b, return_inverse=True)
    step = 3 * len(edges) + 1
    weights = (edges.amount * step + edges.days) * step + edges.age
    edge = np.full((len(rows), len(columns)), -1)
    edge[near, far] = np.arange(len(edges))
    cost = np.where(edge >= 0, weights[edge], int(weights.max()) * len(edges) + 1).astype(float)
    chosen = edge[linear_sum_assignment(cost)]
    return total(edges, chosen[chosen >= 0])


@settings(max_examples=200, deadline=None)
@given(seed=seeds(), size=st.integers(1, 60), side=st.integers(1, 20))
def test_most_pairs_at_least_cost(seed: int, size: int, side: int) -> None:
    rng = np.random.default_rng(seed)
    edges = edges_of(rng.integers(0, side, size), rng.integers(0, side, size), rng)
    chosen, proven = assign(edges)
    assert proven
    assert total(edges, chosen) == best(edges)


@pytest.mark.parametrize(("height", "width"), [(260, 300), (300, 260)])
def test_a_big_thin_component_is_solved_sparsely(height: int, width: int) -> None:
    rng = np.random.default_rng(height)
    chain = np.arange(min(height, width) - 1)
    a = np.concatenate((chain, chain + 1, rng.integers(0, height, 900)))
    b = np.concatenate((chain, chain, rng.integers(0, width, 900)))
    edges = edges_of(a, b, rng)
    assert height * width > 40_000
    assert len(edges) * 10 < height * width
    chosen, proven = assign(edges)
    assert proven
    assert total(edges, chosen) == best(edges)


def test_huge_amounts_drop_the_last_criteria_and_say_so() -> None:
    rng = np.random.default_rng(1)
    a, b = (one.ravel() for one in np.meshgrid(np.arange(4), np.arange(4)))
    edges = edges_of(a, b, rng)
    huge = Edges(edges.a, edges.b, edges.amount * 10**12, edges.days * 100, edges.age * 100)
    chosen, proven = assign(huge)
    assert not proven
    assert total(edges, chosen)[:2] == best(edges)[:2]
    beyond = Edges(edges.a, edges.b, edges.amount * 10**16, edges.days, edges.age)
    chosen, proven = assign(beyond)
    assert not proven
    assert total(edges, chosen)[0] == 4


def test_beyond_every_exact_method_the_closest_go_first() -> None:
    """Equal records pair up in their order, in one round; the result says that it is not proven."""
    side = 2_200
    a, b = (one.ravel() for one in np.meshgrid(np.arange(side), np.arange(side), indexing="ij"))
    keep = ((a + b) % 6 == 0) | (b == 0)  # a sixth of the cells, all in one component
    a, b = a[keep], b[keep]
    assert len(a) > SPARSE_EDGES
    cost = np.zeros(len(a), np.int64)
    chosen, proven = assign(Edges(a.astype(np.int64), b.astype(np.int64), cost, cost, cost))
    assert not proven
    assert len(chosen) > side * 0.95
    assert len(np.unique(a[chosen])) == len(np.unique(b[chosen])) == len(chosen)


def chain(size: int) -> Edges:
    """Each record of Side A may take its own partner or, a little nearer, the one before it, which is nearer the later it
    comes: every choice waits for the next."""
    every = np.arange(size)
    a, b = np.repeat(every, 2)[1:], (np.repeat(every, 2) - np.tile([1, 0], size))[1:]
    nothing = np.zeros(len(a), np.int64)
    return Edges(a, b, 2 * size - (a + b), nothing, nothing)


def test_a_long_chain_does_not_take_an_hour() -> None:
    edges = chain(50_000)
    chosen, proven = assign(edges)
    assert not proven
    assert len(chosen) >= 49_999
    assert len(set(edges.a[chosen].tolist())) == len(set(edges.b[chosen].tolist())) == len(chosen)


@given(seed=st.integers(0, 2**32), rounds=st.integers(0, 3))
@settings(max_examples=100, deadline=None)
def test_rounds_of_mutually_cheapest_edges_are_the_cheapest_one_by_one(seed: int, rounds: int) -> None:
    rng = np.random.default_rng(seed)
    codes = np.unique(rng.integers(0, 30 * 30, 200))
    edges = edges_of(codes // 30, codes % 30, rng)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assignment, "ROUNDS", rounds)
        few = assignment._closest_first(edges)
    assert (few == assignment._closest_first(edges)).all()
