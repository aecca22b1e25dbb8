"""many_to_one and one_to_many: all open records of an identifier (a cohort), or those of the days before, add up to one
record of the other side. Called by `matching`.

In rounds: all single records are tried at once on what is open; where the members of two overlap the older takes them;
the others are tried again on what is left, until nothing is new.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rules.engine.candidates import BUDGET
from rules.engine.cohorts import Members, Proposals, cohort_keys, gather_members, point
from rules.engine.comparators import is_money, leaf_holds, numbers, scope_holds, slack
from rules.engine.confidence import nothing_known
from rules.engine.found import NONE, TooBroad
from rules.engine.intervals import unfold
from rules.engine.outcome import Groups
from rules.engine.plan import plan
from rules.engine.refused import Refused
from rules.engine.sides import Bools, Ints, Side
from rules.engine.tree import Leaf, RuleSpec, Scope, Value


@dataclass(frozen=True, slots=True)
class Conditions:
    """The rule's leaves by use: which cohort, what the sum must meet, and what each member must meet by itself."""

    pointing: tuple[Leaf, ...]
    amounts: tuple[Leaf, ...]
    members: tuple[Leaf, ...]
    scopes: tuple[Scope, ...]


@dataclass(frozen=True, slots=True)
class Sums:
    """Sets of members that meet a single record: places [lo, hi) among the members."""

    single: Ints
    lo: Ints
    hi: Ints

    def only(self, chosen: Bools) -> Sums:
        return Sums(self.single[chosen], self.lo[chosen], self.hi[chosen])


@dataclass(frozen=True, slots=True)
class RollUp:
    """One rollup at work, with the two sides named by the part they play."""

    rule: RuleSpec
    many: Side
    single: Side
    conditions: Conditions
    refused: Refused
    magnitude: bool

    @property
    def many_is_a(self) -> bool:
        return self.rule.cardinality == "many_to_one"

    def ends(self, leaf: Leaf) -> tuple[Value, Value]:
        """The leaf's value of the many side, and of the single side."""
        return (leaf.key, leaf.value) if self.many_is_a else (leaf.value, leaf.key)

    def inside(self, many: bool) -> Bools:
        """The rows of a side that are inside the rule's scopes."""
        side = self.many if many else self.single
        rows = np.ones(len(side), bool)
        for scope in self.conditions.scopes:
            if (scope.side == "a") == (many == self.many_is_a):
                rows &= scope_holds(scope, side)
        return rows


def roll_up(rule: RuleSpec, a: Side, b: Side, refused: Refused, magnitude: bool) -> tuple[Groups, int]:
    """The groups of a rule, and how many times a single record met a cohort. Raises TooBroad."""
    many, single = (a, b) if rule.cardinality == "many_to_one" else (b, a)
    job = RollUp(rule, many, single, _conditions(rule), refused, magnitude)
    members = gather_members(rule, many, job.inside(many=True))
    proposals = point(
        members, many, single, job.inside(many=False), [job.ends(leaf) for leaf in job.conditions.pointing]
    )
    met = len(proposals)
    taken: list[tuple[Ints, Ints, Ints]] = []
    size = 0
    while len(proposals):
        sums = _first_choice(job, members, _qualifying(job, members, proposals))
        if not len(sums.single):
            break
        number, place = unfold(sums.lo, sums.hi)
        taken.append((sums.single, size + number, members.rows[place]))
        size += len(sums.single)
        members, proposals = _left(members, proposals, place, sums.single)
    return _as_groups(job, taken), met


def _conditions(rule: RuleSpec) -> Conditions:
    (alternative,) = plan(rule)
    many_is_a = rule.cardinality == "many_to_one"
    pointing = tuple(
        leaf
        for leaf in alternative.keys
        if (leaf.key if many_is_a else leaf.value).field in rule.group_by and not is_money(leaf)
    )
    amounts = tuple(leaf for leaf in alternative.leaves if leaf.operand == "eq" and is_money(leaf))
    members = tuple(leaf for leaf in alternative.leaves if leaf not in {*pointing, *amounts})
    return Conditions(pointing, amounts, members, alternative.scopes)


def _qualifying(job: RollUp, members: Members, proposals: Proposals) -> Sums:
    """The proposals whose members add up, each meet the other conditions, and were not rejected as a group."""
    if job.rule.rollup is not None and job.rule.rollup.lookback_days is not None:
        day = job.single.days("date")[proposals.single]
        lo, hi = members.between(proposals.cohort, day - job.rule.rollup.lookback_days, day)
    else:
        lo, hi = members.whole(proposals.cohort)
    sums = Sums(proposals.single, lo, hi)
    sums = sums.only(hi > lo)
    sums = sums.only(_adds_up(job, members, sums))
    sums = sums.only(_each_member_holds(job, members, sums))
    return sums.only(_not_refused(job, members, sums))


