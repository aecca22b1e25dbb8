"""Turns exceptions and what hangs on them into answers, a page in a constant number of queries. Called by the views."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Any

from api.streams.presenting import entry_bodies, instant
from exceptions_app.models import Comment, Investigation, ReconciliationException
from exceptions_app.selectors.aggregates import Aggregates, Figures, aggregates_of
from exceptions_app.selectors.exceptions import Attached, attached_to
from exceptions_app.selectors.filters import ExceptionFilter
from exceptions_app.selectors.records import SliceRecord
from exceptions_app.states import InvestigationStatus
from organizations.actors import shown_names
from organizations.models import AuditEvent
from rules.models import Reconciliation

Json = dict[str, Any]
AGE_DECIMALS = 2


def exception_bodies(rows: Sequence[ReconciliationException], *, at: datetime) -> list[Json]:
    found, attached = aggregates_of(rows, at=at), attached_to(rows)
    return [_exception_body(row, found[row.pk], attached[row.pk]) for row in rows]


def exception_body(row: ReconciliationException, *, at: datetime) -> Json:
    return exception_bodies([row], at=at)[0]


def shown_body(row: ReconciliationException, *, filters: ExceptionFilter, at: datetime) -> Json:
    """With the figures of what the filters leave."""
    found = aggregates_of([row], at=at, filters=filters)[row.pk]
    body = _exception_body(row, found, attached_to([row])[row.pk])
    return body | {"filtered_aggregates": _aggregates_body(found.filtered or found)}


def _exception_body(row: ReconciliationException, found: Aggregates, attached: Attached) -> Json:
    sessions = [session_body(each) for each in attached.investigations]
    assignees = [{"id": each.user_id, "workos_user_id": each.user.external_id} for each in attached.assignees]
    return {
        "id": row.pk,
        "reconciliation_id": row.reconciliation_id,
        "reconciliation_name": row.reconciliation.name,
        "data_stream_id": row.stream_id,
        "data_stream_name": row.stream.name,
        "data_stream_key": row.stream.key,
        "title": row.title,
        "description": row.description or None,
        "status": row.status,
        "created_at": instant(row.created_at),
        "updated_at": instant(row.modified_at),
        "opened_at": instant(row.opened_at),
        "closed_at": instant(row.closed_at),
        "new_since_closed": found.new_since_closed,
        "assignees": assignees,
        "currency": found.figures.currency,
        "decimal_places": found.figures.decimal_places,
        "aggregates": _aggregates_body(found),
        "comments": [comment_body(each) for each in attached.comments],
        "investigation": sessions[0] if sessions else None,
        "investigation_sessions": sessions,
    }


def _aggregates_body(found: Aggregates) -> Json:
    return {
        **_figures_body(found.figures),
        "mixed_currencies": found.mixed_currencies,
        "by_currency": [_figures_body(each) for each in found.by_currency],
        "age_buckets": {
            bucket.value: {"count": each.count, "total_amount": each.total_amount}
            for bucket, each in found.age_buckets.items()
        },
    }


def _figures_body(figures: Figures) -> Json:
    return {
        "currency": figures.currency,
        "decimal_places": figures.decimal_places,
        "record_count": figures.record_count,
        "total_amount": figures.total_amount,
        "debit_count": figures.debit_count,
        "debit_sum": figures.debit_sum,
        "credit_count": figures.credit_count,
        "credit_sum": figures.credit_sum,
        "avg_age_days": round(figures.avg_age_days, AGE_DECIMALS),
        "oldest_at": _midnight(figures.oldest_at),
        "newest_at": _midnight(figures.newest_at),
    }


def _midnight(day: date | None) -> str | None:
    return instant(datetime.combine(day, time(), UTC)) if day is not None else None


def comment_body(row: Comment) -> Json:
    return {
        "id": row.pk,
        "body": row.body,
        "author_workos_id": row.author.external_id if row.author is not None else None,
        "mentions": sorted(user.pk for user in row.mentions.all()),
        "created_at": instant(row.created_at),
    }


def session_body(row: Investigation) -> Json:
    """An investigation in the contract's words."""
    completed = row.status == InvestigationStatus.COMPLETED
    return {
        "id": row.pk,
        "status": row.status,
        "outcome": row.outcome or None,
        "recommendation_text": row.recommendation_text or None,
        "confidence_score": row.confidence,
        "candidate_records_searched": row.candidates_searched,
        "suggested_record_ids": row.suggested_record_ids,
        "filter_params": row.filter_params,
        "completed_at": instant(row.finished_at) if completed else None,
        "created_at": instant(row.requested_at),
    }


def record_bodies(rows: Sequence[SliceRecord], *, reconciliation: Reconciliation, at: datetime) -> list[Json]:
    """Records as the reconciliation sees them, with what of each is overdue."""
    bodies = entry_bodies([row.record for row in rows], reconciliation=reconciliation, at=at)
    return [body | {"amount_overdue": row.amount} for body, row in zip(bodies, rows, strict=True)]


def act_bodies(events: Sequence[AuditEvent], organization_id: int) -> list[Json]:
    names = shown_names(organization_id, {event.actor for event in events})
    return [
        {
            "id": event.pk,
            "at": instant(event.at),
            "actor": names.get(event.actor, event.actor),
            "action": event.action,
            "facts": event.data,
        }
        for event in events
    ]
