"""What else the records of a match could have been paired with, against looking at every candidate in turn."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings

from rules.engine import match, parse_rule, rivals, rivals_of_pairs
from rules.engine.rivals import weight
from tests.rules.engine import strategies
from tests.rules.engine.books import Record, either, eq, every, frame, within
from tests.rules.engine.oracle import OneToOne

RULES = {
    "line": {"filters": every(eq("effect"), within(2))},
    "line of a reference": {"filters": every(eq("effect"), eq("reference"))},
    "line, uneven window": {"filters": every(eq("effect"), eq("date", days=[-1, 3]))},
    "or": {"filters": every(eq("effect"), either(eq("reference"), within(1)))},
    "word": {
        "filters": every(eq("effect"), {"key": "reference", "operand": "token_in", "value": "description"})
    },
    "other condition": {
        "filters": every(
            eq("effect"), within(4), {"key": "reference", "operand": "neq", "value": "reference"}
        )
    },
    "amount within": {
        "filters": every(eq("effect", tolerance_amount=1, tolerance_unit="dollar"), within(4)),
        "must_balance": False,
    },
}


def worth(worse: int) -> float:
    return 1 / (1 + worse) if worse >= 0 else 1 - worse


class Slow:
    """The rivals of a pair by trying every candidate."""

    def __init__(self, rule, side_a, side_b, edges):
        self.oracle = OneToOne(rule, side_a, side_b)
        self.edges = edges

    def _cost(self, pair):
        return self.oracle.cost(*pair)[:2]

    def of(self, a: Record, b: Record):
        own = sum(self._cost((a, b)))
        sides = [
            [pair for pair in self.edges if pair[0].id == a.id and pair[1].id != b.id],
            [pair for pair in self.edges if pair[1].id == b.id and pair[0].id != a.id],
        ]
        weights = [sum(worth(sum(self._cost(pair)) - own) for pair in others) for others in sides]
        return max(weights), max(len(others) for others in sides), self._runner_up(sides, own)

    def _runner_up(self, sides, own):
        """Ids that may be named: the least cost of either record's other candidates, the nearer of the two."""
        best = [min(map(self._cost, others), default=None) for others in sides]
        near = [float("inf") if cost is None else sum(cost) - own for cost in best]
        if near == [float("inf")] * 2:
            return {None}
        side = 0 if near[0] <= near[1] else 1
        return {pair[1 - side].id for pair in sides[side] if self._cost(pair) == best[side]}


def other_ids(records):
    """Ids of Side B that no record of Side A has."""
    return [
        Record(**{**{name: getattr(one, name) for name in one.__dataclass_fields__}, "id": one.id + 1_000})
        for one in records
    ]


def compared(rule, side_a, side_b, refused):
    found = match(
        frame(side_a), frame(side_b), [parse_rule(rule)], refused=[((a,), (b,)) for a, b in refused]
    )
    oracle = OneToOne(rule, side_a, side_b)
    equal, every_edge = oracle.steps(set(refused))
    by_a, by_b = {one.id: one for one in side_a}, {one.id: one for one in side_b}
    ids = found.members["id"].to_list()
    pairs = [(by_a[a], by_b[b]) for a, b in zip(ids[0::2], ids[1::2], strict=True)]
    for (a, b), row in zip(pairs, found.groups.iter_rows(named=True), strict=True):
        # Of a pair that does not add up, what the pairs that do have taken before are rivals too.
        slow = Slow(rule, side_a, side_b, equal if a.measure == b.measure else every_edge)
        yield row, slow.of(a, b)


def some_refused(rng: Random, name: str, side_a, side_b):
    allowed = [(a.id, b.id) for a, b in [*OneToOne(RULES[name], side_a, side_b).steps(set())][1]]
    return rng.sample(allowed, min(len(allowed), rng.choice([0, 0, 1, 2])))


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=8, deadline=None)
@given(seed=strategies.seeds())
def test_rivals_are_counted_as_by_looking_at_each(name, seed):
    for number, book in enumerate(strategies.books(seed, strategies.mixed)):
        side_a, side_b = book.side_a, other_ids(book.side_b)
        rng = Random(seed + number)
        refused = some_refused(rng, name, side_a, side_b)
        for row, (total, count, next_ones) in compared(RULES[name], side_a, side_b, refused):
            assert row["rivals"] == pytest.approx(total)
            assert row["rival_count"] == count
            assert row["runner_up"] in next_ones


@pytest.mark.parametrize("name", ["line", "or"])
def test_many_ties_are_counted_as_by_looking_at_each(name, monkeypatch):
    monkeypatch.setattr(rivals, "BITE", 3)
    monkeypatch.setattr(rivals_of_pairs, "BITE", 3)
    for seed in range(40):
        rng = Random(seed)
        side_a, side_b = strategies.plain(rng, 8), other_ids(strategies.plain(rng, 8))
        refused = some_refused(rng, name, side_a, side_b)
        for row, (total, count, next_ones) in compared(RULES[name], side_a, side_b, refused):
            assert (row["rivals"], row["rival_count"]) == (pytest.approx(total), count)
            assert row["runner_up"] in next_ones


def test_beyond_the_budget_each_rival_counts_in_full(monkeypatch):
    monkeypatch.setattr(rivals_of_pairs, "QUESTIONS", 0)
    books = [Record(1, day=0)], [Record(11, day=0), Record(12, day=2), Record(13, day=1)]
    rule = parse_rule({"filters": every(eq("effect"), either(eq("counterparty"), within(3)))})
    assert match(frame(books[0]), frame(books[1]), [rule]).groups["rivals"].to_list() == [2.0]


def test_a_pair_without_other_candidates_has_no_rival():
    for rule in RULES.values():
        one = Record(1, reference="R-1", description="R-1"), Record(11, reference="R-1", description="R-1")
        groups = match(frame(one[:1]), frame(one[1:]), [parse_rule(rule)]).groups
        for row in groups.iter_rows(named=True):
            assert (row["rivals"], row["rival_count"], row["runner_up"]) == (0.0, 0, None)


def test_twins_share_and_a_better_one_taken_elsewhere_counts_more():
    assert weight(np.array([0, 1, 3, -2])).tolist() == [1.0, 0.5, 0.25, 3.0]
