"""A whole run: rules in order, the ledger's default rules on the worked example, and that no order of rows matters."""

from __future__ import annotations

from random import Random
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings

from rules.defaults import LEDGER_DEFAULTS
from rules.engine import Outcome, columns_needed, match, parse_rule
from tests.rules.engine.books import Group, Record, eq, every, frame, groups_of, within
from tests.rules.engine.strategies import batches, books, mixed, plain, seeds, together

DEFAULTS = [parse_rule(rule) for rule in LEDGER_DEFAULTS]

GENERAL_LEDGER = [
    Record(1, 125_000, 4, "INV-701", value_day=4),
    Record(2, 48_050, 5, "INV-702", value_day=5),
    Record(3, -1_990, 5, "FEE-02", value_day=5),
    Record(4, 30_000, 7, "INV-703", value_day=7),
    Record(5, 20_000, 7, "INV-703", value_day=7),
    Record(6, 7_700, 11, "INV-799", value_day=11),
    Record(7, -660, 12, "CARD-12", value_day=12),
]
STATEMENT = [
    Record(1, 125_000, 4, "INV-701"),
    Record(2, 48_050, 6),
    Record(3, -1_990, 5, "FEE-02"),
    Record(4, 50_000, 8, "INV-703"),
    Record(5, 9_000, 9, "INV-799"),
    Record(6, 1_500, 10),
]


def table(outcome: Outcome) -> dict[Group, tuple[float, int]]:
    """Each group with its confidence and difference."""
    figures = outcome.groups.select("confidence", "difference").rows()
    return dict(zip(groups_of(outcome), figures, strict=True))


def test_the_default_rules_on_the_worked_example() -> None:
    outcome = match(frame(STATEMENT), frame(GENERAL_LEDGER), DEFAULTS)
    assert table(outcome) == {
        (frozenset({1}), frozenset({1})): (1.0, 0),
        (frozenset({3}), frozenset({3})): (1.0, 0),
        (frozenset({4}), frozenset({4, 5})): (0.9, 0),
        (frozenset({2}), frozenset({2})): (0.8, 0),
        (frozenset({5}), frozenset({6})): (0.5, 1_300),
    }
    assert outcome.groups["rule"].to_list() == [0, 0, 1, 3, 4]
    assert outcome.groups["group_key"].to_list() == ["", "", "INV-703", "", ""]
    assert [count.groups for count in outcome.rule_counts] == [2, 1, 0, 1, 1]
    assert [count.b_records for count in outcome.rule_counts] == [2, 2, 0, 1, 1]


def test_a_second_run_over_what_is_left_finds_nothing() -> None:
    left = [record for record in STATEMENT if record.id == 6], [GENERAL_LEDGER[6]]
    assert groups_of(match(frame(left[0]), frame(left[1]), DEFAULTS)) == []


def test_several_lines_of_one_reference_meet_one_entry() -> None:
    lines = [Record(1, 300, 1, "R"), Record(2, 200, 2, "R")]
    assert groups_of(match(frame(lines), frame([Record(9, 500, 1, "R")]), DEFAULTS)) == [({1, 2}, {9})]


def test_the_first_rule_wins_and_the_next_sees_what_is_left() -> None:
    by_day = parse_rule({"filters": every(eq("effect"), eq("date", days=[0, 0]))})
    by_amount = parse_rule({"filters": every(eq("effect"))})
    side_a, side_b = [Record(1), Record(2, day=5)], [Record(7, day=5), Record(8, day=9)]
    assert groups_of(match(frame(side_a), frame(side_b), [by_day, by_amount])) == [({2}, {7}), ({1}, {8})]
    assert groups_of(match(frame(side_a), frame(side_b), [by_amount])) == [({1}, {7}), ({2}, {8})]


@pytest.mark.parametrize("sides", [([], []), ([Record(1)], []), ([], [Record(1)])])
def test_empty_sides_give_an_empty_outcome(sides: tuple[list[Record], list[Record]]) -> None:
    outcome = match(frame(sides[0]), frame(sides[1]), DEFAULTS)
    assert outcome.groups.is_empty()
    assert outcome.members.columns == ["group", "side", "id"]
    assert [count.outcome for count in outcome.rule_counts] == ["ok"] * 5


