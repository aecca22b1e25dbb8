"""The confidence promises no more than it keeps: over generated books whose truth is known, the share of right matches in
each band of stated confidence."""

from __future__ import annotations

from functools import cache

import polars as pl
import pytest

from benchmarks.shared.planted import Books, Shape, generate, judged, stated_and_kept
from rules.engine import match, parse_rule
from rules.engine.confidence import may_accept, stated
from tests.rules.engine.books import Record, either, eq, every, frame, within

ENOUGH = 200  # pairs in a band, from which on its share says something
SLACK = 0.03
ACCEPT_AT = 0.99

AMOUNT, PAYER, REFERENCE = eq("effect"), eq("counterparty"), eq("reference")
CLOSE = eq("effect", tolerance_amount=0.5, tolerance_unit="dollar")
RULES = {
    "amount, 4 days": {"filters": every(AMOUNT, within(4))},
    "amount, 4 days, sole": {"filters": every(AMOUNT, within(4)), "on_ambiguity": "sole"},
    "amount, the days after": {"filters": every(AMOUNT, eq("date", days=[0, 4]))},
    "amount alone": {"filters": every(AMOUNT)},
    "amount, payer, 4 days": {"filters": every(AMOUNT, PAYER, within(4))},
    "amount, payer": {"filters": every(AMOUNT, PAYER)},
    "amount, part of payer": {
        "filters": every(
            AMOUNT, within(4), {"key": "counterparty", "operand": "contains", "value": "counterparty"}
        )
    },
    "reference": {"filters": every(AMOUNT, REFERENCE)},
    "reference or 4 days": {"filters": every(AMOUNT, either(REFERENCE, within(4)))},
    "about the amount, 4 days": {"filters": every(CLOSE, within(4)), "must_balance": False},
    "about the amount, payer, 4 days": {"filters": every(CLOSE, PAYER, within(4)), "must_balance": False},
}
SHAPES = {
    "prices": Shape(twins=0.01),
    "few prices": Shape(popular=0.9, prices=40, twins=0.01),
    "many orphans": Shape(orphans=0.25, twins=0.002),
    "fees": Shape(fees=0.3, twins=0.01),
    "a short time": Shape(size=6_000, days=21, twins=0.01),
}
IN_ORDER = [
    ("reference", "amount, 4 days"),
    ("reference", "amount, 4 days, sole"),
    ("amount, payer, 4 days", "amount, 4 days"),
    ("amount, payer, 4 days", "reference", "about the amount, 4 days"),
]


@cache
def books_of(shape: str) -> Books:
    return generate(7, SHAPES[shape])


def of_last(shape: str, *names: str) -> pl.DataFrame:
    return judged(books_of(shape), [parse_rule(RULES[name]) for name in names])


def assert_kept(pairs: pl.DataFrame) -> None:
    for low, high, size, said, kept in stated_and_kept(pairs):
        if size >= ENOUGH:
            assert kept >= said - SLACK, f"{low} to {high}: {size} pairs, {said:.3f} stated, {kept:.3f} kept"


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", RULES)
def test_no_band_keeps_less_than_it_states(name, shape):
    pairs = of_last(shape, name)
    assert pairs.height > 1_000
    assert_kept(pairs)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("names", IN_ORDER, ids=" - ".join)
def test_what_earlier_rules_left_over_is_not_oversold(names, shape):
    """Most of it has no true partner: what then agrees in amount and days does so by accident."""
    assert_kept(of_last(shape, *names))


def test_what_may_be_accepted_without_a_person_is_right():
    names = [name for name, rule in RULES.items() if may_accept(parse_rule(rule))]
    assert "amount, payer, 4 days" in names
    assert "amount, 4 days" not in names
    accepted = pl.concat(
        of_last(shape, name).filter(pl.col("confidence") >= ACCEPT_AT) for name in names for shape in SHAPES
    )
    assert accepted.height > 100_000
    assert accepted["right"].mean() >= 0.9995


def test_true_twins_are_worth_a_half():
    pairs = of_last("prices", "amount, payer, 4 days").filter(pl.col("confidence").is_between(0.4, 0.5))
    assert pairs.height >= 100
    assert pairs["right"].mean() == pytest.approx(0.5, abs=0.1)


def test_confidence_falls_with_rivals_and_chance_and_ends_at_the_score():
    assert stated(1.0, 0.0, 0.0) == 1
    assert stated(1.0, 1.0, 0.0) == 0.5
    assert stated(1.0, 0.0, 5.0) == 0.5
    assert stated(0.8, 0.0, 0.0) == 0.8
    assert stated(0.4, 0.0, 0.0) == 0.4


def test_a_match_in_part_is_worth_a_half_at_most():
    rule = parse_rule({"filters": every(REFERENCE), "on_difference": "suggest_partial"})
    side_a = [Record(1, effect=100, reference="R"), Record(2, effect=70, reference="S")]
    side_b = [Record(11, effect=90, reference="R"), Record(12, effect=70, reference="S")]
    groups = match(frame(side_a), frame(side_b), [rule]).groups
    assert groups["difference"].to_list() == [10, 0]
    assert groups["confidence"].to_list() == [0.5, 1.0]


@pytest.mark.parametrize(
    ("filters", "may"),
    [
        (every(AMOUNT, within(3)), False),
        (every(AMOUNT, eq("date")), False),
        (every(AMOUNT, eq("currency")), False),
        (every(AMOUNT, eq("direction")), False),
        (every(AMOUNT, REFERENCE), True),
        (every(AMOUNT, eq("metadata.batch", "reference")), True),
        (every(AMOUNT, either(REFERENCE, within(3))), False),
        (every(AMOUNT, either(REFERENCE, PAYER)), True),
        (every(AMOUNT, {"key": "reference", "operand": "neq", "value": "reference"}), False),
    ],
)
def test_rules_of_amounts_and_dates_alone_may_never_accept(filters, may):
    assert may_accept(parse_rule({"filters": filters})) is may


def test_a_number_or_a_day_in_the_metadata_says_no_more_than_an_amount():
    for kind, may in (("number", False), ("date", False), ("string", True)):
        fee = eq("metadata.fee", transforms={"key": "lowercase", "value": "lowercase"})
        for leaf in (eq("metadata.fee"), fee):
            rule = {"filters": every(AMOUNT, leaf), "metadata_types": {"fee": kind}}
            assert may_accept(parse_rule(rule)) is may


def test_a_rule_that_offers_parts_may_never_accept():
    assert not may_accept(parse_rule({"filters": every(REFERENCE), "on_difference": "suggest_partial"}))
