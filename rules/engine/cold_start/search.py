"""The search for rules: in rounds, each on what the rules before it left open, until nothing more is worth proposing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Literal

import polars as pl

from rules.engine.cold_start import dry_run
from rules.engine.cold_start.bodies import Body, group_body, likeness, pair_body, pair_of
from rules.engine.cold_start.calendar import Calendar, blocks
from rules.engine.cold_start.estimate import PAIRS_LEAST, Estimate
from rules.engine.cold_start.forms import worth_trying
from rules.engine.cold_start.groups import GroupTrial, group_trials
from rules.engine.cold_start.pool import Books, Pool
from rules.engine.cold_start.proposals import ColdStart, Proposal, Step, StepName
from rules.engine.cold_start.tolerances import EQUAL
from rules.engine.cold_start.trials import Trial, trial_of, trials
from rules.engine.sides import Side

SAMPLED = 5_000  # Side A records that are looked at closely, about
RULES_MAX = 8
ADDS_LEAST = 0.005  # of the sample
AS_GOOD = 0.005  # a stricter rule that does so little less is taken
ATTEMPTS_MAX = 10  # rules run over everything per round

Tell = Callable[[Step], None]
Checked = tuple[Proposal, dry_run.Taken]


def propose(
    side_a: pl.DataFrame,
    side_b: pl.DataFrame,
    *,
    sign_mode: Literal["effect", "magnitude"] = "effect",
    tolerances: bool = True,
    waiting: Sequence[Body] = (),
    unwanted: Sequence[Body] = (),
    tell: Tell | None = None,
) -> ColdStart:
    """Rules that these open records speak for, best first, from the records alone: nobody has said which belong together.

    Frames as `rules.engine.match` takes them: id, currency, decimal_places, date, measure and whatever text columns are to
    be compared, all of one side with all of the other. `tolerances`: whether amounts may differ at all. `waiting`: rules
    proposed before; they are measured again, and what they match is theirs. `unwanted`: rules of which nothing alike is to
    be proposed. `tell` is given each step as it is done. The order of rows never matters.
    """
    a, b = Side.load(side_a), Side.load(side_b)
    calendar = Calendar.of(b.days("date")) if len(a) and len(b) else None
    search = _Search(tolerances, frozenset(map(likeness, unwanted)), tell)
    if calendar is None:
        search.say("too_short", a=len(a), b=len(b))
        return search.result()
    sample = blocks(a.days("date"), SAMPLED)
    books = Books(a, b, sign_mode == "magnitude", calendar, sample)
    search.say("read", a=len(a), b=len(b), sampled=books.sampled, weeks=len(calendar.weeks))
    pool = Pool.whole(books)
    for body in waiting:
        pool = search.again(pool, body)
    for number in range(1, RULES_MAX + 1):
        found = search.round(pool, number)
        if found is None:
            break
        pool = _left(pool, *found)
    search.say("nothing_more", proposals=len(search.proposals))
    return search.result()


@dataclass
class _Search:
    tolerances: bool
    unwanted: frozenset[str]
    tell: Tell | None
    proposals: list[Proposal] = field(default_factory=list)
    checked: list[Estimate | None] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    def say(self, name: StepName, **figures: int) -> None:
        self.steps.append(Step(name, figures))
        if self.tell is not None:
            self.tell(self.steps[-1])

    def result(self) -> ColdStart:
        return ColdStart(tuple(self.proposals), tuple(self.steps), tuple(self.checked))

    def again(self, pool: Pool, body: Body) -> Pool:
        """Measures a rule proposed before; gives what it leaves."""
        pair = pair_of(body)
        trial = trial_of(pool, *pair) if pair is not None and len(pool.sample) else None
        checked = _checked_pairs(pool, trial) if trial is not None else _checked_groups(pool, body)
        self.checked.append(checked[0].estimate if checked is not None else None)
        taken = checked[1] if checked is not None else dry_run.run(pool, body)
        self.say("again", number=len(self.checked), found=taken.groups if taken is not None else 0)
        if checked is not None:
            return _left(pool, *checked)
        return pool if taken is None else pool.without(taken.a, taken.b)

    def round(self, pool: Pool, number: int) -> Checked | None:
        """Proposes the rule that clears most of what is open."""
        least = max(PAIRS_LEAST, ceil(ADDS_LEAST * pool.books.sampled))
        if not len(pool.sample) or not len(pool.rows_b):
            return None
        forms = worth_trying(*pool.books.texts, *pool.is_open)
        self.say("forms", round=number, forms=len(forms))
        tried = list(trials(pool, forms, least, tolerances=self.tolerances))
        groups = list(group_trials(pool, forms, least))
        self.say("tried", round=number, rules=len(tried) + len(groups))
        promising = [trial for trial in tried if trial.estimate.is_proposed and trial.estimate.pairs >= least]
        for trial in _best_first(pool, self._wanted(pool, [*promising, *groups])):
            checked = (
                _checked_pairs(pool, trial)
                if isinstance(trial, Trial)
                else _checked_groups(pool, _body_of(pool, trial))
            )
            if checked is not None and checked[0].pairs >= least and checked[0].estimate.is_proposed:
                self.proposals.append(checked[0])
                self.say("found", round=number, pairs=checked[0].pairs, found=checked[0].found)
                return checked
        return None

    def _wanted(self, pool: Pool, found: list[Trial | GroupTrial]) -> list[Trial | GroupTrial]:
        if not self.unwanted:
            return found
        return [trial for trial in found if likeness(_body_of(pool, trial)) not in self.unwanted]


def _left(pool: Pool, proposal: Proposal, taken: dry_run.Taken) -> Pool:
    """What a rule leaves to the next."""
    pair = pair_of(proposal.body)
    return (
        pool.without(taken.a, taken.b) if pair is None else pool.without(taken.a, taken.b, pair[2], pair[1])
    )


def _best_first(pool: Pool, found: list[Trial | GroupTrial]) -> Iterator[Trial | GroupTrial]:
    """By how many records they would clear; the stricter of two that do about the same first; pairs before rollups."""
    scale = 2 * len(pool.rows_a) / max(len(pool.sample), 1)
    worth = {
        trial: trial.estimate.worth * scale if isinstance(trial, Trial) else float(trial.records)
        for trial in found
    }
    for _attempt in range(min(ATTEMPTS_MAX, len(worth))):
        most = max(worth.values())
        if most <= 0:
            return
        equals = [trial for trial, value in worth.items() if value >= (1 - AS_GOOD) * most]
        chosen = min(equals, key=lambda trial: (isinstance(trial, GroupTrial), trial.place))
        del worth[chosen]
        yield chosen


def _body_of(pool: Pool, trial: Trial | GroupTrial) -> Body:
    magnitude = pool.books.magnitude
    if isinstance(trial, Trial):
        return pair_body(trial.form, trial.tolerance, trial.window, magnitude=magnitude)
    return group_body(trial.form, many_is_a=trial.many_is_a, lookback=trial.lookback, magnitude=magnitude)


def _checked_pairs(pool: Pool, trial: Trial) -> Checked | None:
    """The trial as a rule that the engine has run; None where it is too broad."""
    body = _body_of(pool, trial)
    keys = pool.keys(trial.form, of=pool.price if trial.tolerance == EQUAL else pool.unit)
    taken = dry_run.run(pool, body)
    elsewhere = dry_run.accidents(pool, body, keys)
    if taken is None or elsewhere is None:
        return None
    matched, expected = dry_run.in_sample(pool, taken), max(elsewhere, trial.strangers)
    estimate = Estimate(matched, expected * trial.exposed)
    return Proposal(body, estimate, expected, matched, pool.books.sampled, taken.groups, trial.window), taken


def _checked_groups(pool: Pool, body: Body) -> Checked | None:
    """A rollup as a rule that the engine has run; None where it is too broad, or no rollup by identifier."""
    rollup = body.get("rollup") or {}
    if rollup.get("group_by_kind") != "identifier":
        return None
    taken = dry_run.run(pool, body)
    elsewhere = dry_run.accidental_groups(pool, body, moved=rollup.get("lookback_days") is not None)
    if taken is None or elsewhere is None:
        return None
    matched = dry_run.in_sample(pool, taken)
    estimate = Estimate(taken.groups, elsewhere)
    return Proposal(body, estimate, elsewhere, matched, pool.books.sampled, taken.groups), taken
