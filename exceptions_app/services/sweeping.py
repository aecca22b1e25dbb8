"""The sweep: once a minute, over an organization, what has become overdue is seen, and exceptions open, reopen and are resolved
by it. Killed at any point, the next one does what is left; twice is the same as once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import connection
from django.db.models import F

from exceptions_app.models import Sweep
from exceptions_app.selectors.sweeping import Standing, due_reconciliations, standing_exceptions
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
from reconciliation.services.locks import (
    LockKind,
    free_session_lock,
    perform_patiently,
    share_reconciliations,
    try_session_lock,
)
from rules.models import Reconciliation

KEPT = timedelta(days=7)
LOST = "Its worker was lost; the next sweep did what was left."
Clock = Callable[[], datetime]
log = logging.getLogger(__name__)


class Overtaken(Exception):
    """The sweep is no longer ours: it was taken for lost, and another one does what is left."""


def organization_sweep(*, organization_id: int, clock: Clock) -> Sweep | None:
    """One sweep, as of now. None where another one is at it. Outermost: opens its own acts.

    A reconciliation that fails is named in the sweep's error, and does not stop the others.
    """
    if not try_session_lock(LockKind.SWEEP, organization_id):
        return None
    try:
        sweep = perform_patiently(partial(_begin, organization_id, at=clock()))
        _run(sweep, clock)
    finally:
        free_session_lock(LockKind.SWEEP, organization_id)
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
    standing: dict[int, list[Standing]] = {}
    for each in standing_exceptions(sweep.organization_id, at=sweep.at):
        standing.setdefault(each.reconciliation_id, []).append(each)
    due = set(due_reconciliations(sweep.organization_id, at=sweep.at))
    Sweep.objects.filter(pk=sweep.pk).update(reconciliations=len(due | standing.keys()))
    errors = []
    for reconciliation in Reconciliation.objects.filter(pk__in=due | standing.keys()).order_by("pk"):
        acts = [items_sweep, suggestions_sweep] if reconciliation.pk in due else []
        try:
            for act in acts:
                while _act(sweep, reconciliation, act, clock).records:
                    pass
            _settle(sweep, reconciliation, standing.get(reconciliation.pk, []), clock)
        except Exception as error:
            if isinstance(error, Overtaken) or connection_lost(error):
                raise
            log.exception("a sweep failed", extra={"reconciliation_id": reconciliation.pk})
            errors.append(f"{reconciliation.name} ({reconciliation.pk}): {_said(error)}")
    perform_patiently(partial(_investigate, sweep, at=clock()))
    perform_patiently(partial(_end, sweep, errors, at=clock()))


def _settle(sweep: Sweep, reconciliation: Reconciliation, standing: Sequence[Standing], clock: Clock) -> None:
    """What the look from afar says of the exceptions; each act looks again behind its locks."""
    deleted = [each.stream_id for each in standing if each.is_deleted and each.has_records]
    active = [each for each in standing if not each.is_deleted]
    unnoted = [each.exception_id for each in active if each.has_records and not each.had_records]
    empty = [each.exception_id for each in active if each.had_records and not each.has_records]
    for act, ids in (
        (exceptions_make_again, deleted),
        (exceptions_note_records, unnoted),
        (exceptions_resolve, empty),
    ):
        if ids:
            _act(sweep, reconciliation, partial(act, ids=ids), clock)


def _act(sweep: Sweep, reconciliation: Reconciliation, act: Callable[..., Swept], clock: Clock) -> Swept:
    return perform_patiently(partial(_acted, sweep, reconciliation, act, at=clock()))


def _acted(sweep: Sweep, reconciliation: Reconciliation, act: Callable[..., Swept], *, at: datetime) -> Swept:
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