def test_no_rules_match_nothing() -> None:
    outcome = match(frame([Record(1)]), frame([Record(1)]), [])
    assert (outcome.groups.height, outcome.rule_counts, outcome.ambiguous) == (0, [], 0)


def test_amount_zero_is_left_alone() -> None:
    assert groups_of(match(frame([Record(1, 0)]), frame([Record(1, 0)]), DEFAULTS)) == []


def test_only_the_named_columns_are_needed() -> None:
    a, b = columns_needed(DEFAULTS)
    base = {"id", "currency", "decimal_places", "date", "measure"}
    side_a, side_b = frame(STATEMENT).select(a | base), frame(GENERAL_LEDGER).select(b | base)
    assert match(side_a, side_b, DEFAULTS).groups.height == 5


def test_columns_of_other_widths_compare_all_the_same() -> None:
    narrow = frame(STATEMENT).with_columns(pl.col("effect", "measure", "id").cast(pl.Int32))
    assert match(narrow, frame(GENERAL_LEDGER), DEFAULTS).groups.height == 5


def test_big_sides_are_sorted_side_by_side() -> None:
    size = 100_001
    one = frame([Record(1)])
    side = pl.concat([one] * size).with_columns(
        id=pl.arange(size, eager=True), effect=pl.arange(1, size + 1, eager=True)
    )
    side = side.with_columns(measure=pl.col("effect"))
    outcome = match(side.reverse(), side, [parse_rule({"filters": every(eq("effect"), within(1))})])
    assert outcome.members.filter(side="a")["id"].equals(outcome.members.filter(side="b")["id"])
    assert outcome.groups.height == size


RULE_SETS: dict[str, list[dict[str, Any]]] = {
    "defaults": LEDGER_DEFAULTS,
    "days": [
        {"filters": every(eq("effect"), within(2)), "on_ambiguity": "abstain"},
        {"filters": every(eq("effect"))},
    ],
}


@pytest.mark.parametrize("side", [mixed, plain, batches])
@pytest.mark.parametrize("name", RULE_SETS)
@settings(max_examples=5, deadline=None)
@given(seed=seeds())
def test_the_order_of_rows_never_matters(name: str, side: Any, seed: int) -> None:
    rng, rules = Random(seed), [parse_rule(rule) for rule in RULE_SETS[name]]
    side_a, side_b = together(books(seed, side))
    outcome = match(frame(side_a), frame(side_b), rules)
    rng.shuffle(side_a)
    rng.shuffle(side_b)
    chunks = frame(side_a[:7]), frame(side_a[7:])
    again = match(pl.concat(chunks, rechunk=False), frame(side_b), rules)
    assert again.groups.equals(outcome.groups)
    assert again.members.equals(outcome.members)
    assert again.rule_counts == outcome.rule_counts


@settings(max_examples=5, deadline=None)
@given(seed=seeds())
def test_no_record_is_in_two_groups(seed: int) -> None:
    side_a, side_b = together(books(seed, mixed))
    outcome = match(frame(side_a), frame(side_b), DEFAULTS)
    assert not outcome.members.select("side", "id").is_duplicated().any()
    counted = outcome.members.group_by("group", "side").len()
    assert set(counted["group"]) == set(outcome.groups["group"])
    measures = {"a": {one.id: one.measure for one in side_a}, "b": {one.id: one.measure for one in side_b}}
    for (a, b), difference in zip(groups_of(outcome), outcome.groups["difference"], strict=True):
        assert sum(measures["a"][one] for one in a) - sum(measures["b"][one] for one in b) == difference


def test_a_sum_whose_difference_is_beyond_64_bits_is_not_within_a_tolerance() -> None:
    close = eq("effect", tolerance_amount=50, tolerance_unit="percent")
    rule = {
        "cardinality": "many_to_one",
        "group_by": ["reference"],
        "rollup": {"group_by_kind": "identifier"},
        "filters": every(eq("reference"), close),
        "on_difference": "allow",
    }
    amounts = [2**63 - 1, -3 * 10**18]
    members = [Record(place, effect=amount, reference="B") for place, amount in enumerate(amounts, 1)]
    single = [Record(1, effect=-(2**63 - 2), reference="B")]  # the difference would wrap around to −3 × 10^18
    outcome = match(frame(members), frame(single), [parse_rule(rule)], sign_mode="magnitude")
    assert outcome.groups.is_empty()
