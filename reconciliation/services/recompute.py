"""Does a recompute in a worker: stamps open items and live members by the policy as it stands, in chunks under the shared
lock. Killed at any point, the next worker goes on where it stopped; twice is the same as once.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import F

from organizations import audit
from organizations.actors import system_actor
from organizations.acts import perform
from reconciliation.models import MatchMember, OpenItem, OverdueRecompute
from reconciliation.services.job_life import job_held, job_run, job_write, jobs_quiet
from reconciliation.services.locks import LockKind, perform_patiently, share_reconciliations
from reconciliation.services.stamping import tokens_stamp, tokens_unstamped
from reconciliation.states import OPERATION_MOVES, OperationStatus

TASK = "overdue_recompute"


def recompute_execute(*, recompute_id: int, clock: Callable[[], datetime]) -> None:
    """Do what is left of it, unless it ended or lives elsewhere. Outermost: opens its own acts."""
    row = OverdueRecompute.objects.select_related("reconciliation").get(pk=recompute_id)
    if row.status == OperationStatus.COMPLETED:
        return
    with job_held(LockKind.RECOMPUTE, row.pk) as ours:
        if not ours:
            return
        row.refresh_from_db()
        if row.status != OperationStatus.COMPLETED:
            perform(partial(_claim, row, at=clock()))
            job_run(row, partial(_run, row, clock), fail=partial(_fail, row, clock=clock))


def _claim(row: OverdueRecompute, *, at: datetime) -> None:
    may = [status for status, moves in OPERATION_MOVES.items() if OperationStatus.RUNNING in moves]
    about = {"reconciliation_id": row.reconciliation_id}
    total = OpenItem.objects.filter(**about).count() + MatchMember.objects.filter(live=True, **about).count()
    OverdueRecompute.objects.filter(pk=row.pk, status__in=may).update(
        status=OperationStatus.RUNNING,
        attempt=F("attempt") + 1,
        total=total,
        started_at=row.started_at or at,
        heartbeat_at=at,
        finished_at=None,
        error="",
    )
    row.refresh_from_db()


def _run(row: OverdueRecompute, clock: Callable[[], datetime]) -> None:
    while perform_patiently(partial(_chunk, row, at=clock())):
        pass


def _chunk(row: OverdueRecompute, *, at: datetime) -> bool:
    """The next records; False when there are none, and it has ended. Where it stands is read behind the lock: a policy that
    was changed meanwhile has set it back to the beginning."""
    share_reconciliations([row.reconciliation_id])
    row.refresh_from_db(fields=["done_to", "processed", "changed"])
    record_ids = _next_records(row)
    if not record_ids:
        _end(row, at=at)
        return False
    about: dict[str, Any] = {"reconciliation_id": row.reconciliation_id, "record_ids": record_ids}
    changed = tokens_stamp(**about)
    again = tokens_unstamped(**about)  # then the same records once more, as they are by then
    _ours(
        row,
        done_to=row.done_to if again else record_ids[-1],
        processed=F("processed") + (0 if again else len(record_ids)),
        changed=F("changed") + changed,
        heartbeat_at=at,
    )
    return True


def _next_records(row: OverdueRecompute) -> list[int]:
    """In the order of ids, what is open or in a live match. What comes in later is stamped as it comes."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            (SELECT record_id FROM reconciliation_openitem
                WHERE reconciliation_id = %(reconciliation)s AND record_id > %(after)s
                ORDER BY record_id LIMIT %(most)s)
            UNION
            (SELECT record_id FROM reconciliation_matchmember
                WHERE reconciliation_id = %(reconciliation)s AND record_id > %(after)s AND live
                ORDER BY record_id LIMIT %(most)s)
            ORDER BY record_id LIMIT %(most)s
            """,
            {
                "reconciliation": row.reconciliation_id,
                "after": row.done_to,
                "most": settings.CHUNK_GROUPS,
            },
        )
        return [found for (found,) in cursor.fetchall()]


def _end(row: OverdueRecompute, *, at: datetime) -> None:
    _ours(row, status=OperationStatus.COMPLETED, finished_at=at, heartbeat_at=at)
    organization_id = row.reconciliation.organization_id
    audit.record(
        action="reconciliation.recompute_completed",
        organization_id=organization_id,
        by=system_actor(TASK, organization_id),
        at=at,
        subject=row.reconciliation,
        recompute=row.pk,
        records=row.processed,
        changed=row.changed,
    )


def _fail(row: OverdueRecompute, error: str, *, clock: Callable[[], datetime]) -> None:
    failed = {"status": OperationStatus.FAILED, "error": error, "finished_at": clock()}
    perform_patiently(partial(_ours, row, **failed))


def _ours(row: OverdueRecompute, **fields: object) -> None:
    job_write(row, running=OperationStatus.RUNNING, **fields)


def lost_recomputes(*, at: datetime) -> list[int]:
    """Recomputes without a sign of life for PASS_LOST_AFTER_SECONDS; failed ones are tried again at the same pace."""
    return jobs_quiet(OverdueRecompute.objects.exclude(status=OperationStatus.COMPLETED), at=at)
