"""A tree of conditions as rows of a form, and back. Trees that rows cannot say are edited as JSON. Pure.

The rows are an `and`; those of one alternative ("any of A") are an `or` within it. A tree nested deeper has no rows.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

ALTERNATIVES = ("a", "b", "c")
LEAF_KEYS = frozenset(
    {"key", "operand", "value", "tolerance_amount", "tolerance_unit", "transforms", "days", "min_score"}
)
SCOPE_KEYS = frozenset({"side", "field", "operand", "literal"})
AMONG = frozenset({"in", "not_in"})
"""Of one side: the literal is a list, with commas between in its input."""

MONEY = frozenset({"amount", "signed_amount", "effect"})
STEP = re.compile(r"(\w+)\s*(?:\(\s*(\d{1,6})\s*\)|\s(\d{1,6}))?")
WINDOW = re.compile(r"\s*([-+]?\d{1,6})\s*(?:\.\.|…|,|to)\s*([-+]?\d{1,6})\s*")
ROWS_MAX = 60


@dataclass
class Row:
    """A condition between both sides, as texts of inputs."""

    part: str = ""  # empty: must hold; else which alternative it belongs to
    key: str = ""
    operand: str = "eq"
    value: str = ""
    room: str = ""
    unit: str = ""
    key_steps: str = ""
    value_steps: str = ""
    errors: list[str] = dataclasses.field(default_factory=list)
    path: tuple[str | int, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.key.strip() or self.value.strip())

    def node(self) -> dict[str, Any]:
        leaf: dict[str, Any] = {"key": self.key.strip(), "operand": self.operand, "value": self.value.strip()}
        leaf |= _room(self.room.strip(), self.unit)
        steps = {"key": _steps(self.key_steps), "value": _steps(self.value_steps)}
        given = {side: chain for side, chain in steps.items() if chain}
        return {**leaf, "transforms": given} if given else leaf


@dataclass
class Scope:
    """A condition on one side alone."""

    part: str = ""
    side: str = "a"
    field: str = ""
    operand: str = "eq"
    literal: str = ""
    errors: list[str] = dataclasses.field(default_factory=list)
    path: tuple[str | int, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.field.strip() or self.literal.strip())

    def node(self) -> dict[str, Any]:
        texts = self.literal.split(",") if self.operand in AMONG else [self.literal]
        found = [number(text.strip()) if self.field.strip() in MONEY else text.strip() for text in texts]
        literal: Any = found if self.operand in AMONG else found[0]
        return {"side": self.side, "field": self.field.strip(), "operand": self.operand, "literal": literal}


INPUTS = {
    kind: [one.name for one in fields(kind) if one.name not in ("errors", "path")] for kind in (Row, Scope)
}


def number(text: str) -> Any:
    """A whole or decimal number as JSON has it; any other text as it is, for the parser to say what is wrong with it."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        found = float(text)
    except ValueError:
        return text
    return found if abs(found) < 1e18 else text


# --- rows to a tree -----------------------------------------------------------------------------------------------------


def tree_of(rows: list[Row], scopes: list[Scope]) -> dict[str, Any]:
    """The tree that the rows say; each row gets its path in it."""
    nodes: list[dict[str, Any]] = []
    groups: dict[str, tuple[int, list[dict[str, Any]]]] = {}
    said: list[Row | Scope] = [*rows, *scopes]
    for row in said:
        if row.is_empty:
            row.path = ()
        elif row.part not in ALTERNATIVES:
            row.path = ("filters", "rules", len(nodes))
            nodes.append(row.node())
        else:
            if row.part not in groups:
                groups[row.part] = (len(nodes), [])
                nodes.append({"operand": "or", "rules": groups[row.part][1]})
            place, inner = groups[row.part]
            row.path = ("filters", "rules", place, "rules", len(inner))
            inner.append(row.node())
    return {"operand": "and", "rules": nodes}


def _room(room: str, unit: str) -> dict[str, Any]:
    if unit == "month":
        return {"tolerance_unit": "month"}
    if unit == "window":
        found = WINDOW.fullmatch(room)
        return {"days": [int(found[1]), int(found[2])] if found else [room]}
    if unit == "score":
        return {"min_score": number(room)}
    return {"tolerance_amount": number(room), **({"tolerance_unit": unit} if unit else {})} if room else {}


