"""The ledger's side of a run: all its entries, and those that no live match has, in this or another run."""

from __future__ import annotations

from datetime import date

from django.db.models import BooleanField, Case, Exists, OuterRef, Q, QuerySet, Subquery, Value, When

from ledgers.models import Ledger, Record
from ledgers.selectors import entry_rows
from reconciliation.models import MatchMember, Run


def gl_all(run: Run, *, as_at: date | None = None) -> QuerySet[Record]:
    """Every posted entry of the run's ledger (not of its subledgers), with linked, linked_run_uuid, linked_match_uuid
    and linked_match_status. `as_at`: as they stood that day, by the accounting date of clearing."""
    rows = linked_rows(run.ledger, run.reconciliation_id, as_at=as_at)
    return rows if as_at is None else rows.filter(date__lte=as_at)


def gl_only(run: Run, *, as_at: date | None = None) -> QuerySet[Record]:
    """Of gl_all, those in no live match of any run."""
    return gl_all(run, as_at=as_at).filter(Q(linked=False))


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
