"""Asking for a pass, waiting for it, cancelling it. The matching itself is done by a worker (execution)."""

from __future__ import annotations

import time
from datetime import datetime
from functools import partial

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from ledgers.models import Ledger
from organizations import audit
from organizations.actors import Actor
from organizations.refusals import Conflict
from reconciliation import tasks
from reconciliation.doorbell import ring
from reconciliation.models import Pass, Run
from reconciliation.selectors.runs import refuse_if_voided, with_status
from reconciliation.services.locks import share_reconciliations
from reconciliation.services.records import refuse_if_under_way
from reconciliation.states import PassKind, PassStatus, PassTrigger, RunStatus
from rules.models import Reconciliation

POLL_SECONDS = 0.05


def pass_request(
    *,
    reconciliation: Reconciliation,
    run: Run | None,
    trigger: str = PassTrigger.MANUAL,
    by: Actor,
    at: datetime,
) -> Pass:
    """Ask for a pass; a worker matches after this transaction is safe on disk. While another pass of the
    reconciliation runs it waits as pending. A second one for the same run is a Conflict ("pass.running")."""
    share_reconciliations([reconciliation.pk])  # first: the run cannot be deleted from here on
    if run is not None:
        refuse_if_voided(run)
        refuse_if_under_way(run)
    adopted = _adopted(reconciliation, run, trigger, by=by, at=at)
    if adopted is not None:
        return adopted
    try:
        with transaction.atomic():
            asked = Pass.objects.create(
                reconciliation=reconciliation,
                run=run,
                trigger=trigger,
                requested_at=at,
                requested_by=by.ref,
            )
    except IntegrityError:
        raise _waiting(reconciliation, run) from None
    audit.record(
        action="pass.requested",
        organization_id=reconciliation.organization_id,
        by=by,
        at=at,
        subject=asked,
        subjects=[run] if run is not None else [],
        trigger=trigger,
    )
    transaction.on_commit(partial(ring, tasks.execute_pass, pass_id=asked.pk))
    return asked


def _waiting(reconciliation: Reconciliation, run: Run | None) -> Conflict:
    """Names the pass that waits already: by number where it stands alone, as the data streams surface does."""
    waiting = Pass.objects.filter(reconciliation=reconciliation, run=run, status=PassStatus.PENDING)
    found = waiting.first()
    if found is None:  # it began just now
        return Conflict(
            _("A pass began just now. Ask again."), code="pass.running", word="run_state_conflict"
        )
    number = str(found.uuid) if run is not None else found.pk
    return Conflict(
        _("A pass is waiting already (%(progress)s%%). Wait for its end, or cancel it.")
        % {"progress": found.progress},
        code="pass.running",
        word="run_state_conflict",
        details={"pass": {"id": number, "status": found.status, "progress": found.progress}},
    )


def _adopted(
    reconciliation: Reconciliation, run: Run | None, trigger: str, *, by: Actor, at: datetime
) -> Pass | None:
    """A pass that waits by itself becomes the one that is asked for: no second one can wait beside it."""
    waiting = Pass.objects.select_for_update(of=("self",)).waiting_by_itself()
    found = waiting.filter(reconciliation=reconciliation, run=run).first()
    if found is None:
        return None
    found.kind, found.trigger, found.requested_at, found.requested_by = PassKind.BATCH, trigger, at, by.ref
    found.save(update_fields=["kind", "trigger", "requested_at", "requested_by"])
    audit.record(
        action="pass.requested",
        organization_id=by.organization_id,
        by=by,
        at=at,
        subject=found,
        subjects=[run] if run is not None else [],
        trigger=trigger,
    )
    transaction.on_commit(partial(ring, tasks.execute_pass, pass_id=found.pk))
    return found


def passes_request_for_ledger(*, ledger: Ledger, by: Actor, at: datetime) -> list[Pass]:
    """The ledger-level trigger: a pass for each run of the ledger that is not closed and has none under way."""
    runs = with_status(Run.objects.live().filter(ledger=ledger)).filter(~Q(shown_status=RunStatus.CLOSED))
    idle = runs.exclude(pk__in=Pass.objects.in_the_way().filter(run__ledger=ledger).values("run_id"))
    return [
        pass_request(reconciliation=run.reconciliation, run=run, by=by, at=at)
        for run in idle.select_related("reconciliation").order_by("pk")
    ]


def pass_wait(pass_id: int, *, seconds: float) -> Pass:
    """Look until the pass has ended or the time is over; outside any transaction. A person waits on the other end."""
    until = time.monotonic() + seconds
    while True:
        found = Pass.objects.select_related("run").get(pk=pass_id)
        if not found.is_under_way or time.monotonic() >= until:
            return found
        time.sleep(POLL_SECONDS)


def pass_cancel(*, pass_: Pass, by: Actor, at: datetime) -> Pass:
    """Cancel: at once while pending, between two chunks while running. What was written stays. Ended: nothing happens."""
    row = Pass.objects.select_for_update(of=("self",)).get(pk=pass_.pk)
    if row.status == PassStatus.PENDING:
        row.move(PassStatus.CANCELLED, finished_at=at, cancel_requested_at=at)
        # Its run is running still where a lost worker had begun it.
        Run.objects.filter(passes=row, status=RunStatus.RUNNING).moved(RunStatus.COMPLETED, completed_at=at)
    elif row.status == PassStatus.RUNNING and row.cancel_requested_at is None:
        Pass.objects.filter(pk=row.pk).update(cancel_requested_at=at)
        row.refresh_from_db()
    else:
        return row
    audit.record(
        action="pass.cancelled",
        organization_id=row.reconciliation.organization_id,
        by=by,
        at=at,
        subject=row,
        subjects=[row.run] if row.run is not None else [],
    )
    return row
