"""The search for rules: in rounds, each on what the rules before it left open, until nothing more is worth proposing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import ceil
from typing import Literal

import numpy as np
import polars as pl

from rules.engine.cold_start import dry_run
from rules.engine.cold_start.bodies import group_body, pair_body
from rules.engine.cold_start.calendar import Calendar, blocks
from rules.engine.cold_start.estimate import PAIRS_LEAST, Estimate, wrong_pairs
from rules.engine.cold_start.forms import worth_trying
from rules.engine.cold_start.groups import GroupTrial, group_trials
from rules.engine.cold_start.near import EQUAL
from rules.engine.cold_start.pool import Books, Pool
from rules.engine.cold_start.proposals import ColdStart, Proposal, Step, StepName
from rules.engine.cold_start.trials import Trial, trials
from rules.engine.sides import Side

SAMPLED = 5_000  # Side A records that are looked at closely, about
RULES_MAX = 8
ADDS_LEAST = 0.005  # of the sample
AS_GOOD = 0.005  # a stricter rule that does so little less is taken
ATTEMPTS_MAX = 10  # rules run over everything per round

Tell = Callable[[Step], None]


def propose(
    side_a: pl.DataFrame,
    side_b: pl.DataFrame,
    *,
    sign_mode: Literal["effect", "magnitude"] = "effect",
    tolerances: bool = True,
    tell: Tell | None = None,
) -> ColdStart:
    """Rules that these open records speak for, best first, from the records alone: nobody has said which belong together.

    Frames as `rules.engine.match` takes them: id, currency, decimal_places, date, measure and whatever text columns are to
    be compared, all of one side with all of the other. `tolerances`: whether amounts may differ at all. `tell` is given
    each step as it is done. The order of rows never matters.
    """
    a, b = Side.load(side_a), Side.load(side_b)
    search = _Search(tell)
    calendar = Calendar.of(b.days("date")) if len(a) and len(b) else None
    if calendar is None:
        search.say("too_short", a=len(a), b=len(b))
        return search.result()
    sample = blocks(a.days("date"), SAMPLED)
    books = Books(a, b, sign_mode == "magnitude", calendar, sample)
    sampled = int(np.count_nonzero(sample))
    search.say("read", a=len(a), b=len(b), sampled=sampled, weeks=len(calendar.weeks))
    pool = Pool.whole(books)
    for _round in range(RULES_MAX):
        found = search.round(pool, max(PAIRS_LEAST, ceil(ADDS_LEAST * sampled)), tolerances=tolerances)
        if found is None:
            search.say("nothing_more", proposals=len(search.proposals))
            break
        pool = pool.without(found.a, found.b, search.proposals[-1].window)
    return search.result()


@dataclass
class _Search:
    tell: Tell | None
    proposals: list[Proposal] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    def say(self, name: StepName, **figures: int) -> None:
        self.steps.append(Step(name, figures))
        if self.tell is not None:
            self.tell(self.steps[-1])

    def result(self) -> ColdStart:
        return ColdStart(tuple(self.proposals), tuple(self.steps))

    def round(self, pool: Pool, least: int, *, tolerances: bool) -> dry_run.Taken | None:
        """Proposes the rule that clears most of what is open; gives what it matched."""
        number = len(self.proposals) + 1
        if not len(pool.sample) or not len(pool.rows_b):
            return None
        open_a, open_b = np.zeros(len(pool.books.a), bool), np.zeros(len(pool.books.b), bool)
        open_a[pool.rows_a], open_b[pool.rows_b] = True, True
        forms = worth_trying(*pool.books.texts, open_a, open_b)
        self.say("forms", round=number, forms=len(forms))
        tried = list(trials(pool, forms, least, tolerances=tolerances))
        groups = list(group_trials(pool, forms, least))
        self.say("tried", round=number, rules=len(tried) + len(groups))
        promising = [trial for trial in tried if trial.estimate.is_proposed and trial.estimate.pairs >= least]
        for trial in _best_first(pool, promising, groups):
            checked = (
                _checked_pairs(pool, trial) if isinstance(trial, Trial) else _checked_groups(pool, trial)
            )
            if checked is not None and checked[0].pairs >= least and checked[0].estimate.is_proposed:
                proposal, taken = checked
                self.proposals.append(proposal)
                self.say("found", round=number, pairs=proposal.pairs, found=proposal.found)
                return taken
        return None


def _best_first(pool: Pool, pairs: list[Trial], groups: list[GroupTrial]) -> Iterator[Trial | GroupTrial]:
    """By how many records they would clear; the stricter of two that do about the same first; pairs before rollups."""
    scale = 2 * len(pool.rows_a) / max(len(pool.sample), 1)
    worth: dict[Trial | GroupTrial, float] = {trial: trial.estimate.worth * scale for trial in pairs}
    worth |= {trial: float(trial.records) for trial in groups}
    for _attempt in range(min(ATTEMPTS_MAX, len(worth))):
        most = max(worth.values())
        if most <= 0:
            return
        equals = [trial for trial, value in worth.items() if value >= (1 - AS_GOOD) * most]
        chosen = min(equals, key=lambda trial: (isinstance(trial, GroupTrial), trial.place))
        del worth[chosen]
        yield chosen


def _checked_pairs(pool: Pool, trial: Trial) -> tuple[Proposal, dry_run.Taken] | None:
    """The trial as a rule that the engine has run; None where it is too broad."""
    body = pair_body(trial.form, trial.tolerance, trial.window, magnitude=pool.books.magnitude)
    keys = pool.keys(trial.form, of=pool.price if trial.tolerance == EQUAL else pool.unit)
    taken = dry_run.run(pool, body)
    elsewhere = dry_run.accidents(pool, body, keys)
    if taken is None or elsewhere is None:
        return None
    matched = dry_run.in_sample(pool, taken)
    expected = max(elsewhere, trial.strangers)
    proposal = Proposal(
        body=body,
        form=trial.form,
        tolerance=trial.tolerance,
        window=trial.window,
        lookback=None,
        estimate=Estimate(matched, wrong_pairs(expected, trial.covered)),
        by_accident=expected,
        matched=matched,
        sampled=int(np.count_nonzero(pool.books.sample)),
        found=taken.groups,
    )
    return proposal, taken


def _checked_groups(pool: Pool, trial: GroupTrial) -> tuple[Proposal, dry_run.Taken] | None:
    """The rollup as a rule that the engine has run; None where it is too broad."""
    books = pool.books
    body = group_body(
        trial.form, many_is_a=trial.many_is_a, lookback=trial.lookback, magnitude=books.magnitude
    )
    taken = dry_run.run(pool, body)
    elsewhere = dry_run.accidental_groups(pool, body, moved=trial.lookback is not None)
    if taken is None or elsewhere is None:
        return None
    proposal = Proposal(
        body=body,
        form=trial.form,
        tolerance=EQUAL,
        window=None,
        lookback=trial.lookback,
        estimate=Estimate(taken.groups, elsewhere),
        by_accident=elsewhere,
        matched=dry_run.in_sample(pool, taken),
        sampled=int(np.count_nonzero(books.sample)),
        found=taken.groups,
    )
    return proposal, taken
