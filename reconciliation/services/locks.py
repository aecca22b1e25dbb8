"""The locks of the concurrency protocol, in their one order: imports, streams (sorted), reconciliations (sorted), tokens
(by record), then rows. Every act on this floor takes them through here (docs/concurrency.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import TypeVar

from django.db import connection
from django.db.models import Q
from django.utils.translation import gettext as _

from ledgers.models import DataStream
from organizations.acts import perform
from organizations.refusals import Conflict
from reconciliation.models import StreamOperation
from reconciliation.states import OperationKind, OperationStatus

T = TypeVar("T")

PATIENCE = 4  # times that a worker waits for a lock as long as a person would
LOCK_TIMED_OUT = "lock.timeout"


class LockKind(IntEnum):
    STREAM = 1
    RECONCILIATION = 2
    PASS = 3
    SOURCE_FILE = 4
    IMPORT = 5
    OPERATION = 6
    RULE_JOB = 7
    RECOMPUTE = 8
    BULK_REQUEST = 9
    SWEEP = 10
    INVESTIGATION = 11


def lock_key(kind: LockKind, row_id: int) -> int:
    """The 64-bit key of an advisory lock: the kind above 48 bits of id."""
    return (kind << 48) | row_id


def queue_imports(stream_ids: Iterable[int]) -> None:
    """One import of files into a stream at a time. Two with the same lines in another order would each wait for the
    other at the unique index of dedup keys."""
    _take("pg_advisory_xact_lock", LockKind.IMPORT, stream_ids)


def share_streams(stream_ids: Iterable[int]) -> None:
    """Shared: intake and acts on records run side by side. A stream that is being reset ("stream.resetting") or deleted
    ("stream.deleting"), or is gone ("stream.deleted"), refuses."""
    ids = sorted(set(stream_ids))
    _take("pg_advisory_xact_lock_shared", LockKind.STREAM, ids)
    refuse_leaving(ids, resetting=True)


def refuse_leaving(stream_ids: Iterable[int], *, resetting: bool = False) -> None:
    """Behind their locks: nothing is put into a stream that is deleted, nor, with `resetting`, while one is emptied."""
    barred = Q(voided_at__isnull=False) | Q(resetting=True) if resetting else Q(voided_at__isnull=False)
    found = DataStream.objects.filter(barred, pk__in=list(stream_ids)).order_by("pk").first()
    if found is None:
        return
    name = {"name": found.name}
    if found.voided_at is not None:
        raise Conflict(_("Stream %(name)s has been deleted.") % name, code="stream.deleted")
    unfinished = StreamOperation.objects.exclude(status=OperationStatus.COMPLETED)
    if unfinished.filter(stream=found, kind=OperationKind.DELETE).exists():
        raise Conflict(_("Stream %(name)s is being deleted.") % name, code="stream.deleting")
    message = _("Stream %(name)s is being reset. Try again when the reset has finished.")
    raise Conflict(message % name, code="stream.resetting")


def share_streams_in_reset(stream_ids: Iterable[int]) -> None:
    """The same for the chunks of the reset, or the deletion, itself, and for whoever looks by itself at each stream."""
    _take("pg_advisory_xact_lock_shared", LockKind.STREAM, stream_ids)


def own_streams(stream_ids: Iterable[int]) -> None:
    """Exclusive: wiring, resetting, deleting."""
    _take("pg_advisory_xact_lock", LockKind.STREAM, stream_ids)


def share_reconciliations(reconciliation_ids: Iterable[int]) -> None:
    """Shared: every act that touches tokens or matches."""
    _take("pg_advisory_xact_lock_shared", LockKind.RECONCILIATION, reconciliation_ids)


def own_reconciliations(reconciliation_ids: Iterable[int]) -> None:
    """Exclusive: wiring, and voiding what may be matched, so that no act is half way through these records."""
    _take("pg_advisory_xact_lock", LockKind.RECONCILIATION, reconciliation_ids)


def perform_patiently(act: Callable[[], T], *, tries: int = PATIENCE) -> T:
    """For workers: nobody waits at the other end, and a job must not fail since somebody else's act takes long."""
    for tries_left in reversed(range(tries)):
        try:
            return perform(act)
        except Conflict as refusal:
            if refusal.code != LOCK_TIMED_OUT or not tries_left:
                raise
    raise AssertionError("the last try returns or raises")


def try_session_lock(kind: LockKind, row_id: int) -> bool:
    """A lock of this connection until it is given back or the connection ends: a dead worker's is free at once."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [lock_key(kind, row_id)])
        return bool(cursor.fetchone()[0])


def free_session_lock(kind: LockKind, row_id: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s)", [lock_key(kind, row_id)])


def _take(function: str, kind: LockKind, ids: Iterable[int]) -> None:
    keys = [lock_key(kind, row_id) for row_id in sorted(set(ids))]
    if not keys:
        return
    with connection.cursor() as cursor:
        # unnest keeps the array's order, and with it the one order of locks.
        cursor.execute(f"SELECT {function}(k) FROM unnest(%s::bigint[]) AS k", [keys])  # noqa: S608 - our own names
