"""Turns records into answers, alone or as one reconciliation sees them. Every view that shows records calls it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from exceptions_app.selectors.exceptions import active_ids
from ledgers.models import Record
from organizations.instants import utc_text
from reconciliation.selectors.stream_entries import StreamEntry, stream_entries
from rules.models import Reconciliation

Json = dict[str, Any]


def record_body(row: Record) -> Json:
    """One record, which has its stream at hand (`select_related("stream")`)."""
    return {
        "id": row.pk,
        "date": row.date.isoformat(),
        "data_stream_key": row.stream.key,
        "amount": row.amount,
        "direction": row.direction,
        "currency": row.currency,
        "decimal_places": row.decimal_places,
        "description": row.description or None,
        "metadata": row.metadata,
        "external_id": row.external_id or None,
        "value_date": day(row.value_date),
        "reference": row.reference or None,
        "counterparty": row.counterparty or None,
        "created_at": instant(row.created_at),
    }


def record_bodies(rows: Iterable[Record]) -> list[Json]:
    return [record_body(row) for row in rows]


def entry_body(row: Record, *, reconciliation: Reconciliation, at: datetime) -> Json:
    """One record as the reconciliation sees it now."""
    return entry_bodies([row], reconciliation=reconciliation, at=at)[0]


def entry_bodies(rows: Iterable[Record], *, reconciliation: Reconciliation, at: datetime) -> list[Json]:
    """A page of records as the reconciliation sees them, in a constant number of queries."""
    entries = stream_entries(rows, reconciliation=reconciliation, at=at)
    escalated = {entry.record.stream_id for entry in entries if entry.escalated}
    exceptions = active_ids(reconciliation.pk, escalated)
    return [_entry_body(entry, exceptions) for entry in entries]


def _entry_body(entry: StreamEntry, exceptions: Mapping[int, int]) -> Json:
    scope = {
        "reconciliation_id": entry.reconciliation.pk,
        "reconciliation_name": entry.reconciliation.name,
    }
    return {
        **record_body(entry.record),
        **scope,
        "status": entry.status.value,
        "escalated": entry.escalated,
        "overdue_at": instant(entry.overdue_at),
        "matched_records": [{**_partner_body(partner), **scope} for partner in entry.partners],
        "matched_records_total": entry.partners_total,
        "days_unreconciled": entry.days_unreconciled,
        "exception_id": exceptions.get(entry.record.stream_id) if entry.escalated else None,
        "closed_at": instant(entry.closed_at),
        "close_reason": entry.close_reason or None,
    }


def _partner_body(row: Record) -> Json:
    return {
        "id": row.pk,
        "amount": row.amount,
        "currency": row.currency,
        "decimal_places": row.decimal_places,
        "direction": row.direction,
        "description": row.description or None,
        "date": row.date.isoformat(),
        "external_id": row.external_id or None,
        "data_stream_key": row.stream.key,
    }


def instant(value: datetime | None) -> str | None:
    """UTC with Z, whatever time zone is active."""
    return utc_text(value) if value is not None else None


def day(value: date | None) -> str | None:
    return value.isoformat() if value is not None else None
