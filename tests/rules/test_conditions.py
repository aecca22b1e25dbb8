"""A rule's conditions in words."""

from rules.conditions import words_of
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
        (1, "statement's date = books' value date, the books 0 to 3 days later"),
        (1, "books: batch id = “7”"),
    ]


def test_what_is_not_understood_is_shown_as_it_is_stored():
    assert words_of("?") == [(0, "?")]
    assert words_of({"key": "x", "operand": "new_one", "value": "y"}) == [
        (0, "statement's x new_one books' y")
    ]
