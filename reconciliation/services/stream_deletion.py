"""Deletes streams that programs fill: a small one in one act, any other by a worker (`operation_chunks`).

A stream leaves its reconciliations before, and with them its matches and open items: what is left are records.
"""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _

from ledgers.models import DataStream, Record
from ledgers.services.streams import data_stream_locked, data_stream_void
from ledgers.states import WRITABLE_STREAMS
from organizations import audit
from organizations.actors import Actor
from organizations.refusals import Conflict
from reconciliation.models import StreamOperation
from reconciliation.services.locks import own_streams
from reconciliation.services.operation_chunks import records_void
from reconciliation.services.operations import operation_ask, operation_running
from reconciliation.states import OperationKind, OperationStatus
from rules.models import ReconciliationStream

RECORDS_AT_ONCE = 10_000
"""What is deleted within one request (contract of the stream surface, row 5)."""


def stream_delete(*, stream: DataStream, by: Actor, at: datetime) -> None:
    """Delete the stream with its records, import batches and property definitions, at once. Its key is free again.

    Conflict: "stream.owned", "stream.linked" while a reconciliation has it, "stream.operation_running",
    "stream.too_large" where it has more than RECORDS_AT_ONCE records.
    """
    row = _deletable(stream, by=by)
    if StreamOperation.objects.exclude(status=OperationStatus.COMPLETED).filter(stream=row).exists():
        raise operation_running(row)
    rows = Record.objects.live().filter(stream=row)
    record_ids = list(rows.order_by("pk").values_list("pk", flat=True)[: RECORDS_AT_ONCE + 1])
    if len(record_ids) > RECORDS_AT_ONCE:
        raise Conflict(
            _(
                "Stream %(name)s has more than %(most)s records, too many to delete while you wait. Ask again with async=true."
            )
            % {"name": row.name, "most": RECORDS_AT_ONCE},
            code="stream.too_large",
            details={"records_max": RECORDS_AT_ONCE},
        )
    records_void(record_ids, by=by.ref, at=at)
    data_stream_void(stream_id=row.pk, by=by.ref, at=at)
    audit.record(
        action="stream.deleted",
        organization_id=row.organization_id,
        by=by,
        at=at,
        subject=row,
        key=row.key,
        records=len(record_ids),
    )


def stream_delete_request(*, stream: DataStream, by: Actor, at: datetime) -> StreamOperation:
    """The same by a worker, of any size. Until that is done the stream takes nothing ("stream.deleting")."""
    row = _deletable(stream, by=by)
    asked = operation_ask(row, OperationKind.DELETE, by=by, at=at)
    DataStream.objects.filter(pk=row.pk).update(resetting=True)
    return asked


def _deletable(stream: DataStream, *, by: Actor) -> DataStream:
    """Its row, behind the exclusive lock: nobody puts in records, or the stream into a reconciliation."""
    if stream.kind not in WRITABLE_STREAMS:
        raise Conflict(
            _("Stream %(name)s is owned by its ledger, account or connector. It goes when that goes.")
            % {"name": stream.name},
            code="stream.owned",
        )
    own_streams([stream.pk])
    row = data_stream_locked(stream, by=by)
    wires = ReconciliationStream.objects.filter(stream=row, reconciliation__voided_at__isnull=True)
    ordered = wires.select_related("reconciliation").order_by("reconciliation__name", "pk")
    linked = [wire.reconciliation for wire in ordered]
    if linked:
        raise Conflict(
            _(
                "Stream %(name)s is in %(count)s reconciliation(s), such as %(one)s. Take it out of them first."
            )
            % {"name": row.name, "count": len(linked), "one": linked[0].name},
            code="stream.linked",
            details={"reconciliation_ids": [each.pk for each in linked]},
        )
    return row
