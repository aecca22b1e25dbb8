"""The life of a stream operation in a worker: claim, chunk by chunk up to the watermark, end. Twice is the same as once.

Each chunk is a short act under shared locks; its row remembers how far it is, so a killed worker's operation goes on
where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F

from ledgers.models import DataStream
from ledgers.services.streams import data_stream_void, import_batches_void
from organizations import audit
from organizations.actors import system_actor
from organizations.acts import perform
from reconciliation.doorbell import ring_soon
from reconciliation.models import Match, MatchMember, Pass, StreamOperation
from reconciliation.services.job_life import job_held, job_run, job_write
from reconciliation.services.locks import (
    LockKind,
    perform_patiently,
    share_reconciliations,
    share_streams_in_reset,
)
from reconciliation.services.matches import matches_end
from reconciliation.services.tokens import tokens_issue_existing, tokens_lock, tokens_remove
from reconciliation.states import OPERATION_MOVES, MatchStatus, OperationKind, OperationStatus, PassStatus
from rules.models import Reconciliation, ReconciliationStream

TASK = "stream_operation"
NEXT_TASK = "reconciliation.tasks.execute_pass"  # by name: the tasks import this module
EMPTYING = frozenset({OperationKind.RESET, OperationKind.DELETE})


def operation_execute(*, operation_id: int, clock: Callable[[], datetime]) -> None:
    """Do what is left of the operation, unless it ended or lives elsewhere. Outermost: opens its own acts."""
    row = StreamOperation.objects.select_related("stream", "reconciliation").get(pk=operation_id)
    if row.status == OperationStatus.COMPLETED:
        return
    with job_held(LockKind.OPERATION, row.pk) as ours:
        if not ours:
            return
        row.refresh_from_db()
        if row.status != OperationStatus.COMPLETED:
            perform(partial(_claim, row, at=clock()))
            job_run(row, partial(_run, row, clock), fail=partial(_fail, row, clock=clock))


def _claim(row: StreamOperation, *, at: datetime) -> None:
    may = [status for status, moves in OPERATION_MOVES.items() if OperationStatus.RUNNING in moves]
    StreamOperation.objects.filter(pk=row.pk, status__in=may).update(
        status=OperationStatus.RUNNING,
        attempt=F("attempt") + 1,
        started_at=row.started_at or at,
        heartbeat_at=at,
        finished_at=None,
        error="",
    )
    row.refresh_from_db()


def _run(row: StreamOperation, clock: Callable[[], datetime]) -> None:
    while perform_patiently(partial(_chunk, row, at=clock())):
        row.refresh_from_db(fields=["done_to", "processed", "undone"])  # never the attempt: it fences us
    perform_patiently(partial(_end, row, at=clock()))


def _fail(row: StreamOperation, error: str, *, clock: Callable[[], datetime]) -> None:
    failed = {"status": OperationStatus.FAILED, "error": error, "finished_at": clock()}
    perform_patiently(partial(_ours, row, **failed))


def _ours(row: StreamOperation, **fields: object) -> None:
    job_write(row, running=OperationStatus.RUNNING, **fields)


def _chunk(row: StreamOperation, *, at: datetime) -> bool:
    """The next records up to the watermark; False when there are none."""
    share_streams_in_reset([row.stream_id])
    reconciliation_ids = _reconciliation_ids(row)
    share_reconciliations(reconciliation_ids)
    record_ids = _next_records(row)
    if not record_ids:
        return False
    undone = 0
    if row.kind == OperationKind.WIRE:
        _issue(row, record_ids[-1])
    else:
        undone = sum(_take_out(row, pk, record_ids, at=at) for pk in reconciliation_ids)
    if row.kind in EMPTYING:
        records_void(record_ids, by=row.requested_by, at=at)
    _ours(
        row,
        done_to=record_ids[-1],
        processed=F("processed") + len(record_ids),
        undone=F("undone") + undone,
        heartbeat_at=at,
    )
    return True


def _reconciliation_ids(row: StreamOperation) -> list[int]:
    if row.reconciliation_id is not None:
        return [row.reconciliation_id]
    wired = ReconciliationStream.objects.filter(stream=row.stream).order_by("reconciliation_id")
    return list(wired.values_list("reconciliation_id", flat=True))


def _next_records(row: StreamOperation) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id FROM ledgers_record WHERE stream_id = %s AND id > %s AND id <= %s AND voided_at IS NULL
            ORDER BY id LIMIT %s
            """,
            [row.stream_id, row.done_to, row.watermark, settings.CHUNK_GROUPS],
        )
        return [found for (found,) in cursor.fetchall()]


