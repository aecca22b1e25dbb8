"""What an explanation consists of: conditions with what they saw. Made by `explain`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from rules.engine.fields import CALENDAR_MONTH, kind_of
from rules.engine.sides import Bools, Ints, Side
from rules.engine.tree import Path, SideName, Value

Shown = int | float | bool | date | str | None
Unit = Literal["minor", "days"]


class Seen(NamedTuple):
    """The values that a condition saw, as stored and as compared: of a record of each side, or of one side alone. None:
    missing.

    `difference`: Side A less Side B in minor units, or the days from Side A to Side B; None between texts.
    """

    id_a: int | None
    id_b: int | None
    value_a: Shown
    value_b: Shown
    transformed_a: Shown
    transformed_b: Shown
    difference: int | None
    holds: bool


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a rule, its own or one that goes without saying, and what it saw.

    `path`: its place in the rule's body, ("filters", "rules", 0) say; what goes without saying has a short path of its
    own: ("cardinality",), ("currency",), ("measure",), ("group_by", 0), ("rollup", "lookback_days"), ("on_difference",), and
    ("filters",) where each member meets the tree, but not all in one way.
    `key` and `value`: the fields of Side A and Side B, empty where a side is not asked. `side` and `literal`: of a
    condition on one side alone. `seen`: one per record of the many side, and one altogether where both sides are one.
    `total`: what a sum saw; then `seen` are its parts.
    """

    path: Path
    key: str
    operand: str
    value: str
    holds: bool
    seen: tuple[Seen, ...] = ()
    total: Seen | None = None
    unit: Unit | None = None
    side: SideName | None = None
    literal: str = ""


class GroupOutcome(NamedTuple):
    """An and- or or-group of the tree, and whether it holds."""

    path: Path
    operand: Literal["and", "or"]
    holds: bool


@dataclass(frozen=True, slots=True)
class Explained:
    """What a rule says to some records. `first_failed`: the path of the condition (or of the or-group, where it had
    several ways to hold) that failed first; None where all hold."""

    holds: bool
    conditions: tuple[Condition, ...]
    groups: tuple[GroupOutcome, ...]
    first_failed: Path | None


def shown(side: Side, value: Value, rows: Ints) -> list[Shown]:
    """A side's values in these rows, for people: whole minor units, days, texts; numbers and instants of metadata as they
    are usually written."""
    return [_plain(one) for one in side.values(value).gather(rows).to_list()]


def _plain(value: Any) -> Shown:
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, datetime):
        return value.isoformat()
    found: Shown = value
    return found


def seen(
    a: Side, b: Side, key: Value, value: Value, rows: tuple[Ints, Ints], holds: Bools
) -> tuple[Seen, ...]:
    """What a condition between `key` and `value` saw of each pair of rows."""
    rows_a, rows_b = rows
    raw = shown(a, Value(key.field), rows_a), shown(b, Value(value.field), rows_b)
    done = shown(a, key, rows_a), shown(b, value, rows_b)
    measured = done
    if _is_month(key, value):  # compared as texts, but people want to know the days
        measured = (
            shown(a, Value(key.field, (), key.form), rows_a),
            shown(b, Value(value.field, (), value.form), rows_b),
        )
    columns = zip(
        a.ids[rows_a].tolist(), b.ids[rows_b].tolist(), *raw, *done, *measured, holds.tolist(), strict=True
    )
    return tuple(
        Seen(id_a, id_b, raw_a, raw_b, done_a, done_b, apart(far_a, far_b), ok)
        for id_a, id_b, raw_a, raw_b, done_a, done_b, far_a, far_b, ok in columns
    )


def apart(value_a: Shown, value_b: Shown) -> int | None:
    """How far two values are apart: Side A less Side B (minor units), or the days from Side A to Side B."""
    if isinstance(value_a, date) and isinstance(value_b, date):
        return (value_b - value_a).days
    if type(value_a) is int and type(value_b) is int:
        return value_a - value_b
    return None


def unit_of(key: Value, value: Value) -> Unit | None:
    """What a difference of these is counted in."""
    kinds = {kind_of(key), kind_of(value)}
    if kinds == {"money"}:
        return "minor"
    return "days" if kinds == {"date"} or _is_month(key, value) else None


def _is_month(key: Value, value: Value) -> bool:
    return key.transforms == value.transforms == (CALENDAR_MONTH,)
