"""How a run's items stand, counted another way than the pages do: to hold those figures against."""

from __future__ import annotations

from django.db.models import Count, Exists, OuterRef, Q

from reconciliation.models import MatchMember, OpenItem, Run
from reconciliation.selectors.items import (
    CLOSED,
    MATCHED,
    PARTIAL,
    UNMATCHED,
    ItemCounts,
    item_lines,
    match_status,
)


def item_counts(run: Run) -> ItemCounts:
    """How the run's items stand, in one query. `suggested` is the part of `matched` that nobody decided yet."""
    tokens = OpenItem.objects.filter(reconciliation_id=run.reconciliation_id, record_id=OuterRef("record_id"))
    undecided = MatchMember.objects.filter(
        reconciliation_id=run.reconciliation_id,
        record_id=OuterRef("record_id"),
        live=True,
        match__status="suggested",
    )
    rows = item_lines(run).annotate(match_status=match_status(tokens), undecided=Exists(undecided))
    counted = rows.aggregate(
        items=Count("pk"),
        unmatched=Count("pk", filter=Q(match_status=UNMATCHED)),
        matched=Count("pk", filter=Q(match_status=MATCHED)),
        partial=Count("pk", filter=Q(match_status=PARTIAL)),
        closed=Count("pk", filter=Q(match_status=CLOSED)),
        suggested=Count("pk", filter=Q(undecided=True)),
    )
    return ItemCounts(**counted)
