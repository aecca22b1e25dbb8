"""The typed rule: what `parse` makes out of a rule's JSON, and `plan` and the matchers read. Frozen values only."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, NamedTuple, cast

Path = tuple[str | int, ...]
Literals = str | Fraction | tuple[str, ...] | tuple[Fraction, ...]
Cardinality = Literal["one_to_one", "many_to_one", "one_to_many"]
OnAmbiguity = Literal["best", "abstain", "sole"]
OnDifference = Literal["refuse", "suggest_partial", "allow"]
SideName = Literal["a", "b"]
MetadataType = Literal["number", "date", "datetime", "string", "boolean"]
# How a value is read where its field does not say: metadata as declared; a datetime's day; an amount in major units.
Form = Literal["", "number", "date", "datetime", "boolean", "day", "major", "text"]


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
    """A field of one side, how it is read, and the transforms applied to it then, innermost first."""

    field: str
    transforms: tuple[Transform, ...] = ()
    form: Form = ""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far two values may be apart: `dollar` in major units (of metadata: as it is counted there), `percent` of Side
    A's value, `day` in calendar days."""

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
    min_score: float | None = None  # of `similar`: from 0 to 100

    @property
    def is_band(self) -> bool:
        """Whether the values may be apart: within a tolerance or a window of days."""
        return self.tolerance is not None or self.days is not None

    @property
    def is_exact(self) -> bool:
        """Whether the values must be equal: a key."""
        return self.operand == "eq" and not self.is_band


@dataclass(frozen=True, slots=True)
class Scope:
    """A condition on one side alone. The literal is text (also an ISO day or instant, or true or false) or a number (of
    an amount: in major units); of `in` and `not_in` a tuple of them."""

    side: SideName
    field: str
    operand: str
    literal: Literals
    form: Form = ""
    min_score: float | None = None


@dataclass(frozen=True, slots=True)
class Group:
    operand: Literal["and", "or"]
    rules: tuple[Node, ...]


Node = Group | Leaf | Scope


@dataclass(frozen=True, slots=True)
class Rollup:
    """How the many side is gathered: by the values of `group_by` (`identifier`), or by runs of days of its first field
    within segments of the others (`date`); optionally only the days before the single record."""

    lookback_days: int | None = None
    date_field: str = "date"
    kind: Literal["identifier", "date"] = "identifier"


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
    metadata_types: tuple[tuple[str, MetadataType], ...] = ()

    def value(self, field: str) -> Value:
        """A field as this rule reads it."""
        return Value(field, (), form_of(field, dict(self.metadata_types)))


METADATA = "metadata."


def form_of(field: str, types: Mapping[str, MetadataType]) -> Form:
    """How a field is read: metadata as its declared type says, as text where there is none."""
    declared = types.get(field.removeprefix(METADATA)) if field.startswith(METADATA) else None
    return "" if declared in (None, "string") else cast(Form, declared)
