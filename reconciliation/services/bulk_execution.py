"""The life of a bulk request in a worker: claim, chunk by chunk, end. Twice is the same as once; a late twin writes nothing.

Its rows are done in order and a chunk's counters are written with its records, so the next worker goes on where a killed
one stopped.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import F, Q
from django.utils.translation import gettext as _

from ledgers.models import BulkContent, BulkRequest
from ledgers.states import BULK_UNDER_WAY, BulkRowStatus, BulkStatus
from organizations import audit
from organizations.actors import Actor, system_actor
from organizations.acts import connection_lost, crossed_others, perform
from organizations.refusals import Conflict
from reconciliation.services.bulk_rows import chunk_write
from reconciliation.services.locks import (
    LOCK_TIMED_OUT,
    LockKind,
    free_session_lock,
    perform_patiently,
    try_session_lock,
)

TASK = "bulk_records"
CHUNK_ROWS = 250
ATTEMPTS_MAX = 20
"""Workers that may be lost over a request before it is given up: one of its rows may be what kills them."""
ERROR_MAX = 500
log = logging.getLogger(__name__)


class Overtaken(Exception):
    """The request is no longer ours: another worker goes on with it, or it ended."""


def bulk_execute(*, bulk_request_id: int, clock: Callable[[], datetime]) -> None:
    """Do what is left of the request, unless it ended or lives elsewhere. Outermost: opens its own acts.

    Where the connection was lost, or others were in the way for long, it stays as it is, and the sweeper rings again.
    """
    row = BulkRequest.objects.get(pk=bulk_request_id)
    if not row.is_under_way or not try_session_lock(LockKind.BULK_REQUEST, row.pk):
        return
    try:
        if perform(partial(_claim, row, at=clock())):
            _run(row, clock)
    finally:
        free_session_lock(LockKind.BULK_REQUEST, row.pk)


def lost_bulk_requests(*, at: datetime) -> list[int]:
    """Those without a sign of life for PASS_LOST_AFTER_SECONDS. Ringing for a living one does no harm."""
    since = at - timedelta(seconds=settings.PASS_LOST_AFTER_SECONDS)
    quiet = Q(heartbeat_at__lt=since) | Q(heartbeat_at__isnull=True, created_at__lt=since)
    return list(BulkRequest.objects.under_way().filter(quiet).order_by("pk").values_list("pk", flat=True))


def _claim(row: BulkRequest, *, at: datetime) -> bool:
    row.refresh_from_db()
    claimed = BulkRequest.objects.filter(pk=row.pk, status__in=BULK_UNDER_WAY, attempt=row.attempt).update(
        status=BulkStatus.PROCESSING,
        attempt=F("attempt") + 1,
        started_at=row.started_at or at,
        heartbeat_at=at,
    )
    row.refresh_from_db()
    return bool(claimed)


def _run(row: BulkRequest, clock: Callable[[], datetime]) -> None:
    by = system_actor(TASK, row.organization_id)
    try:
        if row.attempt > ATTEMPTS_MAX:
            error = _("%(n)s workers were lost over it.") % {"n": row.attempt - 1}
            perform_patiently(partial(_end, row, BulkStatus.FAILED, error=error, by=by, at=clock()))
            return
        rows = BulkContent.objects.values_list("rows", flat=True).get(pk=row.pk)
        while row.processed_items < row.total_items:
            if row.cancellation_requested_at is not None:
                perform_patiently(partial(_end, row, BulkStatus.CANCELLED, by=by, at=clock()))
                return
            perform_patiently(partial(_chunk, row, rows, at=clock()))
            row.refresh_from_db()
        perform_patiently(partial(_end, row, BulkStatus.COMPLETED, by=by, at=clock()))
    except Overtaken:
        return
    except Exception as error:
        if _passing(error):
            log.warning("a bulk request waits", extra={"bulk_request_id": row.pk, "error": str(error)})
            return
        log.exception("bulk request failed", extra={"bulk_request_id": row.pk})
        text = f"{type(error).__name__}: {error}"[:ERROR_MAX]
        _fail(row, text, by=by, at=clock())


def _fail(row: BulkRequest, error: str, *, by: Actor, at: datetime) -> None:
    """Ended, unless another worker has it by now."""
    try:
        perform_patiently(partial(_end, row, BulkStatus.FAILED, error=error, by=by, at=at))
    except Overtaken:
        return


def _passing(error: Exception) -> bool:
    """A fault of the moment: the request goes on later."""
    if connection_lost(error):
        connection.close()
        return True
    return crossed_others(error) or (isinstance(error, Conflict) and error.code == LOCK_TIMED_OUT)


def _chunk(row: BulkRequest, rows: Sequence[dict[str, Any]], *, at: datetime) -> None:
    """The next rows, with what became of them and the counters."""
    part = rows[row.processed_items : row.processed_items + CHUNK_ROWS]
    results = chunk_write(row, part, by=maker_of(row), at=at)
    _ours(row, heartbeat_at=at, **_counts(results))
    _results_add(row, results)


def _end(row: BulkRequest, status: BulkStatus, *, error: str = "", by: Actor, at: datetime) -> None:
    fresh = BulkRequest.objects.select_for_update(of=("self",)).get(pk=row.pk)
    if fresh.attempt != row.attempt or fresh.status != BulkStatus.PROCESSING:
        raise Overtaken
    bulk_leave_rest(fresh, status, error=error, by=by, at=at)


def bulk_leave_rest(
    row: BulkRequest, status: BulkStatus, *, error: str = "", by: Actor, at: datetime
) -> None:
    """End a locked request. Rows that nobody reached are skipped, and can be tried again."""
    content = BulkContent.objects.get(pk=row.pk)
    left = [
        {
            "index": each["index"],
            "status": BulkRowStatus.SKIPPED.value,
            "external_id": _external_id(each["row"]),
            "error": _("not processed"),
        }
        for each in content.rows[row.processed_items :]
    ]
    _results_add(row, left)
    row.status, row.finished_at = status, at
    row.skipped_items += len(left)
    row.heartbeat_at = at if row.attempt else None
    row.error_message, row.error_details = error, {"not_processed": len(left)} if left else {}
    row.save()
    if status == BulkStatus.COMPLETED:
        BulkContent.objects.filter(pk=row.pk).update(rows=[])  # nothing of it can be tried again
    audit.record(
        action=f"bulk_request.{status}",
        organization_id=row.organization_id,
        by=by,
        at=at,
        subject=row,
        successful=row.successful_items,
        failed=row.failed_items,
        skipped=row.skipped_items,
        error=error,
    )


def maker_of(row: BulkRequest) -> Actor:
    """Records say who sent them, also where a worker writes them."""
    kind, _colon, name = row.created_by.partition(":")
    return Actor(kind, name, row.organization_id, frozenset())  # type: ignore[arg-type]


def _external_id(row: Any) -> str | None:
    found = row.get("external_id") if isinstance(row, dict) else None
    return found if isinstance(found, str) else None


def _counts(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    counted = {
        "successful_items": BulkRowStatus.SUCCESSFUL,
        "failed_items": BulkRowStatus.FAILED,
        "skipped_items": BulkRowStatus.SKIPPED,
    }
    return {
        name: F(name) + sum(each["status"] == status.value for each in results)
        for name, status in counted.items()
    }


def _results_add(row: BulkRequest, results: Sequence[dict[str, Any]]) -> None:
    if results:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE ledgers_bulkcontent SET results = results || %s::jsonb WHERE bulk_request_id = %s",
                [json.dumps(results), row.pk],
            )


def _ours(row: BulkRequest, **fields: Any) -> None:
    mine = BulkRequest.objects.filter(pk=row.pk, status=BulkStatus.PROCESSING, attempt=row.attempt)
    if not mine.update(**fields):
        raise Overtaken
