"""Marks a record overdue by hand, and has its exception at once, not only after the next sweep."""

from __future__ import annotations

from datetime import datetime

from exceptions_app.services.sweeping_acts import record_sweep
from ledgers.models import Record
from organizations.actors import Actor
from reconciliation.services import overdue
from rules.models import Reconciliation


def record_mark_overdue(
    *,
    organization_id: int,
    reconciliation_id: int,
    record_id: int,
    overdue_at: datetime | None = None,
    by: Actor,
    at: datetime,
) -> Record:
    """`reconciliation.services.overdue.record_mark_overdue`, with what it refuses; where it is overdue by now, its exception
    is opened or reopened in the same transaction."""
    record = overdue.record_mark_overdue(
        organization_id=organization_id,
        reconciliation_id=reconciliation_id,
        record_id=record_id,
        overdue_at=overdue_at,
        by=by,
        at=at,
    )
    if overdue_at is None or overdue_at <= at:
        reconciliation = Reconciliation.objects.get(pk=reconciliation_id)
        record_sweep(reconciliation, record, at=at)
    return record
