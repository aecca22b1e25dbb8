"""Whatever is said of a rule: it is taken as columns hold it, or refused with every mistake and its path."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from organizations.refusals import Invalid
from rules.checking import FACTS, checked
from rules.engine import parse_rule
from tests.factories.rules import RuleFactory

LEAF = {"key": "reference", "operand": "eq", "value": "reference"}
KINDS = ("ledger", "streams")

texts = st.text(max_size=12)
words = st.sampled_from(
    ["and", "or", "eq", "amount", "date", "reference", "metadata.x", "metadata.", "dollar", "day", "a", "b"]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts | words
keys = texts | st.sampled_from(
    [
        "rules",
        "operand",
        "key",
        "value",
        "side",
        "field",
        "literal",
        "days",
        "transforms",
        "tolerance_amount",
        "tolerance_unit",
        "min_score",
        "name",
        "args",
        "n",
    ]
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=20,
)


def check(facts, kind="streams", **more):
    return checked(facts, kind=kind, accepts=kind == "streams", **more)


def answer(facts, kind="streams") -> Invalid | dict:
    try:
        return check(facts, kind)
    except Invalid as refusal:
        return refusal


@given(st.dictionaries(st.sampled_from(FACTS), anything), st.sampled_from(KINDS))
def test_anything_is_taken_or_refused_with_paths(facts, kind):
    found = answer(facts, kind)
    if isinstance(found, dict):
        assert set(found) == set(FACTS)
        return
    assert found.code == "rule.invalid"
    assert found.issues
    for issue in found.issues:
        assert issue["message"]
        assert all(type(step) in (str, int) for step in issue["path"])
        assert issue["path"][0] in FACTS


@given(anything)
def test_any_tree_beside_an_equality_is_taken_or_refused(tree):
    found = answer({"filters": {"operand": "and", "rules": [LEAF, tree]}})
    if isinstance(found, dict):
        assert parse_rule({**found, "score": 1})
    else:
        assert {issue["path"][0] for issue in found.issues} == {"filters"}


def test_a_field_that_a_rule_does_not_have_is_named():
    with pytest.raises(Invalid) as refused:
        check({"filters": LEAF, "colour": "red", "status": "active"})
    assert [issue["path"] for issue in refused.value.issues] == [["colour"], ["status"]]


def test_shares_are_kept_to_the_thousandth():
    found = check({"filters": LEAF, "score": 0.985, "accept_at": 1})
    assert (found["score"], found["accept_at"]) == (Decimal("0.985"), Decimal(1))


@pytest.mark.parametrize(
    ("kind", "usual"), [("streams", "allow"), ("ledger", "refuse"), ("settlement", "refuse")]
)
def test_what_becomes_of_differences_follows_from_the_kind(kind, usual):
    assert check({"filters": LEAF}, kind)["on_difference"] == usual


def test_what_was_said_before_stands_unless_it_is_said_anew():
    before = RuleFactory.build(
        organization=None,
        filters={"operand": "and", "rules": [LEAF]},
        name="Mine",
        score=Decimal("0.5"),
        priority=7,
    )
    found = check({"priority": 8}, "ledger", before=before)
    assert (found["name"], found["score"], found["priority"]) == ("Mine", Decimal("0.5"), 8)
    assert check({"name": None}, "ledger", before=before)["name"] == "Reference"
    assert check({"description": " x "}, "ledger", before=before)["description"] == "x"


def test_a_rollup_is_kept_with_its_kind_written_out():
    sums = {"key": "amount", "operand": "eq", "value": "amount"}
    facts = {"filters": {"rules": [sums]}, "cardinality": "many_to_one", "rollup": {}}
    assert check(facts)["rollup"] == {"group_by_kind": "date"}
    looked_back = {"lookback_days": 3, "date_field": "date", "group_by_kind": "date"}
    assert check({**facts, "rollup": looked_back})["rollup"] == looked_back
    assert check({**facts, "rollup": {"lookback_days": None, "date_field": None}})["rollup"] == {
        "group_by_kind": "date"
    }
