"""Whatever is sent as a rule, the answer is a rule that runs or a list of mistakes with their places; never anything else."""

from __future__ import annotations

from copy import deepcopy
from random import Random
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.engine import RuleError, RuleErrors, RuleSpec, columns_needed, match, parse_rule, validate_filters
from tests.rules.engine.books import Record, either, eq, every, frame, within

WORDS = [
    "key",
    "value",
    "operand",
    "rules",
    "side",
    "field",
    "literal",
    "transforms",
    "days",
    "name",
    "args",
    "n",
    "tolerance_amount",
    "tolerance_unit",
    "min_score",
    "filters",
    "group_by",
    "rollup",
    "group_by_kind",
    "lookback_days",
    "date_field",
    "cardinality",
    "score",
    "on_ambiguity",
    "on_difference",
    "must_balance",
    "metadata_types",
    "and",
    "or",
    "eq",
    "neq",
    "in",
    "not_in",
    "contains",
    "similar",
    "token_in",
    "date",
    "identifier",
    "amount",
    "effect",
    "reference",
    "value_date",
    "metadata.x",
    "metadata.",
    "x",
    "number",
    "datetime",
    "string",
    "boolean",
    "one_to_one",
    "many_to_one",
    "one_to_many",
    "best",
    "sole",
    "abstain",
    "refuse",
    "allow",
    "suggest_partial",
    "dollar",
    "percent",
    "day",
    "month",
    "a",
    "b",
    "lowercase",
    "first_n_chars",
    "2026-03-31",
    "12.5",
    "-1",
    "1e5",
    "true",
]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 99)
    | st.integers()
    | st.floats()
    | st.sampled_from(["", "\x00", "\ud800", "٣", "1_000", "9" * 5_000, *WORDS])
    | st.text(max_size=3)
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=2), inner, max_size=5)
    ),
    max_leaves=10,
)
RULES: list[dict[str, Any]] = [
    {"filters": every(eq("amount", tolerance_amount=0.5), within(3)), "must_balance": False},
    {
        "filters": every(eq("reference", transforms={"key": "lowercase", "value": ["digits_only"]})),
        "score": 0.5,
    },
    {
        "filters": every(
            eq("reference"),
            either(
                {"key": "metadata.x", "operand": "in", "value": "metadata.y"},
                {"key": "reference", "operand": "similar", "value": "description", "min_score": 80},
                {"side": "a", "field": "amount", "operand": "not_in", "literal": [1, "2.5"]},
            ),
        ),
        "metadata_types": {"x": "number", "y": "string"},
        "group_by": ["currency"],
        "on_ambiguity": "sole",
    },
    {
        "filters": every(eq("amount")),
        "cardinality": "many_to_one",
        "group_by": ["date", "metadata.x"],
        "rollup": {"lookback_days": 3, "date_field": "date", "group_by_kind": "date"},
        "on_difference": "allow",
    },
    {
        "filters": every(eq("effect"), eq("reference", "metadata.x")),
        "cardinality": "one_to_many",
        "group_by": ["metadata.x"],
        "rollup": {"group_by_kind": "identifier"},
    },
]


def hold(data: Any) -> None:
    """A rule, which then runs; or mistakes whose places are in what was sent, or name what is missing there."""
    read = rule_or_errors(data)
    if isinstance(read, RuleSpec):
        record = Record(1, 100, reference="r1", description="r1", metadata=(("x", "7"), ("y", "[7]")))
        side = all_columns(frame([record, Record(2, -50, 2)]), read)
        match(side, side, [read])
        return
    assert read
    for path, message in read:
        assert message.strip()
        assert all(isinstance(part, str) or type(part) is int for part in path)
        assert reached(data, path) >= len(path) - 1


def rule_or_errors(data: Any) -> RuleSpec | list[RuleError]:
    try:
        return parse_rule(data)
    except RuleErrors as refusal:
        return refusal.errors


def all_columns(side: Any, rule: RuleSpec) -> Any:
    """A frame with every metadata column that the rule names."""
    wanted = set().union(*columns_needed([rule])) - set(side.columns)
    return side.with_columns(pl.lit("1").alias(name) for name in sorted(wanted))


def reached(data: Any, path: tuple[str | int, ...]) -> int:
    """How many steps of a path are there in the data."""
    for steps, part in enumerate(path):
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return steps
    return len(path)


@settings(max_examples=120, deadline=None)
@given(data=JSON)
def test_anything_is_a_rule_or_refused(data: Any) -> None:
    hold(data)
    hold({"filters": data})
    assert isinstance(validate_filters(data, data if isinstance(data, dict) else None), list)


@settings(max_examples=200, deadline=None)
@given(base=st.sampled_from(RULES), seed=st.integers(0, 2**32), piece=JSON, twice=JSON)
def test_a_rule_with_something_else_in_one_place_is_a_rule_or_refused(
    base: dict[str, Any], seed: int, piece: Any, twice: Any
) -> None:
    rng, rule = Random(seed), deepcopy(base)
    for new in (piece, twice)[: rng.randint(1, 2)]:
        put(rng, rule, new)
    hold(rule)


def put(rng: Random, data: Any, new: Any) -> None:
    """Something else at a random place, or a word beside."""
    inside = data
    while True:
        places = list(inside) if isinstance(inside, dict) else list(range(len(inside)))
        if not places:
            return
        place = rng.choice(places)
        if isinstance(inside[place], dict | list) and inside[place] and rng.random() < 0.8:
            inside = inside[place]
        else:
            break
    if isinstance(inside, dict) and rng.random() < 0.3:
        inside[rng.choice(WORDS)] = new
    else:
        inside[place] = new


@pytest.mark.parametrize("rule", RULES)
def test_the_rules_that_are_spoilt_here_are_rules(rule: dict[str, Any]) -> None:
    assert isinstance(parse_rule(rule), RuleSpec)
