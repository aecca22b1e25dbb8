"""What a condition means for a pair of records, slow and obvious. It reads the rule's JSON by itself and shares no code with
the engine."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from rapidfuzz import fuzz

from tests.rules.engine.books import Record

Types = dict[str, str]
NO_TYPES: Types = {}
TEXTS: dict[str, Callable[[str, Any], str]] = {
    "lowercase": lambda text, n: text.lower(),
    "uppercase": lambda text, n: text.upper(),
    "alphanumeric_only": lambda text, n: "".join(sign for sign in text if sign.isascii() and sign.isalnum()),
    "digits_only": lambda text, n: "".join(sign for sign in text if sign in "0123456789"),
    "first_n_chars": lambda text, n: text[:n],
    "first_words": lambda text, n: " ".join(_words(text)[:n]),
}


def _words(text: str) -> list[str]:
    return "".join(sign if sign.isalnum() else " " for sign in text.lower()).split()


def value_of(record: Record, name: str, transforms: Any, types: Types = NO_TYPES) -> Any:
    """A field's value: of metadata by its type, unless it is transformed; None where it is missing."""
    value: Any = record.value(name)
    if value in ("", None):
        return None
    if not transforms:
        kind = types.get(name.removeprefix("metadata.")) if name.startswith("metadata.") else None
        return typed(value, kind) if kind else value
    for transform in transforms if isinstance(transforms, list) else [transforms]:
        spec = transform if isinstance(transform, dict) else {"name": transform}
        value = TEXTS[spec["name"]](str(value), spec.get("args", {}).get("n"))
    return value or None


def typed(text: str, kind: str) -> Any:
    if kind == "number":
        return Fraction(text) if re.fullmatch(r"[+-]?[0-9]{1,20}(\.[0-9]{1,18})?", text) else None
    if kind == "boolean":
        return {"true": True, "false": False}.get(text.lower())
    try:
        if kind == "date":
            return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else None
        if kind == "datetime":
            instant = datetime.fromisoformat(text)
            return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
    except ValueError:
        return None
    return text


def day(value: Any) -> Any:
    return value.date() if isinstance(value, datetime) else value


def day_of(record: Record, name: str, types: Types) -> date:
    found = day(value_of(record, name, None, types)) or record.date
    assert isinstance(found, date)
    return found


def token_in(word: str, text: str) -> bool:
    word, text = word.lower(), text.lower()
    if not any(sign.isalnum() for sign in word):
        return False
    for start in range(len(text) - len(word) + 1):
        before, after = text[start - 1 : start] if start else "", text[start + len(word) :][:1]
        if text[start : start + len(word)] == word and not before.isalnum() and not after.isalnum():
            return True
    return False


def array(text: str) -> list[str] | None:
    """The elements of a JSON array of scalars, as texts; None where it is none."""

    def refuse(word: str) -> str:
        raise ValueError(word)

    try:
        found = json.loads(text, parse_int=str, parse_float=str, parse_constant=refuse)
    except ValueError:
        return None
    if not isinstance(found, list) or any(isinstance(one, list | dict) for one in found):
        return None
    return [str(one).lower() if isinstance(one, bool) else one for one in found if one is not None]


def among(value: str, text: str) -> bool:
    found = array(text)
    if found is None:
        found = [part.strip(" ") for part in text.split(",")] if "," in text else [text]
    return value in found


def contains(text: str, part: str) -> bool:
    found = array(text)
    return part in text if found is None else part in found


COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: a == b,
    "neq": lambda a, b: a != b,
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
    "contains": contains,
    "token_in": token_in,
    "has_token": lambda a, b: token_in(b, a),
    "in": among,
    "not_in": lambda a, b: not among(a, b),
}


def near(leaf: dict[str, Any], left: Any, right: Any, places: int) -> bool:
    left, right = day(left), day(right)
    if "days" in leaf:
        return bool(leaf["days"][0] <= (right - left).days <= leaf["days"][1])
    unit = leaf.get("tolerance_unit") or ("day" if isinstance(left, date) else "dollar")
    if unit == "month":
        return bool((left.year, left.month) == (right.year, right.month))
    if unit == "day":
        return bool(abs((right - left).days) <= leaf["tolerance_amount"])
    amount = Fraction(str(leaf["tolerance_amount"]))
    if unit == "percent":
        return bool(abs(left - right) <= amount / 100 * abs(left))
    return bool(abs(left - right) <= (amount if isinstance(left, Fraction) else amount * 10**places))


def holds(node: dict[str, Any], a: Record, b: Record, types: Types = NO_TYPES) -> bool:
    """Whether a tree is true for a pair."""
    if "rules" in node:
        results = [holds(rule, a, b, types) for rule in node["rules"]]
        return any(results) if node.get("operand") == "or" else all(results)
    if "side" in node:
        return in_scope(node, a if node["side"] == "a" else b, types)
    transforms, operand = node.get("transforms", {}), node["operand"]
    as_text = NO_TYPES if operand in ("in", "not_in") else types
    left = value_of(a, node["key"], transforms.get("key"), as_text)
    right = value_of(b, node["value"], transforms.get("value"), as_text)
    if left is None or right is None:
        return False
    if operand == "similar":
        return bool(fuzz.token_set_ratio(left, right) >= node["min_score"])
    if operand in ("in", "not_in"):
        return COMPARE[operand](str(left), str(right))
    left, right = alike(left, right, a.decimal_places), alike(right, left, b.decimal_places)
    if "days" in node or "tolerance_unit" in node or "tolerance_amount" in node:
        return near(node, left, right, a.decimal_places)
    return COMPARE[operand](left, right)


def alike(value: Any, other: Any, places: int) -> Any:
    """An amount beside a number in major units; a point in time beside a day as its day."""
    if isinstance(value, int) and isinstance(other, Fraction):
        return Fraction(value, 10**places)
    return day(value) if not isinstance(other, datetime) else value


def in_scope(node: dict[str, Any], record: Record, types: Types = NO_TYPES) -> bool:
    value = value_of(record, node["field"], None, types)
    operand = node.get("operand", "eq")
    if value is None:
        return False
    if operand in ("in", "not_in"):
        found = any(
            in_scope({**node, "operand": "eq", "literal": one}, record, types) for one in node["literal"]
        )
        return found if operand == "in" else not found
    literal: Any = node["literal"]
    if operand == "similar":
        return bool(fuzz.token_set_ratio(value, literal) >= node["min_score"])
    if isinstance(value, bool | date):
        literal = typed(str(literal).lower() if isinstance(value, bool) else literal, kind_named(value))
    elif isinstance(value, Fraction):
        literal = Fraction(str(literal))
    elif isinstance(value, int):
        literal = Decimal(str(literal)) * 10**record.decimal_places
    return COMPARE[operand](value, literal)


def kind_named(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "datetime" if isinstance(value, datetime) else "date"
