"""What the life of every job in a worker has in common: it belongs to whoever holds its session lock, its attempt fences a late
twin, a fault of the moment leaves it to be rung for again, and any other fault is kept on its row.

A job is a row with `status`, `attempt`, `heartbeat_at`. Each kind has its own claim, its own chunks and its own end.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Model, Q, QuerySet

from organizations.acts import connection_lost, crossed_others
from organizations.refusals import Conflict, Refusal
from reconciliation.services.locks import LOCK_TIMED_OUT, LockKind, free_session_lock, try_session_lock

ERROR_MAX = 500
log = logging.getLogger(__name__)


class Overtaken(Exception):
    """The job is no longer ours: another worker goes on with it, or it ended."""


@contextmanager
def job_held(kind: LockKind, row_id: int) -> Iterator[bool]:
    """Whether nobody else works on the job; if so it is ours until the end of the block. PostgreSQL frees it when the
    worker's connection ends."""
    held = try_session_lock(kind, row_id)
    try:
        yield held
    finally:
        if held:
            free_session_lock(kind, row_id)


def job_write(row: Any, *, running: str, **fields: object) -> None:
    """Change the job's row as the attempt that it is on. `running` is its status while a worker has it.

    Raises Overtaken where the row says otherwise by now.
    """
    mine = type(row).objects.filter(pk=row.pk, status=running, attempt=row.attempt)
    if not mine.update(**fields):
        raise Overtaken


def job_run(row: Model, work: Callable[[], object], *, fail: Callable[[str], object]) -> None:
    """Do the work of a claimed job; `fail` keeps what went wrong, an act of its own.

    A fault of the moment (the connection was lost, others were in the way) changes nothing: the job is rung for again when
    it has been quiet for long enough.
    """
    try:
        work()
    except Overtaken:
        return
    except Exception as error:
        about = {"job": row._meta.label, "job_id": row.pk}
        if _passing(error):
            log.warning("a job waits for another worker", extra={**about, "error": str(error)})
            return
        if isinstance(error, Refusal):
            text = error.message
        else:
            log.exception("a job failed", extra=about)
            text = f"{type(error).__name__}: {error}"
        try:
            fail(text[:ERROR_MAX])
        except Overtaken:
            return


def _passing(error: Exception) -> bool:
    if connection_lost(error):
        connection.close()
        return True
    return crossed_others(error) or (isinstance(error, Conflict) and error.code == LOCK_TIMED_OUT)


def jobs_quiet(jobs: QuerySet[Any], *, at: datetime, asked: str = "requested_at") -> list[int]:
    """Those of these jobs without a sign of life for PASS_LOST_AFTER_SECONDS, since their heartbeat or since they were asked
    for. Ringing for a living one does no harm."""
    since = at - timedelta(seconds=settings.PASS_LOST_AFTER_SECONDS)
    quiet = Q(heartbeat_at__lt=since) | Q(heartbeat_at__isnull=True, **{f"{asked}__lt": since})
    return list(jobs.filter(quiet).order_by("pk").values_list("pk", flat=True))
