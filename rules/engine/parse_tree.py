"""The tree of conditions: JSON to typed groups, leaves and scopes, each mistake named by its path. Called by `parse`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

from rules.engine.fields import CALENDAR_MONTH, Kind, kind_of
from rules.engine.parse_values import (
    KIND_NAMES,
    MAX_LITERALS,
    Reading,
    no_other_keys,
    parse_field,
    parse_literal,
    parse_min_score,
    parse_number,
    parse_value,
    shown,
)
from rules.engine.tree import Form, Group, Leaf, Literals, Node, Path, Scope, Tolerance, Value, form_of

MAX_DEPTH = 10
MAX_CONDITIONS = 200
MAX_DAYS = 36_600  # a hundred years: beyond it a window is a mistake

COMPARATORS = (
    "eq",
    "neq",
    "gt",
    "gte",
    "lt",
    "lte",
    "contains",
    "token_in",
    "has_token",
    "in",
    "not_in",
    "similar",
)
TEXT_ONLY = frozenset({"contains", "token_in", "has_token", "similar"})
AMONG = frozenset({"in", "not_in"})
UNITS: dict[str, frozenset[Kind]] = {
    "dollar": frozenset({"money", "number"}),
    "percent": frozenset({"money", "number"}),
    "day": frozenset({"date"}),
    "month": frozenset({"date"}),
}
LEAF_KEYS = frozenset(
    {"key", "operand", "value", "tolerance_amount", "tolerance_unit", "transforms", "days", "min_score"}
)
SCOPE_KEYS = frozenset({"side", "field", "operand", "literal", "min_score"})


def parse_filters(data: Any, reading: Reading) -> Group | None:
    """The whole tree; None if anything is wrong with it. A bare condition is taken as a group of one."""
    path: Path = ("filters",)
    before = reading.count
    if isinstance(data, Mapping) and "rules" not in data and ("key" in data or "side" in data):
        node = _node(data, path, 1, reading)
        tree = None if node is None else Group("and", (node,))
    elif not isinstance(data, Mapping):
        reading.wrong(path, 'filters is a group of conditions: {"operand": "and", "rules": […]}.')
        return None
    else:
        tree = _group(data, path, 1, reading)
    if reading.count > before or tree is None:
        return None
    if (count := _count(tree)) > MAX_CONDITIONS:
        reading.wrong(path, f"The rule has {count} conditions; at most {MAX_CONDITIONS} are allowed.")
        return None
    return tree


def _count(node: Node) -> int:
    return sum(map(_count, node.rules)) if isinstance(node, Group) else 1


def _node(data: Any, path: Path, depth: int, reading: Reading) -> Node | None:
    if not isinstance(data, Mapping):
        reading.wrong(
            path, 'A condition is an object such as {"key": "amount", "operand": "eq", "value": "amount"}.'
        )
        return None
    shapes = [name for name in ("rules", "key", "side") if name in data]
    if len(shapes) != 1:
        reading.wrong(
            path,
            'A condition has "rules" (a group), or "key" and "value" (both sides), or "side" (one side alone): '
            f"exactly one of them, and this has {', '.join(shapes) or 'none'}.",
        )
        return None
    if shapes == ["rules"]:
        return _group(data, path, depth, reading)
    return _leaf(data, path, reading) if shapes == ["key"] else _scope(data, path, reading)


def _group(data: Mapping[str, Any], path: Path, depth: int, reading: Reading) -> Group | None:
    no_other_keys(data, frozenset({"operand", "rules"}), path, reading)
    if depth > MAX_DEPTH:
        reading.wrong(path, f"Groups are nested deeper than {MAX_DEPTH} levels.")
        return None
    operand = data.get("operand", "and")
    if operand not in ("and", "or"):
        reading.wrong((*path, "operand"), f'The operand of a group is "and" or "or", not {shown(operand)}.')
    rules = data.get("rules")
    if not isinstance(rules, list) or not rules:
        reading.wrong(
            (*path, "rules"),
            "A group needs a list of at least one condition: an empty one would match everything.",
        )
        return None
    nodes = [_node(rule, (*path, "rules", place), depth + 1, reading) for place, rule in enumerate(rules)]
    found = tuple(node for node in nodes if node is not None)
    return Group("or" if operand == "or" else "and", found) if len(found) == len(nodes) else None


def _leaf(data: Mapping[str, Any], path: Path, reading: Reading) -> Leaf | None:
    before = reading.count
    no_other_keys(data, LEAF_KEYS, path, reading)
    operand = _operand(data, path, reading)
    transforms = data.get("transforms")
    if transforms is None:
        transforms = {}
    if not isinstance(transforms, Mapping):
        reading.wrong(
            (*path, "transforms"),
            'transforms is {"key": …, "value": …}: "key" for Side A, "value" for Side B.',
        )
        return None
    no_other_keys(transforms, frozenset({"key", "value"}), (*path, "transforms"), reading)
    key = parse_value(data.get("key"), transforms.get("key"), path, "key", reading)
    value = parse_value(data.get("value"), transforms.get("value"), path, "value", reading)
    if key is None or value is None or reading.count > before:
        return None
    key, value = _alike(key, value, operand, data)
    _check_kinds(key, value, operand, path, reading)
    if reading.count > before:
        return None
    days = _days(data, key, operand, path, reading)
    tolerance = _tolerance(data, key, operand, path, reading)
    min_score = parse_min_score(data, operand, path, reading)
    if reading.count > before:
        return None
    if tolerance == "month":
        return Leaf(_month(key), "eq", _month(value))
    return Leaf(key, operand, value, tolerance, days, min_score)


def _operand(data: Mapping[str, Any], path: Path, reading: Reading) -> str:
    operand = data.get("operand", "eq")
    if operand not in COMPARATORS:
        reading.wrong(
            (*path, "operand"),
            f"There is no comparison {shown(operand)}. Comparisons are {', '.join(COMPARATORS)}.",
        )
        return "eq"
    return str(operand)


def _alike(key: Value, value: Value, operand: str, data: Mapping[str, Any]) -> tuple[Value, Value]:
    """Both ends in the form in which they are compared: lists as texts, an amount beside a number in major units, a
    point in time beside a day, or within a tolerance, as its day (UTC)."""
    kinds = {kind_of(key), kind_of(value)}
    if operand in AMONG:
        return _in_form(key, "text"), _in_form(value, "text")
    if kinds == {"money", "number"}:
        return (_in_form(key, "major"), value) if kind_of(key) == "money" else (key, _in_form(value, "major"))
    by_day = any(data.get(name) is not None for name in ("days", "tolerance_amount", "tolerance_unit"))
    if kinds == {"instant", "date"} or (kinds == {"instant"} and by_day):
        return tuple(_in_form(end, "day") if kind_of(end) == "instant" else end for end in (key, value))  # type: ignore[return-value]
    return key, value


def _in_form(value: Value, form: Form) -> Value:
    return value if kind_of(value) == "text" else Value(value.field, (), form)


def _month(value: Value) -> Value:
    return Value(value.field, (CALENDAR_MONTH,), value.form)


def _check_kinds(key: Value, value: Value, operand: str, path: Path, reading: Reading) -> None:
    kinds = kind_of(key), kind_of(value)
    if operand in TEXT_ONLY and kinds != ("text", "text"):
        reading.wrong(
            (*path, "operand"),
            f'"{operand}" compares texts; {key.field} and {value.field} are not both texts.',
        )
    elif kinds[0] != kinds[1]:
        reading.wrong(
            (*path, "value"),
            f"{key.field} is {KIND_NAMES[kinds[0]]} and {value.field} is {KIND_NAMES[kinds[1]]}: not comparable.",
        )
    elif kinds[0] == "boolean" and operand not in ("eq", "neq"):
        reading.wrong((*path, "operand"), f'{key.field} is true or false: only "eq" and "neq" compare it.')


def _tolerance(
    data: Mapping[str, Any], key: Value, operand: str, path: Path, reading: Reading
) -> Tolerance | Literal["month"] | None:
    amount, unit = data.get("tolerance_amount"), data.get("tolerance_unit")
    if amount is None and unit is None:
        return None
    kind = kind_of(key)
    if unit is None:
        unit = {"money": "dollar", "number": "dollar", "date": "day"}.get(kind)
    where: Path = (*path, "tolerance_unit")
    if operand != "eq":
        reading.wrong((*path, "tolerance_amount"), f'A tolerance goes with "eq" only, not with "{operand}".')
    elif data.get("days") is not None:
        reading.wrong((*path, "days"), 'Either "days" or a tolerance, not both.')
    elif kind in ("text", "boolean"):
        reading.wrong(
            where,
            f"A tolerance is for amounts, numbers and dates; {key.field} is compared as {KIND_NAMES[kind]} here.",
        )
    elif not isinstance(unit, str) or unit not in UNITS:
        reading.wrong(where, f"There is no unit {shown(unit)}. Units are {', '.join(UNITS)}.")
    elif kind not in UNITS[unit]:
        reading.wrong(where, f'The unit "{unit}" does not fit {key.field}, which is {KIND_NAMES[kind]}.')
    elif unit == "month":
        return "month"
    else:
        return _tolerance_amount(amount, unit, (*path, "tolerance_amount"), reading)
    return None


def _tolerance_amount(amount: Any, unit: Any, path: Path, reading: Reading) -> Tolerance | None:
    number = parse_number(amount)
    if number is None or number <= 0:
        reading.wrong(path, "tolerance_amount is a number above 0.")
    elif unit == "day" and (number.denominator != 1 or number > MAX_DAYS):
        reading.wrong(path, f"A tolerance in days is a whole number of at most {MAX_DAYS}.")
    elif unit == "percent" and number >= 100:
        reading.wrong(path, "A tolerance in percent is below 100.")
    else:
        return Tolerance(unit, number)
    return None


def _days(
    data: Mapping[str, Any], key: Value, operand: str, path: Path, reading: Reading
) -> tuple[int, int] | None:
    days = data.get("days")
    if days is None:
        return None
    path = (*path, "days")
    if kind_of(key) != "date" or operand != "eq":
        reading.wrong(path, '"days" goes with "eq" between two dates.')
        return None
    whole = isinstance(days, list) and len(days) == 2 and all(type(day) is int for day in days)
    if not whole or not -MAX_DAYS <= days[0] <= days[1] <= MAX_DAYS:
        reading.wrong(
            path, '"days" is [from, to]: whole days that Side B may be after Side A, the smaller first.'
        )
        return None
    return days[0], days[1]


def _scope(data: Mapping[str, Any], path: Path, reading: Reading) -> Scope | None:
    before = reading.count
    no_other_keys(data, SCOPE_KEYS, path, reading)
    side = data.get("side")
    if side not in ("a", "b"):
        reading.wrong((*path, "side"), f'side is "a" or "b", not {shown(side)}.')
    operand = _operand(data, path, reading)
    name = parse_field(data.get("field"), (*path, "field"), reading)
    if name is None or reading.count > before:
        return None
    kind = reading.kind_of_field(name)
    if operand in TEXT_ONLY and kind != "text":
        reading.wrong((*path, "operand"), f'"{operand}" looks into texts; {name} is not a text.')
    if kind == "boolean" and operand not in ("eq", "neq"):
        reading.wrong((*path, "operand"), f'{name} is true or false: only "eq" and "neq" compare it.')
    literal = _literals(data.get("literal"), operand, kind, name, (*path, "literal"), reading)
    min_score = parse_min_score(data, operand, path, reading)
    if literal is None or reading.count > before:
        return None
    return Scope("a" if side == "a" else "b", name, operand, literal, form_of(name, reading.types), min_score)


def _literals(
    data: Any, operand: str, kind: Kind, name: str, path: Path, reading: Reading
) -> Literals | None:
    if operand not in AMONG:
        return parse_literal(data, kind, name, path, reading)
    if not isinstance(data, list) or not 1 <= len(data) <= MAX_LITERALS:
        reading.wrong(path, f'"{operand}" needs a list of 1 to {MAX_LITERALS} literals.')
        return None
    found = [parse_literal(one, kind, name, (*path, place), reading) for place, one in enumerate(data)]
    return cast(Literals, tuple(dict.fromkeys(found)))
