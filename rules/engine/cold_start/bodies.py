"""A trial as the body of a rule in the rule language, as `parse_rule` takes it. Used by `dry_run` and `search`."""

from __future__ import annotations

from typing import Any

from rules.engine.cold_start.forms import Chain, Form
from rules.engine.cold_start.near import EQUAL, Tolerance
from rules.engine.cold_start.pool import Window
from rules.engine.tree import Transform

Body = dict[str, Any]


def pair_body(form: Form | None, tolerance: Tolerance, window: Window, *, magnitude: bool) -> Body:
    """A rule for pairs that are each other's only candidate."""
    leaves = [] if form is None else [text_leaf(form)]
    leaves.append(amount_leaf(tolerance, magnitude=magnitude))
    leaves.append({"key": "date", "operand": "eq", "value": "date", "days": list(window)})
    return {
        "cardinality": "one_to_one",
        "filters": {"operand": "and", "rules": leaves},
        "on_ambiguity": "sole",
    }


def group_body(form: Form, *, many_is_a: bool, lookback: int | None, magnitude: bool) -> Body:
    """A rule for records of one identifier that add up to one record of the other side."""
    rollup: dict[str, Any] = {"group_by_kind": "identifier"}
    if lookback is not None:
        rollup |= {"lookback_days": lookback, "date_field": "date"}
    leaves = [text_leaf(form), amount_leaf(EQUAL, magnitude=magnitude)]
    return {
        "cardinality": "many_to_one" if many_is_a else "one_to_many",
        "filters": {"operand": "and", "rules": leaves},
        "group_by": [form.field_a if many_is_a else form.field_b],
        "rollup": rollup,
    }


def amount_leaf(tolerance: Tolerance, *, magnitude: bool) -> dict[str, Any]:
    field = "amount" if magnitude else "effect"
    return {"key": field, "operand": "eq", "value": field, **tolerance.leaf}


def text_leaf(form: Form) -> dict[str, Any]:
    leaf: dict[str, Any] = {"key": form.field_a, "operand": "eq", "value": form.field_b}
    if form.chain:
        leaf["transforms"] = {"key": _transforms(form.chain), "value": _transforms(form.chain)}
    return leaf


def _transforms(chain: Chain) -> list[Any]:
    return [_transform(one) for one in chain]


def _transform(one: Transform) -> Any:
    return {"name": one.name, "args": {"n": one.n}} if one.n else one.name
