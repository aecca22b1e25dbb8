"""A rule's row as data to a rule that can run, with every mistake named by its path. Called by rules' services and
the API. What the language has and this engine cannot run yet is refused, never ignored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from rules.engine.fields import kind_of, kind_of_field
from rules.engine.parse_tree import MAX_DAYS, NOT_YET, ErrorList, parse_filters, parse_number
from rules.engine.plan import MAX_ALTERNATIVES, Alternative, TooManyAlternatives, alternatives
from rules.engine.tree import (
    Cardinality,
    Group,
    Leaf,
    OnAmbiguity,
    OnDifference,
    Rollup,
    RuleError,
    RuleErrors,
    RuleSpec,
)

MAX_GROUP_BY = 5
Word = TypeVar("Word")


def parse_rule(data: Mapping[str, Any]) -> RuleSpec:
    """A rule that can run. Raises RuleErrors with everything that is wrong.

    Keys read: ref, filters, cardinality, group_by, rollup, score, on_ambiguity, on_difference, must_balance; any other
    key belongs to the caller.
    """
    errors = ErrorList()
    filters = parse_filters(data.get("filters"), errors)
    cardinality = _choice(data, "cardinality", get_args(Cardinality), "one_to_one", errors)
    on_difference = _choice(data, "on_difference", get_args(OnDifference), "refuse", errors)
    on_ambiguity = _choice(data, "on_ambiguity", get_args(OnAmbiguity), "best", errors)
    group_by = _group_by(data.get("group_by"), errors)
    rollup = _rollup(data.get("rollup"), cardinality, group_by, errors)
    score = _score(data.get("score"), errors)
    must_balance = data.get("must_balance", True)
    if not isinstance(must_balance, bool):
        errors.add(("must_balance",), "must_balance is true or false.")
    if cardinality != "one_to_one" and on_difference != "refuse":
        errors.add(("on_difference",), f'"{on_difference}" with a rollup {NOT_YET}; use "refuse".')
    if cardinality != "one_to_one" and on_ambiguity != "best":
        errors.add(("on_ambiguity",), f'"{on_ambiguity}" with a rollup {NOT_YET}; use "best".')
    if filters is not None:
        _check_tree(filters, cardinality, group_by, errors)
    if errors or filters is None:
        raise RuleErrors(errors)
    balanced = must_balance and on_difference == "refuse"
    return RuleSpec(
        data.get("ref"), filters, cardinality, group_by, rollup, score, on_ambiguity, on_difference, balanced
    )


def validate_filters(filters: Any) -> list[RuleError]:
    """What is wrong with the conditions of a one-to-one rule; empty if it can run."""
    errors = ErrorList()
    tree = parse_filters(filters, errors)
    if tree is not None:
        _check_tree(tree, "one_to_one", (), errors)
    return list(errors)


def _choice(
    data: Mapping[str, Any], name: str, words: tuple[Word, ...], default: Word, errors: ErrorList
) -> Word:
    given = data.get(name, default)
    for word in words:
        if given == word:
            return word
    errors.add((name,), f"{name} is one of {', '.join(map(str, words))}, not {given!r}.")
    return default


def _score(data: Any, errors: ErrorList) -> float:
    score = parse_number(1 if data is None else data)
    if score is None or not 0 <= score <= 1:
        errors.add(("score",), "score is a number from 0 to 1.")
        return 0.0
    return float(score)


def _group_by(data: Any, errors: ErrorList) -> tuple[str, ...]:
    if data is None:
        return ()
    if not isinstance(data, list | tuple) or len(data) > MAX_GROUP_BY:
        errors.add(("group_by",), f"group_by is a list of at most {MAX_GROUP_BY} field names.")
        return ()
    for place, field in enumerate(data):
        if not isinstance(field, str) or kind_of_field(field) is None:
            errors.add(("group_by", place), f"There is no field {field!r}.")
        elif field in data[:place]:
            errors.add(("group_by", place), f"{field} is named twice.")
    return tuple(field for field in data if isinstance(field, str))


def _rollup(data: Any, cardinality: str, group_by: tuple[str, ...], errors: ErrorList) -> Rollup | None:
    if cardinality == "one_to_one":
        if data is not None:
            errors.add(("rollup",), "A one_to_one rule has no rollup; many_to_one and one_to_many have.")
        return None
    if not isinstance(data, Mapping):
        errors.add(
            ("rollup",), f'A {cardinality} rule needs a rollup such as {{"group_by_kind": "identifier"}}.'
        )
        return None
    known = {"group_by_kind", "lookback_days", "date_field"}
    for name in data:
        if name not in known:
            errors.add(
                ("rollup", str(name)), f"{str(name)!r} is not known here. Known: {', '.join(sorted(known))}."
            )
    kind = data.get("group_by_kind", "date")
    if kind == "date":
        errors.add(("rollup", "group_by_kind"), f'A rollup by date windows {NOT_YET}; use "identifier".')
    elif kind != "identifier":
        errors.add(("rollup", "group_by_kind"), f'group_by_kind is "date" or "identifier", not {kind!r}.')
    if not group_by:
        errors.add(("group_by",), "A rollup by identifier needs at least one field in group_by.")
    return _lookback(data, errors)


def _lookback(data: Mapping[str, Any], errors: ErrorList) -> Rollup:
    lookback, field = data.get("lookback_days"), data.get("date_field")
    if (lookback is None) != (field is None):
        errors.add(("rollup",), "lookback_days and date_field come together, or neither.")
    if lookback is not None and (type(lookback) is not int or not 1 <= lookback <= MAX_DAYS):
        errors.add(("rollup", "lookback_days"), f"lookback_days is a whole number from 1 to {MAX_DAYS}.")
        lookback = None
    if field is not None and (not isinstance(field, str) or kind_of_field(field) != "date"):
        errors.add(("rollup", "date_field"), "date_field is date or value_date.")
        field = None
    return Rollup(lookback, field or "date")


def _check_tree(filters: Group, cardinality: str, group_by: tuple[str, ...], errors: ErrorList) -> None:
    """What only the whole tree can say: how many alternatives it has, and whether each narrows the search."""
    try:
        found = alternatives(filters)
    except TooManyAlternatives:
        errors.add(
            ("filters",),
            f"Written out, the or-groups make more than {MAX_ALTERNATIVES} alternatives. Use fewer, or several rules.",
        )
        return
    if cardinality != "one_to_one":
        _check_rollup_tree(found, cardinality, group_by, errors)
    elif not all(alternative.is_selective or _narrows(group_by) for alternative in found):
        errors.add(
            ("filters",),
            "Too broad: every alternative needs a field that must be equal on both sides (other than currency and "
            "direction), or an amount or date within a tolerance. Else every record would meet every other.",
        )


def _narrows(group_by: tuple[str, ...]) -> bool:
    return bool(set(group_by) - {"currency", "direction"})


def _check_rollup_tree(
    found: tuple[Alternative, ...], cardinality: str, group_by: tuple[str, ...], errors: ErrorList
) -> None:
    if len(found) > 1:
        errors.add(("filters",), f"An or-group in a rule with a rollup {NOT_YET}; write two rules.")
        return
    leaves = found[0].leaves
    if not any(_is_amount(leaf) for leaf in leaves):
        errors.add(
            ("filters",),
            "A rollup needs a condition on the amount: the sum that must meet the single record.",
        )
    if not any(_points(leaf, cardinality, group_by) for leaf in leaves):
        errors.add(
            ("filters",),
            "A rollup needs an equality on a field of group_by (without currency and direction): it says which group "
            "the single record may meet.",
        )


def _is_amount(leaf: Leaf) -> bool:
    return leaf.operand == "eq" and kind_of(leaf.key) == "money"


def _points(leaf: Leaf, cardinality: str, group_by: tuple[str, ...]) -> bool:
    many = leaf.key if cardinality == "many_to_one" else leaf.value
    exact = leaf.operand == "eq" and leaf.tolerance is None and leaf.days is None
    return exact and many.field in set(group_by) - {"currency", "direction"}
