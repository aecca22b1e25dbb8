"""The open lists of any day, by the accounting date of clearing and with today's knowledge: voided, undone and superseded
acts are as if they had not been. What was known then is in the audit trail.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import (
    BigIntegerField,
    Case,
    CharField,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from ledgers.models import Ledger, Record, StatementLine
from ledgers.states import RecordKind
from reconciliation.models import MatchMember, OpenItem, Run
from reconciliation.selectors.items import CLOSED, MATCHED, PARTIAL, UNMATCHED, item_rows
from reconciliation.states import MatchStatus
from rules.models import Reconciliation, ReconciliationStream


def open_as_at(ledger: Ledger, day: date) -> QuerySet[Record]:
    """What was open at the end of that day on both sides, with `side` and `open_amount` (minor units, signed): free and
    held items, and members of suggestions that are undecided now. What is older than the confirmed opening is not open."""
    reconciliation = Reconciliation.objects.filter(ledger=ledger).first()
    if reconciliation is None:
        return Record.objects.none()
    tokens = _tokens(reconciliation.pk, "pk")
    still = tokens.exclude(cleared_on__lte=day)
    cleared = _members(reconciliation.pk, "pk").filter(
        match__status=MatchStatus.ACCEPTED, match__cleared_on__lte=day
    )
    uncleared = _members(reconciliation.pk, "pk").filter(
        ~Q(match__status=MatchStatus.ACCEPTED) | Q(match__cleared_on__gt=day)
    )
    sides = ReconciliationStream.objects.filter(
        reconciliation=reconciliation, stream_id=OuterRef("stream_id")
    )
    rows = Record.objects.live().filter(
        Q(Exists(still)) | Q(Exists(uncleared)),
        stream_id__in=reconciliation.streams.values("pk"),
        kind=RecordKind.ENTRY,
        date__range=(ledger.opening_balance_on or date.min, day),
    )
    left = Coalesce(Subquery(tokens.values("open_amount")[:1]), 0, output_field=BigIntegerField())
    return rows.annotate(
        side=Subquery(sides.values("side")[:1]),
        open_amount=Case(
            When(Q(Exists(cleared)), then=left),
            default=F(reconciliation.measure),
            output_field=BigIntegerField(),
        ),
    ).order_by("date", "pk")


def items_as_at(run: Run, day: date) -> QuerySet[StatementLine]:
    """The run's items of that day and before, with the columns of `item_rows` as they stood then."""
    tokens = _tokens(run.reconciliation_id, "record_id")
    closed = tokens.filter(cleared_on__lte=day)
    linked = _members(run.reconciliation_id, "record_id").filter(match__cleared_on__lte=day)
    status = Case(
        When(Q(Exists(closed)), then=Value(CLOSED)),
        When(Q(Exists(linked)) & Q(Exists(tokens)), then=Value(PARTIAL)),
        When(Q(Exists(linked)), then=Value(MATCHED)),
        default=Value(UNMATCHED),
        output_field=CharField(),
    )
    whole = F("record__effect")
    left = Subquery(tokens.values("open_amount")[:1])
    named = {name: Subquery(closed.values(name)[:1]) for name in CLOSING}
    return (
        item_rows(run)
        .filter(record__date__lte=day)
        .annotate(
            match_status=status,
            open_amount=Case(
                When(Q(Exists(linked)) | Q(Exists(closed)), then=left),
                default=whole,
                output_field=BigIntegerField(),
            ),
            match_uuid=Subquery(linked.values("match__uuid")[:1]),
            decided=Subquery(linked.values("match__status")[:1]),
            **named,
        )
    )


CLOSING = ("closed_at", "closed_by", "close_reason", "close_note")


def _tokens(reconciliation_id: int, record: str) -> Any:
    return OpenItem.objects.filter(reconciliation_id=reconciliation_id, record_id=OuterRef(record))


def _members(reconciliation_id: int, record: str) -> Any:
    return MatchMember.objects.filter(
        reconciliation_id=reconciliation_id, record_id=OuterRef(record), live=True
    )
