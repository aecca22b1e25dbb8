"""What a pass of the engine gives back: groups with their members, and how each rule went. Made by `matching`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from rules.engine.confidence import NOBODY, Evidence, stated
from rules.engine.found import Found
from rules.engine.keys import sorting
from rules.engine.sides import Ints, Side
from rules.engine.tree import RuleSpec

GROUP_SCHEMA = {
    "group": pl.Int64,
    "rule": pl.Int32,
    "confidence": pl.Float64,
    "group_key": pl.String,
    "difference": pl.Int64,
    "rivals": pl.Float64,
    "rival_count": pl.Int64,
    "chance": pl.Float64,
    "runner_up": pl.Int64,
}
MEMBER_SCHEMA = {"group": pl.Int64, "side": pl.String, "id": pl.Int64}


@dataclass(frozen=True, slots=True)
class RuleCount:
    """How one rule went.

    `ambiguous`: Side A records (of a rollup: single records) it left open because no partner was certain. `candidates`: pairs (or groups) that it
    looked at. `too_broad`: it made more than its budget and matched nothing. `proven`: the least cost is proven.
    """

    groups: int
    a_records: int
    b_records: int
    ambiguous: int
    outcome: Literal["ok", "too_broad"]
    candidates: int
    proven: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """Groups numbered from 0 in the order of rules, then of their lowest Side A id; members in order of group, side
    and id. `difference` is in minor units: Side A less Side B. `rivals`, `rival_count`, `chance` and `runner_up` (a
    record's id, or null) are what `confidence` was reckoned from: rules/engine/confidence.py."""

    groups: pl.DataFrame
    members: pl.DataFrame
    rule_counts: list[RuleCount]

    @property
    def ambiguous(self) -> int:
        return sum(count.ambiguous for count in self.rule_counts)


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups of one rule: rows of both sides, each with the number of its group (from 0)."""

    size: int
    of_a: Ints
    rows_a: Ints
    of_b: Ints
    rows_b: Ints
    evidence: Evidence
    keys: pl.Series | None = None
    is_pairs: bool = False

    @classmethod
    def of_pairs(cls, found: Found, size_a: int) -> Groups:
        """Pairs as groups, in order of Side A (which has `size_a` rows)."""
        place = np.full(size_a, NOBODY, np.int64)
        place[found.a] = np.arange(len(found.a))
        rows_a = np.flatnonzero(place != NOBODY)
        order, of = place[rows_a], np.arange(len(rows_a))
        return cls(len(of), of, rows_a, of, found.b[order], found.evidence.only(order), is_pairs=True)


def group_frame(groups: Groups, first: int, number: int, rule: RuleSpec, difference: Ints) -> pl.DataFrame:
    keys = pl.Series([""]).new_from_index(0, groups.size) if groups.keys is None else groups.keys
    evidence = groups.evidence
    partial = (difference != 0) & (rule.on_difference == "suggest_partial")
    frame = pl.DataFrame(
        {
            "group": np.arange(first, first + groups.size),
            "rule": pl.Series([number], dtype=pl.Int32).new_from_index(0, groups.size),
            "confidence": stated(rule.score, evidence.rivals, evidence.chance, partial),
            "group_key": keys,
            "difference": difference,
            "rivals": evidence.rivals,
            "rival_count": evidence.count,
            "chance": evidence.chance,
            "runner_up": evidence.runner_up,
        },
        schema=GROUP_SCHEMA,
    )
    return frame.with_columns(pl.col("runner_up").replace(NOBODY, None))


def member_frame(groups: Groups, first: int, a: Side, b: Side) -> pl.DataFrame:
    if groups.is_pairs:
        return _pair_members(groups, first, a, b)
    ids = np.concatenate((a.ids[groups.rows_a], b.ids[groups.rows_b]))
    of = np.concatenate((groups.of_a, groups.of_b))
    is_b = np.repeat(np.array([0, 1]), [len(groups.of_a), len(groups.of_b)])
    # Rows are in id order on each side, so within a group and side the row orders as the id does.
    rows = np.concatenate((groups.rows_a, groups.rows_b))
    order = sorting((of * 2 + is_b) * max(len(a), len(b), 1) + rows)
    return pl.DataFrame(
        {
            "group": of[order] + first,
            "side": pl.Series(["a", "b"]).gather(is_b[order]),
            "id": ids[order],
        },
        schema=MEMBER_SCHEMA,
    )


def _pair_members(groups: Groups, first: int, a: Side, b: Side) -> pl.DataFrame:
    """Without sorting: one of each side per group."""
    ids = np.empty(2 * groups.size, np.int64)
    ids[0::2], ids[1::2] = a.ids[groups.rows_a], b.ids[groups.rows_b]
    sides = np.tile(np.array([0, 1], np.uint32), groups.size)
    return pl.DataFrame(
        {
            "group": np.repeat(np.arange(first, first + groups.size), 2),
            "side": pl.Series(["a", "b"]).gather(sides),
            "id": ids,
        },
        schema=MEMBER_SCHEMA,
    )


def differences(groups: Groups, a: Side, b: Side, magnitude: bool) -> Ints:
    """Side A less Side B per group: of the signed sums, or of their magnitudes."""
    if groups.is_pairs:
        left, right = a.measure[groups.rows_a], b.measure[groups.rows_b]
        return np.abs(left) - np.abs(right) if magnitude else left - right
    total_a = np.zeros(groups.size, np.int64)
    total_b = np.zeros(groups.size, np.int64)
    np.add.at(total_a, groups.of_a, a.measure[groups.rows_a])
    np.add.at(total_b, groups.of_b, b.measure[groups.rows_b])
    return np.abs(total_a) - np.abs(total_b) if magnitude else total_a - total_b
