"""The ledger's side of a run: all its entries, and those that no live match has, in this or another run."""

from __future__ import annotations

from datetime import date

from django.db.models import BooleanField, Case, Exists, OuterRef, Q, QuerySet, Subquery, Value, When

from ledgers.models import Ledger, Record
from ledgers.selectors import entry_rows
from reconciliation.models import MatchMember, OpenItem, Run


def gl_all(run: Run, *, as_at: date | None = None) -> QuerySet[Record]:
    """Every posted entry of the run's ledger (not of its subledgers), with linked, linked_run_uuid, linked_match_uuid
    and linked_match_status. `as_at`: as they stood that day, by the accounting date of clearing."""
    rows = linked_rows(run.ledger, run.reconciliation_id, as_at=as_at)
    return rows if as_at is None else rows.filter(date__lte=as_at)


def gl_only(run: Run, *, as_at: date | None = None) -> QuerySet[Record]:
    """Of gl_all, those in no live match of any run. Today's are found by their tokens, which are few when most is
    matched: an entry has one that no match holds, or is from before the opening balance and never had one."""
    rows = gl_all(run, as_at=as_at)
    if as_at is not None:
        return rows.filter(Q(linked=False))
    tokens = OpenItem.objects.filter(
        reconciliation_id=run.reconciliation_id, record_id=OuterRef("pk"), held_by__isnull=True
    )
    opened_on = run.ledger.opening_balance_on
    if opened_on is None:
        return rows.filter(Exists(tokens))
    return rows.filter(Q(Exists(tokens)) | Q(date__lt=opened_on, linked=False))


def linked_rows(ledger: Ledger, reconciliation_id: int, *, as_at: date | None = None) -> QuerySet[Record]:
    live = MatchMember.objects.filter(
        reconciliation_id=reconciliation_id, record_id=OuterRef("pk"), live=True
    )
    if as_at is not None:
        live = live.filter(match__cleared_on__lte=as_at)
    rows = entry_rows(organization_id=ledger.organization_id, ledger_ids=[ledger.pk])
    return rows.annotate(
        linked=Case(
            When(Q(Exists(live)), then=Value(True)), default=Value(False), output_field=BooleanField()
        ),
        linked_run_uuid=Subquery(live.values("match__run__uuid")[:1]),
        linked_match_uuid=Subquery(live.values("match__uuid")[:1]),
        linked_match_status=Subquery(live.values("match__status")[:1]),
    ).order_by("date", "pk")
