"""One-to-one rules against the oracle: the most pairs at the least cost, whichever path the engine takes."""

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings

from rules.engine import match, parse_rule
from tests.rules.engine.books import Group, either, eq, every, frame, groups_of, within
from tests.rules.engine.oracle import OneToOne, Pair
from tests.rules.engine.strategies import (
    BOOKS_PER_SEED,
    Book,
    apart,
    books,
    mixed,
    own_id,
    plain,
    seeds,
    together,
)

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


Refusals = Sequence[set[tuple[int, int]]]
NONE: Refusals = [set()] * BOOKS_PER_SEED


def run(rule: dict[str, Any], found: list[Book], refused: Refusals = NONE) -> list[set[Group]]:
    """The engine over all books at once."""
    side_a, side_b = together(found)
    groups = [((own_id(a, n),), (own_id(b, n),)) for n, pairs in enumerate(refused) for a, b in pairs]
    return apart(groups_of(match(frame(side_a), frame(side_b), [parse_rule(rule)], refused=groups)))


def as_records(book: Book, groups: set[Group]) -> list[Pair]:
    side_a, side_b = ({record.id: record for record in side} for side in book)
    return [(side_a[min(a)], side_b[min(b)]) for a, b in groups]


def hold_against_oracle(rule: dict[str, Any], found: list[Book], refused: Refusals = NONE) -> None:
    for book, groups, not_offered in zip(found, run(rule, found, refused), refused, strict=True):
        oracle, pairs = OneToOne(rule, *book), as_records(book, groups)
        exact, every_edge = oracle.steps(not_offered)
        assert len({a.id for a, _ in pairs}) == len({b.id for _, b in pairs}) == len(pairs)
        assert set(pairs) <= set(every_edge)
        equal = [(a, b) for a, b in pairs if a.measure == b.measure]
        assert oracle.total(equal) == oracle.best(exact), book
        used_a, used_b = {a.id for a, _ in equal}, {b.id for _, b in equal}
        rest = [(a, b) for a, b in every_edge if a.id not in used_a and b.id not in used_b]
        assert oracle.total([pair for pair in pairs if pair not in equal]) == oracle.best(rest), book


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=8, deadline=None)
@given(seed=seeds())
def test_most_pairs_at_least_cost(name: str, seed: int) -> None:
    hold_against_oracle(RULES[name], books(seed, mixed))


@pytest.mark.parametrize("name", ["amount", "amount and one day", "amount and a later day", "group"])
@settings(max_examples=12, deadline=None)
@given(seed=seeds())
def test_most_pairs_among_ties(name: str, seed: int) -> None:
    hold_against_oracle(RULES[name], books(seed, plain))


@pytest.mark.parametrize(
    "name", ["amount and one day", "reference or a word", "near amount or reference", "partial"]
)
@settings(max_examples=8, deadline=None)
@given(seed=seeds())
def test_a_refused_pair_is_never_offered_and_the_next_best_is(name: str, seed: int) -> None:
    rng = Random(seed)
    refused = [{(rng.randint(1, 5), rng.randint(1, 5)) for _ in range(rng.randint(0, 6))} for _ in NONE]
    hold_against_oracle(RULES[name], books(seed, plain), refused)
