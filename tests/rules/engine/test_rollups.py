"""many_to_one and one_to_many by identifier: exactly the groups of the oracle's rounds, and the worked examples."""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.engine import match, parse_rule, windows
from rules.engine.refused import Refused
from rules.engine.rollups import roll_up
from rules.engine.sides import Side
from tests.rules.engine.books import Group, Record, either, eq, every, frame, groups_of, within
from tests.rules.engine.oracle_rollups import RollUp, rollups
from tests.rules.engine.strategies import apart, batches, books, daily, own_id, seeds, together, uneven

SAME_REFERENCE = eq("reference")
SAME_AMOUNT = eq("effect")
LOWER = {"key": ["alphanumeric_only", "lowercase"], "value": ["alphanumeric_only", "lowercase"]}
IDENTIFIER = {"group_by_kind": "identifier"}
LOWER_REFERENCE = eq("reference", transforms=LOWER)
ACME = eq("counterparty", "counterparty", transforms={"key": "lowercase", "value": "lowercase"})

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
# What the language says beside them: several ways to meet, and sums that may differ.
IDENTIFIERS: dict[str, dict[str, Any]] = RULES | {
    "whatever difference": {
        "filters": every(SAME_REFERENCE, eq("amount", tolerance_amount=0.15)),
        "rollup": IDENTIFIER,
        "on_difference": "allow",
    },
    "or among members": {
        "filters": every(SAME_REFERENCE, SAME_AMOUNT, either(within(1), ACME)),
        "rollup": IDENTIFIER,
    },
    "or of groups": {
        "filters": every(
            SAME_AMOUNT, either(SAME_REFERENCE, every(eq("counterparty"), within(2)), LOWER_REFERENCE)
        ),
        "group_by": ["reference", "counterparty"],
        "rollup": IDENTIFIER,
    },
    "a scope of one way": {
        "filters": every(
            SAME_REFERENCE,
            SAME_AMOUNT,
            either({"side": "a", "field": "counterparty", "operand": "eq", "literal": "ACME"}, within(1)),
            either(
                {"side": "b", "field": "counterparty", "operand": "eq", "literal": "ACME"}, eq("counterparty")
            ),
        ),
        "rollup": IDENTIFIER,
    },
}
DATES: dict[str, dict[str, Any]] = {
    "no bound": {"filters": every(SAME_AMOUNT), "rollup": {}},
    "look back": {"filters": every(SAME_AMOUNT), "rollup": {"lookback_days": 2, "date_field": "date"}},
    "whatever direction": {"filters": every(eq("amount")), "rollup": {}},
    "value dates": {
        "filters": every(SAME_AMOUNT),
        "group_by": ["value_date"],
        "rollup": {"lookback_days": 3, "date_field": "value_date", "group_by_kind": "date"},
    },
    "segments": {
        "filters": every(SAME_AMOUNT),
        "group_by": ["date", "counterparty", "currency"],
        "rollup": {},
    },
    "several segments": {
        "filters": every(SAME_AMOUNT, LOWER_REFERENCE),
        "group_by": ["date", "reference"],
        "rollup": {},
    },
    "segments named otherwise": {
        "filters": every(SAME_AMOUNT, ACME),
        "group_by": ["date", "counterparty"],
        "rollup": {"lookback_days": 4, "date_field": "date"},
    },
    "within an amount": {
        "filters": every(eq("amount", tolerance_amount=0.1)),
        "rollup": {},
        "must_balance": False,
    },
    "allowed to differ": {
        "filters": every(eq("amount", tolerance_amount=0.1)),
        "rollup": {"lookback_days": 3, "date_field": "date"},
        "on_difference": "allow",
    },
    "percent": {
        "filters": every(eq("amount", tolerance_amount=34, tolerance_unit="percent")),
        "rollup": {},
        "must_balance": False,
    },
    "percent of the signed sum": {
        "filters": every(eq("effect", tolerance_amount=34, tolerance_unit="percent")),
        "rollup": {},
        "on_difference": "allow",
    },
    "each near the single one": {"filters": every(SAME_AMOUNT, within(2)), "rollup": {}},
    "each on its side": {
        "filters": every(
            SAME_AMOUNT,
            eq("direction"),
            {"side": "a", "field": "counterparty", "operand": "eq", "literal": "ACME"},
        ),
        "rollup": {},
    },
    "or": {
        "filters": either(every(SAME_AMOUNT, SAME_REFERENCE), every(SAME_AMOUNT, within(1))),
        "rollup": {},
    },
    "one amount or another": {
        "filters": every(either(SAME_AMOUNT, eq("amount", tolerance_amount=0.1))),
        "rollup": {},
        "must_balance": False,
    },
}
BY_DATE: dict[str, Any] = {"filters": every(SAME_AMOUNT), "rollup": {}, "group_by": ["date"]}
POLICIES = ["best", "abstain", "sole"]
SIGNS = ["effect", "magnitude"]


