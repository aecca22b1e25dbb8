"""One run of the engine over open records: rules in order, each on what the earlier ones left. Called by
reconciliation's passes through `rules.engine.match`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import polars as pl

from rules.engine.found import TooBroad
from rules.engine.one_to_one import pair
from rules.engine.outcome import (
    GROUP_SCHEMA,
    MEMBER_SCHEMA,
    Groups,
    Outcome,
    RuleCount,
    differences,
    group_frame,
    member_frame,
)
from rules.engine.plan import named_values
from rules.engine.refused import Refused
from rules.engine.rollups import roll_up
from rules.engine.sides import BASE_TYPES, TWIN_FIELDS, Side
from rules.engine.tree import RuleSpec

SignMode = Literal["effect", "magnitude"]


def columns_needed(rules: Iterable[RuleSpec]) -> tuple[set[str], set[str]]:
    """The columns that the frames must have for these rules, Side A's and Side B's, beyond id, currency,
    decimal_places, date and measure."""
    a: set[str] = set(TWIN_FIELDS)
    b: set[str] = set(TWIN_FIELDS)
    for rule in rules:
        named_a, named_b = named_values(rule)
        a |= named_a
        b |= named_b
    return a - set(BASE_TYPES), b - set(BASE_TYPES)


def match(
    side_a: pl.DataFrame,
    side_b: pl.DataFrame,
    rules: Sequence[RuleSpec],
    *,
    refused: Sequence[tuple[Sequence[int], Sequence[int]]] = (),
    sign_mode: SignMode = "effect",
) -> Outcome:
    """The first rule wins; each sees only what earlier ones left; no record is matched twice.

    Frames: one row per open record, ids unique per side; id, currency, decimal_places, date, measure (signed, minor
    units: what sums are compared in) and the columns of `columns_needed`. Records of measure 0 are left alone.
    `refused`: groups (Side A ids, Side B ids) that a person rejected; exactly these are not offered. `sign_mode`:
    "effect" compares signed sums, "magnitude" their absolute values. The order of rows never matters.
    """
    a, b = Side.load(side_a), Side.load(side_b)
    rejected = Refused(refused)
    groups: list[pl.DataFrame] = [pl.DataFrame(schema=GROUP_SCHEMA)]
    members: list[pl.DataFrame] = [pl.DataFrame(schema=MEMBER_SCHEMA)]
    counts: list[RuleCount] = []
    first = 0
    for number, rule in enumerate(rules):
        try:
            found, count = _run(rule, a, b, rejected, sign_mode == "magnitude")
        except TooBroad as refusal:
            counts.append(RuleCount(0, 0, 0, 0, "too_broad", refusal.candidates))
            continue
        counts.append(count)
        difference = differences(found, a, b, sign_mode == "magnitude")
        groups.append(group_frame(found, first, number, rule, difference))
        members.append(member_frame(found, first, a, b))
        first += found.size
        if number + 1 < len(rules):
            a, b = a.without(found.rows_a), b.without(found.rows_b)
    return Outcome(pl.concat(groups), pl.concat(members), counts)


def _run(rule: RuleSpec, a: Side, b: Side, refused: Refused, magnitude: bool) -> tuple[Groups, RuleCount]:
    if rule.cardinality == "one_to_one":
        found = pair(rule, a, b, refused, magnitude)
        groups = Groups.of_pairs(found, len(a))
        ambiguous, candidates, proven = len(found.ambiguous), found.candidates, found.proven
    else:
        rolled = roll_up(rule, a, b, refused, magnitude)
        groups, candidates = rolled.groups, rolled.tried
        ambiguous, proven = len(rolled.ambiguous), True
    count = RuleCount(
        groups.size, len(groups.rows_a), len(groups.rows_b), ambiguous, "ok", candidates, proven
    )
    return groups, count
