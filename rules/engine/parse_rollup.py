"""What only rules with a rollup say: which records are gathered, over which days, and what their sum must meet. Called by
`parse`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rules.engine.fields import kind_of
from rules.engine.parse_tree import MAX_DAYS
from rules.engine.parse_values import Reading, no_other_keys, parse_field, shown
from rules.engine.plan import NOT_SELECTIVE, Alternative
from rules.engine.tree import Leaf, Rollup

MAX_GROUP_BY = 5
DAYS = frozenset({"date", "instant"})


def parse_group_by(data: Any, reading: Reading) -> tuple[str, ...]:
    if data is None:
        return ()
    if not isinstance(data, list | tuple) or len(data) > MAX_GROUP_BY:
        reading.wrong(("group_by",), f"group_by is a list of at most {MAX_GROUP_BY} field names.")
        return ()
    found: list[str] = []
    for place, one in enumerate(data):
        name = parse_field(one, ("group_by", place), reading)
        if name in found:
            reading.wrong(("group_by", place), f"{name} is named twice.")
        elif name is not None:
            found.append(name)
    return tuple(found)


def parse_rollup(
    data: Any, cardinality: str, group_by: tuple[str, ...], reading: Reading
) -> tuple[Rollup | None, tuple[str, ...]]:
    """The rollup, and `group_by` as it is then: a rollup by date without one gathers by its date field."""
    if cardinality == "one_to_one":
        if data is not None:
            reading.wrong(("rollup",), "A one_to_one rule has no rollup; many_to_one and one_to_many have.")
        return None, group_by
    if not isinstance(data, Mapping):
        reading.wrong(
            ("rollup",), f'A {cardinality} rule needs a rollup such as {{"group_by_kind": "identifier"}}.'
        )
        return None, group_by
    no_other_keys(data, frozenset({"group_by_kind", "lookback_days", "date_field"}), ("rollup",), reading)
    kind = data.get("group_by_kind", "date")
    lookback, date_field = _lookback(data, reading)
    if kind == "date":
        group_by = group_by or (date_field or "date",)
        _check_days(group_by[0], date_field, reading)
        return Rollup(lookback, group_by[0], "date"), group_by
    if kind != "identifier":
        reading.wrong(
            ("rollup", "group_by_kind"), f'group_by_kind is "date" or "identifier", not {shown(kind)}.'
        )
    elif not group_by:
        reading.wrong(("group_by",), "A rollup by identifier needs at least one field in group_by.")
    return Rollup(lookback, date_field or "date"), group_by


def _lookback(data: Mapping[str, Any], reading: Reading) -> tuple[int | None, str | None]:
    lookback, name = data.get("lookback_days"), data.get("date_field")
    if (lookback is None) != (name is None):
        reading.wrong(("rollup",), "lookback_days and date_field come together, or neither.")
    if lookback is not None and (type(lookback) is not int or not 1 <= lookback <= MAX_DAYS):
        reading.wrong(("rollup", "lookback_days"), f"lookback_days is a whole number from 1 to {MAX_DAYS}.")
        lookback = None
    if name is None:
        return lookback, None
    path = ("rollup", "date_field")
    if (field := parse_field(name, path, reading)) is None:
        return lookback, None
    if reading.kind_of_field(field) not in DAYS:
        reading.wrong(
            path, f"date_field is date, value_date or metadata declared as a date; {field} is no date."
        )
        return lookback, None
    return lookback, field


def _check_days(first: str, date_field: str | None, reading: Reading) -> None:
    if reading.kind_of_field(first) not in DAYS:
        reading.wrong(
            ("group_by", 0),
            f"A rollup by date gathers days: the first field of group_by is a date, and {first} is none. "
            'For records of one identifier write "group_by_kind": "identifier".',
        )
    elif date_field not in (None, first):
        reading.wrong(
            ("rollup", "date_field"),
            f"A rollup by date looks back over the days that it gathers: date_field is {first} here, the first "
            "field of group_by.",
        )


def check_difference(cardinality: str, on_difference: str, reading: Reading) -> None:
    if cardinality != "one_to_one" and on_difference == "suggest_partial":
        reading.wrong(
            ("on_difference",),
            '"suggest_partial" is for one_to_one rules: it covers a part of one record, and a rollup takes its '
            'records whole. Use "refuse", or "allow" with a tolerance on the amount.',
        )


def check_rollup_tree(
    found: tuple[Alternative, ...], cardinality: str, kind: str, group_by: tuple[str, ...], reading: Reading
) -> None:
    """Every alternative says what the sum must meet, and of an identifier's which group is meant."""
    if not all(any(map(is_sum, alternative.leaves)) for alternative in found):
        reading.wrong(
            ("filters",),
            "A rollup needs a condition on the amount (in every alternative): the sum that must meet the single record.",
        )
    if kind == "identifier" and not all(
        any(_points(leaf, cardinality, group_by) for leaf in alternative.leaves) for alternative in found
    ):
        reading.wrong(
            ("filters",),
            "A rollup needs an equality on a field of group_by (without currency and direction; in every "
            "alternative): it says which group the single record may meet.",
        )


def is_sum(leaf: Leaf) -> bool:
    """Whether a condition is on the sum: an amount that equals an amount."""
    return leaf.operand == "eq" and kind_of(leaf.key) == "money"


def _points(leaf: Leaf, cardinality: str, group_by: tuple[str, ...]) -> bool:
    many = leaf.key if cardinality == "many_to_one" else leaf.value
    return leaf.is_exact and many.field in set(group_by) - NOT_SELECTIVE
