"""Puts a stream into a reconciliation, takes it out, or empties it, while people go on working.

The switch is short, under exclusive locks: from it on new records go the new way, and a watermark says which old ones
are still to do. A worker then does those in chunks under shared locks (`operation_execute`); passes wait for its end.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import partial

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from ledgers.models import DataStream
from ledgers.services.streams import data_stream_locked
from ledgers.states import WRITABLE_STREAMS
from organizations import audit
from organizations.actors import Actor
from organizations.refusals import Conflict, Invalid
from reconciliation.doorbell import ring_soon
from reconciliation.models import Match, MatchMember, StreamOperation
from reconciliation.services.locks import own_reconciliations, own_streams, refuse_leaving
from reconciliation.states import MatchStatus, OperationKind, OperationStatus
from rules.models import Reconciliation, ReconciliationStream
from rules.states import Side

EXECUTE = "reconciliation.tasks.execute_operation"  # by name: the tasks import what calls this


def stream_wire(
    *, reconciliation: Reconciliation, stream: DataStream, side: str, by: Actor, at: datetime
) -> StreamOperation:
    """Put the stream on a side of the reconciliation. Its records get open items; new ones at once, old ones in chunks.

    Refused: it is in the reconciliation already ("stream.wired"), another operation of it is under way.
    """
    if side not in Side.values:
        raise Invalid(_("The side is a or b."), code="stream.side")
    own_streams([stream.pk])
    refuse_leaving([stream.pk])
    own_reconciliations([reconciliation.pk])
    wired = ReconciliationStream.objects.filter(reconciliation=reconciliation, stream=stream).first()
    if wired is not None:
        raise Conflict(
            _("Stream %(name)s is on side %(side)s of this reconciliation already.")
            % {"name": stream.name, "side": wired.side.upper()},
            code="stream.wired",
        )
    ReconciliationStream.objects.create(reconciliation=reconciliation, stream=stream, side=side)
    return wiring_start(reconciliation, stream, side, by=by, at=at)


def wiring_start(
    reconciliation: Reconciliation, stream: DataStream, side: str, *, by: Actor, at: datetime
) -> StreamOperation:
    """The old records of a stream that was wired just now, behind the same exclusive locks, are done by a worker."""
    asked = operation_ask(stream, OperationKind.WIRE, reconciliation=reconciliation, side=side, by=by, at=at)
    _unready(reconciliation, asked)
    return asked


def stream_unwire(
    *,
    reconciliation: Reconciliation,
    stream: DataStream,
    undo_matches: bool = False,
    by: Actor,
    at: datetime,
) -> StreamOperation:
    """Take the stream out. Undecided suggestions with its records are undone; accepted matches refuse
    ("reconciliation.has_matches", with their number) unless `undo_matches`."""
    own_streams([stream.pk])
    own_reconciliations([reconciliation.pk])
    wired = ReconciliationStream.objects.filter(reconciliation=reconciliation, stream=stream).first()
    if wired is None:
        raise Conflict(
            _("Stream %(name)s is not in this reconciliation.") % {"name": stream.name},
            code="stream.not_wired",
        )
    if not undo_matches:
        _refuse_matched(reconciliation, stream)
    asked = operation_ask(
        stream,
        OperationKind.UNWIRE,
        reconciliation=reconciliation,
        side=wired.side,
        undo_matches=undo_matches,
        by=by,
        at=at,
    )
    wired.delete()
    _unready(reconciliation, asked)
    return asked


def stream_reset(*, stream: DataStream, by: Actor, at: datetime) -> StreamOperation:
    """Empty a stream of kind api or bank_feed: its records are voided and their matches undone in every reconciliation, and
    its import batches are gone. Until that is done intake answers 409 "stream.resetting"; the stream and its wiring stay."""
    if stream.kind not in WRITABLE_STREAMS:
        raise owned(stream)
    own_streams([stream.pk])
    own_reconciliations(
        ReconciliationStream.objects.filter(stream=stream).values_list("reconciliation_id", flat=True)
    )
    row = data_stream_locked(stream, by=by)
    asked = operation_ask(row, OperationKind.RESET, by=by, at=at)
    DataStream.objects.filter(pk=row.pk).update(resetting=True)
    return asked


def owned(stream: DataStream) -> Conflict:
    return Conflict(
        _("Stream %(name)s is owned by its ledger, account or connector. Change its records there.")
        % {"name": stream.name},
        code="stream.owned",
    )


def operation_ask(
    stream: DataStream,
    kind: OperationKind,
    *,
    reconciliation: Reconciliation | None = None,
    side: str = "",
    undo_matches: bool = False,
    by: Actor,
    at: datetime,
) -> StreamOperation:
    """The row of an operation, and a worker rung for it. Behind exclusive locks no record of the stream is half written: the
    watermark is all there is. Conflict "stream.operation_running"."""
    watermark, total = extent(stream)
    try:
        with transaction.atomic():
            asked = StreamOperation.objects.create(
                stream=stream,
                stream_key=stream.key,
                reconciliation=reconciliation,
                side=side,
                kind=kind,
                undo_matches=undo_matches,
                watermark=watermark,
                total=total,
                requested_at=at,
                requested_by=by.ref,
            )
    except IntegrityError:
        raise operation_running(stream) from None
    audit.record(
        action=f"stream.{kind}_requested",
        organization_id=stream.organization_id,
        by=by,
        at=at,
        subject=stream,
        subjects=[reconciliation] if reconciliation is not None else [],
        operation=asked.pk,
        records=total,
        undo_matches=undo_matches,
    )
    transaction.on_commit(partial(ring_soon, EXECUTE, seconds=0, operation_id=asked.pk))
    return asked


def operation_running(stream: DataStream) -> Conflict:
    return Conflict(
        _("Another operation on stream %(name)s is under way. Wait for its end.") % {"name": stream.name},
        code="stream.operation_running",
    )


def extent(stream: DataStream) -> tuple[int, int]:
    """The highest record id of the stream, and how many live records it has."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(max(id), 0), count(*) FROM ledgers_record WHERE stream_id = %s AND voided_at IS NULL",
            [stream.pk],
        )
        watermark, total = cursor.fetchone()
        return int(watermark), int(total)


