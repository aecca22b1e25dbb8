"""on_ambiguity: what `sole` and `abstain` leave open, on both paths, and that twins are interchangeable."""

from collections import Counter
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from rules.engine import ambiguity, match, parse_rule
from rules.engine.ambiguity import certain
from rules.engine.assignment import Edges, assign
from tests.rules.engine.books import Record, either, eq, every, frame, pairs_of, within
from tests.rules.engine.oracle import OneToOne
from tests.rules.engine.strategies import BOOKS_PER_SEED, books, mixed, plain, seeds
from tests.rules.engine.test_one_to_one import as_records, run

RULES: dict[str, dict[str, Any]] = {
    "line": {"filters": every(eq("effect"), within(2))},
    "exact keys": {"filters": every(eq("effect"))},
    "candidates": {"filters": every(eq("effect"), either(within(1), eq("reference")))},
}


def refusals(seed: int, on: bool) -> list[set[tuple[int, int]]]:
    rng = Random(seed)
    sizes = [rng.randint(0, 4) if on else 0 for _ in range(BOOKS_PER_SEED)]
    return [{(rng.randint(1, 5), rng.randint(1, 5)) for _ in range(size)} for size in sizes]


@pytest.mark.parametrize("side", [plain, mixed])
@pytest.mark.parametrize("refuse", [False, True])
@pytest.mark.parametrize("name", RULES)
@settings(max_examples=6, deadline=None)
@given(seed=seeds())
def test_sole_takes_only_records_that_meet_nobody_else(name: str, refuse: bool, side: Any, seed: int) -> None:
    rule, refused = RULES[name] | {"on_ambiguity": "sole"}, refusals(seed, refuse)
    found = books(seed, side)
    for book, groups, not_offered in zip(found, run(rule, found, refused), refused, strict=True):
        oracle = OneToOne(rule, *book)
        _, edges = oracle.steps(not_offered)
        pairs = as_records(book, groups)
        expected = Counter({(a, b): count for a, b, count in oracle.sole(edges)})
        assert oracle.as_classes(pairs) == expected, book
        assert set(pairs) <= set(edges)


@pytest.mark.parametrize("side", [plain, mixed])
@pytest.mark.parametrize("name", RULES)
@settings(max_examples=6, deadline=None)
@given(seed=seeds())
def test_abstain_leaves_open_exactly_what_could_be_otherwise(name: str, side: Any, seed: int) -> None:
    found = books(seed, side)
    best, sure = run(RULES[name], found), run(RULES[name] | {"on_ambiguity": "abstain"}, found)
    for book, all_groups, groups in zip(found, best, sure, strict=True):
        oracle = OneToOne(RULES[name], *book)
        _, edges = oracle.steps(set())
        pairs = as_records(book, all_groups)
        expected = oracle.as_classes(pairs) - oracle.as_classes(oracle.ambiguous(edges, pairs))
        assert oracle.as_classes(as_records(book, groups)) == expected, book


def only(
    rule: str, side_a: list[Record], side_b: list[Record], policy: str
) -> tuple[list[tuple[int, int]], int]:
    spec = parse_rule(RULES[rule] | {"on_ambiguity": policy})
    outcome = match(frame(side_a), frame(side_b), [spec])
    return pairs_of(outcome), outcome.ambiguous


@pytest.mark.parametrize("policy", ["best", "abstain", "sole"])
@pytest.mark.parametrize("rule", RULES)
def test_of_two_twins_for_one_the_first_is_taken(rule: str, policy: str) -> None:
    assert only(rule, [Record(2), Record(1)], [Record(7)], policy) == ([(1, 7)], 0)


@pytest.mark.parametrize("rule", RULES)
def test_another_counterparty_is_no_twin(rule: str) -> None:
    rivals = [Record(1), Record(2, counterparty="ACME")]
    assert only(rule, rivals, [Record(7)], "best") == ([(1, 7)], 0)
    assert only(rule, rivals, [Record(7)], "abstain")[0] == []
    assert only(rule, rivals, [Record(7)], "sole") == ([], 2)


def test_abstain_takes_the_nearer_of_two() -> None:
    side_b = [Record(7, day=1), Record(8, day=2)]
    assert only("line", [Record(1)], side_b, "abstain") == ([(1, 7)], 0)
    assert only("line", [Record(1)], side_b, "sole") == ([], 1)


def test_what_is_ambiguous_is_counted_on_side_a() -> None:
    side_a, side_b = [Record(1, day=1)], [Record(7, day=0), Record(8, day=2)]
    assert only("line", side_a, side_b, "best") == ([(1, 7)], 0)
    assert only("line", side_a, side_b, "abstain") == ([], 1)


def test_what_equal_amounts_leave_ambiguous_takes_no_worse_partner() -> None:
    rule = {
        "filters": every(eq("amount", tolerance_amount=1)),
        "must_balance": False,
        "on_ambiguity": "abstain",
    }
    side_b = [Record(7), Record(8, counterparty="ACME"), Record(9, effect=150)]
    outcome = match(frame([Record(1)]), frame(side_b), [parse_rule(rule)])
    assert (pairs_of(outcome), outcome.ambiguous) == ([], 1)
    outcome = match(frame([Record(1)]), frame(side_b[1:]), [parse_rule(rule)])
    assert (pairs_of(outcome), outcome.ambiguous) == ([(1, 8)], 0)


def edges_of(*pairs: tuple[int, int, int]) -> Edges:
    """Candidate pairs (a, b, days apart)."""
    a, b, days = (np.array(column, np.int64) for column in zip(*sorted(pairs), strict=True))
    nothing = np.zeros(len(a), np.int64)
    return Edges(a, b, nothing, days, nothing)


def test_a_part_that_was_not_solved_at_least_cost_leaves_only_itself_open() -> None:
    edges = edges_of((0, 0, 5), (0, 1, 0), (1, 0, 0), (1, 1, 5), (2, 2, 0), (2, 3, 3))
    every = np.arange(4)
    found = certain(edges, np.array([0, 3, 4]), every, every)  # 0 and 1 would do better with each other's
    assert (found.a.tolist(), found.b.tolist()) == ([2], [2])
    assert found.ambiguous.tolist() == [0, 1]


def test_a_chain_that_is_too_long_to_tell_leaves_only_itself_open(monkeypatch: pytest.MonkeyPatch) -> None:
    size = 300
    links = [(n, n, 2) for n in range(size)] + [(n, n - 1, 1) for n in range(1, size)]
    edges = edges_of(*links, (size, size, 0), (size, size + 1, 1))
    every = np.arange(size + 2)
    chosen, _proven = assign(edges)
    assert len(certain(edges, chosen, every, every).a) == size + 1
    monkeypatch.setattr(ambiguity, "LABOUR", 20 * len(edges))
    found = certain(edges, chosen, every, every)
    assert found.a.tolist() == [size]
    assert len(found.ambiguous) == size
