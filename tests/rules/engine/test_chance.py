"""How many partners would be met by accident: small cases by hand."""

from __future__ import annotations

import numpy as np
import pytest

from rules.engine import match, parse_rule
from rules.engine.census import Census, KeyRuns, census
from rules.engine.chance import of_sums
from tests.rules.engine.books import Record, either, eq, every, frame, within


def chances(rule, side_a, side_b):
    return match(frame(side_a), frame(side_b), [parse_rule(rule)]).groups["chance"].to_list()


def spread_out(*amounts: int, first: int = 1) -> list[Record]:
    """One record every ten days."""
    return [Record(first + place, effect=amount, day=10 * place) for place, amount in enumerate(amounts)]


def test_a_key_that_never_repeats_leaves_nothing_to_chance():
    rule = {"filters": every(eq("effect"), within(1))}
    assert chances(rule, spread_out(1, 2, 3), spread_out(1, 2, 3, first=11)) == [0.0, 0.0, 0.0]


def test_others_with_the_key_count_by_the_share_of_days_that_the_window_takes_up():
    """Four records of one amount over 31 days: three others, in a window of three days."""
    rule = {"filters": every(eq("effect"), within(1))}
    found = match(
        frame(spread_out(5, 5, 5, 5)), frame(spread_out(5, 5, 5, 5, first=11)), [parse_rule(rule)]
    ).groups
    assert found["rivals"].to_list() == [0.0] * 4
    assert found["chance"].to_list() == pytest.approx([3 * 3 / 31] * 4)


@pytest.mark.parametrize(
    "filters",
    [
        every(eq("effect"), within(1)),
        either(every(eq("effect"), within(1))),
        every(eq("effect"), either(every(eq("currency"), within(1)))),
    ],
    ids=["line", "one alternative", "pairs"],
)
def test_both_paths_reckon_alike(filters):
    rule = {"filters": filters}
    assert chances(rule, spread_out(5, 5, 7, 5), spread_out(5, 5, 7, 5, first=11)) == pytest.approx(
        [2 * 3 / 31, 2 * 3 / 31, 1.0 * 3 / 31, 2 * 3 / 31]
    )


def test_by_the_alternative_that_leaves_least_to_chance():
    rule = {"filters": every(eq("effect"), either(eq("reference"), within(1)))}
    side_a = [Record(1, day=0, reference="R"), Record(2, day=30), Record(3, day=60)]
    side_b = [Record(11, day=0, reference="R"), Record(12, day=30), Record(13, day=60)]
    by_reference, *by_day = chances(rule, side_a, side_b)
    assert by_reference == 0
    assert by_day == pytest.approx([2 * 3 / 61] * 2)


def test_pairs_beyond_what_days_explain_are_true():
    told = Census(records_a=1_000, records_b=1_000, pairs=960.0, by_accident=50.0, share=0.05)
    assert told.true == pytest.approx((960 - 50) / 0.95)
    assert told.weight == 1.0


def test_leftovers_that_meet_no_more_than_by_accident_weigh_much():
    told = Census(records_a=1_000, records_b=1_000, pairs=49.0, by_accident=50.0, share=0.05)
    assert told.true == 0.5
    assert told.weight == pytest.approx(999.5**2 / (1_000 * 0.5) / 0.2)


def test_without_a_window_nothing_is_told():
    assert Census(10, 10, 3.0, 3.0, 1.0).weight == 1.0


def test_a_census_counts_rare_keys_only():
    """Key 1: one record each; key 2: forty on Side B; key 3: on Side A alone; key 4: on Side B alone."""
    a = np.array([1, 2, 3], np.uint64) << np.uint64(4)
    b = np.array([1, *[2] * 40, 4], np.uint64) << np.uint64(4)
    found = census(KeyRuns.of(a, 4), KeyRuns.of(b, 4), np.array([1, 7, 0]), 0.1)
    assert found == Census(records_a=2, records_b=2, pairs=1.0, by_accident=pytest.approx(0.1), share=0.1)


def test_sums_meet_by_accident_as_often_as_the_single_records_agree():
    values, slack = np.array([100, 100, 300]), np.zeros(3, np.int64)
    general = (0.5 + 0.5 + 0) / 3
    assert of_sums(values, values, slack, np.array([1, 4, 2])) == pytest.approx([0.5, 2.0, 2 * general])


def test_within_a_tolerance_sums_are_met_more_often():
    values, none = np.array([0, 1_000]), np.zeros(0, np.int64)
    assert of_sums(values, values, np.array([0, 50]), np.array([1, 1])) == pytest.approx(
        [1 / 1001, 101 / 1001]
    )
    assert of_sums(values, none, none, none).tolist() == []


def test_the_members_of_a_sum_that_others_would_meet_are_shared():
    """Two payouts of 60 for one batch of 60: each is the other's rival."""
    rule = {
        "filters": every(eq("effect"), eq("reference")),
        "cardinality": "many_to_one",
        "group_by": ["reference"],
        "rollup": {"group_by_kind": "identifier"},
    }
    side_a = [Record(1, effect=20, reference="B"), Record(2, effect=40, reference="B")]
    side_b = [Record(11, effect=60, reference="B"), Record(12, effect=60, day=3, reference="B")]
    (row,) = match(frame(side_a), frame(side_b), [parse_rule(rule)]).groups.iter_rows(named=True)
    assert (row["rivals"], row["rival_count"]) == (1.0, 1)
    assert row["chance"] == pytest.approx(1.0)  # one set tried, and all single records agree
    assert row["confidence"] == pytest.approx(0.416)


def test_the_more_runs_of_days_were_tried_the_more_is_left_to_chance():
    rule = {
        "filters": every(eq("effect")),
        "cardinality": "many_to_one",
        "group_by": ["date"],
        "rollup": {"lookback_days": 5, "date_field": "date"},
    }
    side_a = [Record(1, effect=1_000, day=1), Record(2, effect=3_000, day=2), Record(3, effect=500, day=3)]
    few = match(frame(side_a[:1]), frame([Record(11, effect=1_000, day=3)]), [parse_rule(rule)]).groups
    many = match(frame(side_a), frame([Record(11, effect=1_000, day=3)]), [parse_rule(rule)]).groups
    assert few["chance"].to_list() == pytest.approx([1 / 1001])
    assert many["chance"].to_list() == pytest.approx([6 / 1001])
