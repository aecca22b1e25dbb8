"""Metadata read by its declared type, lists and likeness: the oracle's pairs and groups, and each word's meaning."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from rules.engine import match, parse_rule
from rules.engine.texts import LIST_TEXT
from tests.rules.engine.books import Record, either, eq, every, frame
from tests.rules.engine.strategies import books, seeds, typed
from tests.rules.engine.test_one_to_one import hold_against_oracle
from tests.rules.engine.test_parse import errors_of
from tests.rules.engine.test_rollups import hold_against_oracle as hold_rollup_against_oracle

AMOUNT = eq("effect")
TYPES = {
    "no": "number",
    "total": "number",
    "due": "date",
    "at": "datetime",
    "paid": "boolean",
    "list": "string",
}


def leaf(key: str, operand: str, value: str, **more: Any) -> dict[str, Any]:
    return {"key": key, "operand": operand, "value": value, **more}


def scope(field: str, operand: str, literal: Any, side: str = "a", **more: Any) -> dict[str, Any]:
    return {"side": side, "field": field, "operand": operand, "literal": literal, **more}


CONDITIONS: dict[str, Any] = {
    "numbers": every(AMOUNT, eq("metadata.no")),
    "numbers near": every(eq("metadata.total", tolerance_amount=0.5)),
    "numbers by share": every(eq("metadata.total", tolerance_amount=34, tolerance_unit="percent"), AMOUNT),
    "a number above": every(AMOUNT, leaf("metadata.no", "gt", "metadata.total")),
    "an amount and a number": every(eq("amount", "metadata.total")),
    "an amount near a number": every(eq("metadata.total", "amount", tolerance_amount=0.5), eq("currency")),
    "days": every(AMOUNT, eq("metadata.due")),
    "days near": every(AMOUNT, eq("metadata.due", "date", tolerance_amount=1, tolerance_unit="day")),
    "days after": every(AMOUNT, eq("date", "metadata.due", days=[0, 2])),
    "months": every(AMOUNT, eq("metadata.due", "date", tolerance_unit="month")),
    "instants": every(AMOUNT, eq("metadata.at")),
    "an instant before": every(AMOUNT, leaf("metadata.at", "lt", "metadata.at")),
    "instants of near days": every(AMOUNT, eq("metadata.at", tolerance_amount=1, tolerance_unit="day")),
    "instants of a month": every(AMOUNT, eq("metadata.at", tolerance_unit="month")),
    "an instant and a day": every(AMOUNT, eq("metadata.at", "date")),
    "a day and an instant near it": every(
        AMOUNT, eq("metadata.due", "metadata.at", tolerance_amount=1, tolerance_unit="day")
    ),
    "true or false": every(AMOUNT, eq("metadata.paid")),
    "true and false": every(AMOUNT, leaf("metadata.paid", "neq", "metadata.paid")),
    "among": every(AMOUNT, leaf("reference", "in", "metadata.list")),
    "not among": every(AMOUNT, leaf("reference", "not_in", "metadata.list")),
    "among, written otherwise": every(
        AMOUNT,
        leaf("reference", "in", "metadata.list", transforms={"key": "lowercase", "value": "lowercase"}),
    ),
    "an amount among": every(eq("date"), leaf("amount", "in", "metadata.list")),
    "a day among": every(AMOUNT, leaf("date", "in", "metadata.list")),
    "a number among": every(AMOUNT, leaf("metadata.no", "in", "metadata.list")),
    "contains an element": every(AMOUNT, leaf("metadata.list", "contains", "reference")),
    "alike": every(AMOUNT, leaf("reference", "similar", "description", min_score=60)),
    "alike or equal": every(
        AMOUNT, either(eq("reference"), leaf("description", "similar", "description", min_score=55.5))
    ),
    "scopes of numbers": every(
        AMOUNT, scope("metadata.total", "gte", 1.5), scope("metadata.no", "in", ["7", -7], "b")
    ),
    "scopes of instants": every(
        AMOUNT,
        either(
            scope("metadata.at", "lt", "2026-04-01T00:00:00+00:00"),
            scope("metadata.at", "in", ["2026-04-02"]),
        ),
    ),
    "scopes of days": every(
        AMOUNT, scope("metadata.due", "not_in", ["2026-03-31"]), scope("date", "lte", "2026-04-02")
    ),
    "scopes of truth": every(
        AMOUNT, scope("metadata.paid", "eq", True), scope("metadata.paid", "neq", "true", "b")
    ),
    "scopes of amounts": every(
        eq("reference"), scope("amount", "in", [1, "2.50"]), scope("effect", "not_in", [-1], "b")
    ),
    "scopes of texts": every(
        AMOUNT,
        scope("reference", "not_in", ["R2", "7"]),
        scope("description", "has_token", "r-1", "b"),
        scope("reference", "token_in", "xy R-1", "b"),
    ),
    "a scope of likeness": every(AMOUNT, scope("description", "similar", "R-1 pay", min_score=60)),
}


@pytest.mark.parametrize("types", [TYPES, {}], ids=["typed", "text"])
@pytest.mark.parametrize("name", CONDITIONS)
@settings(max_examples=3, deadline=None)
@given(seed=seeds())
def test_typed_conditions_give_the_most_pairs_at_least_cost(
    name: str, types: dict[str, str], seed: int
) -> None:
    rule = {"filters": CONDITIONS[name], "metadata_types": types, "on_difference": "allow"}
    if types or not errors_without_types(rule):
        hold_against_oracle(rule, books(seed, typed))


def errors_without_types(rule: dict[str, Any]) -> bool:
    try:
        parse_rule(rule)
    except ValueError:
        return True
    return False


@settings(max_examples=5, deadline=None)
@given(seed=seeds())
def test_equal_numbers_are_one_group_however_written(seed: int) -> None:
    rule = {"filters": every(AMOUNT), "metadata_types": TYPES, "group_by": ["metadata.no", "metadata.paid"]}
    hold_against_oracle(rule, books(seed, typed))


ROLLUPS: dict[str, dict[str, Any]] = {
    "a number": {
        "filters": every(AMOUNT, eq("metadata.no")),
        "group_by": ["metadata.no"],
        "rollup": {"group_by_kind": "identifier"},
    },
    "declared days": {"filters": every(AMOUNT), "group_by": ["metadata.due", "metadata.no"], "rollup": {}},
    "days of instants": {
        "filters": every(AMOUNT),
        "group_by": ["metadata.at"],
        "rollup": {"lookback_days": 2, "date_field": "metadata.at"},
    },
}


@pytest.mark.parametrize("cardinality", ["many_to_one", "one_to_many"])
@pytest.mark.parametrize("name", ROLLUPS)
@settings(max_examples=4, deadline=None)
@given(seed=seeds())
def test_rollups_gather_by_typed_metadata(name: str, cardinality: str, seed: int) -> None:
    rule = {**ROLLUPS[name], "cardinality": cardinality, "metadata_types": TYPES}
    hold_rollup_against_oracle(rule, typed, seed)


def meets(rule: dict[str, Any], a: Record, b: Record) -> bool:
    return len(match(frame([a]), frame([b]), [parse_rule(rule)]).groups) == 1


def meta(**values: str) -> Record:
    return Record(1, metadata=tuple(values.items()))


@pytest.mark.parametrize(
    ("kind", "a", "b", "expected"),
    [
        ("number", "007", "7", True),
        ("string", "007", "7", False),
        ("number", "0.1", "0.10", True),
        ("number", "+1", "1", True),
        ("number", "0.000000000000000001", "0.000000000000000002", False),
        ("number", "12345678901234567890.1", "12345678901234567890.10", True),
        ("number", "12345678901234567890.1", "12345678901234567890.2", False),
        ("number", "1e3", "1e3", False),  # not plainly written: missing
        ("number", "1,000", "1,000", False),
        ("number", "0.1234567890123456789", "0.1234567890123456789", False),
        ("boolean", "True", "true", True),
        ("boolean", "1", "1", False),
        ("date", "2026-03-31", "2026-03-31", True),
        ("date", "2026-3-31", "2026-3-31", False),
        ("date", "2026-03-31T10:00:00Z", "2026-03-31", False),
        ("datetime", "2026-03-31T10:00:00Z", "2026-03-31 12:00+02:00", True),
        ("datetime", "2026-03-31T10:00:00.000001Z", "2026-03-31T10:00:00Z", False),
        ("datetime", "2026-03-31", "2026-03-31T00:00:00Z", True),
        ("datetime", "yesterday", "yesterday", False),
    ],
)
def test_metadata_is_read_by_its_type(kind: str, a: str, b: str, expected: bool) -> None:
    rule = {"filters": every(eq("effect"), eq("metadata.x")), "metadata_types": {"x": kind}}
    assert meets(rule, meta(x=a), meta(x=b)) is expected


def test_a_number_of_any_size_is_near_another_exactly() -> None:
    leaf = eq("metadata.x", tolerance_amount="0.000000000000000001")
    rule = {"filters": every(leaf), "metadata_types": {"x": "number"}}
    top = "99999999999999999999.99999999999999999"
    assert meets(rule, meta(x=top + "8"), meta(x=top + "9"))
    assert not meets(rule, meta(x=top + "7"), meta(x=top + "9"))


def test_transforms_see_typed_metadata_as_it_is_stored() -> None:
    rule = {
        "filters": every(
            eq("effect"), eq("metadata.x", transforms={"key": "digits_only", "value": "lowercase"})
        ),
        "metadata_types": {"x": "number"},
    }
    assert meets(rule, meta(x="007.0"), meta(x="0070"))
    assert not meets(rule, meta(x="7"), meta(x="07"))


LISTS = [
    ("R-1", '["R-1","R-2"]', True),
    ("R", '["R-1","R-2"]', False),
    ("a, b", '["a, b"]', True),
    ("a, b", "a, b", False),
    ("b", "a, b", True),
    ("b", "a,b,", True),
    ("b", "b", True),
    ("7", "[7, 8]", True),
    ("7.0", "[7.0]", True),
    ("true", "[true]", True),
    ("null", "[null]", False),
    ('say "x"', '["say \\"x\\""]', True),
    ("é", '["\\u00e9"]', True),
    ("[7", "[7, 8", True),  # no JSON: what stands between commas
    ("x", '[["x"]]', False),
    ("x", "[]", False),
    ("[]", "[]", False),
    ("x", '  ["x"]  ', True),
]


@pytest.mark.parametrize(("value", "listed", "expected"), LISTS)
def test_a_value_is_among_what_a_text_lists(value: str, listed: str, expected: bool) -> None:
    a, b = Record(1, reference=value), Record(1, description=listed)
    assert meets({"filters": every(AMOUNT, leaf("reference", "in", "description"))}, a, b) is expected
    assert meets({"filters": every(AMOUNT, leaf("reference", "not_in", "description"))}, a, b) is not expected


def test_an_array_contains_its_elements_and_a_text_its_parts() -> None:
    rule = {"filters": every(AMOUNT, leaf("description", "contains", "reference"))}
    array = Record(1, description='["INV-12","INV-3"]')
    assert meets(rule, array, Record(1, reference="INV-3"))
    assert not meets(rule, array, Record(1, reference="INV-1"))
    assert meets(rule, Record(1, description="[see INV-12]"), Record(1, reference="INV-1"))


def test_a_pattern_of_lists_takes_no_long_time_to_fail() -> None:
    assert LIST_TEXT.startswith("^")
    text = "[" + '"a",' * 20_000
    rule = {"filters": every(AMOUNT, leaf("reference", "in", "description"))}
    assert meets(rule, Record(1, reference='"a"'), Record(1, description=text))


@pytest.mark.parametrize(("score", "expected"), [(0, True), (66, True), (66.7, False), (100, False)])
def test_likeness_is_at_least_the_score(score: float, expected: bool) -> None:
    rule = {"filters": every(AMOUNT, leaf("reference", "similar", "description", min_score=score))}
    assert meets(rule, Record(1, reference="abc"), Record(1, description="abd")) is expected


def test_likeness_looks_at_words_in_any_order_and_at_case() -> None:
    rule = {"filters": every(AMOUNT, leaf("reference", "similar", "description", min_score=100))}
    assert meets(rule, Record(1, reference="GmbH ACME"), Record(1, description="ACME GmbH & Co."))
    assert not meets(rule, Record(1, reference="acme"), Record(1, description="ACME"))


def test_a_type_is_known_and_fits() -> None:
    paths = [
        path for path, _ in errors_of({"filters": every(AMOUNT), "metadata_types": {"x": "money", "y": []}})
    ]
    assert paths == [("metadata_types", "x"), ("metadata_types", "y")]
    assert errors_of({"filters": every(AMOUNT), "metadata_types": ["x"]})[0][0] == ("metadata_types",)


@pytest.mark.parametrize(
    ("node", "path", "words"),
    [
        (eq("metadata.no", "reference"), ("value",), "not comparable"),
        (leaf("metadata.paid", "gt", "metadata.paid"), ("operand",), "true or false"),
        (eq("metadata.paid", tolerance_amount=1), ("tolerance_unit",), "true or false"),
        (eq("metadata.no", tolerance_amount=1, tolerance_unit="day"), ("tolerance_unit",), "a number"),
        (eq("metadata.due", tolerance_amount=1, tolerance_unit="dollar"), ("tolerance_unit",), "a date"),
        (leaf("metadata.no", "contains", "metadata.no"), ("operand",), "texts"),
        (scope("metadata.no", "eq", "x"), ("literal",), "a number"),
        (scope("metadata.no", "eq", "0.1234567890123456789"), ("literal",), "18 decimals"),
        (scope("metadata.paid", "eq", "yes"), ("literal",), "true or false"),
        (scope("metadata.paid", "in", [True]), ("operand",), "true or false"),
        (scope("metadata.at", "eq", "noon"), ("literal",), "point in time"),
        (scope("metadata.due", "eq", "2026-3-1"), ("literal",), "a day"),
    ],
)
def test_a_type_that_does_not_fit_is_named_where_it_is(node: Any, path: tuple[str, ...], words: str) -> None:
    ((found, message),) = errors_of({"filters": every(AMOUNT, node), "metadata_types": TYPES})
    assert found == ("filters", "rules", 1, *path)
    assert words in message
