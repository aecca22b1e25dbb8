"""Rules with a rollup: what they may say, and where each mistake is."""

from __future__ import annotations

from typing import Any

import pytest

from rules.engine import parse_rule
from rules.engine.tree import Rollup
from tests.rules.engine.books import either, eq, every
from tests.rules.engine.test_parse import errors_of, paths_of

ROLLUP = {
    "cardinality": "many_to_one",
    "group_by": ["reference"],
    "rollup": {"group_by_kind": "identifier"},
    "filters": every(eq("reference"), eq("amount")),
}


ROLLUP_ERRORS: dict[str, tuple[dict[str, Any], tuple[str | int, ...], str]] = {
    "no rollup": ({"rollup": None}, ("rollup",), "needs a rollup"),
    "a text for a day": ({"rollup": {"group_by_kind": "date"}}, ("group_by", 0), "is a date"),
    "a text for a day by default": ({"rollup": {}}, ("group_by", 0), "is a date"),
    "two days": (
        {"group_by": ["date"], "rollup": {"lookback_days": 2, "date_field": "value_date"}},
        ("rollup", "date_field"),
        "first field of group_by",
    ),
    "group_by is no list": ({"group_by": "reference"}, ("group_by",), "list of at most"),
    "lookback in words": (
        {"group_by": ["date"], "rollup": {"lookback_days": "2", "date_field": "date"}},
        ("rollup", "lookback_days"),
        "whole number",
    ),
    "an amount that is no equality": (
        {"filters": every(eq("reference"), {"key": "amount", "operand": "lte", "value": "amount"})},
        ("filters",),
        "amount",
    ),
    "no such kind": ({"rollup": {"group_by_kind": "day"}}, ("rollup", "group_by_kind"), "'day'"),
    "no key": ({"group_by": []}, ("group_by",), "at least one"),
    "no such key": ({"group_by": ["reference", "ref"]}, ("group_by", 1), "'ref'"),
    "a key twice": ({"group_by": ["reference", "reference"]}, ("group_by", 1), "twice"),
    "half a lookback": (
        {"rollup": {"group_by_kind": "identifier", "lookback_days": 3}},
        ("rollup",),
        "come together",
    ),
    "lookback of 0": (
        {"rollup": {"group_by_kind": "identifier", "lookback_days": 0, "date_field": "date"}},
        ("rollup", "lookback_days"),
        "from 1",
    ),
    "lookback on a text": (
        {"rollup": {"group_by_kind": "identifier", "lookback_days": 2, "date_field": "reference"}},
        ("rollup", "date_field"),
        "value_date",
    ),
    "unknown key": (
        {"rollup": {"group_by_kind": "identifier", "window": 3}},
        ("rollup", "window"),
        "'window'",
    ),
    "no amount": ({"filters": every(eq("reference"))}, ("filters",), "amount"),
    "no group": ({"filters": every(eq("external_id"), eq("amount"))}, ("filters",), "group_by"),
    "a way without a group": (
        {"filters": every(either(eq("reference"), eq("date")), eq("amount"))},
        ("filters",),
        "in every alternative",
    ),
    "a way without an amount": (
        {"filters": every(eq("reference"), either(eq("amount"), eq("date")))},
        ("filters",),
        "in every alternative",
    ),
    "partial": ({"on_difference": "suggest_partial"}, ("on_difference",), "one_to_one"),
}


@pytest.mark.parametrize("name", ROLLUP_ERRORS)
def test_each_mistake_of_a_rollup_is_named(name: str) -> None:
    change, path, words = ROLLUP_ERRORS[name]
    errors = errors_of(ROLLUP | change)
    assert path in [found for found, _ in errors]
    assert any(words in message for _, message in errors)


def test_a_rollup_by_date_gathers_by_its_first_field() -> None:
    by_date = {"cardinality": "many_to_one", "filters": every(eq("amount"))}
    plain = parse_rule(by_date | {"rollup": {}})
    assert (plain.group_by, plain.rollup) == (("date",), Rollup(None, "date", "date"))
    assert parse_rule(by_date | {"rollup": {"group_by_kind": "date"}, "group_by": []}) == plain
    bound = {"lookback_days": 3, "date_field": "value_date"}
    assert parse_rule(by_date | {"rollup": bound}).group_by == ("value_date",)
    segments = parse_rule(by_date | {"rollup": bound, "group_by": ["value_date", "currency"]})
    assert segments.rollup == Rollup(3, "value_date", "date")


def test_a_one_to_one_rule_has_no_rollup() -> None:
    assert paths_of(ROLLUP | {"cardinality": "one_to_one"}) == [("rollup",)]
    assert paths_of(ROLLUP | {"cardinality": "one_to_one", "rollup": {}}) == [("rollup",)]
