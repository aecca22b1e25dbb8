"""What stands inside a condition: fields, transforms, numbers, days and literals, each mistake named by its path. Called
by `parse_tree`; `Reading` gathers the mistakes of the whole rule."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl

from rules.engine.fields import FIELDS, SCALE, TRANSFORMS, WITH_N, Kind, as_instant, kind_of, kind_of_field
from rules.engine.tree import METADATA, MetadataType, Path, RuleError, Transform, Value, form_of

MAX_N = 10_000
MAX_TEXT = 1_000  # signs of a literal, or of a metadata key
MAX_LITERALS = 1_000
NUMBER_TEXT = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?", re.ASCII)
UNUSABLE = re.compile("[\x00\ud800-\udfff]")  # what no stored text can hold
KIND_NAMES: dict[Kind, str] = {
    "money": "an amount",
    "date": "a date",
    "text": "a text",
    "number": "a number",
    "instant": "a point in time",
    "boolean": "true or false",
}


@dataclass(slots=True)
class Reading:
    """A rule being read: what is wrong with it so far, and the declared types of its metadata keys."""

    types: Mapping[str, MetadataType] = field(default_factory=dict)
    errors: list[RuleError] = field(default_factory=list)

    def wrong(self, path: Path, message: str) -> None:
        self.errors.append(RuleError(path, message))

    @property
    def count(self) -> int:
        return len(self.errors)

    def kind_of_field(self, name: str) -> Kind:
        return kind_of(Value(name, (), form_of(name, self.types)))


def no_other_keys(data: Mapping[str, Any], known: frozenset[str], path: Path, reading: Reading) -> None:
    for name in data:
        if name not in known:
            reading.wrong(
                (*path, str(name)), f"{str(name)!r} is not known here. Known: {', '.join(sorted(known))}."
            )


def parse_field(data: Any, path: Path, reading: Reading) -> str | None:
    if not isinstance(data, str) or kind_of_field(data) is None:
        reading.wrong(
            path, f"There is no field {shown(data)}. Fields are {', '.join(FIELDS)} and {METADATA}<key>."
        )
    elif len(data) > MAX_TEXT or UNUSABLE.search(data):
        reading.wrong(path, f"{METADATA} is followed by a key of at most {MAX_TEXT} plain signs.")
    else:
        return data
    return None


def shown(data: Any) -> str:
    """What was sent, short enough to stand in a sentence."""
    try:
        text = ascii(data) if isinstance(data, str) and UNUSABLE.search(data) else repr(data)
    except (ValueError, RecursionError):  # whole numbers of thousands of digits, or nested that deep
        text = "that"
    return text if len(text) <= 60 else text[:57] + "…"


def parse_value(data: Any, transforms: Any, path: Path, end: str, reading: Reading) -> Value | None:
    """A field with its transforms. With transforms it is a text, as stored; else read as its type says."""
    name = parse_field(data, (*path, end), reading)
    chain = parse_transforms(transforms, (*path, "transforms", end), reading)
    if name is None:
        return None
    return Value(name, chain) if chain else Value(name, (), form_of(name, reading.types))


def parse_transforms(data: Any, path: Path, reading: Reading) -> tuple[Transform, ...]:
    """One transform or a list of them; the first of a list is applied first."""
    if data is None:
        return ()
    if not isinstance(data, list):
        return _transform(data, path, reading)
    chain = [_transform(one, (*path, place), reading) for place, one in enumerate(data)]
    return tuple(transform for found in chain for transform in found)


def _transform(data: Any, path: Path, reading: Reading) -> tuple[Transform, ...]:
    name = data.get("name") if isinstance(data, Mapping) else data
    if not isinstance(name, str) or name not in TRANSFORMS:
        reading.wrong(path, f"There is no transform {shown(name)}. Transforms are {', '.join(TRANSFORMS)}.")
        return ()
    args = data.get("args") if isinstance(data, Mapping) else None
    if isinstance(data, Mapping):
        no_other_keys(data, frozenset({"name", "args"}), path, reading)
    if name not in WITH_N:
        if args:
            reading.wrong((*path, "args"), f"{name} takes no args.")
        return (Transform(name),)
    n = args.get("n") if isinstance(args, Mapping) else None
    if type(n) is not int or not 1 <= n <= MAX_N:
        example = f'{{"name": "{name}", "args": {{"n": 8}}}}'
        reading.wrong(path, f"{name} needs a whole number n of at least 1: {example}.")
        return ()
    return (Transform(name, n),)


def parse_number(data: Any) -> Fraction | None:
    """A finite number (int, float, Decimal, or its text) exactly as written; None for anything else."""
    if isinstance(data, bool) or not isinstance(data, int | float | str | Decimal):
        return None
    if isinstance(data, int) and abs(data) >= 10**40:  # before it becomes a text of any length
        return None
    text = str(data)
    if not NUMBER_TEXT.fullmatch(text):
        return None
    number = Decimal(text)
    return None if abs(number.adjusted()) > SCALE else Fraction(number)


def parse_literal(data: Any, kind: Kind, name: str, path: Path, reading: Reading) -> str | Fraction | None:
    """A literal for a field of this kind; None with an error where it is none."""
    if kind in ("money", "number"):
        return _number_literal(data, kind, name, path, reading)
    if kind == "boolean":
        if data in ("true", "false") or isinstance(data, bool):
            return str(data).lower()
        reading.wrong(path, f"{name} is true or false: so is the literal.")
        return None
    if not isinstance(data, str) or not data or len(data) > MAX_TEXT or UNUSABLE.search(data):
        reading.wrong(path, f"The literal is a text that is not empty, of at most {MAX_TEXT} signs.")
        return None
    if kind == "date":
        return _day(data, name, path, reading)
    if kind == "instant" and pl.select(as_instant(pl.lit(data))).item() is None:
        reading.wrong(
            path, f"{name} is a point in time: the literal is one such as 2026-03-31T09:00:00+02:00."
        )
        return None
    return data


def _number_literal(data: Any, kind: Kind, name: str, path: Path, reading: Reading) -> Fraction | None:
    number = parse_number(data)
    if number is None and kind == "money":
        reading.wrong(path, f"{name} is an amount: the literal is a number in major units, such as 12.50.")
    elif number is None or (number * 10**SCALE).denominator != 1:
        reading.wrong(path, f"{name} is a number: so is the literal, with at most {SCALE} decimals.")
    else:
        return number
    return None


def _day(data: str, name: str, path: Path, reading: Reading) -> str | None:
    try:
        if len(data) == 10:
            return date.fromisoformat(data).isoformat()
    except ValueError:
        pass
    reading.wrong(path, f"{name} is a date: the literal is a day such as 2026-03-31.")
    return None


def parse_min_score(data: Mapping[str, Any], operand: str, path: Path, reading: Reading) -> float | None:
    """The least score of `similar`; None for every other operand."""
    given = data.get("min_score")
    if operand != "similar":
        if given is not None:
            reading.wrong((*path, "min_score"), f'min_score goes with "similar" only, not with "{operand}".')
        return None
    score = parse_number(given)
    if score is None or not 0 <= score <= 100:
        reading.wrong((*path, "min_score"), '"similar" needs a min_score from 0 to 100.')
        return None
    return float(score)
