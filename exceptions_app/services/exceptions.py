"""Exceptions as people work on them: open, change, close, reopen, delete, one or many at once. The sweep does its part by
itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from exceptions_app.models import ReconciliationException
from exceptions_app.models.exceptions import TITLE_MAX
from exceptions_app.selectors.exceptions import exception_of
from exceptions_app.selectors.records import has_records
from exceptions_app.services.members import Issue, assignees_write, invalid, member_issues
from exceptions_app.states import EXCEPTION_ACTIVE, ExceptionStatus
from ledgers.models import DataStream
from organizations import audit
from organizations.actors import Actor
from organizations.refusals import Invalid, NotFound, Refusal
from rules.models import Reconciliation, ReconciliationStream
from rules.selectors import reconciliation_of
from rules.states import ReconciliationKind

DESCRIPTION_MAX = 10_000
BULK_MAX = 1_000
TITLE_END = " — overdue records"
Changes = dict[str, list[Any]]
"""By field what stood there before, and what stands there now."""


def exception_create(
    *,
    organization_id: int,
    reconciliation_id: int,
    stream_id: int,
    title: str = "",
    description: str = "",
    status: str = ExceptionStatus.OPEN,
    assignee_ids: Sequence[int] = (),
    by: Actor,
    at: datetime,
) -> ReconciliationException:
    """An exception of a stream in a reconciliation, made by a person. Beside an active one of the pair there can be closed
    ones only: Invalid "exception.active". NotFound "reconciliation.not_found", "stream.not_found"; Invalid
    "stream.not_wired", "reconciliation.owned" (of a settlement), "exception.invalid"."""
    reconciliation = reconciliation_of(organization_id=organization_id, reconciliation_id=reconciliation_id)
    stream = DataStream.objects.of(organization_id).live().filter(pk=stream_id).first()
    if stream is None:
        raise NotFound(_("There is no data stream with this id."), code="stream.not_found")
    issues = _word_issues(
        organization_id, title=title.strip() or None, description=description, assignee_ids=assignee_ids
    )
    _refuse_pair(reconciliation, stream, beside=issues)
    _refuse(issues)
    row = ReconciliationException(
        reconciliation=reconciliation,
        stream=stream,
        title=title.strip() or default_title(stream),
        description=description,
        status=status,
        created_at=at,
        created_by=by.ref,
        modified_at=at,
        modified_by=by.ref,
    )
    if status in EXCEPTION_ACTIVE:
        row.opened_at = at
        row.had_records_at = at if has_records(row, at=at) else None
    else:
        row.closed_at, row.closed_by = at, by.ref
    _saved_as_the_only_active(row)
    assignees_write(row, assignee_ids, by=by, at=at)
    action = "exception.opened" if row.is_active else "exception.created"
    _audit(action, row, by=by, at=at, status=str(status), assignees=list(assignee_ids))
    return row


def exception_change(
    *,
    organization_id: int,
    exception_id: int,
    title: str | None = None,
    description: str | None = None,
    status: str | None = None,
    assignee_ids: Sequence[int] | None = None,
    by: Actor,
    at: datetime,
) -> ReconciliationException:
    """What is given is changed; what says the same as before is no act. A reopening beside another active exception of the
    pair is Invalid "exception.active"."""
    row = exception_locked(organization_id=organization_id, exception_id=exception_id)
    kept = {assignee.user_id for assignee in row.assignments.all()} if assignee_ids is not None else set()
    _refuse(
        _word_issues(
            organization_id, title=title, description=description, assignee_ids=assignee_ids or (), kept=kept
        )
    )
    changes: Changes = {}
    if title is not None:
        _set(row, changes, title=title.strip())
    if description is not None:
        _set(row, changes, description=description)
    action = "exception.changed"
    if status is not None and status != row.status:
        action = _status_set(row, changes, status, by=by, at=at)
    if assignee_ids is not None:
        changes |= assignees_write(row, assignee_ids, by=by, at=at)
    if changes:
        row.modified_at, row.modified_by = max(at, row.modified_at), by.ref
        _saved_as_the_only_active(row)
        _audit(action, row, by=by, at=at, changes=changes)
    return row


def exception_delete(*, organization_id: int, exception_id: int, by: Actor, at: datetime) -> None:
    """It is gone, as if it had never been; while something is overdue the next sweep opens another one."""
    row = exception_locked(organization_id=organization_id, exception_id=exception_id)
    row.voided_at, row.voided_by = at, by.ref
    row.save(update_fields=["voided_at", "voided_by"])
    _audit("exception.deleted", row, by=by, at=at)


# --- many at once ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one of many: `refusal` says why nothing did."""

    exception_id: int
    exception: ReconciliationException | None = None
    refusal: Refusal | None = None


def exceptions_change_status(
    *, organization_id: int, exception_ids: Sequence[int], status: str, by: Actor, at: datetime
) -> list[Result]:
    """Each by itself: one that is refused leaves the others as they are. In the order asked."""
    change = partial(exception_change, organization_id=organization_id, status=status, by=by, at=at)
    return for_each(exception_ids, lambda pk: change(exception_id=pk))


