"""many_to_one and one_to_many by identifier: exactly the groups of the oracle's rounds, and the worked examples."""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings

from rules.engine import match, parse_rule
from tests.rules.engine.books import Group, Record, eq, every, frame, groups_of, within
from tests.rules.engine.oracle import rollups
from tests.rules.engine.strategies import apart, batches, books, own_id, seeds, together

SAME_REFERENCE = eq("reference")
SAME_AMOUNT = eq("effect")
LOWER = {"key": ["alphanumeric_only", "lowercase"], "value": ["alphanumeric_only", "lowercase"]}
IDENTIFIER = {"group_by_kind": "identifier"}

RULES: dict[str, dict[str, Any]] = {
    "reference": {"filters": every(SAME_REFERENCE, SAME_AMOUNT), "rollup": IDENTIFIER},
    "look back": {
        "filters": every(SAME_REFERENCE, SAME_AMOUNT),
        "rollup": IDENTIFIER | {"lookback_days": 2, "date_field": "date"},
    },
    "look back on value dates": {
        "filters": every(SAME_REFERENCE, SAME_AMOUNT),
        "rollup": IDENTIFIER | {"lookback_days": 1, "date_field": "value_date"},
    },
    "written otherwise": {
        "filters": every(eq("reference", transforms=LOWER), eq("amount")),
        "rollup": IDENTIFIER,
        "must_balance": False,
    },
    "two keys": {
        "filters": every(SAME_REFERENCE, eq("counterparty"), SAME_AMOUNT),
        "group_by": ["reference", "counterparty"],
        "rollup": IDENTIFIER,
    },
    "each near the single one": {
        "filters": every(SAME_REFERENCE, SAME_AMOUNT, within(1)),
        "rollup": IDENTIFIER,
    },
    "percent of side a": {
        "filters": every(SAME_REFERENCE, eq("amount", tolerance_amount=40, tolerance_unit="percent")),
        "rollup": IDENTIFIER | {"lookback_days": 3, "date_field": "date"},
        "must_balance": False,
    },
}


@pytest.mark.parametrize("cardinality", ["many_to_one", "one_to_many"])
@pytest.mark.parametrize("refuse", [False, True])
@pytest.mark.parametrize("name", RULES)
@settings(max_examples=6, deadline=None)
@given(seed=seeds())
def test_same_groups_as_the_rounds(name: str, refuse: bool, cardinality: str, seed: int) -> None:
    rule = {"group_by": ["reference"], **RULES[name], "cardinality": cardinality}
    found = books(seed, batches)
    refused = [refusals(rule, Random(seed), *book) if refuse else [] for book in found]
    side_a, side_b = together(found)
    offered = [
        (tuple(own_id(one, n) for one in a), tuple(own_id(one, n) for one in b))
        for n, groups in enumerate(refused)
        for a, b in groups
    ]
    outcome = match(frame(side_a), frame(side_b), [parse_rule(rule)], refused=offered)
    for book, groups, no in zip(found, apart(groups_of(outcome)), refused, strict=True):
        assert groups == rollups(rule, *book, no), book


def refusals(rule: dict[str, Any], rng: Random, side_a: list[Record], side_b: list[Record]) -> list[Group]:
    """Some of the groups that would be found."""
    return [group for group in sorted(rollups(rule, side_a, side_b), key=str) if rng.random() < 0.6]


ONE_KEY = {"cardinality": "many_to_one", "group_by": ["reference"]}


def run(rule: dict[str, Any], side_a: list[Record], side_b: list[Record], refused: Any = ()) -> list[Group]:
    rule = {**ONE_KEY, **rule}
    return groups_of(match(frame(side_a), frame(side_b), [parse_rule(rule)], refused=refused))


def test_the_younger_sum_is_tried_again_on_what_the_older_left() -> None:
    members = [Record(n, effect=10 * n, day=n, reference="B") for n in (1, 2, 3)]
    sums = [Record(2, effect=30, day=2, reference="B"), Record(3, effect=30, day=3, reference="B")]
    rule = RULES["look back"] | {"rollup": IDENTIFIER | {"lookback_days": 5, "date_field": "date"}}
    assert run(rule, members, sums) == [({1, 2}, {2}), ({3}, {3})]


