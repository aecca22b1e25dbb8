"""Ledger accounts with their counts of entries, and of those that no accepted match covers wholly."""

from __future__ import annotations

from django.db.models import (
    BigIntegerField,
    Count,
    Exists,
    F,
    IntegerField,
    OuterRef,
    QuerySet,
    Subquery,
    Sum,
)
from django.db.models.functions import Coalesce

from ledgers.models import Ledger, LedgerDelta
from reconciliation.models import MatchMember, OpenItem
from reconciliation.states import MatchStatus
from rules.states import Side


def account_rows(*, organization_id: int, ledger: Ledger | None = None) -> QuerySet[Ledger]:
    """Ledgers with at least one entry, annotated total_count and unreconciled_count.

    An entry is reconciled when an accepted match covers it wholly: one without a token and not in a suggestion only.
    """
    totals = LedgerDelta.objects.filter(ledger=OuterRef("pk")).order_by().values("ledger")
    token = OpenItem.objects.filter(
        reconciliation_id=OuterRef("reconciliation_id"), record_id=OuterRef("record_id")
    )
    covered = MatchMember.objects.filter(
        ~Exists(token),
        reconciliation__ledger=OuterRef("pk"),
        side=Side.B,
        live=True,
        match__status=MatchStatus.ACCEPTED,
    ).order_by()
    rows = Ledger.objects.of(organization_id)
    if ledger is not None:
        rows = rows.filter(pk=ledger.pk)
    return (
        rows.annotate(
            total_count=Coalesce(
                Subquery(totals.annotate(n=Sum("entries")).values("n")), 0, output_field=BigIntegerField()
            ),
            covered_count=_count(covered.values("reconciliation__ledger")),
        )
        .annotate(unreconciled_count=F("total_count") - F("covered_count"))
        .filter(total_count__gt=0)
        .order_by("code")
    )


def _count(rows: QuerySet) -> Coalesce:
    return Coalesce(Subquery(rows.annotate(n=Count("record_id")).values("n")), 0, output_field=IntegerField())