def for_each(exception_ids: Sequence[int], change: Callable[[int], ReconciliationException]) -> list[Result]:
    """One act on many exceptions, locked in the order of their ids. Invalid "exceptions.too_many"."""
    if len(set(exception_ids)) > BULK_MAX:
        message = _("At most %(most)s exceptions at once.") % {"most": f"{BULK_MAX:,}"}
        raise Invalid(message, code="exceptions.too_many")
    done = {pk: _one_of_many(pk, change) for pk in sorted(set(exception_ids))}
    return [done[pk] for pk in dict.fromkeys(exception_ids)]


def _one_of_many(pk: int, change: Callable[[int], ReconciliationException]) -> Result:
    try:
        with transaction.atomic():
            return Result(pk, change(pk))
    except Refusal as refusal:
        return Result(pk, refusal=refusal)


# --- one exception ---------------------------------------------------------------------------------------------------------


def exception_locked(*, organization_id: int, exception_id: int) -> ReconciliationException:
    """The exception with its row locked, and nothing else: sweeps and people meet there."""
    rows = ReconciliationException.objects.of(organization_id).select_for_update(of=("self",), no_key=True)
    rows.filter(pk=exception_id).first()
    return exception_of(organization_id=organization_id, exception_id=exception_id)


def default_title(stream: DataStream) -> str:
    """What an exception is called until somebody calls it otherwise. Every stream's name leaves room for it."""
    return stream.name + TITLE_END


def _status_set(
    row: ReconciliationException, changes: Changes, status: str, *, by: Actor, at: datetime
) -> str:
    """The move and its instants; the name of the act. Instants never run behind what the sweep said of it meanwhile."""
    was_active, was = row.is_active, row.status
    _set(row, changes, status=str(status))
    if row.is_active and not was_active:
        row.opened_at = max(at, row.closed_at) if row.closed_at else at
        row.closed_at, row.closed_by = None, ""
        # What is reopened with nothing overdue in it stays open until somebody closes it.
        row.had_records_at = at if has_records(row, at=at) else None
        return "exception.reopened"
    if was_active and not row.is_active:
        row.closed_at = max(each for each in (at, row.opened_at, row.slice_changed_at) if each is not None)
        row.closed_by = by.ref
    if row.status == ExceptionStatus.OPEN:
        assert was == ExceptionStatus.INVESTIGATING
        return "exception.changed"
    return f"exception.{row.status}"


def _saved_as_the_only_active(row: ReconciliationException) -> None:
    """The database lets one active exception of a pair be; who comes second is told so."""
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        if "exception_one_live_per_stream" not in str(error):
            raise
        raise _another_active(row) from error


def _another_active(row: ReconciliationException) -> Invalid:
    pair = {"reconciliation_id": row.reconciliation_id, "stream_id": row.stream_id}
    others = ReconciliationException.objects.active().filter(voided_at__isnull=True, **pair)
    other = others.exclude(pk=row.pk).values_list("pk", flat=True).first()
    message = _("Exception %(other)s of this stream and reconciliation is open. Close that one first.")
    message %= {"other": other or _("another")}
    path = ["status"] if row.pk else ["data_stream_id"]
    return Invalid(
        message,
        code="exception.active",
        details={"exception_id": other},
        issues=[{"path": path, "message": message}],
    )


def _set(row: ReconciliationException, changes: Changes, **values: Any) -> None:
    for name, value in values.items():
        if getattr(row, name) != value:
            changes[name] = [str(getattr(row, name)), value]
            setattr(row, name, value)


def _refuse_pair(reconciliation: Reconciliation, stream: DataStream, *, beside: Sequence[Issue]) -> None:
    """`beside`: what else is wrong, to be told at once."""
    names = {"stream": stream.name, "reconciliation": reconciliation.name}
    if reconciliation.kind == ReconciliationKind.SETTLEMENT:
        message = _("%(reconciliation)s belongs to a settlement, where nothing is overdue.") % names
        _refuse([(["reconciliation_id"], message), *beside], "reconciliation.owned")
    if not ReconciliationStream.objects.filter(reconciliation=reconciliation, stream=stream).exists():
        message = _("Stream %(stream)s is not in %(reconciliation)s.") % names
        _refuse([(["data_stream_id"], message), *beside], "stream.not_wired")


def _word_issues(
    organization_id: int,
    *,
    title: str | None,
    description: str | None,
    assignee_ids: Sequence[int],
    kept: Collection[int] = (),
) -> list[Issue]:
    issues: list[Issue] = []
    if title is not None and not 0 < len(title.strip()) <= TITLE_MAX:
        issues.append((["title"], _("Write a title of at most %(most)s characters.") % {"most": TITLE_MAX}))
    if description is not None and len(description) > DESCRIPTION_MAX:
        message = _("Write at most %(most)s characters.") % {"most": f"{DESCRIPTION_MAX:,}"}
        issues.append((["description"], message))
    return issues + member_issues(organization_id, assignee_ids, path="assignee_ids", kept=kept)


def _refuse(issues: Sequence[Issue], code: str = "exception.invalid") -> None:
    if issues:
        raise invalid(issues, code)


def _audit(action: str, row: ReconciliationException, *, by: Actor, at: datetime, **data: Any) -> None:
    audit.record(
        action=action,
        organization_id=row.reconciliation.organization_id,
        by=by,
        at=at,
        subject=row,
        subjects=[row.reconciliation, row.stream],
        **data,
    )
