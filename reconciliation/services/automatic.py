"""Runs in mode automatic: a pass by itself whenever entries were posted to their ledger or another run gave some back.

Called inside the acts that do so. One pass waits per run at most: a hundred postings in two seconds are matched once.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import partial

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q

from organizations import audit
from organizations.actors import system_actor
from reconciliation.doorbell import ring_soon
from reconciliation.models import Pass, Run
from reconciliation.selectors.runs import with_status
from reconciliation.states import PassStatus, PassTrigger, RunMode, RunStatus

TASK = "automatic"
EXECUTE = "reconciliation.tasks.execute_pass"  # by name: the tasks import what calls this


def passes_ring(
    reconciliation_ids: Iterable[int], *, but_runs: Iterable[int | None] = (), at: datetime
) -> None:
    """A pass for each automatic run of these reconciliations that is not closed and has none waiting; `but_runs` are left
    out, since whoever rejects in a run does not want to see it matched again at once. Never at upload."""
    waiting = Pass.objects.filter(status=PassStatus.PENDING, run__isnull=False)
    automatic = (
        Run.objects.live()
        .filter(reconciliation__in=list(reconciliation_ids), mode=RunMode.AUTOMATIC)
        .exclude(pk__in=[pk for pk in but_runs if pk is not None])
        .exclude(pk__in=waiting.values("run_id"))
    )
    if not automatic.exists():
        return
    idle = with_status(automatic).filter(~Q(shown_status=RunStatus.CLOSED))
    for run in idle.order_by("pk"):
        _request(run, at=at)


def _request(run: Run, *, at: datetime) -> None:
    by = system_actor(TASK, run.organization_id)
    try:
        with transaction.atomic():
            asked = Pass.objects.create(
                reconciliation_id=run.reconciliation_id,
                run=run,
                trigger=PassTrigger.RECORD_CREATED,
                requested_at=at,
                requested_by=by.ref,
            )
    except IntegrityError:
        return  # another act asked at this moment, and rings
    audit.record(
        action="pass.requested",
        organization_id=run.organization_id,
        by=by,
        at=at,
        subject=asked,
        subjects=[run],
        trigger=asked.trigger,
    )
    soon = partial(ring_soon, EXECUTE, seconds=settings.AUTOMATIC_DEBOUNCE_SECONDS, pass_id=asked.pk)
    transaction.on_commit(soon)