def _unready(reconciliation: Reconciliation, asked: StreamOperation) -> None:
    Reconciliation.objects.filter(pk=reconciliation.pk).update(ready=False, watermark=asked.watermark)


def reconciliations_with(stream_ids: Iterable[int]) -> list[int]:
    """Every reconciliation that has tokens or matches of these streams' records, in lock order: those that they are wired
    to, and those that they are just being taken out of. Call it behind the streams' locks."""
    ids = list(stream_ids)
    wired = ReconciliationStream.objects.filter(stream__in=ids).values_list("reconciliation_id", flat=True)
    leaving = StreamOperation.objects.exclude(status=OperationStatus.COMPLETED).filter(
        stream__in=ids, kind=OperationKind.UNWIRE
    )
    return sorted(
        {*wired, *(pk for pk in leaving.values_list("reconciliation_id", flat=True) if pk is not None)}
    )


def refuse_while_taken_out(reconciliation_id: int) -> None:
    """While a stream is being taken out nobody decides or matches: its records are leaving. Call it behind the shared lock."""
    leaving = StreamOperation.objects.exclude(status=OperationStatus.COMPLETED).filter(
        reconciliation_id=reconciliation_id, kind=OperationKind.UNWIRE
    )
    found = leaving.first()
    if found is not None:
        raise Conflict(
            _(
                "Stream %(key)s is being taken out of this reconciliation (%(progress)s%%). Try again when that has ended."
            )
            % {"key": found.stream_key, "progress": found.progress},
            code="reconciliation.rewiring",
            word="run_state_conflict",
        )


def _refuse_matched(reconciliation: Reconciliation, stream: DataStream) -> None:
    members = MatchMember.objects.filter(
        reconciliation=reconciliation, live=True, record__stream=stream, match__status=MatchStatus.ACCEPTED
    )
    count = Match.objects.filter(pk__in=members.values("match_id")).count()
    if count:
        raise Conflict(
            _(
                "%(count)s accepted matches have records of stream %(name)s. Say that they are to be undone, or leave it in."
            )
            % {"count": count, "name": stream.name},
            code="reconciliation.has_matches",
            details={"matches": count},
        )
