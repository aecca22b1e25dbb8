"""What people do with single items: close with a reason, reopen, note."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext as _

from ledgers.models import Record, StatementLine
from organizations import audit
from organizations.actors import Actor
from organizations.refusals import Conflict, Invalid
from reconciliation.models import Match, MatchMember, OpenItem, Run
from reconciliation.selectors.items import item_not_found, item_of
from reconciliation.services import discrepancies
from reconciliation.services.locks import share_reconciliations
from reconciliation.services.matches import match_end, match_lock, record_ids_of
from reconciliation.services.tokens import Token, tokens_lock
from reconciliation.states import MatchStatus

DEFAULT_REASON = "manual_review"
REASON_MAX = 64


def item_close(
    *,
    organization_id: int,
    item_id: UUID,
    ledger_id: UUID,
    reason: str = "",
    note: str = "",
    by: Actor,
    at: datetime,
) -> Record:
    """Close an open item of the ledger's reconciliation, with a reason (1 to 64 characters).

    An undecided suggestion on it is undone first. Closed already: nothing happens. In an accepted match: Conflict.
    """
    record, run = _item(organization_id, item_id)
    if run.ledger.uuid != ledger_id:
        raise Invalid(
            _("The line belongs to ledger %(code)s, not to the ledger that was named.")
            % {"code": run.ledger.code},
            code="item.wrong_ledger",
            issues=[{"path": ["ledger_id"], "message": _("Not the line's ledger.")}],
        )
    reason = reason.strip() or DEFAULT_REASON
    if len(reason) > REASON_MAX:
        raise Invalid(
            _("A reason has at most 64 characters; put the rest into the note."), code="item.reason"
        )
    token = _token_to_close(run, record, by=by, at=at)
    if token.closed_at is not None:
        return record
    OpenItem.objects.filter(reconciliation_id=run.reconciliation_id, record_id=record.pk).update(
        closed_at=at,
        closed_by=by.ref,
        close_reason=reason,
        close_note=note,
        cleared_on=record.date,
        ticket=_next_ticket(),
    )
    _followed("item.closed", run, record, by=by, at=at, reason=reason)
    return record


def item_reopen(*, organization_id: int, item_id: UUID, by: Actor, at: datetime) -> Record:
    """Take a closing back; only a closed item can be reopened."""
    record, run = _item(organization_id, item_id)
    share_reconciliations([run.reconciliation_id])
    token = tokens_lock(reconciliation_id=run.reconciliation_id, record_ids=[record.pk]).get(record.pk)
    if token is None or token.closed_at is None:
        raise Conflict(
            _("The line is not closed, so there is nothing to reopen."),
            code="item.state",
            word="item_state_conflict",
        )
    OpenItem.objects.filter(reconciliation_id=run.reconciliation_id, record_id=record.pk).update(
        closed_at=None, closed_by="", close_reason="", close_note="", cleared_on=None, ticket=_next_ticket()
    )
    _followed("item.reopened", run, record, by=by, at=at)
    return record


def item_note(*, run: Run, item_id: UUID, note: str, by: Actor, at: datetime) -> StatementLine:
    """Set or clear ("") the note on an item, as the newest run that it stands in shows it."""
    line, run = item_of(organization_id=run.organization_id, item_id=item_id)
    share_reconciliations([run.reconciliation_id])
    if line.note != note:
        StatementLine.objects.filter(pk=line.pk).update(note=note)
        line.note = note
        if note:
            discrepancies.note_taken(reconciliation_id=run.reconciliation_id, record_id=line.record_id)
        else:
            discrepancies.follow(
                reconciliation_id=run.reconciliation_id, record_ids=[line.record_id], by=by, at=at
            )
        audit.record(
            action="item.noted",
            organization_id=run.organization_id,
            by=by,
            at=at,
            subject=("ledgers.record", line.record_id),
            subjects=[run],
        )
    return line


def _item(organization_id: int, item_id: UUID) -> tuple[Record, Run]:
    line, run = item_of(organization_id=organization_id, item_id=item_id)
    return line.record, run


def _token_to_close(run: Run, record: Record, *, by: Actor, at: datetime) -> Token:
    share_reconciliations([run.reconciliation_id])
    # Suggestions first: ending one locks the tokens of all its members, in order, before this record's own.
    undecided = Match.objects.filter(
        reconciliation_id=run.reconciliation_id,
        status=MatchStatus.SUGGESTED,
        pk__in=_live_match_ids(run.reconciliation_id, record.pk),
    )
    for match_id in undecided.values_list("pk", flat=True):
        match = match_lock(match_id, by=by)
        if match.status == MatchStatus.SUGGESTED:
            match_end(match, status=MatchStatus.UNDONE, reason="item_closed", by=by, at=at)
            audit.record(
                action="match.undone",
                organization_id=run.organization_id,
                by=by,
                at=at,
                subject=match,
                reason="item_closed",
                records=record_ids_of(match),
            )
    token = tokens_lock(reconciliation_id=run.reconciliation_id, record_ids=[record.pk]).get(record.pk)
    if token is None and not _live_match_ids(run.reconciliation_id, record.pk):
        raise item_not_found()
    if token is None:
        raise Conflict(
            _("The line is matched. Reject its match first, then close it."),
            code="item.state",
            word="item_state_conflict",
        )
    return token


def _live_match_ids(reconciliation_id: int, record_id: int) -> list[int]:
    members = MatchMember.objects.filter(reconciliation_id=reconciliation_id, record_id=record_id, live=True)
    return list(members.values_list("match_id", flat=True))


def _next_ticket() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('reconciliation_ticket')")
        return int(cursor.fetchone()[0])


def _followed(action: str, run: Run, record: Record, *, by: Actor, at: datetime, **data: object) -> None:
    discrepancies.follow(
        reconciliation_id=run.reconciliation_id, record_ids=[record.pk], run_ids=[run.pk], by=by, at=at
    )
    audit.record(
        action=action,
        organization_id=run.organization_id,
        by=by,
        at=at,
        subject=("ledgers.record", record.pk),
        subjects=[run],
        **data,
    )
