"""Conditions as rows of a form and back: what the rows say is what the tree says."""

import json

import pytest

from api.rules.examples import BATCHES, NESTED
from organizations.refusals import Invalid
from reconciliation.admin.rules.draft import Draft
from reconciliation.admin.rules.rows import Row, Scope, pretty, rows_of, tree_of
from rules.defaults import LEDGER_DEFAULTS

WINDOW = {"key": "date", "operand": "eq", "value": "date", "days": [-1, 6]}
MONTH = {"key": "date", "operand": "eq", "value": "date", "tolerance_unit": "month"}
ALIKE = {"key": "description", "operand": "similar", "value": "description", "min_score": 80}
SHARE = {
    "key": "amount",
    "operand": "eq",
    "value": "amount",
    "tolerance_amount": 2,
    "tolerance_unit": "percent",
}
SCOPE = {"side": "b", "field": "description", "operand": "contains", "literal": "PAYOUT"}
MONEY = {"side": "a", "field": "amount", "operand": "gte", "literal": 12.5}


def every(*nodes):
    return {"operand": "and", "rules": list(nodes)}


@pytest.mark.parametrize(
    "tree",
    [
        NESTED["filters"],
        BATCHES["filters"],
        *(each["filters"] for each in LEDGER_DEFAULTS),
        every(WINDOW, MONTH, SHARE, ALIKE),
        every(SHARE, SCOPE, MONEY, {**MONEY, "operand": "in", "literal": [5, 7.25]}),
        every(SHARE, {**SCOPE, "operand": "not_in", "literal": ["fee", "interest"]}),
        every({"operand": "or", "rules": [SHARE, ALIKE]}, {"operand": "or", "rules": [MONTH, WINDOW]}),
    ],
)
def test_a_tree_comes_back_as_it_was(tree):
    rows, scopes = rows_of(tree)
    assert tree_of(rows, scopes) == tree


def test_an_or_on_top_becomes_one_alternative():
    rows, scopes = rows_of({"operand": "or", "rules": [SHARE, ALIKE]})
    assert [row.part for row in rows] == ["a", "a"]
    assert tree_of(rows, scopes) == every({"operand": "or", "rules": [SHARE, ALIKE]})


@pytest.mark.parametrize(
    "tree",
    [
        None,
        [],
        {"operand": "and"},
        every(every(SHARE)),
        {"operand": "or", "rules": [every(SHARE)]},
        every({"operand": "or", "rules": [{"operand": "or", "rules": [SHARE]}]}),
        every(*[{"operand": "or", "rules": [SHARE]}] * 4),
        every({**SHARE, "colour": "red"}),
        every({**SCOPE, "literal": ["a", "b"]}),
        every({**SCOPE, "operand": "in", "literal": ["a, b"]}),
        every({**SCOPE, "literal": True}),
        every({**SCOPE, "operand": "similar", "literal": "x", "min_score": 90}),
        every("x"),
    ],
)
def test_what_rows_cannot_say_has_none(tree):
    assert rows_of(tree) is None


def test_empty_rows_are_left_out_and_the_others_know_their_place():
    rows = [
        Row(),
        Row(key="amount", value="amount"),
        Row(part="a", key="date", value="date"),
        Row(part="a", key="x"),
    ]
    scopes = [Scope(), Scope(field="amount", literal="7")]
    tree = tree_of(rows, scopes)
    assert [row.path for row in rows] == [
        (),
        ("filters", "rules", 0),
        ("filters", "rules", 1, "rules", 0),
        ("filters", "rules", 1, "rules", 1),
    ]
    assert scopes[1].path == ("filters", "rules", 2)
    assert tree["rules"][2]["literal"] == 7


@pytest.mark.parametrize(
    ("unit", "room", "said"),
    [
        ("", "", {}),
        ("dollar", "0.50", {"tolerance_amount": 0.5, "tolerance_unit": "dollar"}),
        ("dollar", "half", {"tolerance_amount": "half", "tolerance_unit": "dollar"}),
        ("window", "-1 to 6", {"days": [-1, 6]}),
        ("window", "soon", {"days": ["soon"]}),
        ("dollar", "nan", {"tolerance_amount": "nan", "tolerance_unit": "dollar"}),
    ],
)
def test_what_is_typed_is_handed_on_for_the_parser_to_judge(unit, room, said):
    node = Row(key="amount", value="amount", unit=unit, room=room).node()
    assert {name: value for name, value in node.items() if name not in ("key", "operand", "value")} == said


def test_a_refusal_stands_beside_the_input_that_it_is_about():
    draft = Draft.of_post({"row0-key": "a", "row0-value": "a", "row1-key": "b", "scope0-field": "f"})
    draft.facts()
    paths = [
        ["filters", "rules", 1, "key"],
        ["filters", "rules", 2, "field"],
        ["filters"],
        ["rollup", "lookback_days"],
        ["rollup"],
        ["score"],
        ["colour"],
    ]
    draft.refuse(Invalid("no", issues=[{"path": path, "message": str(path[-1])} for path in paths]))
    assert [row.errors for row in draft.rows] == [[], ["key"]]
    assert draft.scopes[0].errors == ["field"]
    assert draft.errors == {
        "rows": ["filters"],
        "lookback_days": ["lookback_days"],
        "rollup_kind": ["rollup"],
        "score": ["score"],
        "top": ["colour: colour"],
    }


@pytest.mark.parametrize("text", ["{", "", "[" * 100_000, "1" * 5_000])
def test_json_that_cannot_be_read_is_said_to_be(text):
    draft = Draft.of_post({"as": "json", "json": text})
    assert draft.facts() is None
    assert "This is no JSON" in draft.errors["json"][0]


def test_json_is_shown_in_the_order_in_which_people_read_it():
    told = pretty(
        {"rules": [{"value": "b", "tolerance_amount": 1, "key": "a", "operand": "eq"}], "operand": "and"}
    )
    assert list(json.loads(told)) == ["operand", "rules"]
    assert list(json.loads(told)["rules"][0]) == ["key", "operand", "value", "tolerance_amount"]
