"""The ledger's side of a run: all its entries, and those that no live match has, in this or another run."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from django.db.models import (
    BigIntegerField,
    BooleanField,
    Case,
    Exists,
    F,
    Func,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from ledgers.models import Ledger, Record
from ledgers.selectors import entry_rows
from organizations.refusals import NotFound
from reconciliation.models import MatchMember, OpenItem, Run
from rules.models import Reconciliation


def gl_all(run: Run, *, as_at: date | None = None) -> QuerySet[Record]:
    """Every posted entry of the run's ledger (not of its subledgers), with linked, linked_run_uuid, linked_match_uuid,
    linked_match_status, the columns of its closing, and residual: what no match covers, minor units without sign, null
    before the opening balance. `as_at`: as they stood that day, by the accounting date of clearing."""
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


CLOSING = ("closed_at", "closed_by", "close_reason", "close_note", "cleared_on")


def gl_entry(*, organization_id: int, entry_id: UUID) -> Record:
    """One entry with the same columns. NotFound "record.ledger_entry_not_found"."""
    found = entry_rows(organization_id=organization_id).filter(uuid=entry_id).first()
    ledger = found.stream.ledger if found is not None else None
    if found is None or ledger is None:
        raise entry_not_found()
    reconciliation = Reconciliation.objects.get(ledger=ledger)
    return linked_rows(ledger, reconciliation.pk).get(pk=found.pk)


def entry_not_found() -> NotFound:
    return NotFound(
        _("There is no such ledger entry."),
        code="record.ledger_entry_not_found",
        word="ledger_entry_not_found",
    )


def linked_rows(ledger: Ledger, reconciliation_id: int, *, as_at: date | None = None) -> QuerySet[Record]:
    ever = MatchMember.objects.filter(
        reconciliation_id=reconciliation_id, record_id=OuterRef("pk"), live=True
    )
    live = ever if as_at is None else ever.filter(match__cleared_on__lte=as_at)
    tokens = OpenItem.objects.filter(reconciliation_id=reconciliation_id, record_id=OuterRef("pk"))
    closed = tokens.closed() if as_at is None else tokens.closed().filter(cleared_on__lte=as_at)
    left = Func(Subquery(tokens.values("open_amount")[:1]), function="abs", output_field=BigIntegerField())
    rows = entry_rows(organization_id=ledger.organization_id, ledger_ids=[ledger.pk])
    return rows.annotate(
        residual=Case(
            When(Q(Exists(live)), then=Coalesce(left, 0)),
            When(Q(Exists(tokens)) | Q(Exists(ever)), then=F("amount")),
            output_field=BigIntegerField(),
        ),
        **{name: Subquery(closed.values(name)[:1]) for name in CLOSING},
        linked=Case(
            When(Q(Exists(live)), then=Value(True)), default=Value(False), output_field=BooleanField()
        ),
        linked_run_uuid=Subquery(live.values("match__run__uuid")[:1]),
        linked_match_uuid=Subquery(live.values("match__uuid")[:1]),
        linked_match_status=Subquery(live.values("match__status")[:1]),
    ).order_by("date", "pk")
