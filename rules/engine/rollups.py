"""many_to_one and one_to_many: open records of one side whose sum meets one record of the other. Called by `matching`.

By identifier: all open records of a cohort, or those of the days before. By date: a run of whole days of a segment. In
rounds: all sets that meet some single record are found at once, the chosen ones taken, and what is left tried again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rules.engine.chance import of_sums
from rules.engine.claims import Claims, choose, count_rivals
from rules.engine.cohorts import Members, Proposals, cohort_keys, gather_members, point, run_keys
from rules.engine.comparators import is_money, slack
from rules.engine.confidence import NOBODY, Evidence
from rules.engine.found import NONE
from rules.engine.intervals import unfold
from rules.engine.outcome import Groups
from rules.engine.plan import named_values, plan
from rules.engine.refused import Refused
from rules.engine.sides import Ints, Side
from rules.engine.sums import RollUp, Sums, qualifying
from rules.engine.tree import RuleSpec
from rules.engine.twins import twins
from rules.engine.variants import variants
from rules.engine.windows import Windows


@dataclass(frozen=True, slots=True)
class RolledUp:
    """What a rule with a rollup found.

    `tried`: how many sets were looked at. `ambiguous`: rows of single records that were left open though some set meets
    them, as the rule asks for certainty. Per group: `rivals`, the other sets that met its single record or needed one of
    its members; `windows`, how many sets were looked at for its single record.
    """

    groups: Groups
    tried: int
    ambiguous: Ints
    rivals: Ints
    windows: Ints


@dataclass(frozen=True, slots=True)
class Taken:
    """Groups that were taken in one round: per group the single record, its key and its figures; members by group."""

    single: Ints
    of: Ints
    rows: Ints
    first_day: Ints
    last_day: Ints
    rivals: Ints
    windows: Ints


class Search(Protocol):
    """What is open for one variant of a rule."""

    members: Members
    tried: int

    def sums(self) -> Sums:
        """The sets of open members that meet an open single record, in the order in which they choose."""

    def claims(self, sums: Sums) -> Claims:
        """What each set needs."""

    def windows(self, single: Ints) -> Ints:
        """How many sets were looked at for these single records."""

    def take(self, sums: Sums) -> None:
        """These are no longer open."""


class Cohorts:
    """By identifier: each single record is tried with the open members of every cohort that it points at."""

    def __init__(self, job: RollUp, members: Members, proposals: Proposals) -> None:
        self.job, self.members, self.proposals = job, members, proposals
        self.tried = len(proposals)
        self._met = np.bincount(proposals.single, minlength=len(job.single))

    def sums(self) -> Sums:
        proposals = self.proposals
        lo, hi = self.job.reach(self.members, proposals)
        return qualifying(self.job, self.members, Sums(proposals.single, lo, hi).only(hi > lo))

    def claims(self, sums: Sums) -> Claims:
        return Claims(sums.single, sums.lo, sums.hi, self.job.twin_of[sums.single], sums.difference)

    def windows(self, single: Ints) -> Ints:
        return self._met[single]

    def take(self, sums: Sums) -> None:
        """What is left is tried again: of a rule that takes the best, only cohorts that lost some of their members."""
        places = unfold(sums.lo, sums.hi)[1]
        open_ = np.ones(len(self.members.rows), bool)
        open_[places] = False
        again = ~np.isin(self.proposals.single, sums.single)
        if self.job.rule.on_ambiguity == "best":
            touched = np.unique(self.members.cohort[places])
            again &= np.isin(self.proposals.cohort, touched)
            open_ &= np.isin(self.members.cohort, touched)
        self.members, self.proposals = self.members.only(open_), self.proposals.only(again)


class Days:
    """By date: each single record is tried with every run of days in reach. A taken day breaks a run, so what a later
    round may take is what was found at first, less the runs with a taken day."""

    def __init__(self, job: RollUp, members: Members, proposals: Proposals) -> None:
        self.job, self.members = job, members
        self._runs = Windows(job, members, proposals)
        self._open = self._runs.qualifying()
        self.tried = self._runs.tried

    def sums(self) -> Sums:
        return self._open

    def claims(self, sums: Sums) -> Claims:
        lo, hi = self._runs.days_of(sums)
        return Claims(sums.single, lo, hi, self.job.twin_of[sums.single], sums.difference)

    def windows(self, single: Ints) -> Ints:
        return self._runs.count[single]

    def take(self, sums: Sums) -> None:
        taken = np.zeros(len(self.members.rows) + 1, np.int64)
        np.add.at(taken, sums.lo, 1)
        np.add.at(taken, sums.hi, -1)
        gone = np.concatenate(([0], np.cumsum(np.cumsum(taken[:-1]) > 0)))
        open_ = gone[self._open.hi] == gone[self._open.lo]
        self._open = self._open.only(open_ & ~np.isin(self._open.single, sums.single))


def roll_up(rule: RuleSpec, a: Side, b: Side, refused: Refused, magnitude: bool) -> RolledUp:
    """The groups of a rule. Raises TooBroad. Variants of the tree that ask for another sum, or another group, are tried in
    order as written, each on what the one before left."""
    many, single = (a, b) if rule.cardinality == "many_to_one" else (b, a)
    twin_of = _twins(rule, single)
    open_many, open_single = np.ones(len(many), bool), np.ones(len(single), bool)
    taken: list[Taken] = []
    unsure: list[Ints] = []
    tried = 0
    for variant in variants(rule):
        job = RollUp(rule, many, single, variant, refused, magnitude, twin_of)
        members = gather_members(rule, many, open_many & job.inside_many)
        proposals = point(members, many, single, open_single & job.inside_single, job.pointing)
        search: Search = (Cohorts if job.by_identifier else Days)(job, members, proposals)
        found, left_open = _rounds(job, search)
        for one in found:
            open_many[one.rows] = False
            open_single[one.single] = False
        taken += found
        unsure.append(left_open)
        tried += search.tried
    ambiguous = np.unique(np.concatenate(unsure or [NONE]))
    return _joined(rule, many, single, taken, tried, ambiguous[open_single[ambiguous]])


def _twins(rule: RuleSpec, single: Side) -> Ints:
    """The class of twins of each single record; of use only where certainty is asked for."""
    if rule.on_ambiguity == "best":
        return np.arange(len(single))
    return twins(single, named_values(rule)[1 if rule.cardinality == "many_to_one" else 0]).of


def _rounds(job: RollUp, search: Search) -> tuple[list[Taken], Ints]:
    """What is taken, round by round, and the single records that were left open for want of certainty."""
    taken: list[Taken] = []
    while True:
        sums = search.sums()
        if not len(sums.single):
            return taken, NONE
        claims = search.claims(sums)
        chosen = choose(claims, job.rule.on_ambiguity)
        if not chosen.any():
            return taken, np.unique(sums.single)
        mine = sums.only(chosen)
        taken.append(_taken(search, mine, count_rivals(claims)[chosen]))
        search.take(mine)


def _taken(search: Search, sums: Sums, rivals: Ints) -> Taken:
    members = search.members
    number, place = unfold(sums.lo, sums.hi)
    day = members.day
    return Taken(
        sums.single,
        number,
        members.rows[place],
        day[sums.lo],
        day[sums.hi - 1],
        rivals,
        search.windows(sums.single),
    )


def _joined(
    rule: RuleSpec, many: Side, singles: Side, taken: Sequence[Taken], tried: int, ambiguous: Ints
) -> RolledUp:
    """All rounds as groups, in order of their lowest Side A row."""
    before = np.cumsum([0, *(len(one.single) for one in taken)])
    single = _all([one.single for one in taken])
    of = _all([one.of + first for one, first in zip(taken, before, strict=False)])
    rows = _all([one.rows for one in taken])
    some_row = np.full(len(single), len(many))
    np.minimum.at(some_row, of, rows)
    many_is_a = rule.cardinality == "many_to_one"
    order = np.argsort(some_row if many_is_a else single)
    number = np.empty(len(order), np.int64)
    number[order] = np.arange(len(order))
    if rule.rollup is not None and rule.rollup.kind == "date":
        days = _all([one.first_day for one in taken])[order], _all([one.last_day for one in taken])[order]
        keys = run_keys(rule, many, some_row[order], *days)
    else:
        keys = cohort_keys(rule.group_by, many, some_row[order])
    of_many, of_single = (number[of], rows), (number, single)
    of_a, of_b = (of_many, of_single) if many_is_a else (of_single, of_many)
    rivals = _all([one.rivals for one in taken])[order]
    windows = _all([one.windows for one in taken])[order]
    evidence = _evidence(rule, singles, single[order], rivals, windows)
    return RolledUp(Groups(len(single), *of_a, *of_b, evidence, keys), tried, ambiguous, rivals, windows)


def _evidence(rule: RuleSpec, side: Side, rows: Ints, rivals: Ints, windows: Ints) -> Evidence:
    """Each other set that qualified counts in full; chance by the sets tried."""
    amounts = np.abs(side.measure)
    off = np.zeros(len(rows), np.int64)
    for alternative in plan(rule) if not rule.must_balance else ():
        for leaf in alternative.bands:
            if is_money(leaf) and leaf.tolerance is not None:
                one = slack(leaf.tolerance, amounts[rows], side.decimal_places[rows])
                off = np.maximum(off, one)
    chance = of_sums(amounts, amounts[rows], off, windows)
    return Evidence(rivals.astype(float), rivals, chance, np.full(len(rows), NOBODY))


def _all(parts: Sequence[Ints]) -> Ints:
    return np.concatenate([NONE, *parts])
