"""What people do with single open records: close with a reason (a held one: write off its rest), reopen, note."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from django.utils.translation import gettext as _

from ledgers.models import Record, StatementLine
from ledgers.selectors import entry_rows
from organizations import audit
from organizations.actors import Actor
from organizations.refusals import Conflict, Invalid, Refusal
from reconciliation.models import Match, MatchMember, OpenItem, Run
from reconciliation.models.clearing import NEXT_TICKET
from reconciliation.selectors.entries import entry_not_found
from reconciliation.selectors.items import item_not_found, item_of, runs_showing
from reconciliation.services import discrepancies
from reconciliation.services.groups import checked_cleared_on
from reconciliation.services.locks import share_reconciliations
from reconciliation.services.matches import match_end, match_lock, record_ids_of
from reconciliation.services.tokens import INTAKE, Token, tokens_lock
from reconciliation.states import MatchStatus
from rules.models import Reconciliation

DEFAULT_REASON = "manual_review"
REASON_MAX = 64


def item_close(
    *,
    organization_id: int,
    item_id: UUID,
    ledger_id: UUID,
    reason: str = "",
    note: str = "",
    cleared_on: date | None = None,
    by: Actor,
    at: datetime,
) -> Record:
    """Close an open item of the ledger's reconciliation, with a reason (1 to 64 characters), as `record_close` does."""
    record, run = _item(organization_id, item_id)
    if run.ledger.uuid != ledger_id:
        raise Invalid(
            _("The line belongs to ledger %(code)s, not to the ledger that was named.")
            % {"code": run.ledger.code},
            code="item.wrong_ledger",
            issues=[{"path": ["ledger_id"], "message": _("Not the line's ledger.")}],
        )
    record_close(
        record=record,
        reconciliation=run.reconciliation,
        run=run,
        reason=reason,
        note=note,
        cleared_on=cleared_on,
        by=by,
        at=at,
    )
    return record


def item_reopen(*, organization_id: int, item_id: UUID, by: Actor, at: datetime) -> Record:
    """Take a closing back; only a closed item can be reopened."""
    record, run = _item(organization_id, item_id)
    record_reopen(record=record, reconciliation=run.reconciliation, run=run, by=by, at=at)
    return record


def entry_close(
    *,
    organization_id: int,
    entry_id: UUID,
    reason: str = "",
    note: str = "",
    cleared_on: date | None = None,
    by: Actor,
    at: datetime,
) -> Record:
    """Close an open entry of a ledger, or write off what a match left of it."""
    record, reconciliation = _entry(organization_id, entry_id)
    record_close(
        record=record,
        reconciliation=reconciliation,
        run=None,
        reason=reason,
        note=note,
        cleared_on=cleared_on,
        by=by,
        at=at,
    )
    return record


def entry_reopen(*, organization_id: int, entry_id: UUID, by: Actor, at: datetime) -> Record:
    record, reconciliation = _entry(organization_id, entry_id)
    record_reopen(record=record, reconciliation=reconciliation, run=None, by=by, at=at)
    return record


def record_close(
    *,
    record: Record,
    reconciliation: Reconciliation,
    run: Run | None,
    reason: str = "",
    note: str = "",
    cleared_on: date | None = None,
    by: Actor,
    at: datetime,
) -> None:
    """Say why an open record stays open, or write off the rest of a held one: its accepted match stays, and when that
    ends the closing ends with it.

    An undecided suggestion on it is undone first. Closed already: nothing happens. Wholly in an accepted match: Conflict.
    """
    reason = reason.strip() or DEFAULT_REASON
    if len(reason) > REASON_MAX:
        raise Invalid(
            _("A reason has at most 64 characters; put the rest into the note."), code="item.reason"
        )
    token = _token_to_close(reconciliation, record, by=by, at=at)
    if token.closed_at is not None:
        return
    tokens = OpenItem.objects.filter(reconciliation=reconciliation, record_id=record.pk)
    tokens.update(
        closed_at=at,
        closed_by=by.ref,
        close_reason=reason,
        close_note=note,
        cleared_on=checked_cleared_on(cleared_on, _cleared_from(record, token)),
        ticket=NEXT_TICKET,
    )
    action = "item.closed" if token.held_by is None else "item.written_off"
    _followed(action, reconciliation, run, record, by=by, at=at, reason=reason, amount=token.open_amount)