def _steps(text: str) -> Any:
    """ "alphanumeric_only, first_n_chars(8)" as a chain; one step alone stands for itself."""
    chain: list[Any] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        found = STEP.fullmatch(part)
        n = found and (found[2] or found[3])
        chain.append({"name": found[1], "args": {"n": int(n)}} if found and n else part)
    return chain[0] if len(chain) == 1 else chain


# --- a tree to rows -----------------------------------------------------------------------------------------------------


def rows_of(tree: Any) -> tuple[list[Row], list[Scope]] | None:
    """The rows that say this tree; None where rows cannot."""
    if not isinstance(tree, dict) or not isinstance(tree.get("rules"), list):
        return None
    rows: list[Row] = []
    scopes: list[Scope] = []
    letters = iter(ALTERNATIVES)
    if tree.get("operand", "and") == "or":
        parts = [(next(letters), tree["rules"])]
    else:
        parts = []
        for node in tree["rules"]:
            if isinstance(node, dict) and isinstance(node.get("rules"), list):
                letter = next(letters, None)
                if letter is None or node.get("operand", "and") != "or":
                    return None
                parts.append((letter, node["rules"]))
            else:
                parts.append(("", [node]))
    for part, nodes in parts:
        for node in nodes:
            found = _row_of(node, part)
            if found is None:
                return None
            (rows if isinstance(found, Row) else scopes).append(found)  # type: ignore[arg-type]
    return (rows, scopes) if len(rows) + len(scopes) <= ROWS_MAX else None


def _row_of(node: Any, part: str) -> Row | Scope | None:
    if not isinstance(node, dict):
        return None
    if "side" in node:
        return _scope_of(node, part)
    transforms = node.get("transforms") or {}
    if not LEAF_KEYS.issuperset(node) or not isinstance(transforms, Mapping):
        return None
    room, unit = _room_of(node)
    return Row(
        part,
        str(node.get("key")),
        node.get("operand", "eq"),
        str(node.get("value")),
        room,
        unit,
        _text_of(transforms.get("key")),
        _text_of(transforms.get("value")),
    )


def _scope_of(node: Mapping[str, Any], part: str) -> Scope | None:
    literal, operand = node.get("literal"), node.get("operand", "eq")
    values = literal if isinstance(literal, list) else [literal]
    plain = all(isinstance(value, str | int | float) and not isinstance(value, bool) for value in values)
    among = operand in AMONG
    if not (SCOPE_KEYS.issuperset(node) and plain and among == isinstance(literal, list)):
        return None
    if among and any("," in str(value) or str(value) != str(value).strip() for value in values):
        return None
    return Scope(part, str(node["side"]), str(node.get("field")), operand, ", ".join(map(str, values)))


def _room_of(node: Mapping[str, Any]) -> tuple[str, str]:
    if node.get("tolerance_unit") == "month":
        return "", "month"
    if node.get("days"):
        return "..".join(map(str, node["days"])), "window"
    if node.get("min_score") is not None:
        return str(node["min_score"]), "score"
    amount = node.get("tolerance_amount")
    return ("", "") if amount is None else (str(amount), node.get("tolerance_unit") or "")


def _text_of(chain: Any) -> str:
    steps = chain if isinstance(chain, list) else [chain] if chain else []
    return ", ".join(_step_text(step) for step in steps)


def _step_text(step: Any) -> str:
    if not isinstance(step, dict):
        return str(step)
    n = (step.get("args") or {}).get("n")
    return f"{step.get('name')}({n})" if n is not None else str(step.get("name"))


READING_ORDER = ("side", "field", "key", "operand", "value", "literal", "rules")


def pretty(tree: Any) -> str:
    """As people read it: the database keeps an object's keys in no order of theirs."""
    return json.dumps(_in_reading_order(tree), indent=2, ensure_ascii=False)


def _in_reading_order(node: Any) -> Any:
    """Of trees that were checked, so no deeper than rules are."""
    if isinstance(node, list):
        return [_in_reading_order(each) for each in node]
    if not isinstance(node, dict):
        return node
    first = [key for key in READING_ORDER if key in node]
    return {key: _in_reading_order(node[key]) for key in [*first, *sorted(node.keys() - set(first))]}
