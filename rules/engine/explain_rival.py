"""By how much the record that would have been taken next lost to the one that was. Read by reconciliation's explanations."""

from __future__ import annotations

from typing import Literal, NamedTuple

import polars as pl

from rules.engine.matching import SignMode
from rules.engine.plan import cost_dates, plan
from rules.engine.sides import Side
from rules.engine.tree import RuleSpec, SideName

Criterion = Literal["amount", "days", "age", "id"]


class Lost(NamedTuple):
    """The first criterion on which the two differ, in the order in which the engine compares them; how much further from
    the partner's amount (minor units) and day the loser is. Below 0: it was nearer, and somebody else's."""

    by: Criterion
    amount: int
    days: int

    @property
    def was_nearer(self) -> bool:
        return (self.amount or self.days) < 0


def lost_by(
    rule: RuleSpec,
    *,
    kept: pl.DataFrame,
    runner_up: pl.DataFrame,
    partner: pl.DataFrame,
    side: SideName,
    sign_mode: SignMode = "effect",
) -> Lost:
    """`kept` and `runner_up` are records of `side`, `partner` is the other one of the pair: one row each, as for `match`."""
    one, other, fixed = (Side.of_all(frame) for frame in (kept, runner_up, partner))
    dates = cost_dates(plan(rule))
    own, far = dates if side == "a" else dates[::-1]

    def apart(record: Side) -> tuple[int, int, int]:
        amounts = int(record.measure[0]), int(fixed.measure[0])
        if sign_mode == "magnitude":
            amounts = abs(amounts[0]), abs(amounts[1])
        days = int(record.days(own)[0]), int(fixed.days(far)[0])
        return abs(amounts[0] - amounts[1]), abs(days[0] - days[1]), sum(days)

    more = [worse - best for worse, best in zip(apart(other), apart(one), strict=True)]
    criteria: tuple[Criterion, ...] = ("amount", "days", "age", "id")
    first = next(place for place, much in enumerate((*more, 1)) if much)
    return Lost(criteria[first], more[0], more[1])
