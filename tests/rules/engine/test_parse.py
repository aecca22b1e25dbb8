"""Rule JSON: what it may say, and where each mistake is (paths from the body's root)."""

from __future__ import annotations

from copy import deepcopy
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from rules.engine import RuleErrors, columns_needed, parse_rule, validate_filters
from rules.engine.tree import Group, Leaf, Scope, Tolerance, Transform, Value
from tests.rules.engine.books import either, eq, every, within


def errors_of(rule: dict[str, Any]) -> list[tuple[tuple[str | int, ...], str]]:
    with pytest.raises(RuleErrors) as caught:
        parse_rule(rule)
    assert all(error.message.strip() for error in caught.value.errors)
    return [(error.path, error.message) for error in caught.value.errors]


def paths_of(rule: dict[str, Any]) -> list[tuple[str | int, ...]]:
    return [path for path, _ in errors_of(rule)]


def test_a_documented_rule_with_nested_groups_and_all_forms_of_transforms() -> None:
    rule = parse_rule(
        {
            "ref": 7,
            "score": Decimal("0.9"),
            "filters": every(
                eq("amount", tolerance_amount=0.5, tolerance_unit="dollar"),
                within(3),
                either(
                    eq(
                        "metadata.invoice",
                        "external_id",
                        transforms={"key": ["alphanumeric_only", "lowercase"], "value": "lowercase"},
                    ),
                    eq("external_id", transforms={"key": {"name": "first_n_chars", "args": {"n": 8}}}),
                ),
            ),
        }
    )
    amount, day, choice = rule.filters.rules
    assert (rule.ref, rule.score, rule.on_ambiguity, rule.must_balance) == (7, 0.9, "best", True)
    assert amount == Leaf(Value("amount"), "eq", Value("amount"), Tolerance("dollar", Fraction(1, 2)))
    assert day == Leaf(Value("date"), "eq", Value("date"), Tolerance("day", Fraction(3)))
    assert isinstance(choice, Group)
    assert choice.rules[0] == Leaf(
        Value("metadata.invoice", (Transform("alphanumeric_only"), Transform("lowercase"))),
        "eq",
        Value("external_id", (Transform("lowercase"),)),
    )


def test_operands_may_be_left_out_and_a_bare_condition_is_a_group() -> None:
    bare = parse_rule({"filters": {"key": "amount", "value": "amount"}}).filters
    assert bare == Group("and", (Leaf(Value("amount"), "eq", Value("amount")),))
    assert parse_rule({"filters": {"rules": [{"key": "amount", "value": "amount"}]}}).filters == bare


def test_a_unit_may_be_left_out() -> None:
    assert parse_rule({"filters": eq("date", tolerance_amount=2)}) == parse_rule({"filters": within(2)})
    money = parse_rule({"filters": eq("amount", tolerance_amount="0.10")})
    assert money == parse_rule({"filters": eq("amount", tolerance_amount=0.1, tolerance_unit="dollar")})


def test_a_scope_keeps_its_literal() -> None:
    scope = {"side": "b", "field": "amount", "operand": "gte", "literal": 12.5}
    found = parse_rule({"filters": every(eq("reference"), scope)}).filters.rules[1]
    assert found == Scope("b", "amount", "gte", Fraction(25, 2))


