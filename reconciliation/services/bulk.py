"""Bulk requests as programs ask for them: send many records, cancel, try again. A worker does the rows
(`bulk_execution`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from ledgers.models import BulkContent, BulkRequest, DataStream
from ledgers.services.record_rows import KEY_MAX, STREAM
from ledgers.states import BulkRowStatus, BulkSource, BulkStatus, OnConflict
from organizations import audit
from organizations.actors import Actor
from organizations.refusals import Conflict, Invalid, Malformed, NotFound
from reconciliation.doorbell import ring_soon
from reconciliation.services.bulk_execution import bulk_leave_rest

ROWS_MAX = 1_000
EXECUTE = "reconciliation.tasks.execute_bulk_request"  # by name: the tasks import what calls this
AGAIN = frozenset({BulkStatus.FAILED, BulkStatus.CANCELLED})


def bulk_request(
    *, organization_id: int, body: Any, idempotency_key: str = "", by: Actor, at: datetime
) -> BulkRequest:
    """Take up to 1,000 rows to be added by a worker, each judged by itself. A key that the organization has used gives the
    request that it made, whatever the body says now.

    Invalid "bulk.records": not an array of 1 to 1,000 rows. Malformed "bulk.on_conflict".
    """
    known = _known(organization_id, idempotency_key)
    if known is not None:
        return known
    rows, on_conflict = _checked(body)
    try:
        with transaction.atomic():
            made = _create(
                [{"index": index, "row": row} for index, row in enumerate(rows)],
                organization_id=organization_id,
                on_conflict=on_conflict,
                idempotency_key=idempotency_key,
                by=by,
                at=at,
            )
    except IntegrityError:  # the same key came in beside us and was first
        known = _known(organization_id, idempotency_key)
        if known is None:
            raise
        return known
    _audit("bulk_request.created", made, by=by, at=at)
    return made


def bulk_cancel(*, organization_id: int, bulk_request_id: int, by: Actor, at: datetime) -> BulkRequest:
    """Stop before the next rows; what was added stays. One that nobody has begun ends at once. May be asked again; ended
    ones refuse ("bulk.ended")."""
    row = _locked(organization_id, bulk_request_id)
    if not row.is_under_way:
        raise _refused(row, _("It cannot be cancelled any more."), code="bulk.ended")
    row.cancellation_requested_at = at
    row.save(update_fields=["cancellation_requested_at"])
    _audit("bulk_request.cancel_requested", row, by=by, at=at)
    if row.status == BulkStatus.PENDING:
        bulk_leave_rest(row, BulkStatus.CANCELLED, by=by, at=at)
    return row


def bulk_retry(*, organization_id: int, bulk_request_id: int, by: Actor, at: datetime) -> BulkRequest:
    """A new request of the rows that failed or were skipped, each with the index it had. Only of failed and cancelled ones
    ("bulk.not_ended_early"), and once: rows without external id would come twice ("bulk.retried")."""
    row = _locked(organization_id, bulk_request_id)
    if row.status not in AGAIN:
        raise _refused(
            row, _("Only failed and cancelled requests are tried again."), code="bulk.not_ended_early"
        )
    again = row.retries.order_by("-pk").first()
    if again is not None:
        raise _refused(
            row,
            _("It was tried again already, as bulk request %(id)s.") % {"id": again.pk},
            code="bulk.retried",
        )
    content = row.content
    done = {each["index"] for each in content.results if each["status"] == BulkRowStatus.SUCCESSFUL.value}
    rows = [each for each in content.rows if each["index"] not in done]
    if not rows:
        raise _refused(row, _("All its rows were added."), code="bulk.nothing_left")
    made = _create(
        rows,
        organization_id=organization_id,
        on_conflict=row.on_conflict,
        source=row.source,
        filename=row.filename,
        parent=row,
        by=by,
        at=at,
    )
    _audit("bulk_request.retried", made, by=by, at=at, parent=row.pk)
    return made


def bulk_of(*, organization_id: int, bulk_request_id: int) -> BulkRequest:
    """Raises NotFound."""
    row = BulkRequest.objects.of(organization_id).filter(pk=bulk_request_id).first()
    if row is None:
        raise _not_found()
    return row


def _checked(body: Any) -> tuple[Sequence[Any], str]:
    given = body if isinstance(body, Mapping) else {}
    rows, on_conflict = given.get("records"), given.get("on_conflict")
    if not isinstance(rows, list) or not 1 <= len(rows) <= ROWS_MAX:
        message = _("records must contain between 1 and %(most)d items") % {"most": ROWS_MAX}
        raise Invalid(message, code="bulk.records", issues=[{"path": ["records"], "message": message}])
    if on_conflict is not None and on_conflict not in OnConflict.values:
        message = _("on_conflict must be skip or error")
        issues = [{"path": ["on_conflict"], "message": message}]
        raise Malformed(message, code="bulk.on_conflict", issues=issues)
    unknown = [str(name) for name in given if name not in ("records", "on_conflict")]
    if unknown:
        message = _("This request has no such field.")
        found = [{"path": [name], "message": message} for name in unknown]
        raise Invalid(f"{unknown[0]}: {message}", issues=found)
    return rows, on_conflict or OnConflict.SKIP


def _create(
    rows: list[dict[str, Any]],
    *,
    organization_id: int,
    on_conflict: str,
    source: str = BulkSource.BULK_API,
    filename: str = "",
    idempotency_key: str = "",
    parent: BulkRequest | None = None,
    by: Actor,
    at: datetime,
) -> BulkRequest:
    keys, stream = _named(rows, organization_id)
    made = BulkRequest.objects.create(
        organization_id=organization_id,
        idempotency_key=idempotency_key,
        source=source,
        on_conflict=on_conflict,
        stream=stream,
        stream_keys=keys,
        filename=filename,
        parent=parent,
        total_items=len(rows),
        created_at=at,
        created_by=by.ref,
    )
    BulkContent.objects.create(bulk_request=made, rows=rows)
    transaction.on_commit(partial(ring_soon, EXECUTE, seconds=0, bulk_request_id=made.pk))
    return made


def _named(rows: list[dict[str, Any]], organization_id: int) -> tuple[list[str], DataStream | None]:
    """Which streams the rows name, and the one where all of them name the same."""
    given = [each["row"].get(STREAM) if isinstance(each["row"], Mapping) else None for each in rows]
    keys = sorted({key for key in given if isinstance(key, str) and 0 < len(key) <= KEY_MAX})
    if len(keys) != 1 or any(key != keys[0] for key in given):
        return keys, None
    return keys, DataStream.objects.of(organization_id).live().filter(key=keys[0]).first()


def _known(organization_id: int, idempotency_key: str) -> BulkRequest | None:
    if not idempotency_key:
        return None
    return BulkRequest.objects.of(organization_id).filter(idempotency_key=idempotency_key).first()


def _locked(organization_id: int, bulk_request_id: int) -> BulkRequest:
    rows = BulkRequest.objects.of(organization_id).select_for_update(of=("self",))
    row = rows.filter(pk=bulk_request_id).first()
    if row is None:
        raise _not_found()
    return row


def _not_found() -> NotFound:
    return NotFound(_("There is no bulk request with this id."), code="bulk.not_found")


def _refused(row: BulkRequest, why: str, *, code: str) -> Conflict:
    message = _("Bulk request %(id)s is %(status)s.") % {"id": row.pk, "status": row.status}
    return Conflict(f"{message} {why}", code=code, details={"status": row.status})


def _audit(action: str, row: BulkRequest, *, by: Actor, at: datetime, **data: Any) -> None:
    audit.record(
        action=action,
        organization_id=row.organization_id,
        by=by,
        at=at,
        subject=row,
        subjects=[row.stream] if row.stream is not None else [],
        rows=row.total_items,
        **data,
    )