def test_all_open_records_of_the_identifier_or_none() -> None:
    members = [
        Record(1, effect=10, reference="B"),
        Record(2, effect=20, reference="B"),
        Record(3, 5, reference="B"),
    ]
    assert run(RULES["reference"], members, [Record(1, effect=30, reference="B")]) == []
    assert run(RULES["reference"], members, [Record(1, effect=35, reference="B")]) == [({1, 2, 3}, {1})]


def test_a_cohort_of_one_and_a_net_of_both_signs_are_allowed() -> None:
    assert run(RULES["reference"], [Record(1, reference="B")], [Record(1, reference="B")]) == [({1}, {1})]
    members = [Record(1, effect=50, reference="B"), Record(2, effect=-20, reference="B")]
    assert run(RULES["reference"], members, [Record(1, effect=30, reference="B")]) == [({1, 2}, {1})]


def test_records_of_amount_zero_and_without_the_key_are_left_out() -> None:
    members = [Record(1, effect=0, reference="B"), Record(2, effect=30, reference="B"), Record(3, effect=5)]
    assert run(RULES["reference"], members, [Record(1, effect=30, reference="B")]) == [({2}, {1})]
    members = [Record(1, effect=30, reference="B"), Record(2, effect=-30, reference="B")]
    assert run(RULES["reference"], members, [Record(1, effect=0, reference="B")]) == []


def test_a_sum_never_mixes_currencies() -> None:
    members = [Record(1, effect=10, reference="B"), Record(2, effect=20, reference="B", currency="USD")]
    assert run(RULES["reference"], members, [Record(1, effect=30, reference="B")]) == []


def test_the_group_key_names_the_cohort_as_written() -> None:
    rule = parse_rule({"cardinality": "many_to_one", **RULES["two keys"]})
    members = [Record(1, reference="B-1", counterparty="ACME")]
    outcome = match(frame(members), frame(members), [rule])
    assert outcome.groups["group_key"].to_list() == ["B-1|ACME"]


def test_a_refused_sum_goes_on_to_the_next_record() -> None:
    members = [Record(1, effect=10, reference="B"), Record(2, effect=20, reference="B")]
    sums = [Record(1, effect=30, reference="B"), Record(2, effect=30, reference="B")]
    assert run(RULES["reference"], members, sums) == [({1, 2}, {1})]
    assert run(RULES["reference"], members, sums, [((2, 1), (1,))]) == [({1, 2}, {2})]
    assert run(RULES["reference"], members, sums, [((1,), (1,))]) == [({1, 2}, {1})]


def test_a_sum_beyond_64_bits_meets_nothing() -> None:
    top = 2**63 - 1
    amounts = [top, top - 1, 1]  # they add up to 2^64 − 2, which wraps around to −2
    members = [Record(place, effect=amount, reference="B") for place, amount in enumerate(amounts, 1)]
    assert run(RULES["reference"], members, [Record(1, effect=-2, reference="B")]) == []


def test_a_tolerance_is_of_use_only_where_sums_need_not_balance() -> None:
    rule = RULES["percent of side a"]
    members, single = [Record(1, effect=30, reference="B")], [Record(1, effect=40, reference="B")]
    outcome = match(frame(members), frame(single), [parse_rule({**ONE_KEY, **rule})])
    assert outcome.groups["difference"].to_list() == [-10]
    assert run(rule | {"must_balance": True}, members, single) == []


def test_magnitudes_of_sums_meet_whatever_their_direction() -> None:
    rule = parse_rule({**ONE_KEY, "filters": every(eq("reference"), eq("amount")), "rollup": IDENTIFIER})
    members = [Record(1, effect=-10, reference="B"), Record(2, effect=-20, reference="B")]
    single = [Record(1, effect=30, reference="B")]
    assert match(frame(members), frame(single), [rule]).groups.is_empty()
    outcome = match(frame(members), frame(single), [rule], sign_mode="magnitude")
    assert outcome.groups["difference"].to_list() == [0]
