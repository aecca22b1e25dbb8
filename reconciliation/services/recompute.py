"""Does a recompute in a worker: stamps open items and live members by the policy as it stands, in chunks under the shared
lock. Killed at any point, the next worker goes on where it stopped; twice is the same as once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import F, Q

from organizations import audit
from organizations.actors import system_actor
from organizations.acts import connection_lost, perform
from reconciliation.models import MatchMember, OpenItem, OverdueRecompute
from reconciliation.services.locks import (
    LockKind,
    free_session_lock,
    perform_patiently,
    share_reconciliations,
    try_session_lock,
)
from reconciliation.services.stamping import tokens_stamp, tokens_unstamped
from reconciliation.states import OPERATION_MOVES, OperationStatus

TASK = "overdue_recompute"
ERROR_MAX = 500
log = logging.getLogger(__name__)


class Overtaken(Exception):
    """The recompute is no longer ours: another worker goes on with it."""


def recompute_execute(*, recompute_id: int, clock: Callable[[], datetime]) -> None:
    """Do what is left of it, unless it ended or lives elsewhere. Outermost: opens its own acts."""
    row = OverdueRecompute.objects.select_related("reconciliation").get(pk=recompute_id)
    if row.status == OperationStatus.COMPLETED or not try_session_lock(LockKind.RECOMPUTE, row.pk):
        return
    try:
        row.refresh_from_db()
        if row.status != OperationStatus.COMPLETED:
            perform(partial(_claim, row, at=clock()))
            _run(row, clock)
    finally:
        free_session_lock(LockKind.RECOMPUTE, row.pk)


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
    try:
        while perform_patiently(partial(_chunk, row, at=clock())):
            pass
    except Overtaken:
        return
    except Exception as error:
        if connection_lost(error):
            log.warning("the connection of a recompute was lost", extra={"recompute_id": row.pk})
            connection.close()
            return
        log.exception("recompute failed", extra={"recompute_id": row.pk})
        perform_patiently(partial(_fail, row, f"{type(error).__name__}: {error}", at=clock()))


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


def _fail(row: OverdueRecompute, error: str, *, at: datetime) -> None:
    try:
        _ours(row, status=OperationStatus.FAILED, error=error[:ERROR_MAX], finished_at=at)
    except Overtaken:
        return


def _ours(row: OverdueRecompute, **fields: object) -> None:
    mine = OverdueRecompute.objects.filter(pk=row.pk, status=OperationStatus.RUNNING, attempt=row.attempt)
    if not mine.update(**fields):
        raise Overtaken


def lost_recomputes(*, at: datetime) -> list[int]:
    """Recomputes without a sign of life for PASS_LOST_AFTER_SECONDS; failed ones are tried again at the same pace."""
    since = at - timedelta(seconds=settings.PASS_LOST_AFTER_SECONDS)
    quiet = Q(heartbeat_at__lt=since) | Q(heartbeat_at__isnull=True, requested_at__lt=since)
    left = OverdueRecompute.objects.exclude(status=OperationStatus.COMPLETED).filter(quiet)
    return list(left.order_by("pk").values_list("pk", flat=True))