def hold_against_oracle(
    rule: dict[str, Any], side: Any, seed: int, refuse: bool = False, sign_mode: str = "effect"
) -> None:
    found = books(seed, side)
    refused = [refusals(rule, Random(seed), *book) if refuse else [] for book in found]
    side_a, side_b = together(found)
    offered = [
        (tuple(own_id(one, n) for one in a), tuple(own_id(one, n) for one in b))
        for n, groups in enumerate(refused)
        for a, b in groups
    ]
    Random(seed).shuffle(side_a)
    Random(seed).shuffle(side_b)
    outcome = match(frame(side_a), frame(side_b), [parse_rule(rule)], refused=offered, sign_mode=sign_mode)
    left_open = 0
    for book, groups, no in zip(found, apart(groups_of(outcome)), refused, strict=True):
        oracle = RollUp(rule, *book, no, sign_mode)
        assert groups == oracle.run(), book
        left_open += len(oracle.ambiguous) if rule.get("on_ambiguity", "best") != "best" else 0
    assert outcome.rule_counts[0].ambiguous == left_open


@pytest.mark.parametrize("cardinality", ["many_to_one", "one_to_many"])
@pytest.mark.parametrize("name", IDENTIFIERS)
@settings(max_examples=6, deadline=None)
@given(seed=seeds(), refuse=st.booleans(), policy=st.sampled_from(POLICIES), sign_mode=st.sampled_from(SIGNS))
def test_identifiers_give_the_same_groups_as_the_rounds(
    name: str, cardinality: str, seed: int, refuse: bool, policy: str, sign_mode: str
) -> None:
    rule = {
        "group_by": ["reference"],
        **IDENTIFIERS[name],
        "cardinality": cardinality,
        "on_ambiguity": policy,
    }
    hold_against_oracle(rule, batches, seed, refuse, sign_mode)


@pytest.mark.parametrize("cardinality", ["many_to_one", "one_to_many"])
@pytest.mark.parametrize("name", DATES)
@settings(max_examples=6, deadline=None)
@given(seed=seeds(), refuse=st.booleans(), policy=st.sampled_from(POLICIES), sign_mode=st.sampled_from(SIGNS))
def test_runs_of_days_give_the_same_groups_as_one_by_one(
    name: str, cardinality: str, seed: int, refuse: bool, policy: str, sign_mode: str
) -> None:
    rule = {**DATES[name], "cardinality": cardinality, "on_ambiguity": policy}
    hold_against_oracle(rule, daily, seed, refuse, sign_mode)


