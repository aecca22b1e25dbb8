"""The tree of conditions: JSON to typed groups, leaves and scopes, each mistake named by its path. Called by `parse`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any, Literal

from rules.engine.fields import CALENDAR_MONTH, FIELDS, TRANSFORMS, WITH_N, kind_of, kind_of_field
from rules.engine.tree import Group, Leaf, Node, Path, RuleError, Scope, Tolerance, Transform, Value

MAX_DEPTH = 10
MAX_CONDITIONS = 200
MAX_DAYS = 36_600  # a hundred years: beyond it a window is a mistake
MAX_N = 10_000
NOT_YET = "is not supported yet"

COMPARATORS = ("eq", "neq", "gt", "gte", "lt", "lte", "contains", "token_in", "has_token")
TEXT_ONLY = frozenset({"contains", "token_in", "has_token"})
LATER = ("in", "not_in", "similar")
SCOPE_COMPARATORS = ("eq", "neq", "gt", "gte", "lt", "lte", "contains")
UNITS = {"dollar": "money", "percent": "money", "day": "date", "month": "date"}
LEAF_KEYS = frozenset({"key", "operand", "value", "tolerance_amount", "tolerance_unit", "transforms", "days"})
SCOPE_KEYS = frozenset({"side", "field", "operand", "literal"})


class ErrorList(list[RuleError]):
    def add(self, path: Path, message: str) -> None:
        self.append(RuleError(path, message))


def parse_filters(data: Any, errors: ErrorList) -> Group | None:
    """The whole tree; None if anything is wrong with it. A bare condition is taken as a group of one."""
    path: Path = ("filters",)
    before = len(errors)
    if isinstance(data, Mapping) and "rules" not in data and ("key" in data or "side" in data):
        node = _node(data, path, 1, errors)
        tree = None if node is None else Group("and", (node,))
    elif not isinstance(data, Mapping):
        errors.add(path, 'filters is a group of conditions: {"operand": "and", "rules": […]}.')
        return None
    else:
        tree = _group(data, path, 1, errors)
    if len(errors) > before or tree is None:
        return None
    if (count := _count(tree)) > MAX_CONDITIONS:
        errors.add(path, f"The rule has {count} conditions; at most {MAX_CONDITIONS} are allowed.")
        return None
    return tree


def _count(node: Node) -> int:
    return sum(map(_count, node.rules)) if isinstance(node, Group) else 1


def _node(data: Any, path: Path, depth: int, errors: ErrorList) -> Node | None:
    if not isinstance(data, Mapping):
        errors.add(
            path, 'A condition is an object such as {"key": "amount", "operand": "eq", "value": "amount"}.'
        )
        return None
    shapes = [name for name in ("rules", "key", "side") if name in data]
    if len(shapes) != 1:
        errors.add(
            path,
            'A condition has "rules" (a group), or "key" and "value" (both sides), or "side" (one side alone): '
            f"exactly one of them, and this has {', '.join(shapes) or 'none'}.",
        )
        return None
    if shapes == ["rules"]:
        return _group(data, path, depth, errors)
    return _leaf(data, path, errors) if shapes == ["key"] else _scope(data, path, errors)


def _group(data: Mapping[str, Any], path: Path, depth: int, errors: ErrorList) -> Group | None:
    _no_other_keys(data, frozenset({"operand", "rules"}), path, errors)
    if depth > MAX_DEPTH:
        errors.add(path, f"Groups are nested deeper than {MAX_DEPTH} levels.")
        return None
    operand = data.get("operand", "and")
    if operand not in ("and", "or"):
        errors.add((*path, "operand"), f'The operand of a group is "and" or "or", not {operand!r}.')
    rules = data.get("rules")
    if not isinstance(rules, list) or not rules:
        errors.add(
            (*path, "rules"),
            "A group needs a list of at least one condition: an empty one would match everything.",
        )
        return None
    nodes = [_node(rule, (*path, "rules", place), depth + 1, errors) for place, rule in enumerate(rules)]
    found = tuple(node for node in nodes if node is not None)
    return Group("or" if operand == "or" else "and", found) if len(found) == len(nodes) else None


def _leaf(data: Mapping[str, Any], path: Path, errors: ErrorList) -> Leaf | None:
    before = len(errors)
    _no_other_keys(data, LEAF_KEYS, path, errors)
    operand = data.get("operand", "eq")
    _check_operand(operand, COMPARATORS, path, errors)
    transforms = data.get("transforms") or {}
    if not isinstance(transforms, Mapping):
        errors.add(
            (*path, "transforms"),
            'transforms is {"key": …, "value": …}: "key" for Side A, "value" for Side B.',
        )
        return None
    _no_other_keys(transforms, frozenset({"key", "value"}), (*path, "transforms"), errors)
    key = _value(data, "key", transforms, path, errors)
    value = _value(data, "value", transforms, path, errors)
    if key is None or value is None or len(errors) > before:
        return None
    _check_kinds(key, value, operand, path, errors)
    days = _days(data, key, operand, path, errors)
    tolerance = _tolerance(data, key, operand, path, errors)
    if len(errors) > before:
        return None
    if tolerance == "month":
        month = (CALENDAR_MONTH,)
        return Leaf(Value(key.field, month), "eq", Value(value.field, month))
    return Leaf(key, operand, value, tolerance, days)


def _value(
    data: Mapping[str, Any], name: str, transforms: Mapping[str, Any], path: Path, errors: ErrorList
) -> Value | None:
    field = _field(data.get(name), (*path, name), errors)
    chain = _transforms(transforms.get(name), (*path, "transforms", name), errors)
    return None if field is None else Value(field, chain)


def _field(field: Any, path: Path, errors: ErrorList) -> str | None:
    if isinstance(field, str) and kind_of_field(field) is not None:
        return field
    errors.add(path, f"There is no field {field!r}. Fields are {', '.join(FIELDS)} and metadata.<key>.")
    return None


def _check_operand(operand: Any, allowed: tuple[str, ...], path: Path, errors: ErrorList) -> None:
    if operand in allowed:
        return
    if operand in LATER:
        errors.add((*path, "operand"), f'The comparison "{operand}" {NOT_YET}.')
    else:
        errors.add(
            (*path, "operand"), f"There is no comparison {operand!r}. Known here: {', '.join(allowed)}."
        )


def _check_kinds(key: Value, value: Value, operand: str, path: Path, errors: ErrorList) -> None:
    kinds = kind_of(key), kind_of(value)
    if operand in TEXT_ONLY and kinds != ("text", "text"):
        errors.add(
            (*path, "operand"),
            f'"{operand}" compares texts; {key.field} and {value.field} are not both texts.',
        )
    elif kinds[0] != kinds[1]:
        errors.add(
            (*path, "value"),
            f"{key.field} is {_name(kinds[0])} and {value.field} is {_name(kinds[1])}: not comparable.",
        )


def _name(kind: str) -> str:
    return {"money": "an amount", "date": "a date", "text": "a text"}[kind]


def _tolerance(
    data: Mapping[str, Any], key: Value, operand: str, path: Path, errors: ErrorList
) -> Tolerance | Literal["month"] | None:
    amount, unit = data.get("tolerance_amount"), data.get("tolerance_unit")
    if amount is None and unit is None:
        return None
    kind = kind_of(key)
    if unit is None:
        unit = {"money": "dollar", "date": "day"}.get(kind)
    where: Path = (*path, "tolerance_unit")
    if operand != "eq":
        errors.add((*path, "tolerance_amount"), f'A tolerance goes with "eq" only, not with "{operand}".')
    elif data.get("days") is not None:
        errors.add((*path, "days"), 'Either "days" or a tolerance, not both.')
    elif kind == "text":
        errors.add(where, f"A tolerance is for amounts and dates; {key.field} is compared as text here.")
    elif not isinstance(unit, str) or unit not in UNITS:
        errors.add(where, f"There is no unit {unit!r}. Units are {', '.join(UNITS)}.")
    elif UNITS[unit] != kind:
        errors.add(where, f'The unit "{unit}" does not fit {key.field}, which is {_name(kind)}.')
    elif unit == "month":
        return "month"
    else:
        return _tolerance_amount(amount, unit, (*path, "tolerance_amount"), errors)
    return None


def _tolerance_amount(amount: Any, unit: Any, path: Path, errors: ErrorList) -> Tolerance | None:
    number = parse_number(amount)
    if number is None or number <= 0:
        errors.add(path, "tolerance_amount is a number above 0.")
    elif unit == "day" and (number.denominator != 1 or number > MAX_DAYS):
        errors.add(path, f"A tolerance in days is a whole number of at most {MAX_DAYS}.")
    elif unit == "percent" and number >= 100:
        errors.add(path, "A tolerance in percent is below 100.")
    else:
        return Tolerance(unit, number)
    return None


def _days(
    data: Mapping[str, Any], key: Value, operand: str, path: Path, errors: ErrorList
) -> tuple[int, int] | None:
    days = data.get("days")
    if days is None:
        return None
    path = (*path, "days")
    if kind_of(key) != "date" or operand != "eq":
        errors.add(path, '"days" goes with "eq" between two dates.')
        return None
    whole = isinstance(days, list) and len(days) == 2 and all(type(day) is int for day in days)
    if not whole or not -MAX_DAYS <= days[0] <= days[1] <= MAX_DAYS:
        errors.add(
            path, '"days" is [from, to]: whole days that Side B may be after Side A, the smaller first.'
        )
        return None
    return days[0], days[1]


def _transforms(data: Any, path: Path, errors: ErrorList) -> tuple[Transform, ...]:
    """One transform or a list of them; the first of a list is applied first."""
    if data is None:
        return ()
    if not isinstance(data, list):
        return _transform(data, path, errors)
    chain = [_transform(one, (*path, place), errors) for place, one in enumerate(data)]
    return tuple(transform for found in chain for transform in found)


def _transform(data: Any, path: Path, errors: ErrorList) -> tuple[Transform, ...]:
    name = data.get("name") if isinstance(data, Mapping) else data
    if not isinstance(name, str) or name not in TRANSFORMS:
        errors.add(path, f"There is no transform {name!r}. Transforms are {', '.join(TRANSFORMS)}.")
        return ()
    if isinstance(data, Mapping):
        _no_other_keys(data, frozenset({"name", "args"}), path, errors)
    if name not in WITH_N:
        return (Transform(name),)
    args = data.get("args") if isinstance(data, Mapping) else None
    n = args.get("n") if isinstance(args, Mapping) else None
    if type(n) is not int or not 1 <= n <= MAX_N:
        example = f'{{"name": "{name}", "args": {{"n": 8}}}}'
        errors.add(path, f"{name} needs a whole number n of at least 1: {example}.")
        return ()
    return (Transform(name, n),)


def _scope(data: Mapping[str, Any], path: Path, errors: ErrorList) -> Scope | None:
    before = len(errors)
    _no_other_keys(data, SCOPE_KEYS, path, errors)
    side = data.get("side")
    if side not in ("a", "b"):
        errors.add((*path, "side"), f'side is "a" or "b", not {side!r}.')
    operand = data.get("operand", "eq")
    _check_operand(operand, SCOPE_COMPARATORS, path, errors)
    field = _field(data.get("field"), (*path, "field"), errors)
    if field is None or len(errors) > before:
        return None
    if operand == "contains" and kind_of_field(field) != "text":
        errors.add((*path, "operand"), f'"contains" looks into texts; {field} is not a text.')
    literal = _literal(data.get("literal"), field, (*path, "literal"), errors)
    if literal is None or len(errors) > before:
        return None
    return Scope("a" if side == "a" else "b", field, operand, literal)


def _literal(data: Any, field: str, path: Path, errors: ErrorList) -> str | Fraction | None:
    kind = kind_of_field(field)
    if kind == "money":
        number = parse_number(data)
        if number is None:
            errors.add(path, f"{field} is an amount: the literal is a number in major units, such as 12.50.")
        return number
    if not isinstance(data, str) or not data:
        errors.add(path, "The literal is a text that is not empty.")
        return None
    if kind == "date":
        try:
            return date.fromisoformat(data).isoformat()
        except ValueError:
            errors.add(path, f"{field} is a date: the literal is a day such as 2026-03-31.")
            return None
    return data


def parse_number(data: Any) -> Fraction | None:
    """A finite number (int, float, Decimal, or its text) exactly as written; None for anything else."""
    if isinstance(data, bool) or not isinstance(data, int | float | str | Decimal):
        return None
    try:
        number = Decimal(str(data))
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number.adjusted()) > 18:
        return None
    return Fraction(number)


def _no_other_keys(data: Mapping[str, Any], known: frozenset[str], path: Path, errors: ErrorList) -> None:
    for name in data:
        if name not in known:
            errors.add(
                (*path, str(name)), f"{str(name)!r} is not known here. Known: {', '.join(sorted(known))}."
            )
