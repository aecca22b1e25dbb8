"""One-to-one rules against the oracle: the most pairs at the least cost, whichever path the engine takes."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.engine import match, parse_rule
from tests.rules.engine.books import Record, either, eq, every, frame, pairs_of, within
from tests.rules.engine.oracle import OneToOne, Pair
from tests.rules.engine.strategies import plain_records, records

SAME_AMOUNT = eq("effect")
SAME_REFERENCE = eq("reference")
REFERENCE_IN_TEXT = {"key": "reference", "operand": "token_in", "value": "description"}
NEAR_AMOUNT = eq("amount", tolerance_amount=0.6, tolerance_unit="dollar")
ALNUM = {"key": ["alphanumeric_only", "lowercase"], "value": ["alphanumeric_only", "lowercase"]}

RULES: dict[str, dict[str, Any]] = {
    "amount": {"filters": every(SAME_AMOUNT)},
    "amount and reference": {"filters": every(SAME_AMOUNT, SAME_REFERENCE)},
    "amount and three days": {"filters": every(SAME_AMOUNT, within(3, "date", "value_date"))},
    "amount and one day": {"filters": every(SAME_AMOUNT, within(1))},
    "amount and a later day": {"filters": every(SAME_AMOUNT, eq("date", days=[-1, 3]))},
    "amount and the same month": {"filters": every(SAME_AMOUNT, eq("date", tolerance_unit="month"))},
    "reference or a word": {"filters": every(SAME_AMOUNT, either(SAME_REFERENCE, REFERENCE_IN_TEXT))},
    "a word of ours": {
        "filters": every(SAME_AMOUNT, {"key": "description", "operand": "has_token", "value": "reference"})
    },
    "reference without signs": {"filters": every(SAME_AMOUNT, eq("reference", transforms=ALNUM))},
    "near amount, may differ": {"filters": every(NEAR_AMOUNT), "must_balance": False},
    "near amount and day, may differ": {"filters": every(NEAR_AMOUNT, within(2)), "must_balance": False},
    "near amount, must balance": {"filters": every(NEAR_AMOUNT, within(2))},
    "percent": {
        "filters": every(eq("effect", tolerance_amount=50, tolerance_unit="percent"), within(2)),
        "must_balance": False,
    },
    "near amount or reference": {"filters": either(NEAR_AMOUNT, SAME_REFERENCE), "must_balance": False},
    "partial": {"filters": every(SAME_REFERENCE), "on_difference": "suggest_partial"},
    "whatever amount": {"filters": every(SAME_REFERENCE, within(2)), "on_difference": "allow"},
    "group": {"filters": every(SAME_AMOUNT), "group_by": ["reference", "direction"]},
    "scopes": {
        "filters": every(
            SAME_AMOUNT,
            {"side": "a", "field": "counterparty", "operand": "eq", "literal": "ACME"},
            {"side": "b", "field": "amount", "operand": "lt", "literal": 1.5},
        )
    },
    "comparisons": {
        "filters": every(
            SAME_AMOUNT,
            {"key": "description", "operand": "contains", "value": "reference"},
            {"key": "date", "operand": "lte", "value": "date"},
            {"key": "counterparty", "operand": "neq", "value": "external_id"},
        )
    },
}


def run(rule: dict[str, Any], side_a: list[Record], side_b: list[Record], refused: Any = ()) -> list[tuple[int, int]]:
    return pairs_of(match(frame(side_a), frame(side_b), [parse_rule(rule)], refused=refused))


def hold_against_oracle(
    rule: dict[str, Any], side_a: list[Record], side_b: list[Record], refused: set[tuple[int, int]] = frozenset()
) -> None:
    oracle = OneToOne(rule, side_a, side_b)
    groups = [((a,), (b,)) for a, b in refused]
    by_id_a, by_id_b = {one.id: one for one in side_a}, {one.id: one for one in side_b}
    found = [(by_id_a[a], by_id_b[b]) for a, b in run(rule, side_a, side_b, groups)]
    assert len({a.id for a, _ in found}) == len({b.id for _, b in found}) == len(found)
    exact, every_edge = oracle.steps(refused)
    assert set(found) <= set(every_edge)
    equal = [(a, b) for a, b in found if a.measure == b.measure]
    assert oracle.total(equal) == oracle.best(exact)
    used: set[Pair] = {(a, b) for a, b in every_edge for c, d in equal if a == c or b == d}
    assert oracle.total([pair for pair in found if pair not in equal]) == oracle.best(
        [pair for pair in every_edge if pair not in used]
    )


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=150, deadline=None)
@given(side_a=records(), side_b=records())
def test_most_pairs_at_least_cost(name: str, side_a: list[Record], side_b: list[Record]) -> None:
    hold_against_oracle(RULES[name], side_a, side_b)


@pytest.mark.parametrize("name", ["amount", "amount and one day", "amount and a later day", "group"])
@settings(max_examples=200, deadline=None)
@given(side_a=plain_records(), side_b=plain_records())
def test_most_pairs_among_ties(name: str, side_a: list[Record], side_b: list[Record]) -> None:
    hold_against_oracle(RULES[name], side_a, side_b)


@pytest.mark.parametrize("name", ["amount and one day", "reference or a word", "near amount or reference", "partial"])
@settings(max_examples=150, deadline=None)
@given(
    side_a=plain_records(5),
    side_b=plain_records(5),
    refused=st.sets(st.tuples(st.integers(1, 5), st.integers(1, 5)), max_size=6),
)
def test_a_refused_pair_is_never_offered_and_the_next_best_is(
    name: str, side_a: list[Record], side_b: list[Record], refused: set[tuple[int, int]]
) -> None:
    hold_against_oracle(RULES[name], side_a, side_b, refused)