@pytest.mark.parametrize("cardinality", ["many_to_one", "one_to_many"])
@pytest.mark.parametrize("name", DATES)
@settings(max_examples=3, deadline=None)
@given(seed=seeds(), sign_mode=st.sampled_from(SIGNS), side=st.sampled_from([daily, uneven]))
def test_runs_that_are_looked_up_are_those_that_are_added_up(
    name: str, cardinality: str, seed: int, sign_mode: str, side: Any
) -> None:
    rule = {**DATES[name], "cardinality": cardinality}
    for short, bite in ((0, 1), (10**9, 3)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(windows, "SHORT", short)
            patch.setattr(windows, "BITE", bite)
            hold_against_oracle(rule, side, seed, sign_mode=sign_mode)


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


def test_a_run_of_days_ends_as_late_and_is_as_short_as_it_can_be() -> None:
    days = [Record(1, effect=5, day=1), Record(2, effect=5, day=2), Record(3, effect=10, day=4)]
    assert run(BY_DATE, days, [Record(1, effect=10, day=4)]) == [({3}, {1})]
    nothing_net = [Record(4, effect=7, day=3), Record(5, effect=-7, day=3)]
    assert run(BY_DATE, days + nothing_net, [Record(1, effect=10, day=4)]) == [({3}, {1})]


def test_empty_days_do_not_break_a_run_and_taken_days_do() -> None:
    days = [Record(1, effect=10, day=1), Record(2, effect=25, day=3), Record(3, effect=10, day=5)]
    assert run(BY_DATE, days, [Record(1, effect=45, day=5)]) == [({1, 2, 3}, {1})]
    assert run(BY_DATE, days, [Record(1, effect=25, day=3), Record(2, effect=20, day=5)]) == [({2}, {1})]


def test_a_single_record_of_several_segments_takes_from_the_oldest() -> None:
    rule = DATES["several segments"]
    members = [
        Record(1, effect=10, day=2, reference="r"),
        Record(2, effect=10, day=2, reference="R"),
        Record(3, effect=99, day=0, reference="R"),
    ]
    assert run(rule, members, [Record(1, effect=10, day=2, reference="r")]) == [({2}, {1})]


def test_the_group_key_of_a_run_names_its_days_and_its_segment() -> None:
    rule = parse_rule({**ONE_KEY, **DATES["segments"]})
    members = [Record(n, effect=10 + day, day=day, counterparty="ACME") for n, day in enumerate((-2, 0, 1))]
    singles = [Record(1, effect=18, day=0, counterparty="ACME"), Record(2, 11, 1, counterparty="ACME")]
    outcome = match(frame(members), frame(singles), [rule])
    assert outcome.groups["group_key"].to_list() == ["2026-03-29..2026-03-31|ACME|EUR", "2026-04-01|ACME|EUR"]


def test_a_year_without_bound_is_looked_up_and_not_added_up() -> None:
    rng = Random(1)
    members = [Record(n, effect=rng.randint(100, 10**12), day=n) for n in range(730)]
    spans = [(start, start + rng.randint(1, 9)) for start in range(0, 720, 10)]
    singles = [
        Record(n, effect=sum(members[day].effect for day in range(*span)), day=span[1])
        for n, span in enumerate(spans)
    ]
    (count,) = match(frame(members), frame(singles), [parse_rule({**ONE_KEY, **BY_DATE})]).rule_counts
    assert (count.groups, count.outcome) == (72, "ok")
    assert count.candidates == 72 * 730 * 731 // 2


def test_days_near_the_end_of_64_bits_are_added_up_exactly() -> None:
    top = 2**62
    members = [
        Record(n, effect=top, day=n) for n in range(4)
    ]  # all four add up to 2^64, which wraps around to 0
    singles = [Record(1, effect=top, day=0), Record(2, effect=2 * top - 1, day=3), Record(3, effect=1, day=3)]
    assert run(BY_DATE, members, singles) == [({3}, {1})]


def test_rivals_and_runs_of_each_group_are_counted() -> None:
    members = [Record(n, effect=10, day=n) for n in range(3)]
    singles = [Record(1, effect=10, day=2), Record(2, effect=20, day=2)]
    rule = parse_rule({**ONE_KEY, **BY_DATE})
    found = roll_up(rule, Side.load(frame(members)), Side.load(frame(singles)), Refused([]), magnitude=False)
    # The first takes the last day: two other days would do, and one run of the second needs that day. The second takes
    # the other two: the first's two choices there, and its own other run.
    assert found.rivals.tolist() == [3, 3]
    assert found.windows.tolist() == [6, 6]
    assert found.tried == 12


def test_where_several_records_meet_a_cautious_rule_takes_none() -> None:
    members = [Record(1, effect=10, reference="B"), Record(2, effect=20, reference="B")]
    twins = [Record(1, effect=30, reference="B"), Record(2, effect=30, reference="B")]
    others = [twins[0], Record(2, effect=30, day=1, reference="B")]
    for policy in ("sole", "abstain"):
        rule = RULES["reference"] | {"on_ambiguity": policy}
        assert run(rule, members, twins) == [({1, 2}, {1})]
        assert run(rule, members, others) == []
    near = [others[0], Record(2, effect=31, day=1, reference="B")]
    within_one = eq("amount", tolerance_amount=0.01)
    rule = {"filters": every(SAME_REFERENCE, within_one), "rollup": IDENTIFIER, "must_balance": False}
    assert run(rule | {"on_ambiguity": "abstain"}, members, near) == [({1, 2}, {1})]
    assert run(rule | {"on_ambiguity": "sole"}, members, near) == []


@pytest.mark.parametrize("cardinality", ["many_to_one", "one_to_many"])
@pytest.mark.parametrize("name", DATES)
def test_records_without_any_run_in_reach_make_no_group(name: str, cardinality: str) -> None:
    rule = {**DATES[name], "cardinality": cardinality}
    far = Record(1, effect=30, day=500, counterparty="x", currency="USD")
    near = [Record(1, effect=10, counterparty="y"), Record(2, effect=20)]
    for a, b in ((near, [far]), ([far], near), (near, []), ([], near)):
        assert match(frame(a), frame(b), [parse_rule(rule)]).groups.is_empty()