LEAF_ERRORS: dict[str, tuple[Any, tuple[str | int, ...], str]] = {
    "no such field": (eq("reference", "referense"), ("value",), "no field 'referense'"),
    "metadata without a key": (eq("metadata.", "reference"), ("key",), "no field 'metadata.'"),
    "no such comparison": ({"key": "date", "operand": "near", "value": "date"}, ("operand",), "'near'"),
    "comparison that is no word": ({"key": "date", "operand": [], "value": "date"}, ("operand",), "[]"),
    "similar without a score": (
        {"key": "reference", "operand": "similar", "value": "reference"},
        ("min_score",),
        "from 0 to 100",
    ),
    "similar beyond 100": (
        {"key": "reference", "operand": "similar", "value": "reference", "min_score": 101},
        ("min_score",),
        "from 0 to 100",
    ),
    "similar amounts": (
        {"key": "amount", "operand": "similar", "value": "amount", "min_score": 1},
        ("operand",),
        "texts",
    ),
    "score of an equality": (eq("reference", min_score=80), ("min_score",), '"similar" only'),
    "tolerance beside in": (
        {"key": "amount", "operand": "in", "value": "metadata.list", "tolerance_amount": 1},
        ("tolerance_amount",),
        '"eq" only',
    ),
    "a key that nothing can hold": (eq("metadata.\x00", "reference"), ("key",), "plain signs"),
    "half a sign": (eq("metadata.\ud800", "reference"), ("key",), "plain signs"),
    "args without use": (
        eq("reference", transforms={"key": {"name": "lowercase", "args": {"n": 2}}}),
        ("transforms", "key", "args"),
        "takes no args",
    ),
    "scope in no list": (
        {"side": "a", "field": "reference", "operand": "in", "literal": "x"},
        ("literal",),
        "a list",
    ),
    "scope in an empty list": (
        {"side": "a", "field": "reference", "operand": "in", "literal": []},
        ("literal",),
        "a list",
    ),
    "scope in a list with a mistake": (
        {"side": "a", "field": "amount", "operand": "not_in", "literal": [1, "x"]},
        ("literal", 1),
        "major units",
    ),
    "scope like an amount": (
        {"side": "a", "field": "amount", "operand": "similar", "literal": "1", "min_score": 1},
        ("operand",),
        "looks into texts",
    ),
    "scope with a literal that nothing can hold": (
        {"side": "a", "field": "reference", "literal": "a\x00"},
        ("literal",),
        "not empty",
    ),
    "not an object": ("amount", (), "object"),
    "neither group nor leaf": ({"operand": "eq"}, (), "none"),
    "group and leaf": ({"rules": [], "key": "amount"}, (), "exactly one"),
    "unknown key": (eq("amount", tolerance=1), ("tolerance",), "'tolerance'"),
    "amount against text": (eq("amount", "reference"), ("value",), "not comparable"),
    "word of an amount": (
        {"key": "amount", "operand": "token_in", "value": "description"},
        ("operand",),
        "texts",
    ),
    "contains in an amount": (
        {"key": "amount", "operand": "contains", "value": "amount"},
        ("operand",),
        "texts",
    ),
    "tolerance below 0": (eq("amount", tolerance_amount=-1), ("tolerance_amount",), "above 0"),
    "tolerance of 0": (eq("amount", tolerance_amount=0), ("tolerance_amount",), "above 0"),
    "tolerance not finite": (eq("amount", tolerance_amount=float("inf")), ("tolerance_amount",), "above 0"),
    "tolerance beyond any number": (
        eq("amount", tolerance_amount=10**5_000),
        ("tolerance_amount",),
        "above 0",
    ),
    "comparison beyond any word": (
        {"key": "date", "operand": 10**5_000, "value": "date"},
        ("operand",),
        "that",
    ),
    "tolerance with thousands marks": (
        eq("amount", tolerance_amount="1_000"),
        ("tolerance_amount",),
        "above 0",
    ),
    "tolerance is true": (eq("amount", tolerance_amount=True), ("tolerance_amount",), "above 0"),
    "tolerance missing": (eq("amount", tolerance_unit="dollar"), ("tolerance_amount",), "above 0"),
    "half a day": (eq("date", tolerance_amount=1.5), ("tolerance_amount",), "whole number"),
    "days of an amount": (
        eq("amount", tolerance_amount=1, tolerance_unit="day"),
        ("tolerance_unit",),
        "does not fit",
    ),
    "a unit that is no word": (
        eq("amount", tolerance_amount=1, tolerance_unit=[]),
        ("tolerance_unit",),
        "[]",
    ),
    "no such unit": (eq("amount", tolerance_amount=1, tolerance_unit="euro"), ("tolerance_unit",), "'euro'"),
    "tolerance on text": (eq("reference", tolerance_amount=1), ("tolerance_unit",), "as a text"),
    "tolerance on a transformed amount": (
        eq("amount", tolerance_amount=1, transforms={"key": "digits_only", "value": "digits_only"}),
        ("tolerance_unit",),
        "as a text",
    ),
    "tolerance beside gt": (
        {"key": "amount", "operand": "gt", "value": "amount", "tolerance_amount": 1},
        ("tolerance_amount",),
        '"eq" only',
    ),
    "all percent": (
        eq("amount", tolerance_amount=100, tolerance_unit="percent"),
        ("tolerance_amount",),
        "below 100",
    ),
    "days upside down": (eq("date", days=[3, 1]), ("days",), "smaller first"),
    "days with a fraction": (eq("date", days=[0.5, 1]), ("days",), "whole days"),
    "days of an amount window": (eq("amount", days=[0, 1]), ("days",), "two dates"),
    "days and tolerance": (eq("date", days=[0, 1], tolerance_amount=1), ("days",), "not both"),
    "no such transform": (eq("reference", transforms={"key": "trim"}), ("transforms", "key"), "'trim'"),
    "no such transform in a list": (
        eq("reference", transforms={"value": ["lowercase", "trim"]}),
        ("transforms", "value", 1),
        "'trim'",
    ),
    "transform without n": (
        eq("reference", transforms={"key": "first_n_chars"}),
        ("transforms", "key"),
        '"n": 8',
    ),
    "transform with n of 0": (
        eq("reference", transforms={"key": {"name": "first_words", "args": {"n": 0}}}),
        ("transforms", "key"),
        "at least 1",
    ),
    "transforms as a list": (eq("reference", transforms=["lowercase"]), ("transforms",), '"key" for Side A'),
    "transforms for a third side": (eq("reference", transforms={"c": []}), ("transforms", "c"), "'c'"),
    "scope of a third side": ({"side": "c", "field": "date", "literal": "2026-01-01"}, ("side",), "'c'"),
    "scope with a day that is none": (
        {"side": "a", "field": "date", "literal": "2026-02-30"},
        ("literal",),
        "a day",
    ),
    "scope with an amount that is none": (
        {"side": "a", "field": "amount", "literal": "x"},
        ("literal",),
        "major units",
    ),
    "scope without literal": ({"side": "a", "field": "reference"}, ("literal",), "not empty"),
    "empty group": (every(), ("rules",), "match everything"),
    "rules not a list": ({"operand": "and", "rules": {}}, ("rules",), "list"),
    "group operand": ({"operand": "xor", "rules": [eq("amount")]}, ("operand",), "'xor'"),
}


