"""Records for the engine's tests: small rows with defaults, and the frames that the engine takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import polars as pl

from rules.engine import Outcome
from tests.clock import TODAY

SCHEMA = {
    "id": pl.Int64,
    "currency": pl.String,
    "decimal_places": pl.Int16,
    "date": pl.Date,
    "measure": pl.Int64,
    "amount": pl.Int64,
    "signed_amount": pl.Int64,
    "effect": pl.Int64,
    "value_date": pl.Date,
    "reference": pl.String,
    "description": pl.String,
    "counterparty": pl.String,
    "external_id": pl.String,
    "direction": pl.String,
}


@dataclass(frozen=True)
class Record:
    """`effect` in minor units (+ is money in); days count from TODAY."""

    id: int
    effect: int = 100
    day: int = 0
    reference: str = ""
    description: str = ""
    counterparty: str = ""
    external_id: str = ""
    value_day: int | None = None
    currency: str = "EUR"
    decimal_places: int = 2
    metadata: tuple[tuple[str, str], ...] = field(default=())

    @property
    def date(self) -> date:
        return TODAY + timedelta(days=self.day)

    @property
    def value_date(self) -> date | None:
        return None if self.value_day is None else TODAY + timedelta(days=self.value_day)

    @property
    def amount(self) -> int:
        return abs(self.effect)

    @property
    def measure(self) -> int:
        return self.effect

    @property
    def signed_amount(self) -> int:
        return self.effect

    @property
    def direction(self) -> str:
        return "credit" if self.effect >= 0 else "debit"

    def value(self, name: str) -> object:
        if name.startswith("metadata."):
            return dict(self.metadata).get(name.removeprefix("metadata."), "")
        return getattr(self, name)


def frame(records: Iterable[Record]) -> pl.DataFrame:
    records = list(records)
    keys = sorted({f"metadata.{key}" for record in records for key, _ in record.metadata})
    schema = SCHEMA | dict.fromkeys(keys, pl.String)
    return pl.DataFrame({name: [record.value(name) for record in records] for name in schema}, schema=schema)


Group = tuple[frozenset[int], frozenset[int]]


def groups_of(outcome: Outcome) -> list[Group]:
    """Each group as (Side A ids, Side B ids), in order."""
    found: dict[int, tuple[set[int], set[int]]] = {
        number: (set(), set()) for number in outcome.groups["group"]
    }
    for group, side, record in outcome.members.iter_rows():
        found[group]["ab".index(side)].add(record)
    return [(frozenset(a), frozenset(b)) for a, b in found.values()]


def pairs_of(outcome: Outcome) -> list[tuple[int, int]]:
    """Each pair as (Side A id, Side B id)."""
    groups = groups_of(outcome)
    assert all(len(a) == len(b) == 1 for a, b in groups)
    return [(next(iter(a)), next(iter(b))) for a, b in groups]


def eq(key: str, value: str | None = None, **more: object) -> dict[str, object]:
    return {"key": key, "operand": "eq", "value": value or key, **more}


def within(days: int, key: str = "date", value: str = "date") -> dict[str, object]:
    return eq(key, value, tolerance_amount=days, tolerance_unit="day")


def every(*rules: object) -> dict[str, object]:
    return {"operand": "and", "rules": list(rules)}


def either(*rules: object) -> dict[str, object]:
    return {"operand": "or", "rules": list(rules)}


def ids(records: Sequence[Record]) -> list[int]:
    return [record.id for record in records]