def _issue(row: StreamOperation, last: int) -> None:
    reconciliation = Reconciliation.objects.select_related("ledger").get(operations=row)
    tokens_issue_existing(
        reconciliation=reconciliation,
        stream_id=row.stream_id,
        side=row.side,
        after=row.done_to,
        up_to=last,
    )


def _take_out(row: StreamOperation, reconciliation_id: int, record_ids: list[int], *, at: datetime) -> int:
    """Undo the records' matches in the reconciliation and take their tokens away; how many matches."""
    by = system_actor(TASK, row.stream.organization_id)
    members = MatchMember.objects.filter(
        reconciliation_id=reconciliation_id, record_id__in=record_ids, live=True
    )
    match_ids = sorted(set(members.values_list("match_id", flat=True)))
    together = MatchMember.objects.filter(match_id__in=match_ids).values_list("record_id", flat=True)
    tokens_lock(reconciliation_id=reconciliation_id, record_ids={*record_ids, *together})
    # Then the rows, in order: of a match that covers all its members wholly nothing else could be locked. One that was
    # decided meanwhile is looked at as it is now.
    live = Match.objects.live().filter(pk__in=members.values("match_id"))
    match_ids = list(live.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))
    matches_end(
        match_ids,
        reconciliation_id=reconciliation_id,
        status=MatchStatus.UNDONE,
        reason=f"stream_{row.kind}",
        by=by,
        at=at,
    )
    tokens_remove(reconciliation_id=reconciliation_id, record_ids=record_ids)
    return len(match_ids)


def records_void(record_ids: list[int], *, by: str, at: datetime) -> None:
    """Take records away that have no token any more. `by`: the ref of who asked."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE ledgers_record SET voided_at = %s, voided_by = %s WHERE id = ANY(%s) AND voided_at IS NULL",
            [at, by, record_ids],
        )


def _end(row: StreamOperation, *, at: datetime) -> None:
    share_streams_in_reset([row.stream_id])
    share_reconciliations(_reconciliation_ids(row))
    _ours(row, status=OperationStatus.COMPLETED, finished_at=at, heartbeat_at=at)
    if row.reconciliation_id is not None:
        # One at a time: two that end together would each see the other still running, and nobody would say ready.
        Reconciliation.objects.select_for_update().get(pk=row.reconciliation_id)
        others = StreamOperation.objects.exclude(status=OperationStatus.COMPLETED)
        if not others.filter(reconciliation_id=row.reconciliation_id).exists():
            Reconciliation.objects.filter(pk=row.reconciliation_id).update(ready=True, watermark=None)
            _ring_waiting(row.reconciliation_id)
    elif row.kind == OperationKind.DELETE:
        data_stream_void(stream_id=row.stream_id, by=row.requested_by, at=at)
    else:
        import_batches_void(stream_id=row.stream_id, by=row.requested_by, at=at)
        DataStream.objects.filter(pk=row.stream_id).update(resetting=False)
    audit.record(
        action=f"stream.{row.kind}_completed",
        organization_id=row.stream.organization_id,
        by=system_actor(TASK, row.stream.organization_id),
        at=at,
        subject=row.stream,
        subjects=[row.reconciliation] if row.reconciliation is not None else [],
        operation=row.pk,
        records=row.processed,
        undone=row.undone,
    )


def _ring_waiting(reconciliation_id: int) -> None:
    waiting = Pass.objects.filter(reconciliation_id=reconciliation_id, status=PassStatus.PENDING)
    for pk in waiting.order_by("pk").values_list("pk", flat=True)[:1]:
        transaction.on_commit(partial(ring_soon, NEXT_TASK, seconds=0, pass_id=pk))
