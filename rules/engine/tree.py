"""The typed rule: what `parse` makes out of a rule's JSON, and `plan` and the matchers read. Frozen values only."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, NamedTuple

Path = tuple[str | int, ...]
Cardinality = Literal["one_to_one", "many_to_one", "one_to_many"]
OnAmbiguity = Literal["best", "abstain", "sole"]
OnDifference = Literal["refuse", "suggest_partial", "allow"]
SideName = Literal["a", "b"]


class RuleError(NamedTuple):
    """One thing wrong with a rule: where (from the body's root, whole numbers for list places) and what."""

    path: Path
    message: str


class RuleErrors(ValueError):
    """A rule that cannot run, with everything that is wrong with it."""

    def __init__(self, errors: list[RuleError]) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Transform:
    name: str
    n: int = 0


@dataclass(frozen=True, slots=True)
class Value:
    """A field of one side with the transforms applied to it, innermost first."""

    field: str
    transforms: tuple[Transform, ...] = ()


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far two values may be apart: `dollar` in major units, `percent` of Side A's value, `day` in calendar days."""

    unit: Literal["dollar", "percent", "day"]
    amount: Fraction


@dataclass(frozen=True, slots=True)
class Leaf:
    """A condition between a field of Side A (`key`) and a field of Side B (`value`)."""

    key: Value
    operand: str
    value: Value
    tolerance: Tolerance | None = None
    days: tuple[int, int] | None = None  # (Side B date − Side A date), both ends included


@dataclass(frozen=True, slots=True)
class Scope:
    """A condition on one side alone. The literal is text, an ISO date, or an amount in major units."""

    side: SideName
    field: str
    operand: str
    literal: str | Fraction


@dataclass(frozen=True, slots=True)
class Group:
    operand: Literal["and", "or"]
    rules: tuple[Node, ...]


Node = Group | Leaf | Scope


@dataclass(frozen=True, slots=True)
class Rollup:
    """How the many side is gathered: by the values of `group_by`, optionally only the days before the single record."""

    lookback_days: int | None = None
    date_field: str = "date"


@dataclass(frozen=True, slots=True)
class RuleSpec:
    """A rule that can run. `ref` is the caller's name for it and is never read here.

    `must_balance`: only groups whose two sides add up exactly (meaningful where `on_difference` is "refuse").
    """

    ref: Hashable
    filters: Group
    cardinality: Cardinality = "one_to_one"
    group_by: tuple[str, ...] = ()
    rollup: Rollup | None = None
    score: float = 1.0
    on_ambiguity: OnAmbiguity = "best"
    on_difference: OnDifference = "refuse"
    must_balance: bool = True
