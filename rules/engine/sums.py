"""Sets of members and what they must meet: that their sum meets the single record, that each member meets the other
conditions, and that the set was not rejected. Used by `rollups` and `windows`."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from rules.engine.candidates import BUDGET
from rules.engine.cohorts import Members, Proposals
from rules.engine.comparators import leaf_holds, numbers, scope_holds, slack
from rules.engine.found import NONE, TooBroad
from rules.engine.intervals import unfold
from rules.engine.refused import Refused
from rules.engine.sides import Bools, Ints, Side
from rules.engine.tree import Leaf, RuleSpec, Scope, Value
from rules.engine.variants import Each, Variant

SAFE = float(1 << 62)


@dataclass(frozen=True, slots=True)
class Sums:
    """Sets of members beside a single record: places [lo, hi) among the members. `difference`: how far the sum is from
    the single record, in minor units."""

    single: Ints
    lo: Ints
    hi: Ints
    difference: Ints = field(default_factory=NONE.copy)

    def only(self, chosen: Bools | Ints) -> Sums:
        difference = self.difference[chosen] if len(self.difference) else self.difference
        return Sums(self.single[chosen], self.lo[chosen], self.hi[chosen], difference)


@dataclass(frozen=True, slots=True)
class RollUp:
    """One variant of a rollup at work, with the two sides named by the part they play. `twin_of`: the class of twins of
    each single record."""

    rule: RuleSpec
    many: Side
    single: Side
    variant: Variant
    refused: Refused
    magnitude: bool
    twin_of: Ints

    @property
    def many_is_a(self) -> bool:
        return self.rule.cardinality == "many_to_one"

    @property
    def by_identifier(self) -> bool:
        return self.rule.rollup is not None and self.rule.rollup.kind == "identifier"

    @property
    def is_exact(self) -> bool:
        """Whether sums must meet the single record to the last minor unit."""
        return self.rule.must_balance or all(leaf.tolerance is None for leaf in self.variant.amounts)

    def ends(self, leaf: Leaf) -> tuple[Value, Value]:
        """The leaf's value of the many side, and of the single side."""
        return (leaf.key, leaf.value) if self.many_is_a else (leaf.value, leaf.key)

    @property
    def pointing(self) -> list[tuple[Value, Value]]:
        """What must be equal on both sides for a single record to mean a group: as the rule says, and of a segment that it
        says nothing about the same field."""
        said = [self.ends(leaf) for leaf in self.variant.pointing]
        if self.by_identifier:
            return said
        named = {of_many.field for of_many, _ in said}
        same = [self.rule.value(name) for name in self.rule.group_by[1:] if name not in named]
        return said + [(value, value) for value in same]

    @property
    def inside_single(self) -> Bools:
        return _inside(self.single, self.variant.scopes)

    @property
    def inside_many(self) -> Bools:
        """Members that are outside all scopes are left out; they break no set."""
        return np.logical_or.reduce([_inside(self.many, each.scopes) for each in self.variant.each])

    def reach(self, members: Members, proposals: Proposals) -> tuple[Ints, Ints]:
        """The places [lo, hi) of the members that a single record may take."""
        assert self.rule.rollup is not None
        lookback = self.rule.rollup.lookback_days
        if lookback is None:
            return members.whole(proposals.cohort)
        day = self.single.days("date")[proposals.single]
        return members.between(proposals.cohort, day - lookback, day)


def _inside(side: Side, scopes: tuple[Scope, ...]) -> Bools:
    rows = np.ones(len(side), bool)
    for scope in scopes:
        rows &= scope_holds(scope, side)
    return rows


def qualifying(job: RollUp, members: Members, sums: Sums) -> Sums:
    """The sets whose sum meets the single record, whose members each meet the other conditions, and which were not
    rejected as a group; with their difference."""
    values = job.many.measure[members.rows]
    total = sums_of(values, sums)
    holds = meets(job, members, sums, total)
    sums, total = sums.only(holds), total[holds]
    target = job.single.measure[sums.single]
    if job.magnitude:
        total, target = np.abs(total), np.abs(target)
    sums = Sums(sums.single, sums.lo, sums.hi, np.abs(total - target))
    sums = sums.only(_each_member_holds(job, members, sums))
    return sums.only(_not_refused(job, members, sums))


