"""A trial as the body of a rule in the rule language, as `parse_rule` takes it. Used by `dry_run` and `search`."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

from rules.engine.cold_start.forms import PREFERENCE, Chain, Form
from rules.engine.cold_start.pool import Window
from rules.engine.cold_start.tolerances import EQUAL, TOLERANCES, Tolerance
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


def pair_of(body: Body) -> tuple[Form | None, Tolerance, Window] | None:
    """What `pair_body` was given for this body; None for any other: a person has changed it."""
    leaves = body["filters"].get("rules") or []
    window = leaves[-1].get("days") if leaves and isinstance(leaves[-1], dict) else None
    if window is None or len(leaves) not in (2, 3):
        return None
    forms = [None] if len(leaves) == 2 else _forms_of(leaves[0])
    for form, tolerance, magnitude in product(forms, (EQUAL, *TOLERANCES), (True, False)):
        own = pair_body(form, tolerance, (window[0], window[1]), magnitude=magnitude)
        if all(body.get(name) == own[name] for name in own) and not body.get("group_by"):
            return form, tolerance, (window[0], window[1])
    return None


def _forms_of(leaf: dict[str, Any]) -> list[Form | None]:
    return [Form(str(leaf.get("key")), str(leaf.get("value")), chain) for chain in PREFERENCE]


def likeness(body: Body) -> str:
    """What rules have in common that differ in nothing but numbers: days, tolerance, lookback. A text."""
    shape = [body["cardinality"], list(body.get("group_by") or []), _without_numbers(body["filters"])]
    return json.dumps(shape, sort_keys=True)


def _without_numbers(node: Any) -> Any:
    if isinstance(node, list):
        return [_without_numbers(one) for one in node]
    if not isinstance(node, dict):
        return node
    return {
        key: "some" if key in ("days", "tolerance_amount", "tolerance_unit") else _without_numbers(value)
        for key, value in node.items()
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