def _adds_up(job: RollUp, members: Members, sums: Sums) -> Bools:
    total = _sums_of(job.many.measure[members.rows], sums)
    target = job.single.measure[sums.single]
    equal = np.abs(total) == np.abs(target) if job.magnitude else total == target
    within = total != 0 if job.magnitude else np.sign(total) == np.sign(target)
    exact = job.rule.must_balance or all(leaf.tolerance is None for leaf in job.conditions.amounts)
    holds = (equal if exact else within) & _fits(job.many.measure[members.rows], sums)
    for leaf in job.conditions.amounts:
        holds = holds & _meets(job, members, sums, leaf, total)
    return holds


def _meets(job: RollUp, members: Members, sums: Sums, leaf: Leaf, total: Ints) -> Bools:
    """Whether the sum meets the single record's value within the leaf's tolerance. `amount` is the net sum's magnitude."""
    of_many, of_single = job.ends(leaf)
    target = numbers(job.single, of_single)[sums.single]
    if of_many.field == "amount":
        added = np.abs(total)
    else:
        added = _sums_of(numbers(job.many, of_many)[members.rows], sums)
    if leaf.tolerance is None:
        return added == target
    of_a = added if job.many_is_a else target
    return np.abs(added - target) <= slack(leaf.tolerance, of_a, job.single.decimal_places[sums.single])


def _sums_of(values: Ints, sums: Sums) -> Ints:
    running = np.concatenate((np.zeros(1, np.int64), np.cumsum(values)))
    return running[sums.hi] - running[sums.lo]


def _fits(values: Ints, sums: Sums) -> Bools:
    """Whether the true sum is within 64 bits: whole numbers wrap around silently, and a wrapped sum could meet anything."""
    running = np.concatenate((np.zeros(1), np.cumsum(values.astype(float))))
    return np.abs(running[sums.hi] - running[sums.lo]) < float(1 << 62)


def _each_member_holds(job: RollUp, members: Members, sums: Sums) -> Bools:
    holds = np.ones(len(sums.single), bool)
    if not job.conditions.members:
        return holds
    number, place = _unfolded(sums)
    rows_many, rows_single = members.rows[place], sums.single[number]
    sides = (job.many, job.single, rows_many, rows_single)
    a, b, rows_a, rows_b = sides if job.many_is_a else (sides[1], sides[0], sides[3], sides[2])
    for leaf in job.conditions.members:
        holds[number[~leaf_holds(leaf, a, b, rows_a, rows_b)]] = False
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


def _first_choice(job: RollUp, members: Members, sums: Sums) -> Sums:
    """Of sets that overlap, or have the same single record, those that an earlier one does not take away."""
    number, place = _unfolded(sums)
    rank = np.arange(len(sums.single))
    waiting, taken = np.ones(len(rank), bool), np.zeros(len(rank), bool)
    while waiting.any():
        alive = waiting[number]
        claim = np.full(len(members.rows), len(rank))
        np.minimum.at(claim, place[alive], number[alive])
        claim_single = np.full(len(job.single), len(rank))
        np.minimum.at(claim_single, sums.single[waiting], rank[waiting])
        first = waiting & (claim_single[sums.single] == rank)
        first[number[alive & (claim[place] < number)]] = False
        taken |= first
        # What a set just taken claims is gone, and with it every other set that needs some of it.
        gone = np.zeros(len(members.rows), bool)
        gone[place[first[number]]] = True
        waiting &= ~first
        waiting[number[gone[place]]] = False
        waiting &= ~np.isin(sums.single, sums.single[first])
    return sums.only(taken)


def _left(members: Members, proposals: Proposals, places: Ints, singles: Ints) -> tuple[Members, Proposals]:
    """What is to be tried again: cohorts that lost some of their members, and single records that are still open."""
    open_ = np.ones(len(members.rows), bool)
    open_[places] = False
    touched = np.unique(members.cohort[places])
    again = ~np.isin(proposals.single, singles) & np.isin(proposals.cohort, touched)
    return members.only(open_ & np.isin(members.cohort, touched)), proposals.only(again)


def _as_groups(job: RollUp, taken: list[tuple[Ints, Ints, Ints]]) -> Groups:
    single = np.concatenate([part[0] for part in taken] or [NONE])
    of = np.concatenate([part[1] for part in taken] or [NONE])
    rows = np.concatenate([part[2] for part in taken] or [NONE])
    some_row = np.full(len(single), len(job.many))
    np.minimum.at(some_row, of, rows)
    order = np.argsort(some_row if job.many_is_a else single)
    number = np.empty(len(order), np.int64)
    number[order] = np.arange(len(order))
    keys = cohort_keys(job.rule, job.many, some_row[order])
    evidence = nothing_known(len(single))
    if job.many_is_a:
        return Groups(len(single), number[of], rows, number, single, evidence, keys)
    return Groups(len(single), number, single, number[of], rows, evidence, keys)
