"""Asks a worker to match a run, waits for it, and matches in this process where no worker answers."""

from __future__ import annotations

from functools import partial

from organizations.actors import Actor
from organizations.acts import perform
from reconciliation.demo.loading import Clock, Say
from reconciliation.models import Pass, Run
from reconciliation.selectors.runs import last_pass
from reconciliation.services.execution import pass_execute
from reconciliation.services.passes import pass_request, pass_wait
from reconciliation.states import PassStatus
from rules.models import Reconciliation

RUNNING_WAIT_SECONDS = 600  # a worker that has begun is given this long


class NotMatched(Exception):
    """The pass failed, or a worker that has begun does not end."""


def was_matched(run: Run) -> bool:
    done = last_pass(run)
    return done is not None and done.status == PassStatus.COMPLETED


def match(run: Run, *, wait: float, by: Actor, clock: Clock, say: Say) -> bool:
    """One pass of the run. False where no worker took it within `wait` seconds and this process did it.

    Raises NotMatched.
    """
    asked = _under_way(run) or _request(run.reconciliation, run, by=by, clock=clock)
    done, alone = _ended(asked, str(run), wait=wait, clock=clock, say=say)
    say(f"  {run}: {done.matched} lines matched{'' if alone else ' by the worker'}")
    return not alone


def match_streams(reconciliation: Reconciliation, *, wait: float, by: Actor, clock: Clock, say: Say) -> None:
    """The same for a reconciliation of streams: one pass over it, after whatever pass is under way. Raises NotMatched."""
    running = Pass.objects.filter(reconciliation=reconciliation, status=PassStatus.RUNNING).first()
    if running is not None:
        _ended(running, reconciliation.name, wait=wait, clock=clock, say=say)
    asked = _request(reconciliation, None, by=by, clock=clock)
    _ended(asked, reconciliation.name, wait=wait, clock=clock, say=say)


def _ended(asked: Pass, name: str, *, wait: float, clock: Clock, say: Say) -> tuple[Pass, bool]:
    """The pass at its end, and whether this process had to do it."""
    done = pass_wait(asked.pk, seconds=wait)
    alone = done.status == PassStatus.PENDING
    if alone:
        say(f"  No worker took it within {wait:g} s, so it was matched in this process.")
        pass_execute(pass_id=done.pk, clock=clock)
    if done.is_under_way:
        done = pass_wait(asked.pk, seconds=RUNNING_WAIT_SECONDS)
    if done.status != PassStatus.COMPLETED:
        raise NotMatched(f"The matching of {name} is {done.status}: {done.error or 'look at the worker'}.")
    return done, alone


def _under_way(run: Run) -> Pass | None:
    found = last_pass(run)
    return found if found is not None and found.is_under_way else None


def _request(reconciliation: Reconciliation, run: Run | None, *, by: Actor, clock: Clock) -> Pass:
    return perform(partial(pass_request, reconciliation=reconciliation, run=run, by=by, at=clock()))
