"""Marks a record overdue by hand in one reconciliation. A policy never changes that again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Case, F, When
from django.utils.translation import gettext as _

from ledgers.models import Record
from organizations import audit
from organizations.actors import Actor
from organizations.instants import utc_text
from organizations.refusals import Conflict, Invalid
from reconciliation.models import Match, MatchMember, OpenItem
from reconciliation.selectors.stream_entries import before_opening
from reconciliation.services.locks import share_reconciliations, share_streams
from reconciliation.services.single_records import record_of
from reconciliation.services.tokens import Token, tokens_issue_existing, tokens_lock
from reconciliation.states import MatchStatus
from rules.models import Reconciliation, ReconciliationStream
from rules.selectors import reconciliation_of
from rules.states import ReconciliationKind


def record_mark_overdue(
    *,
    organization_id: int,
    reconciliation_id: int,
    record_id: int,
    overdue_at: datetime | None = None,
    by: Actor,
    at: datetime,
) -> Record:
    """Say since when, or from when on, a record is overdue in a reconciliation; by default now. Once more says it anew. A
    record that has no open item yet gets one; where an undecided suggestion has it, its place there says so.

    NotFound "reconciliation.not_found", "record.not_found"; Invalid "stream.not_wired"; Conflict "record.matched" by an
    accepted match, "record.closed", "item.before_opening", "reconciliation.owned" (of a settlement).
    """
    reconciliation = reconciliation_of(organization_id=organization_id, reconciliation_id=reconciliation_id)
    record = record_of(organization_id=organization_id, record_id=record_id)
    share_streams([record.stream_id])  # behind it the record's wiring stays as it is
    side = _side(reconciliation, record)
    share_reconciliations([reconciliation.pk])
    token = _token(reconciliation, record, side)
    if token is None:
        match = _suggestion(reconciliation, record)
        # Given back while we waited, or never issued before: then there is a token to lock now.
        token = _token(reconciliation, record, side) if match is None else None
        if token is None and match is None:
            record_of(organization_id=organization_id, record_id=record_id)  # deleted while we waited
    overdue = overdue_at or at
    places: dict[str, Any] = {"reconciliation": reconciliation, "record_id": record.pk}
    # Moved beyond the sweep that saw it past due, it is overdue anew: unseen.
    seen = Case(When(overdue_seen_at__gte=overdue, then=F("overdue_seen_at")))
    marked = {"overdue_at": overdue, "overdue_by_hand": True, "overdue_seen_at": seen}
    OpenItem.objects.filter(**places).update(**marked)
    MatchMember.objects.filter(live=True, **places).update(**marked)
    audit.record(
        action="record.marked_overdue",
        organization_id=organization_id,
        by=by,
        at=at,
        subject=("ledgers.record", record.pk),
        subjects=[reconciliation],
        overdue_at=overdue.isoformat(),
        before=token.overdue_at.isoformat() if token is not None and token.overdue_at else None,
    )
    return record


def _side(reconciliation: Reconciliation, record: Record) -> str:
    if reconciliation.kind == ReconciliationKind.SETTLEMENT:
        raise Conflict(
            _("%(name)s belongs to a settlement, where nothing is overdue.") % {"name": reconciliation.name},
            code="reconciliation.owned",
        )
    wired = ReconciliationStream.objects.filter(reconciliation=reconciliation, stream=record.stream_id)
    side = wired.values_list("side", flat=True).first()
    if side is None:
        message = _("The record's stream is not in this reconciliation.")
        raise Invalid(message, code="stream.not_wired", issues=[{"path": ["record_id"], "message": message}])
    if before_opening(record, reconciliation):
        raise Conflict(
            _("It is older than the ledger's opening balance, which explains it: it is open in no case."),
            code="item.before_opening",
        )
    return side


def _token(reconciliation: Reconciliation, record: Record, side: str) -> Token | None:
    """The record's open item, locked; made where the record is neither open nor matched yet."""
    lock: dict[str, Any] = {"reconciliation_id": reconciliation.pk, "record_ids": [record.pk]}
    token = tokens_lock(**lock).get(record.pk)
    if token is None and not _members(reconciliation, record).exists():
        tokens_issue_existing(
            reconciliation=reconciliation,
            stream_id=record.stream_id,
            side=side,
            after=record.pk - 1,
            up_to=record.pk,
        )
        token = tokens_lock(**lock).get(record.pk)
    if token is not None and token.closed_at is not None:
        raise Conflict(
            _("It was closed by %(by)s at %(at)s. Reopen it first.")
            % {"by": token.closed_by, "at": utc_text(token.closed_at)},
            code="record.closed",
        )
    return token


def _suggestion(reconciliation: Reconciliation, record: Record) -> Match | None:
    """The undecided suggestion that has the record wholly, its row locked: a wholly covered record has no token to lock.
    None where it ended while we waited."""
    matches = Match.objects.select_for_update(of=("self",)).order_by("pk")
    match = matches.filter(pk__in=_members(reconciliation, record).values("match_id")).first()
    if match is None or not match.is_live:
        return None
    if match.status == MatchStatus.ACCEPTED:
        raise Conflict(
            _("It is in match %(match)s, accepted by %(by)s: it is not open. Undo that match first.")
            % {"match": match.pk, "by": match.decided_by or match.created_by},
            code="record.matched",
            details={"match_id": match.pk, "status": match.status},
        )
    return match


def _members(reconciliation: Reconciliation, record: Record) -> Any:
    return MatchMember.objects.filter(reconciliation=reconciliation, record_id=record.pk, live=True)
