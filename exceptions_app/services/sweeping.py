"""The sweep: once a minute, over an organization, what has become overdue is seen, and exceptions open, reopen and are resolved
by it. Killed at any point, the next one does what is left; twice is the same as once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import Any

from django.db import connection
from django.db.models import F

from exceptions_app.models import Sweep
from exceptions_app.selectors.sweeping import active_exceptions, due_reconciliations, left_behind
from exceptions_app.services.investigations import investigations_request_changed
from exceptions_app.services.sweeping_acts import (
    TASK,
    Swept,
    exceptions_make_again,
    exceptions_note_records,
    exceptions_resolve,
    items_sweep,
    suggestions_sweep,
)
from exceptions_app.states import SweepStatus
from organizations.actors import system_actor
from organizations.acts import connection_lost
from reconciliation.services.job_life import Overtaken, job_held
from reconciliation.services.locks import LockKind, perform_patiently, share_reconciliations
from rules.models import Reconciliation

KEPT = timedelta(days=7)
LOST = "Its worker was lost; the next sweep did what was left."
Clock = Callable[[], datetime]
Act = Callable[..., Swept]
log = logging.getLogger(__name__)


def organization_sweep(*, organization_id: int, clock: Clock) -> Sweep | None:
    """One sweep, as of now. None where another one is at it. Outermost: opens its own acts.

    A reconciliation that fails is named in the sweep's error, and does not stop the others.
    """
    with job_held(LockKind.SWEEP, organization_id) as ours:
        if not ours:
            return None
        sweep = perform_patiently(partial(_begin, organization_id, at=clock()))
        _run(sweep, clock)
    sweep.refresh_from_db()
    return sweep


def sweeps_forget(*, at: datetime) -> int:
    """Delete sweeps of more than a week ago that changed nothing. Says how many."""
    old = Sweep.objects.filter(status=SweepStatus.COMPLETED, finished_at__lt=at - KEPT)
    return old.filter(records=0, opened=0, reopened=0, resolved=0, investigations=0).delete()[0]


def _begin(organization_id: int, *, at: datetime) -> Sweep:
    """We hold the lock: whoever is said to be at it is dead, or has lost its connection and finds out (`_ours`)."""
    dead = Sweep.objects.filter(organization_id=organization_id, status=SweepStatus.RUNNING)
    dead.update(status=SweepStatus.FAILED, finished_at=at, error=LOST)
    return Sweep.objects.create(organization_id=organization_id, at=at, heartbeat_at=at)


def _run(sweep: Sweep, clock: Clock) -> None:
    try:
        _sweep(sweep, clock)
    except Overtaken:
        return
    except Exception as error:
        if connection_lost(error):
            log.warning("the connection of a sweep was lost", extra={"sweep_id": sweep.pk})
            connection.close()
            return
        log.exception("a sweep failed", extra={"sweep_id": sweep.pk})
        perform_patiently(partial(_end, sweep, [_said(error)], at=clock()))


def _sweep(sweep: Sweep, clock: Clock) -> None:
    acts = _acts(sweep)
    Sweep.objects.filter(pk=sweep.pk).update(reconciliations=len(acts))
    errors = []
    for reconciliation in Reconciliation.objects.filter(pk__in=acts).order_by("pk"):
        try:
            for act in acts[reconciliation.pk]:
                while _act(sweep, reconciliation, act, clock).records:
                    pass
        except Exception as error:
            if isinstance(error, Overtaken) or connection_lost(error):
                raise
            log.exception("a sweep failed", extra={"reconciliation_id": reconciliation.pk})
            errors.append(f"{reconciliation.name} ({reconciliation.pk}): {_said(error)}")
    perform_patiently(partial(_investigate, sweep, at=clock()))
    perform_patiently(partial(_end, sweep, errors, at=clock()))


def _acts(sweep: Sweep) -> dict[int, list[Act]]:
    """What there is to do in each reconciliation with something due or an active exception, as it looks from afar: a handful
    of queries, however many they are. Each act looks again behind its locks."""
    of_it: dict[str, Any] = {"organization_id": sweep.organization_id, "at": sweep.at}
    acts: dict[int, list[Act]] = {}
    for reconciliation_id in due_reconciliations(**of_it):
        acts[reconciliation_id] = [items_sweep, suggestions_sweep]
    for reconciliation_id in {reconciliation for reconciliation, _stream in left_behind(**of_it)}:
        acts.setdefault(reconciliation_id, []).append(exceptions_make_again)
    for reconciliation_id, group in groupby(active_exceptions(**of_it), attrgetter("reconciliation_id")):
        active = list(group)
        acts.setdefault(reconciliation_id, [])
        unnoted = [each.exception_id for each in active if each.has_records and not each.had_records]
        empty = [each.exception_id for each in active if each.had_records and not each.has_records]
        if unnoted:
            acts[reconciliation_id].append(partial(exceptions_note_records, ids=unnoted))
        if empty:
            acts[reconciliation_id].append(partial(exceptions_resolve, ids=empty))
    return acts


def _act(sweep: Sweep, reconciliation: Reconciliation, act: Act, clock: Clock) -> Swept:
    return perform_patiently(partial(_acted, sweep, reconciliation, act, at=clock()))


def _acted(sweep: Sweep, reconciliation: Reconciliation, act: Act, *, at: datetime) -> Swept:
    """One act and its counts, whole or not at all. `at` is the heartbeat: what is overdue is so as of the sweep."""
    share_reconciliations([reconciliation.pk])
    if not Reconciliation.objects.live().filter(pk=reconciliation.pk).exists():
        return Swept()
    swept = act(reconciliation, at=sweep.at)
    counts = {name: F(name) + count for name, count in asdict(swept).items() if count}
    _ours(sweep, heartbeat_at=at, **counts)
    return swept


def _investigate(sweep: Sweep, *, at: datetime) -> None:
    by = system_actor(TASK, sweep.organization_id)
    asked = investigations_request_changed(organization_id=sweep.organization_id, by=by, at=at)
    _ours(sweep, investigations=asked, heartbeat_at=at)


def _end(sweep: Sweep, errors: Sequence[str], *, at: datetime) -> None:
    status = SweepStatus.FAILED if errors else SweepStatus.COMPLETED
    _ours(sweep, status=status, error="\n".join(errors), finished_at=at, heartbeat_at=at)


def _ours(sweep: Sweep, **fields: Any) -> None:
    if not Sweep.objects.filter(pk=sweep.pk, status=SweepStatus.RUNNING).update(**fields):
        raise Overtaken


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
