"""Explanations say what the engine does: of every pair and every group alone, and of what each condition saw."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import combinations
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings

from rules.engine import match, parse_rule
from rules.engine.explain import explain
from rules.engine.explained import Condition, Explained, Seen
from tests.clock import TODAY
from tests.rules.engine.books import Group, Record, either, eq, every, frame, groups_of, within
from tests.rules.engine.strategies import batches, books, daily, mixed, seeds, typed
from tests.rules.engine.test_one_to_one import RULES
from tests.rules.engine.test_rollups import DATES, IDENTIFIERS
from tests.rules.engine.test_rollups import RULES as ROLLUPS
from tests.rules.engine.test_typed import CONDITIONS, TYPES

GROUPS_PER_BOOK = 5


def said(rule: dict[str, Any], a: list[Record], b: list[Record], **more: Any) -> Explained:
    return explain(parse_rule(rule), frame(a), frame(b), **more)


def alone(
    rule: dict[str, Any], groups: list[tuple[list[Record], list[Record]]], sign_mode: Any
) -> list[bool]:
    """Whether the engine takes each group when it is all there is: each in a currency of its own, in one call."""
    if not groups:
        return []
    side_a, side_b = [], []
    for number, (a, b) in enumerate(groups):
        for side, records in ((side_a, a), (side_b, b)):
            own = (
                replace(one, id=one.id + 1000 * number, currency=f"{one.currency}{number}") for one in records
            )
            side += own
    found: set[Group] = set(
        groups_of(match(frame(side_a), frame(side_b), [parse_rule(rule)], sign_mode=sign_mode))
    )
    return [
        (frozenset(one.id + 1000 * number for one in a), frozenset(one.id + 1000 * number for one in b))
        in found
        for number, (a, b) in enumerate(groups)
    ]


@pytest.mark.parametrize("sign_mode", ["effect", "magnitude"])
@pytest.mark.parametrize("name", RULES)
@settings(max_examples=2, deadline=None)
@given(seed=seeds())
def test_a_pair_holds_exactly_where_the_engine_would_take_it(name: str, sign_mode: Any, seed: int) -> None:
    pairs = [([a], [b]) for book in books(seed, mixed)[:2] for a in book.side_a for b in book.side_b]
    taken = alone(RULES[name], pairs, sign_mode)
    for (a, b), matched in zip(pairs, taken, strict=True):
        found = said(RULES[name], a, b, sign_mode=sign_mode)
        assert found.holds == matched, (a, b, found)
        assert (found.first_failed is None) == found.holds


@pytest.mark.parametrize("name", CONDITIONS)
@settings(max_examples=2, deadline=None)
@given(seed=seeds())
def test_so_it_does_for_lists_likeness_and_metadata_of_every_type(name: str, seed: int) -> None:
    rule = {"filters": CONDITIONS[name], "metadata_types": TYPES, "must_balance": False}
    pairs = [([a], [b]) for book in books(seed, typed)[:2] for a in book.side_a for b in book.side_b]
    for (a, b), matched in zip(pairs, alone(rule, pairs, "effect"), strict=True):
        found = said(rule, a, b)
        assert found.holds == matched, (a, b, found)


@pytest.mark.parametrize("sign_mode", ["effect", "magnitude"])
@pytest.mark.parametrize("cardinality", ["many_to_one", "one_to_many"])
@pytest.mark.parametrize("name", ROLLUPS)
@settings(max_examples=2, deadline=None)
@given(seed=seeds())
def test_a_group_holds_exactly_where_the_engine_would_take_it(
    name: str, cardinality: str, sign_mode: Any, seed: int
) -> None:
    rule = {"group_by": ["reference"], **ROLLUPS[name], "cardinality": cardinality}
    groups = some_groups(Random(seed), books(seed, batches)[:2], cardinality)
    for (a, b), matched in zip(groups, alone(rule, groups, sign_mode), strict=True):
        found = said(rule, a, b, sign_mode=sign_mode)
        assert found.holds == matched, (a, b, found)


@pytest.mark.parametrize("sign_mode", ["effect", "magnitude"])
@pytest.mark.parametrize("cardinality", ["many_to_one", "one_to_many"])
@pytest.mark.parametrize("name", [*(IDENTIFIERS.keys() - ROLLUPS.keys()), *DATES])
@settings(max_examples=2, deadline=None)
@given(seed=seeds())
def test_where_a_part_of_a_group_would_do_too_the_engine_takes_the_one_or_the_other(
    name: str, cardinality: str, sign_mode: Any, seed: int
) -> None:
    """Runs of days within a run, and several ways through a tree: a group that holds may lose to a part of itself."""
    by_identifier = {"group_by": ["reference"], **IDENTIFIERS[name]} if name in IDENTIFIERS else None
    rule = {**(by_identifier or DATES[name]), "cardinality": cardinality}
    groups = some_groups(Random(seed), books(seed, batches if by_identifier else daily)[:2], cardinality)
    for (a, b), matched in zip(groups, alone(rule, groups, sign_mode), strict=True):
        found = said(rule, a, b, sign_mode=sign_mode)
        assert found.holds or not matched, (a, b, found)
        if found.holds and not matched:
            assert some_part(rule, a, b, sign_mode), (a, b, found)


def some_part(rule: dict[str, Any], a: list[Record], b: list[Record], sign_mode: Any) -> bool:
    return bool(groups_of(match(frame(a), frame(b), [parse_rule(rule)], sign_mode=sign_mode)))


def some_groups(rng: Random, found: Any, cardinality: str) -> list[tuple[list[Record], list[Record]]]:
    """Groups of one to three members and one single record."""
    groups = []
    for book in found:
        many, single = (
            (book.side_a, book.side_b) if cardinality == "many_to_one" else (book.side_b, book.side_a)
        )
        sets = [list(some) for size in (1, 2, 3) for some in combinations(many, size)]
        every_group = [(some, [one]) for some in sets for one in single]
        chosen = rng.sample(every_group, min(GROUPS_PER_BOOK, len(every_group)))
        groups += chosen if cardinality == "many_to_one" else [(one, some) for some, one in chosen]
    return groups


def of(found: Explained, *path: str | int) -> Condition:
    (condition,) = [one for one in found.conditions if one.path == path]
    return condition


def test_each_condition_shows_both_values_before_and_after_its_transforms() -> None:
    digits = {"key": "digits_only", "value": [{"name": "first_n_chars", "args": {"n": 4}}, "uppercase"]}
    rule = {"filters": every(eq("effect"), eq("reference", "description", transforms=digits))}
    found = said(rule, [Record(1, 100, reference="R-12")], [Record(7, 250, description="ab12")])
    assert of(found, "filters", "rules", 0).seen == (Seen(1, 7, 100, 250, 100, 250, -150, False),)
    assert of(found, "filters", "rules", 1).seen == (Seen(1, 7, "R-12", "ab12", "12", "AB12", None, False),)
    assert found.first_failed == ("filters", "rules", 0)


def test_days_are_counted_from_side_a_to_side_b() -> None:
    found = said({"filters": every(eq("date", days=[-1, 6]))}, [Record(1, day=5)], [Record(1, day=2)])
    window = of(found, "filters", "rules", 0)
    assert (window.seen[0].difference, window.unit, window.holds) == (-3, "days", False)


def test_a_calendar_month_is_shown_with_the_days_between() -> None:
    found = said(
        {"filters": every(eq("date", tolerance_unit="month"), eq("effect"))}, [Record(1)], [Record(1, day=1)]
    )
    month = of(found, "filters", "rules", 0).seen[0]
    assert (month.value_a, month.transformed_a, month.transformed_b) == (TODAY, "2026-03", "2026-04")
    assert (month.difference, month.holds) == (1, False)


def test_a_missing_value_is_shown_as_none_and_holds_for_nothing() -> None:
    rule = {"filters": every(eq("effect"), {"key": "reference", "operand": "neq", "value": "reference"})}
    one = of(said(rule, [Record(1)], [Record(1, reference="R")]), "filters", "rules", 1)
    assert (one.seen[0].value_a, one.seen[0].value_b, one.holds) == (None, "R", False)


def test_metadata_is_read_like_any_field() -> None:
    a = Record(1, metadata=(("order", "7"),))
    found = said({"filters": every(eq("metadata.order", "reference"))}, [a], [Record(1, reference="7")])
    assert of(found, "filters", "rules", 0).seen[0].value_a == "7"
    assert found.holds


def test_a_condition_on_one_side_shows_its_literal() -> None:
    scope = {"side": "b", "field": "amount", "operand": "lt", "literal": 1.5}
    found = said({"filters": every(eq("effect"), scope)}, [Record(1, 200)], [Record(9, 200)])
    shown = of(found, "filters", "rules", 1)
    assert (shown.side, shown.key, shown.value, shown.literal) == ("b", "", "amount", "1.5")
    assert shown.seen == (Seen(None, 9, None, 200, None, 200, None, False),)


def test_the_first_failure_is_looked_for_inside_and_groups_but_not_among_several_ways() -> None:
    way = either(eq("reference"), eq("counterparty"))
    a, b = [Record(1, reference="x", counterparty="x")], [Record(1, reference="y", counterparty="y")]
    found = said({"filters": every(eq("effect"), way)}, a, b)
    assert found.first_failed == ("filters", "rules", 1)
    assert [(one.path, one.operand, one.holds) for one in found.groups] == [
        (("filters",), "and", False),
        (("filters", "rules", 1), "or", False),
    ]
    found = said({"filters": every(eq("effect"), every(eq("date"), eq("reference")))}, a, b)
    assert found.first_failed == ("filters", "rules", 1, "rules", 1)
    found = said({"filters": every(eq("effect"), either(eq("reference")))}, a, b)
    assert found.first_failed == ("filters", "rules", 1, "rules", 0)


def test_a_way_that_fails_beside_one_that_holds_is_no_failure() -> None:
    rule = {"filters": every(eq("effect"), either(eq("reference"), eq("date")))}
    found = said(rule, [Record(1, reference="x")], [Record(1, reference="y")])
    assert (found.holds, found.first_failed) == (True, None)
    assert not of(found, "filters", "rules", 1, "rules", 0).holds


def test_another_currency_fails_before_anything_else() -> None:
    found = said({"filters": every(eq("effect"))}, [Record(1, 5)], [Record(1, 6, currency="USD")])
    assert found.first_failed == ("currency",)
    assert of(found, "currency").seen[0][2:4] == ("EUR", "USD")


def test_a_record_of_nothing_matches_nothing_and_says_so() -> None:
    found = said({"filters": every(eq("effect"))}, [Record(1, 0)], [Record(1, 0)])
    assert (found.holds, found.first_failed) == (False, ("measure",))


def test_a_rule_that_must_balance_names_the_difference() -> None:
    near = eq("amount", tolerance_amount=1, tolerance_unit="dollar")
    a, b = [Record(1, 1000)], [Record(1, 1050)]
    found = said({"filters": every(near)}, a, b)
    assert found.first_failed == ("on_difference",)
    total = of(found, "on_difference").total
    assert total is not None
    assert (total.value_a, total.value_b, total.difference) == (1000, 1050, -50)
    assert said({"filters": every(near), "must_balance": False}, a, b).holds


def test_a_rollup_shows_its_sum_and_each_part() -> None:
    rule = {"cardinality": "many_to_one", "group_by": ["reference"], **ROLLUPS["look back"]}
    members = [Record(n, effect=10 * n, day=n, reference="B") for n in (1, 2)]
    found = said(rule, members, [Record(9, effect=30, day=3, reference="B")])
    total = of(found, "filters", "rules", 1)
    assert total.total == Seen(None, None, 30, 30, 30, 30, 0, True)
    assert [(one.id_a, one.value_a, one.id_b, one.value_b) for one in total.seen] == [
        (1, 10, 9, 30),
        (2, 20, 9, 30),
    ]
    back = of(found, "rollup", "lookback_days")
    assert [(one.value_a, one.difference) for one in back.seen] == [
        (TODAY + timedelta(days=n), 3 - n) for n in (1, 2)
    ]
    assert found.holds
    late = said(rule, members, [Record(9, effect=30, day=4, reference="B")])
    assert late.first_failed == ("rollup", "lookback_days")
    assert [one.holds for one in of(late, "rollup", "lookback_days").seen] == [False, True]


def test_members_of_two_identifiers_are_no_group() -> None:
    rule = {
        "cardinality": "one_to_many",
        "group_by": ["counterparty"],
        "rollup": {"group_by_kind": "identifier"},
    }
    rule["filters"] = every(eq("effect"), {"key": "counterparty", "operand": "eq", "value": "counterparty"})
    many = [Record(1, 10, counterparty="x"), Record(2, 20, counterparty="y")]
    found = said(rule, [Record(1, 30, counterparty="x")], many)
    assert [one.holds for one in of(found, "group_by", 0).seen] == [True, False]
    assert not found.holds


@pytest.mark.parametrize(("a", "b"), [(2, 1), (1, 2), (0, 1), (1, 0), (0, 0)])
def test_a_group_of_another_size_is_told_so_and_nothing_else(a: int, b: int) -> None:
    found = said(
        {"filters": every(eq("effect"))}, [Record(n) for n in range(a)], [Record(n) for n in range(b)]
    )
    assert (found.holds, found.first_failed) == (False, ("cardinality",))
    assert [one.literal for one in found.conditions] == [f"{a}:{b}"]


def test_huge_sums_are_told_without_wrapping_around() -> None:
    rule = {"cardinality": "many_to_one", "group_by": ["reference"], **ROLLUPS["reference"]}
    found = said(rule, [Record(n, 2**62, reference="B") for n in (1, 2)], [Record(1, 2**62, reference="B")])
    total = of(found, "filters", "rules", 1).total
    assert total is not None
    assert (total.value_a, found.holds) == (2**63, False)


def test_the_order_of_rows_does_not_matter() -> None:
    rule = {"cardinality": "many_to_one", "group_by": ["reference"], **ROLLUPS["reference"]}
    members = [Record(n, effect=10, reference="B") for n in (1, 2, 3)]
    single = [Record(9, effect=30, reference="B")]
    assert said(rule, members, single) == said(rule, members[::-1], single)


def test_dates_are_dates() -> None:
    found = said({"filters": every(within(1))}, [Record(1)], [Record(1)])
    assert type(of(found, "filters", "rules", 0).seen[0].value_a) is date


def test_a_number_of_metadata_is_shown_as_written_and_as_compared() -> None:
    rule = {"filters": every(eq("effect"), eq("metadata.no")), "metadata_types": {"no": "number"}}
    a, b = Record(1, metadata=(("no", "007.50"),)), Record(1, metadata=(("no", "7.5"),))
    found = of(said(rule, [a], [b]), "filters", "rules", 1)
    assert found.seen[0] == Seen(1, 1, "007.50", "7.5", "7.5", "7.5", None, True)
    assert found.unit is None


def test_members_that_meet_the_tree_in_ways_that_do_not_go_together_are_no_group() -> None:
    first = every(eq("reference"), eq("counterparty"))
    second = every(eq("reference", "description"), eq("external_id"))
    rule = {
        "filters": every(eq("effect"), either(first, second)),
        "cardinality": "many_to_one",
        "group_by": ["reference"],
        "rollup": {"group_by_kind": "identifier"},
    }
    members = [Record(1, 10, reference="R", counterparty="x"), Record(2, 20, reference="R", external_id="y")]
    single = Record(9, 30, reference="R", description="R", counterparty="x", external_id="y")
    found = said(rule, members, [single])
    assert (found.holds, found.first_failed) == (False, ("filters",))
    assert of(found, "filters").operand == "one_way"
    assert not some_part(rule, members, [single], "effect")


def test_a_run_of_days_names_what_is_asked_of_its_segment() -> None:
    rule = {"cardinality": "many_to_one", **DATES["segments"]}
    members = [Record(n, 10, day=n, counterparty="ACME") for n in (1, 2)]
    found = said(rule, members, [Record(9, 20, day=3, counterparty="")])
    assert (found.holds, found.first_failed) == (False, ("group_by", 1))
