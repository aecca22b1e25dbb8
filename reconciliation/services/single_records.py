"""A record that a program adds, changes or deletes by itself: what it sent is checked here, then written as every record
is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from ledgers.models import DataStream, Record
from ledgers.selectors.streams import stream_by_key
from ledgers.services.metadata import definitions_of, metadata_faults
from ledgers.services.record_rows import STREAM, FieldIssue, read_changes, read_row
from organizations.actors import Actor
from organizations.refusals import Invalid, NotFound
from reconciliation.services.stream_records import record_change, record_void, records_add

INVALID = "record.invalid"


def record_create(*, organization_id: int, body: Mapping[str, Any], by: Actor, at: datetime) -> Record:
    """Add one record, open in each reconciliation of its stream.

    Invalid, with every mistake in `issues`: "record.invalid"; a stream that is not there "stream.not_found", or not
    written to by programs "stream.owned"; an external id that the stream has "record.duplicate". Conflict
    "stream.resetting".
    """
    key, record, issues = read_row(body)
    stream = stream_by_key(organization_id=organization_id, key=key) if key else None
    if key and stream is None:
        message = _("There is no data stream with this key.")
        issues = [*issues, FieldIssue(STREAM, message)]
        raise _invalid(issues, code=INVALID if record is None else "stream.not_found")
    if issues or record is None or stream is None:
        raise _invalid(issues)
    metadata_check(stream, record.metadata)
    [made] = records_add(stream=stream, records=[record], by=by, at=at)
    return made


def record_edit(
    *, organization_id: int, record_id: int, body: Mapping[str, Any], by: Actor, at: datetime
) -> Record:
    """Change what was said of a record. Saying what it says already changes nothing.

    Invalid as above; Conflict "record.matched", "stream.owned", "stream.resetting".
    """
    row = record_of(organization_id=organization_id, record_id=record_id)
    facts, issues = read_changes(body)
    if issues:
        raise _invalid(issues)
    changes = {name: value for name, value in facts.items() if getattr(row, name) != value}
    if not changes:
        return row
    if "metadata" in changes:
        metadata_check(row.stream, changes["metadata"])
    return record_change(record=row, changes=changes, by=by, at=at)


def record_delete(*, organization_id: int, record_id: int, by: Actor, at: datetime) -> None:
    """It is gone from every list and sum, and may be sent again. Conflict as `record_edit`."""
    record_void(record=record_of(organization_id=organization_id, record_id=record_id), by=by, at=at)


def record_of(*, organization_id: int, record_id: int) -> Record:
    """A live record of whatever stream, with its stream; raises NotFound. Details below an entry are shown with it only."""
    rows = Record.objects.of(organization_id).live().entries().select_related("stream")
    row = rows.filter(pk=record_id).first()
    if row is None:
        raise NotFound(_("There is no record with this id."), code="record.not_found")
    return row


def metadata_check(stream: DataStream, metadata: Mapping[str, Any]) -> None:
    """Hold what a person or a program says of a record against what the stream's metadata holds. Invalid "record.invalid"."""
    faults = metadata_faults(definitions_of([stream.pk])[stream.pk], metadata)
    if faults:
        raise _invalid(FieldIssue(f"metadata.{key}", message) for key, message in faults)


def _invalid(issues: Iterable[FieldIssue], *, code: str = INVALID) -> Invalid:
    found = list(issues)
    more = _(" (and %(more)d more: see issues)") % {"more": len(found) - 1} if len(found) > 1 else ""
    return Invalid(
        f"{found[0]}{more}",
        code=code,
        issues=[{"path": _path(issue.field), "message": issue.message} for issue in found],
    )


def _path(name: str) -> list[str]:
    head, dot, key = name.partition(".")
    return [head, key] if dot else [name]
