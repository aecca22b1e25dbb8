"""Ledger accounts with their counts of entries, and of those that no accepted match covers wholly."""

from __future__ import annotations

from django.db.models import (
    BigIntegerField,
    Case,
    Count,
    Exists,
    F,
    OuterRef,
    QuerySet,
    Subquery,
    Sum,
    When,
)
from django.db.models.functions import Coalesce

from ledgers.models import Ledger, LedgerDelta, Record
from ledgers.states import RecordKind
from reconciliation.models import MatchMember, OpenItem
from reconciliation.states import MatchStatus
from rules.models import Reconciliation
from rules.states import Side


def account_rows(*, organization_id: int, ledger: Ledger | None = None) -> QuerySet[Ledger]:
    """Ledgers with at least one entry, annotated total_count and unreconciled_count.

    An entry is reconciled when an accepted match covers it wholly. Counted are the others, whatever was reconciled in the
    years before: those with a token, those in a suggestion only, and those older than the opening balance, which have
    neither. Of a ledger that nothing is matched with, all.
    """
    totals = LedgerDelta.objects.filter(ledger=OuterRef("pk")).order_by().values("ledger")
    rows = Ledger.objects.of(organization_id)
    if ledger is not None:
        rows = rows.filter(pk=ledger.pk)
    return (
        rows.annotate(
            total_count=Coalesce(
                Subquery(totals.annotate(n=Sum("entries")).values("n")), 0, output_field=BigIntegerField()
            ),
            unreconciled_count=Case(
                When(~Exists(Reconciliation.objects.filter(ledger=OuterRef("pk"))), then=F("total_count")),
                When(opening_balance_on__isnull=True, then=_open() + _suggested()),
                default=_open() + _suggested() + _older(),
            ),
        )
        .filter(total_count__gt=0)
        .order_by("code")
    )


def _open() -> Coalesce:
    tokens = OpenItem.objects.filter(reconciliation__ledger=OuterRef("pk"), side=Side.B)
    return _count(tokens.values("reconciliation__ledger"), "record_id")


def _suggested() -> Coalesce:
    token = OpenItem.objects.filter(
        reconciliation_id=OuterRef("reconciliation_id"), record_id=OuterRef("record_id")
    )
    members = MatchMember.objects.filter(
        ~Exists(token),
        match__reconciliation__ledger=OuterRef("pk"),
        match__status=MatchStatus.SUGGESTED,
        side=Side.B,
        live=True,
    )
    return _count(members.values("match__reconciliation__ledger"), "record_id")


def _older() -> Coalesce:
    """Entries from before the opening balance that never had a token."""
    has = {"reconciliation__ledger": OuterRef("stream__ledger"), "record_id": OuterRef("pk")}
    entries = Record.objects.live().filter(
        ~Exists(OpenItem.objects.filter(**has)),
        ~Exists(MatchMember.objects.filter(**has, live=True)),
        stream__ledger=OuterRef("pk"),
        kind=RecordKind.ENTRY,
        date__lt=OuterRef("opening_balance_on"),
    )
    return _count(entries.values("stream__ledger"), "pk")


def _count(rows: QuerySet, column: str) -> Coalesce:
    counted = rows.order_by().annotate(n=Count(column)).values("n")
    return Coalesce(Subquery(counted), 0, output_field=BigIntegerField())
