"""The life of a bulk request in a worker: claim, chunk by chunk, end. Twice is the same as once; a late twin writes nothing.

Its rows are done in order and a chunk's counters are written with its records, so the next worker goes on where a killed
one stopped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from django.db import connection
from django.db.models import F
from django.utils.translation import gettext as _

from ledgers.models import BulkContent, BulkRequest
from ledgers.states import BULK_UNDER_WAY, BulkRowStatus, BulkStatus
from organizations import audit
from organizations.actors import Actor, system_actor
from organizations.acts import perform
from reconciliation.services.bulk_rows import chunk_write
from reconciliation.services.job_life import Overtaken, job_held, job_run, job_write, jobs_quiet
from reconciliation.services.locks import LockKind, perform_patiently

TASK = "bulk_records"
CHUNK_ROWS = 250
MOVING = ["successful_items", "failed_items", "skipped_items", "cancellation_requested_at"]
"""What changes while it is done. Never the attempt: it fences a late twin."""
ATTEMPTS_MAX = 20
"""Workers that may be lost over a request before it is given up: one of its rows may be what kills them."""


def bulk_execute(*, bulk_request_id: int, clock: Callable[[], datetime]) -> None:
    """Do what is left of the request, unless it ended or lives elsewhere. Outermost: opens its own acts.

    Where the connection was lost, or others were in the way for long, it stays as it is, and the sweeper rings again.
    """
    row = BulkRequest.objects.get(pk=bulk_request_id)
    if not row.is_under_way:
        return
    with job_held(LockKind.BULK_REQUEST, row.pk) as ours:
        if ours and perform(partial(_claim, row, at=clock())):
            job_run(row, partial(_run, row, clock), fail=partial(_fail, row, clock=clock))


def lost_bulk_requests(*, at: datetime) -> list[int]:
    """Those without a sign of life for PASS_LOST_AFTER_SECONDS. Ringing for a living one does no harm."""
    return jobs_quiet(BulkRequest.objects.under_way(), at=at, asked="created_at")


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
    if row.attempt > ATTEMPTS_MAX:
        _fail(row, _("%(n)s workers were lost over it.") % {"n": row.attempt - 1}, clock=clock)
        return
    rows = BulkContent.objects.values_list("rows", flat=True).get(pk=row.pk)
    while row.processed_items < row.total_items:
        if row.cancellation_requested_at is not None:
            perform_patiently(partial(_end, row, BulkStatus.CANCELLED, at=clock()))
            return
        perform_patiently(partial(_chunk, row, rows, at=clock()))
        row.refresh_from_db(fields=MOVING)
    perform_patiently(partial(_end, row, BulkStatus.COMPLETED, at=clock()))


def _fail(row: BulkRequest, error: str, *, clock: Callable[[], datetime]) -> None:
    perform_patiently(partial(_end, row, BulkStatus.FAILED, error=error, at=clock()))


def _chunk(row: BulkRequest, rows: Sequence[dict[str, Any]], *, at: datetime) -> None:
    """The next rows, with what became of them and the counters."""
    part = rows[row.processed_items : row.processed_items + CHUNK_ROWS]
    results = chunk_write(row, part, by=maker_of(row), at=at)
    _ours(row, heartbeat_at=at, **_counts(results))
    _results_add(row, results)


def _end(row: BulkRequest, status: BulkStatus, *, error: str = "", at: datetime) -> None:
    fresh = BulkRequest.objects.select_for_update(of=("self",)).get(pk=row.pk)
    if fresh.attempt != row.attempt or fresh.status != BulkStatus.PROCESSING:
        raise Overtaken
    by = system_actor(TASK, row.organization_id)
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
    job_write(row, running=BulkStatus.PROCESSING, **fields)
