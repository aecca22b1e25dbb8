"""The life of a pass in a worker: claim, match in chunks, end. Twice is the same as once; a late twin writes nothing.

A pass belongs to the worker that holds the session lock of its reconciliation: PostgreSQL frees it when the worker's
connection ends, so a killed worker's pass is taken over at once, and a second message for a living one is dropped.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from ledgers.models import SourceFile
from ledgers.states import SourceFileStatus
from organizations import audit
from organizations.actors import system_actor
from organizations.acts import connection_lost, perform
from organizations.refusals import Conflict
from reconciliation import matching
from reconciliation.models import FileImport, Pass, StreamOperation
from reconciliation.services import chunks
from reconciliation.services.job_life import jobs_quiet
from reconciliation.services.locks import (
    LockKind,
    free_session_lock,
    perform_patiently,
    share_reconciliations,
    try_session_lock,
)
from reconciliation.services.raising import raise_unmatched
from reconciliation.services.runs import run_begun, run_ended
from reconciliation.states import PASS_UNDER_WAY, OperationStatus, PassStatus

TASK = "auto_match"
ERROR_MAX = 500

log = logging.getLogger(__name__)


def pass_execute(*, pass_id: int, clock: Callable[[], datetime]) -> list[int]:
    """Run the pass unless it ended or lives elsewhere; gives the pending passes of its reconciliation to ring for next.

    Outermost: opens its own acts. Failures are kept on the row; passing faults of the database are retried inside. Where
    the connection was lost the pass is rung for again itself: the next attempt goes on with it.
    """
    row = Pass.objects.select_related("reconciliation").get(pk=pass_id)
    if row.status not in PASS_UNDER_WAY or not row.reconciliation.ready:
        return []
    if not try_session_lock(LockKind.PASS, row.reconciliation_id):
        return []  # a living pass of this reconciliation; at its end it rings for those that wait
    lost = False
    try:
        row.refresh_from_db()
        if perform(partial(_claim, row, at=clock())):
            lost = _run(row, clock)
    finally:
        free_session_lock(LockKind.PASS, row.reconciliation_id)
    # Only now: whoever was turned away at the lock is waiting in this list, whoever comes later finds it free.
    return [row.pk] if lost else _waiting(row)


def _claim(row: Pass, *, at: datetime) -> bool:
    """Make it ours: running under a new attempt. Whoever wrote under an earlier one is dead, or writes nothing more."""
    _release_others(row, at=at)
    claimed = Pass.objects.filter(pk=row.pk, status__in=PASS_UNDER_WAY, attempt=row.attempt).update(
        status=PassStatus.RUNNING, attempt=F("attempt") + 1, started_at=row.started_at or at, heartbeat_at=at
    )
    row.refresh_from_db()
    if claimed and row.run_id is not None:
        run_begun(row.run_id, at=at)
    return bool(claimed)


def _release_others(row: Pass, *, at: datetime) -> None:
    """We hold the lock, so the worker of any other running pass is gone: it waits again, with its place in the queue.
    Where one of the same run waits already, that one does its work."""
    running = Pass.objects.filter(reconciliation_id=row.reconciliation_id, status=PassStatus.RUNNING)
    for other in running.exclude(pk=row.pk).select_related("run"):
        try:
            with transaction.atomic():
                other.move(PassStatus.PENDING)
        except IntegrityError:  # one waits per run at most; this one may have been asked for just now
            error = _("Its worker was lost; a later pass goes on.")
            other.move(PassStatus.FAILED, finished_at=at, error=error)
            _audit(other, at=at)


def _run(row: Pass, clock: Callable[[], datetime]) -> bool:
    """Match and write. True where the connection was lost: then the pass has not ended, and is nobody's."""
    try:
        work = matching.prepare(row)
        outcome = matching.compute(work)
        chunks.write_all(row, work, outcome, clock=clock)
    except chunks.Overtaken:
        pass  # another attempt has it, or somebody cancelled it and the row says so already
    except chunks.CancelRequested:
        perform_patiently(partial(_end, row, PassStatus.CANCELLED, at=clock()))
    except Exception as error:
        if connection_lost(error):
            log.warning("the connection of a pass was lost", extra={"pass_id": row.pk, "error": str(error)})
            connection.close()
            return True
        log.exception("pass failed", extra={"pass_id": row.pk})
        text = f"{type(error).__name__}: {error}"
        perform_patiently(partial(_end, row, PassStatus.FAILED, error=text, at=clock()))
    else:
        perform_patiently(partial(_end, row, PassStatus.COMPLETED, at=clock()))
    return False


def _end(row: Pass, status: PassStatus, *, error: str = "", at: datetime) -> None:
    actor = system_actor(TASK, row.reconciliation.organization_id)
    share_reconciliations([row.reconciliation_id])
    try:
        row.move(status, finished_at=at, heartbeat_at=at, error=error[:ERROR_MAX], **_full(status))
    except Conflict:
        return  # taken over meanwhile: the other attempt will say how it ended
    if row.run_id is not None:
        run_ended(row.run_id, at=at, error=error[:ERROR_MAX])
        if status == PassStatus.COMPLETED:
            raise_unmatched(run_id=row.run_id, reconciliation_id=row.reconciliation_id, by=actor, at=at)
    _audit(row, at=at)


def _audit(row: Pass, *, at: datetime) -> None:
    audit.record(
        action=f"pass.{row.status}",
        organization_id=row.reconciliation.organization_id,
        by=system_actor(TASK, row.reconciliation.organization_id),
        at=at,
        subject=row,
        subjects=[row.run] if row.run is not None else [],
        requested_by=row.requested_by,
        matched=row.matched,
        suggested=row.suggested,
        lost_to_others=row.lost_to_others,
        error=row.error,
    )


def _full(status: PassStatus) -> dict[str, int]:
    return {"progress": 100} if status == PassStatus.COMPLETED else {}


def _waiting(row: Pass) -> list[int]:
    waiting = Pass.objects.filter(reconciliation_id=row.reconciliation_id, status=PassStatus.PENDING)
    return list(waiting.order_by("pk").values_list("pk", flat=True)[:1])


def lost_passes(*, at: datetime) -> list[int]:
    """Passes without a sign of life for PASS_LOST_AFTER_SECONDS. Ringing for a living one does no harm."""
    return jobs_quiet(Pass.objects.under_way(), at=at)


def lost_imports(*, at: datetime) -> list[int]:
    """Files that are being imported for longer than that."""
    since = at - timedelta(seconds=settings.PASS_LOST_AFTER_SECONDS)
    lost = SourceFile.objects.live().filter(
        status=SourceFileStatus.PROCESSING, created_at__lt=since, run_source__isnull=False
    )
    return list(lost.order_by("pk").values_list("pk", flat=True))


def lost_file_imports(*, at: datetime) -> list[int]:
    """The same of the import page. One that is tried again much later is rung for at once, which does no harm."""
    since = at - timedelta(seconds=settings.PASS_LOST_AFTER_SECONDS)
    lost = FileImport.objects.imported().unfinished().filter(created_at__lt=since)
    return list(lost.order_by("pk").values_list("pk", flat=True))


def lost_operations(*, at: datetime) -> list[int]:
    """Operations on streams without a sign of life for that long; failed ones are tried again at the same pace."""
    return jobs_quiet(StreamOperation.objects.exclude(status=OperationStatus.COMPLETED), at=at)
