"""What a single condition means: borders of words, transforms, tolerances, missing values, currencies."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.engine import match, parse_rule
from rules.engine.comparators import leaf_holds
from rules.engine.sides import Side
from rules.engine.words import word_lineup
from tests.rules.engine.books import Record, eq, every, frame
from tests.rules.engine.oracle_conditions import TEXTS, token_in

HUGE = 9_000_000_000_000_000


def meets(rule: dict[str, Any], a: Record, b: Record) -> bool:
    return len(match(frame([a]), frame([b]), [parse_rule(rule)]).groups) == 1


def condition(**leaf: Any) -> dict[str, Any]:
    """The condition beside an equality of amounts, which leaves the pair as the only candidate."""
    return {"filters": every(eq("effect"), {"key": "reference", "value": "description", **leaf})}


TOKENS = [
    ("INV-701", "Payment INV-701 thanks", True),
    ("inv-701", "PAYMENT INV-701", True),
    ("INV-701", "INV-701", True),
    ("INV-701", "INV-7012", False),
    ("INV-701", "XINV-701", False),
    ("INV-701", "INV 701", False),
    ("701", "INV-701,702", True),
    ("701", "INV701", False),
    ("70", "701 70", True),  # the first place it occurs in is no word, the second is
    ("Zürich", "nach Zürich!", True),
    ("rich", "nach Zürich!", False),
    ("Ünal", "von ünal", True),
    ("7", "é7", False),
    ("7", "٣7", False),  # an Arabic digit is a digit
    ("#701", "abc #701", True),
    ("#701", "abc#701", False),
    ("a b", "x a b y", True),
    ("a b", "x a by", False),
    ("a.b", "axb", False),
    ("(1+1)", "is (1+1)?", True),
    ("--", "a -- b", False),  # no letter or digit: no word
    ("", "a", False),
    ("a", "", False),
]


@pytest.mark.parametrize(("word", "text", "expected"), TOKENS)
def test_a_value_stands_in_a_text_as_whole_words(word: str, text: str, expected: bool) -> None:
    assert (
        meets(condition(operand="token_in"), Record(1, reference=word), Record(1, description=text))
        is expected
    )
    mirrored = {
        "filters": every(eq("effect"), {"key": "description", "operand": "has_token", "value": "reference"})
    }
    assert meets(mirrored, Record(1, description=text), Record(1, reference=word)) is expected
    assert token_in(word, text) is expected


SIGNS = st.text(alphabet="aB7é- ,_", max_size=6)


@settings(max_examples=20, deadline=None)
@given(words=st.lists(SIGNS, max_size=8), texts=st.lists(SIGNS, max_size=8))
def test_words_are_found_by_index_as_by_looking(words: list[str], texts: list[str]) -> None:

    rule = parse_rule(condition(operand="token_in"))
    leaf = rule.filters.rules[1]
    a = Side(frame(Record(n, reference=word) for n, word in enumerate(words)))
    b = Side(frame(Record(n, description=text) for n, text in enumerate(texts)))
    rows_a, rows_b = np.arange(len(words)), np.arange(len(texts))
    keys = np.zeros(len(words), np.uint64), np.zeros(len(texts), np.uint64)
    lineup = word_lineup(leaf, a, b, rows_a, rows_b, *keys)
    seen = {
        (int(lineup.rows_a[place]), int(lineup.rows_b[at]))
        for place in range(len(lineup.lo))
        for at in range(lineup.lo[place], lineup.hi[place])
    }
    every_pair = [(one, other) for one in rows_a for other in rows_b]
    left, right = np.array(every_pair, np.int64).reshape(-1, 2).T
    holds = leaf_holds(leaf, a, b, left, right)
    assert [bool(one) for one in holds] == [token_in(words[i], texts[j]) for i, j in every_pair]
    assert {pair for pair, held in zip(every_pair, holds, strict=True) if held} <= seen


TRANSFORMS: list[Any] = [
    "lowercase",
    "uppercase",
    "alphanumeric_only",
    "digits_only",
    {"name": "first_n_chars", "args": {"n": 3}},
    {"name": "first_words", "args": {"n": 2}},
    ["alphanumeric_only", {"name": "first_n_chars", "args": {"n": 2}}],
    [{"name": "first_n_chars", "args": {"n": 2}}, "alphanumeric_only"],
]


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("text", ["AB-12 cd", "Éa 1-2", "--", "a", "ACME GmbH & Co. KG", " x"])
def test_transforms_change_both_sides_innermost_first(transform: Any, text: str) -> None:
    changed = text
    for one in transform if isinstance(transform, list) else [transform]:
        spec = one if isinstance(one, dict) else {"name": one}
        changed = TEXTS[spec["name"]](changed, spec.get("args", {}).get("n"))
    rule = condition(operand="eq", transforms={"key": transform})
    assert meets(rule, Record(1, reference=text), Record(1, description=changed)) is (changed != "")
    assert not meets(rule, Record(1, reference=text), Record(1, description=changed + "?"))


def test_a_transformed_amount_or_date_is_compared_as_text() -> None:
    first = {"name": "first_n_chars", "args": {"n": 2}}
    amounts = {"filters": every(eq("reference"), eq("amount", transforms={"key": first, "value": first}))}
    a, b = Record(1, effect=1234, reference="x"), Record(1, effect=1299, reference="x")
    assert meets(amounts | {"on_difference": "allow"}, a, b)
    year = {"key": {"name": "first_n_chars", "args": {"n": 4}}, "value": "digits_only"}
    years = {"filters": every(eq("effect"), eq("date", "reference", transforms=year))}
    assert meets(years, Record(1), Record(1, reference="y2026"))


@pytest.mark.parametrize(
    "operand", ["eq", "neq", "gt", "gte", "lt", "lte", "contains", "token_in", "has_token"]
)
def test_a_missing_value_makes_every_comparison_false(operand: str) -> None:
    rule = condition(operand=operand)
    for a, b in [("", "x"), ("x", ""), ("", "")]:
        assert not meets(rule, Record(1, reference=a), Record(1, description=b))


def test_a_null_is_missing_as_well() -> None:
    side = frame([Record(1)]).with_columns(reference=None)
    rule = parse_rule({"filters": every(eq("effect"), eq("reference"))})
    assert match(side, side, [rule]).groups.is_empty()
    rule = parse_rule({"filters": every(eq("effect"), eq("value_date", tolerance_amount=3))})
    assert match(frame([Record(1)]), frame([Record(1, value_day=0)]), [rule]).groups.is_empty()


def test_metadata_is_text() -> None:
    rule = {"filters": every(eq("effect"), eq("metadata.no", "metadata.number"))}
    a = Record(1, metadata=(("no", "007"),))
    assert meets(rule, a, Record(1, metadata=(("number", "007"),)))
    assert not meets(rule, a, Record(1, metadata=(("number", "7"),)))


@pytest.mark.parametrize(
    ("tolerance", "unit", "a", "b", "places", "expected"),
    [
        (0.5, "dollar", 1000, 1050, 2, True),
        (0.5, "dollar", 1000, 1051, 2, False),
        (1.5, "dollar", 1000, 1001, 0, True),  # a whole yen: 1.5 allows 1
        (1.5, "dollar", 1000, 1002, 0, False),
        (0.0015, "dollar", 1000, 1001, 3, True),
        (10, "percent", 1000, 900, 2, True),
        (10, "percent", 1000, 1101, 2, False),
        (10, "percent", 900, 1000, 2, False),  # percent of Side A's value
        (0.1, "percent", HUGE, HUGE + HUGE // 1000, 2, True),
        (0.1, "percent", HUGE, HUGE + HUGE // 1000 + 1, 2, False),
        (1e18, "dollar", 1, 10**17, 2, True),
        (0.5, "dollar", 2**63 - 51, 2**63 - 1, 2, True),
        (0.5, "dollar", 2**63 - 52, 2**63 - 1, 2, False),
        (50, "percent", 2**63 - 1, 2**62, 0, True),
        (50, "percent", 2**63 - 1, 2**62 - 1, 0, False),
    ],
)
def test_tolerances_of_amounts(
    tolerance: float, unit: str, a: int, b: int, places: int, expected: bool
) -> None:
    leaf = eq("amount", tolerance_amount=tolerance, tolerance_unit=unit)
    rule = {"filters": every(leaf), "must_balance": False}
    for sign in (1, -1):
        pair = (
            Record(1, effect=sign * a, decimal_places=places),
            Record(1, effect=sign * b, decimal_places=places),
        )
        assert meets(rule, *pair) is expected
        assert not meets({"filters": every(leaf)}, *pair)


def test_a_tolerance_never_joins_in_and_out() -> None:
    rule = {"filters": every(eq("amount", tolerance_amount=1)), "must_balance": False}
    assert not meets(rule, Record(1, effect=50), Record(1, effect=-50))
    outcome = match(
        frame([Record(1, effect=50)]),
        frame([Record(1, effect=-50)]),
        [parse_rule(rule)],
        sign_mode="magnitude",
    )
    assert outcome.groups["difference"].to_list() == [0]


def test_differences_are_side_a_less_side_b() -> None:
    partial = {"filters": every(eq("reference")), "on_difference": "suggest_partial"}
    a, b = frame([Record(1, effect=9000, reference="x")]), frame([Record(1, effect=7700, reference="x")])
    assert match(a, b, [parse_rule(partial)]).groups["difference"].to_list() == [1300]
    assert match(b, a, [parse_rule(partial)]).groups["difference"].to_list() == [-1300]
    against = {"filters": every(eq("reference")), "on_difference": "allow"}
    c = frame([Record(1, effect=-7700, reference="x")])
    assert match(a, c, [parse_rule(partial)]).groups.is_empty()
    assert match(a, c, [parse_rule(against)]).groups["difference"].to_list() == [16700]
    magnitude = match(a, c, [parse_rule(against)], sign_mode="magnitude")
    assert magnitude.groups["difference"].to_list() == [1300]


def test_currencies_and_their_decimals_are_always_equal() -> None:
    rule = {"filters": every(eq("effect"))}
    assert not meets(rule, Record(1), Record(1, currency="USD"))
    assert not meets(rule, Record(1), Record(1, decimal_places=0))


def test_amounts_beyond_any_float_stay_exact() -> None:
    rule = {"filters": every(eq("effect"))}
    assert meets(rule, Record(1, effect=-HUGE - 1), Record(1, effect=-HUGE - 1))
    assert not meets(rule, Record(1, effect=HUGE + 1), Record(1, effect=HUGE))


@pytest.mark.parametrize(
    ("scope", "inside", "outside"),
    [
        (
            {"side": "a", "field": "reference", "literal": "x"},
            Record(1, reference="x"),
            Record(1, reference="X"),
        ),
        (
            {"side": "a", "field": "description", "operand": "contains", "literal": "fee."},
            Record(1, description="a fee. of"),
            Record(1, description="a feed"),
        ),
        (
            {"side": "a", "field": "date", "operand": "gt", "literal": "2026-03-31"},
            Record(1, day=1),
            Record(1, day=0),
        ),
        (
            {"side": "a", "field": "amount", "operand": "lte", "literal": 1},
            Record(1, effect=-100),
            Record(1, effect=101),
        ),
        (
            {"side": "a", "field": "effect", "operand": "lt", "literal": -0.5},
            Record(1, effect=-51),
            Record(1, effect=-50),
        ),
        ({"side": "a", "field": "amount", "operand": "neq", "literal": 1.005}, Record(1, effect=100), None),
        ({"side": "a", "field": "amount", "literal": 1.005}, None, Record(1, effect=100)),
        (
            {"side": "a", "field": "amount", "operand": "gte", "literal": 1.005},
            Record(1, effect=101),
            Record(1, effect=100),
        ),
        ({"side": "a", "field": "direction", "literal": "debit"}, Record(1, effect=-1), Record(1, effect=1)),
    ],
)
def test_a_scope_filters_one_side(
    scope: dict[str, Any], inside: Record | None, outside: Record | None
) -> None:
    rule = {"filters": every(eq("effect"), scope)}
    for record, expected in ((inside, True), (outside, False)):
        if record is not None:
            assert meets(rule, record, Record(1, effect=record.effect)) is expected