def meets(job: RollUp, members: Members, sums: Sums, total: Ints) -> Bools:
    """Whether the members' sum meets the single record. A sum of nothing meets nothing."""
    target = job.single.measure[sums.single]
    if job.is_exact:
        holds = np.abs(total) == np.abs(target) if job.magnitude else total == target
    elif job.magnitude or job.rule.on_difference == "allow":
        holds = total != 0
    else:
        holds = np.sign(total) == np.sign(target)
    holds &= _fits(job.many.measure[members.rows], sums)
    for leaf in job.variant.amounts:
        holds &= _leaf_meets(job, members, sums, leaf, total)
    return holds


def _leaf_meets(job: RollUp, members: Members, sums: Sums, leaf: Leaf, total: Ints) -> Bools:
    """Whether the sum meets the single record's value within the leaf's tolerance. `amount` is the net sum's magnitude."""
    of_many, of_single = job.ends(leaf)
    target = numbers(job.single, of_single)[sums.single]
    if of_many.field == "amount":
        added = np.abs(total)
    else:
        added = sums_of(numbers(job.many, of_many)[members.rows], sums)
    if leaf.tolerance is None:
        return added == target
    of_a = added if job.many_is_a else target
    near = np.abs(added - target) <= slack(leaf.tolerance, of_a, job.single.decimal_places[sums.single])
    # A difference beyond 64 bits wraps around to anything.
    return near & (np.abs(added.astype(float) - target.astype(float)) < 2 * SAFE)


def sums_of(values: Ints, sums: Sums) -> Ints:
    running = np.concatenate((np.zeros(1, np.int64), np.cumsum(values)))
    return running[sums.hi] - running[sums.lo]


def _fits(values: Ints, sums: Sums) -> Bools:
    """Whether the true sum is within 64 bits: whole numbers wrap around silently, and a wrapped sum could meet anything."""
    if float(np.abs(values.astype(float)).sum()) < SAFE:
        return np.ones(len(sums.single), bool)
    running = np.concatenate((np.zeros(1), np.cumsum(values.astype(float))))
    return np.abs(running[sums.hi] - running[sums.lo]) < 2 * SAFE


def _each_member_holds(job: RollUp, members: Members, sums: Sums) -> Bools:
    holds = np.ones(len(sums.single), bool)
    ways = job.variant.each
    if not any(each.leaves for each in ways) and (len(ways) == 1 or not any(each.scopes for each in ways)):
        return holds
    number, place = _unfolded(sums)
    some_way = np.zeros(len(place), bool)
    for each in ways:
        some_way |= _meets_each(job, each, members.rows[place], sums.single[number])
    holds[number[~some_way]] = False
    return holds


def _meets_each(job: RollUp, each: Each, rows_many: Ints, rows_single: Ints) -> Bools:
    """For each member beside its single record whether it meets all of these conditions."""
    holds = _inside(job.many, each.scopes)[rows_many]
    for leaf in each.leaves:
        if job.many_is_a:
            holds &= leaf_holds(leaf, job.many, job.single, rows_many, rows_single)
        else:
            holds &= leaf_holds(leaf, job.single, job.many, rows_single, rows_many)
    return holds


def _unfolded(sums: Sums) -> tuple[Ints, Ints]:
    total = int((sums.hi - sums.lo).sum())
    if total > BUDGET:
        raise TooBroad(total)
    return unfold(sums.lo, sums.hi)


def _not_refused(job: RollUp, members: Members, sums: Sums) -> Bools:
    offered = np.ones(len(sums.single), bool)
    known = job.refused.single_ids(job.many_is_a)
    for place in np.flatnonzero(np.isin(job.single.ids[sums.single], known)).tolist():
        rows = members.rows[sums.lo[place] : sums.hi[place]]
        many, single = job.many.ids[rows], job.single.ids[sums.single[place : place + 1]]
        offered[place] = not (
            job.refused.holds(many, single) if job.many_is_a else job.refused.holds(single, many)
        )
    return offered