@pytest.mark.parametrize("name", LEAF_ERRORS)
def test_each_mistake_is_named_where_it_is(name: str) -> None:
    node, path, words = LEAF_ERRORS[name]
    errors = errors_of({"filters": every(eq("reference"), deepcopy(node))})
    assert [found for found, _ in errors] == [("filters", "rules", 1, *path)]
    assert words in errors[0][1]


def test_paths_go_down_into_nested_groups_and_all_mistakes_are_told() -> None:
    tree = every(eq("nothing"), either(eq("reference"), every(eq("amount", tolerance_amount="x"))))
    assert paths_of({"filters": tree, "score": 2, "cardinality": "some"}) == [
        ("filters", "rules", 0, "key"),
        ("filters", "rules", 0, "value"),
        ("filters", "rules", 1, "rules", 1, "rules", 0, "tolerance_amount"),
        ("cardinality",),
        ("score",),
    ]


@pytest.mark.parametrize("filters", [None, [], "amount", 3])
def test_filters_is_a_group(filters: Any) -> None:
    assert paths_of({"filters": filters}) == [("filters",)]


def test_depth_is_limited() -> None:
    tree = eq("reference")
    for _ in range(10):
        tree = every(tree)
    assert validate_filters(tree) == []
    assert len(validate_filters(every(tree))[0].path) == 1 + 2 * 10


def test_the_number_of_conditions_is_limited() -> None:
    assert validate_filters(every(*[eq("reference")] * 200)) == []
    assert "201" in validate_filters(every(*[eq("reference")] * 201))[0].message


def test_or_groups_may_not_multiply_beyond_the_cap() -> None:
    choice = either(eq("reference"), eq("external_id"))
    assert validate_filters(every(*[choice] * 6)) == []
    (error,) = validate_filters(every(*[choice] * 7))
    assert error.path == ("filters",)
    assert "64" in error.message


TOO_BROAD: dict[str, Any] = {
    "currency": every(eq("currency")),
    "direction": every(eq("direction")),
    "both": every(eq("currency"), eq("direction")),
    "a scope": every({"side": "a", "field": "reference", "literal": "x"}),
    "a comparison": every({"key": "date", "operand": "lte", "value": "date"}),
    "a list": every({"key": "reference", "operand": "in", "value": "metadata.list"}),
    "no list": every({"key": "reference", "operand": "not_in", "value": "metadata.list"}, eq("currency")),
    "alike": every({"key": "reference", "operand": "similar", "value": "reference", "min_score": 90}),
    "alike beside another way": either(
        every(eq("reference"), {"key": "date", "operand": "lte", "value": "date"}),
        {"key": "reference", "operand": "similar", "value": "reference", "min_score": 90},
    ),
    "a part of a text": every({"key": "description", "operand": "contains", "value": "reference"}),
    "one alternative of two": either(eq("reference"), eq("direction")),
}


@pytest.mark.parametrize("name", TOO_BROAD)
def test_a_rule_without_equality_or_band_is_too_broad(name: str) -> None:
    (error,) = errors_of({"filters": TOO_BROAD[name]})
    assert error[0] == ("filters",)
    assert "Too broad" in error[1]


@pytest.mark.parametrize("leaf", [eq("reference"), within(3), eq("amount", tolerance_amount=1)])
def test_one_equality_or_band_is_enough(leaf: Any) -> None:
    assert validate_filters(every(leaf)) == []


def test_the_columns_a_set_of_rules_needs() -> None:
    rule = parse_rule(
        {"filters": every(eq("effect"), within(3, "date", "value_date"), eq("metadata.no", "external_id"))}
    )
    scope = {"side": "b", "field": "description", "literal": "x"}
    other = parse_rule({"filters": every(eq("amount"), scope)})
    a, b = columns_needed([rule, other])
    assert a == {"reference", "counterparty", "effect", "metadata.no", "amount"}
    assert b == {"reference", "counterparty", "effect", "value_date", "external_id", "amount", "description"}


def test_balance_is_asked_for_only_where_differences_are_refused() -> None:
    assert parse_rule({"filters": eq("reference"), "on_difference": "allow"}).must_balance is False
    assert parse_rule({"filters": eq("reference"), "must_balance": False}).must_balance is False
    assert paths_of({"filters": eq("reference"), "must_balance": "yes"}) == [("must_balance",)]
