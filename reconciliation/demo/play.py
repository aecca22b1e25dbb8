"""Plays the demo from beginning to end, or takes the user's own files: progress by `say`, then the table as text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from organizations.actors import Actor
from reconciliation.demo import expectation, files, loading, months, orders, payouts, table
from reconciliation.demo.expectation import Played, Verdict
from reconciliation.demo.loading import Clock, Say
from reconciliation.demo.matching import match, was_matched
from reconciliation.demo.report import run_report
from reconciliation.models import Run
from reconciliation.selectors.integrity import faults


@dataclass(frozen=True, slots=True)
class Result:
    """What was printed as the table, what differs from the plan, and whether it was loaded in this call."""

    text: str
    verdict: Verdict
    is_new: bool


Also = Callable[..., tuple[list[str], list[str]]]
"""A part that a floor above adds: called with `wait, by, clock, say`; gives its table, and what is not as planned."""


def play(*, by: Actor, wait: float, clock: Clock, say: Say, also: Sequence[Also] = ()) -> Result:
    """Bring the months in, match them, and hold what was found against the plan. A second call changes nothing."""
    eur, jpy = months.eur_month(), months.jpy_month()
    arrived = [(eur, files.eur_files(eur)), (jpy, files.jpy_files(jpy))]
    ledgers = [loading.ledger_of(month.account, by=by, clock=clock) for month, _files in arrived]
    imported, known = loading.post_books([eur, jpy], by=by, clock=clock)
    say(f"Books: {imported} entries posted" + (f", {known} already known." if known else "."))
    filled = []
    for ledger, (_month, demo_files) in zip(ledgers, arrived, strict=True):
        say(f"Statement files for {ledger.code} {ledger.description}:")
        filled.append(loading.fill_run(ledger, demo_files, by=by, clock=clock, say=say))
    fresh = [one.run for one in filled if not was_matched(one.run)]
    answered = match_all(fresh, wait=wait, by=by, clock=clock, say=say)
    played = [
        expectation.played(month, demo_files, run_report(one))
        for one, (month, demo_files) in zip(filled, arrived, strict=True)
    ]
    made = payouts.load(by=by, clock=clock, say=say)
    if made is not None:
        payouts.propose(made, wait=wait if answered else 0, by=by, clock=clock, say=say)
    orders.play(wait=wait if answered else 0, by=by, clock=clock, say=say)
    more = [part(wait=wait if answered else 0, by=by, clock=clock, say=say) for part in also]
    verdict = expectation.judged(played)
    verdict.differences += payouts.differences(by) + orders.differences(by)
    verdict.differences += [each for _lines, differences in more for each in differences]
    verdict.differences += [str(fault) for fault in faults()]
    streams = [*payouts.table(by), "", *orders.table(by)]
    streams += [line for lines, _differences in more for line in ("", *lines)]
    return Result(_text(played, verdict, streams), verdict, bool(fresh))


def match_all(runs: Iterable[Run], *, wait: float, by: Actor, clock: Clock, say: Say) -> bool:
    """Match the runs; where no worker answers for the first, the others don't wait for one. Whether one answered."""
    answered = True
    for number, run in enumerate(runs):
        if number == 0:
            say("Matching:")
        answered = match(run, wait=wait, by=by, clock=clock, say=say)
        wait = wait if answered else 0
    return answered


def _text(played: list[Played], verdict: Verdict, streams: list[str]) -> str:
    lines: list[str] = []
    for one in played:
        lines += [*table.run_table(one.report), ""]
    lines += [*streams, ""]
    lines += [*table.planted_table(verdict.checks), ""]
    if verdict.differences:
        lines += ["Not as planned:", *(f"  {difference}" for difference in verdict.differences)]
    else:
        lines.append("Everything was found as planted, and nothing else. The integrity checks find no fault.")
    return "\n".join(lines)