def record_reopen(
    *, record: Record, reconciliation: Reconciliation, run: Run | None, by: Actor, at: datetime
) -> None:
    """Take a closing back: free again, or held with what its match left of it."""
    share_reconciliations([reconciliation.pk])
    token = tokens_lock(reconciliation_id=reconciliation.pk, record_ids=[record.pk]).get(record.pk)
    if token is None or token.closed_at is None:
        raise Conflict(
            _("It is not closed, so there is nothing to reopen."),
            code="item.state",
            word="item_state_conflict",
        )
    if token.closed_by == INTAKE:
        raise Conflict(
            _(
                "It was closed as it came in: its amount is 0, or it is older than the ledger's opening balance. Confirm an"
                " earlier opening to work on older lines."
            ),
            code="item.closed_at_intake",
            word="item_state_conflict",
        )
    OpenItem.objects.filter(reconciliation=reconciliation, record_id=record.pk).update(
        closed_at=None,
        closed_by="",
        close_reason="",
        close_note="",
        cleared_on=None,
        overdue_seen_at=None,  # where it is overdue, it is so anew
        ticket=NEXT_TICKET,
    )
    _followed("item.reopened", reconciliation, run, record, by=by, at=at)


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


def _entry(organization_id: int, entry_id: UUID) -> tuple[Record, Reconciliation]:
    entry = entry_rows(organization_id=organization_id).filter(uuid=entry_id).first()
    ledger = entry.stream.ledger if entry is not None else None
    if entry is None or ledger is None:
        raise entry_not_found()
    return entry, Reconciliation.objects.get(ledger=ledger)


def _token_to_close(reconciliation: Reconciliation, record: Record, *, by: Actor, at: datetime) -> Token:
    share_reconciliations([reconciliation.pk])
    # Suggestions first: ending one locks the tokens of all its members, in order, before this record's own.
    undecided = Match.objects.filter(
        reconciliation=reconciliation,
        status=MatchStatus.SUGGESTED,
        pk__in=_live_match_ids(reconciliation.pk, record.pk),
    )
    for match_id in undecided.values_list("pk", flat=True):
        match = match_lock(match_id, by=by)
        if match.status == MatchStatus.SUGGESTED:
            match_end(match, status=MatchStatus.UNDONE, reason="item_closed", by=by, at=at)
            audit.record(
                action="match.undone",
                organization_id=reconciliation.organization_id,
                by=by,
                at=at,
                subject=match,
                reason="item_closed",
                records=record_ids_of(match),
            )
    token = tokens_lock(reconciliation_id=reconciliation.pk, record_ids=[record.pk]).get(record.pk)
    if token is None and not _live_match_ids(reconciliation.pk, record.pk):
        raise _never_open(reconciliation, record)
    if token is None:
        raise Conflict(
            _("It is matched. Reject its match first, then close it."),
            code="item.state",
            word="item_state_conflict",
        )
    return _checked_holder(token)


def _never_open(reconciliation: Reconciliation, record: Record) -> Refusal:
    """Why a record has neither token nor match: the opening balance explains it, or it is none of this ledger's."""
    opened_on = reconciliation.ledger.opening_balance_on if reconciliation.ledger is not None else None
    if opened_on is None or record.date >= opened_on:
        return item_not_found()
    return Conflict(
        _(
            "It is older than the ledger's opening balance of %(day)s, which explains it: there is nothing to close."
        )
        % {"day": opened_on},
        code="item.before_opening",
        word="item_state_conflict",
    )


def _checked_holder(token: Token) -> Token:
    """A rest is written off under an accepted match only. The suggestion was undone above; a pass may have made another
    one in between, which the locked token shows."""
    held_by = token.held_by
    if held_by is not None and Match.objects.filter(pk=held_by, status=MatchStatus.SUGGESTED).exists():
        raise Conflict(
            _("A pass has just suggested a match for it. Look at it again, then close it."),
            code="item.state",
            word="item_state_conflict",
        )
    return token


def _cleared_from(record: Record, token: Token) -> date:
    """The first day that a closing can have: the record's own, or that of the match whose rest it writes off."""
    if token.held_by is None:
        return record.date
    return max(record.date, Match.objects.values_list("cleared_on", flat=True).get(pk=token.held_by))


def _live_match_ids(reconciliation_id: int, record_id: int) -> list[int]:
    members = MatchMember.objects.filter(reconciliation_id=reconciliation_id, record_id=record_id, live=True)
    return list(members.values_list("match_id", flat=True))


def _followed(
    action: str,
    reconciliation: Reconciliation,
    run: Run | None,
    record: Record,
    *,
    by: Actor,
    at: datetime,
    **data: object,
) -> None:
    discrepancies.follow(
        reconciliation_id=reconciliation.pk,
        record_ids=[record.pk],
        run_ids=runs_showing([record.pk], reconciliation_id=reconciliation.pk),
        by=by,
        at=at,
    )
    audit.record(
        action=action,
        organization_id=reconciliation.organization_id,
        by=by,
        at=at,
        subject=("ledgers.record", record.pk),
        subjects=[run] if run is not None else [],
        **data,
    )
