"""A rule's conditions in words."""

import pytest

from rules.conditions import (
    NAME_MAX,
    gathering_words,
    metadata_keys,
    name_for,
    side_a_and_b,
    statement_and_books,
    words_of,
)
from rules.defaults import LEDGER_DEFAULTS


def test_a_tree_is_told_from_the_top_with_its_depth():
    assert words_of(LEDGER_DEFAULTS[0]["filters"]) == [
        (0, "all of"),
        (1, "statement's amount = books' amount"),
        (1, "any of"),
        (2, "statement's reference = books' reference"),
        (2, "statement's reference is a word of books' description"),
    ]


def test_tolerances_and_scopes_are_told():
    tree = {
        "operand": "or",
        "rules": [
            {"key": "date", "operand": "eq", "value": "value_date", "days": [0, 3]},
            {"side": "b", "field": "metadata.batch_id", "operand": "eq", "literal": "7"},
        ],
    }
    assert words_of(tree) == [
        (0, "any of"),
        (1, "statement's date = books' value date, books 0 to 3 days later"),
        (1, "books: batch id = “7”"),
    ]


def test_what_is_not_understood_is_shown_as_it_is_stored():
    assert words_of("?") == [(0, "?")]
    assert words_of({"key": "x", "operand": "new_one", "value": "y"}) == [
        (0, "statement's x new_one books' y")
    ]


def leaf(**more):
    return {"key": "amount", "operand": "eq", "value": "amount", **more}


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        (leaf(tolerance_amount=0.5, tolerance_unit="dollar"), "amount = Side B's amount, give or take 0.5"),
        (leaf(tolerance_amount=2, tolerance_unit="percent"), "amount = Side B's amount, give or take 2%"),
        (leaf(tolerance_amount=1, tolerance_unit="day"), "amount = Side B's amount, give or take 1 day"),
        (leaf(tolerance_unit="month"), "amount = Side B's amount, in the same calendar month"),
        (
            leaf(days=[-1, 6]),
            "amount = Side B's amount, Side B from 1 days earlier to 6 days later",
        ),
        (leaf(operand="gte"), "amount ≥ Side B's amount"),
        (leaf(operand="not_in"), "amount is none of Side B's amount"),
        (leaf(operand="similar", min_score=80), "amount is similar to Side B's amount, at least 80 of 100"),
        (
            leaf(
                transforms={
                    "key": ["digits_only", {"name": "first_words", "args": {"n": 2}}],
                    "value": "uppercase",
                }
            ),
            "amount (digits only, first 2 words) = Side B's amount (in upper case)",
        ),
    ],
)
def test_each_condition_is_a_sentence(condition, told):
    assert words_of(condition, side_a_and_b()) == [(0, f"Side A's {told}")]


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (("one_to_one", [], None), "One record of Side A meets one record of Side B."),
        (
            ("one_to_one", ["currency"], None),
            "One record of Side A meets one record of Side B. Both have the same currency.",
        ),
        (
            ("many_to_one", ["metadata.batch_no"], {"group_by_kind": "identifier"}),
            "All open records of Side A with the same batch no together meet one record of Side B.",
        ),
        (
            ("one_to_many", ["date", "currency"], {"lookback_days": 5, "date_field": "value_date"}),
            "Days in a row of records of Side B with the same currency together meet one record of Side A."
            " Only those at most 5 days before it, by their value date.",
        ),
        (
            ("many_to_one", ["date"], {}),
            "Days in a row of records of Side A together meet one record of Side B.",
        ),
    ],
)
def test_how_several_are_gathered_is_a_sentence(rule, told):
    assert gathering_words(*rule, side_a_and_b()) == told


def test_a_ledgers_sides_have_their_own_words():
    told = gathering_words(
        "one_to_many", ["reference"], {"group_by_kind": "identifier"}, statement_and_books()
    )
    assert told == "All open entries of the books with the same reference together meet one statement line."


def test_metadata_keys_are_found_on_the_side_where_they_are_named():
    filters = {
        "rules": [
            {"key": "metadata.a", "value": "reference"},
            {"operand": "or", "rules": [{"key": "date", "value": "metadata.b"}]},
            {"side": "b", "field": "metadata.c", "literal": "x"},
        ]
    }
    assert metadata_keys({"filters": filters, "group_by": ["metadata.g"]}) == {
        "a": {"a", "g"},
        "b": {"b", "c", "g"},
    }
    rolled = {"filters": filters, "group_by": ["metadata.g"], "cardinality": "many_to_one"}
    assert metadata_keys(rolled)["b"] == {"b", "c"}
    assert metadata_keys({"filters": [5], "group_by": 7, "cardinality": []}) == {"a": set(), "b": set()}


def test_a_nameless_rule_is_called_what_it_compares():
    assert name_for({"rules": [leaf(), leaf(key="metadata.batch_no"), leaf()]}) == "Amount, batch no"
    assert name_for({"rules": []}) == "Rule"
    assert len(name_for({"rules": [leaf(key="x" * 300)]})) == NAME_MAX
