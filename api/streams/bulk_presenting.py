"""Turns bulk requests and import batches into answers. Called by the views."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from api.streams.presenting import Json, day, instant
from ledgers.models import BulkContent, BulkRequest, ImportBatch
from ledgers.selectors.streams import STUCK_AFTER
from ledgers.states import BulkStatus


def summary_body(row: BulkRequest) -> Json:
    return {**_counts(row), "url": f"/v1/bulk_requests/{row.pk}"}


def bulk_body(row: BulkRequest, *, at: datetime) -> Json:
    return {
        **_counts(row),
        "source": row.source,
        "progress": row.progress,
        "filename": row.filename or None,
        "created_at": instant(row.created_at),
        "started_at": instant(row.started_at),
        "completed_at": instant(row.finished_at),
        "last_progress_at": instant(row.heartbeat_at),
        "cancellation_requested_at": instant(row.cancellation_requested_at),
        "parsing": False,
        "stuck": is_stuck(row, at=at),
        "error_message": row.error_message or None,
        "error_details": row.error_details,
        "parent_bulk_request_id": row.parent_id,
        "on_conflict": row.on_conflict,
        "data_stream_id": row.stream_id,
    }


def results_body(content: BulkContent, *, offset: int, limit: int) -> Json:
    """A page of what became of the rows; those that nobody reached yet are left out."""
    return {
        "data": content.results[offset : offset + limit],
        "has_more": len(content.results) > offset + limit,
        "offset": offset,
    }


def is_stuck(row: BulkRequest, *, at: datetime) -> bool:
    """Being processed without a sign of life for more than five minutes."""
    seen = row.heartbeat_at or row.started_at
    return row.status == BulkStatus.PROCESSING and seen is not None and at - seen > STUCK_AFTER


def _counts(row: BulkRequest) -> Json:
    return {
        "id": row.pk,
        "status": row.status,
        "total_items": row.total_items,
        "processed_items": row.processed_items,
        "successful_items": row.successful_items,
        "failed_items": row.failed_items,
        "skipped_items": row.skipped_items,
    }


def batch_body(row: ImportBatch) -> Json:
    """Its figures are those of the most frequent currency; `by_currency` has all."""
    credits, debits = _totals(row.by_currency)
    return {
        "id": row.pk,
        "data_stream_key": row.stream.key,
        "source": row.source,
        "filename": row.filename or None,
        "record_count": row.record_count,
        "total_credits": credits,
        "total_debits": debits,
        "net_amount": credits - debits,
        "decimal_places": row.decimal_places,
        "currency": row.currency or None,
        "mixed_currencies": len(row.by_currency) > 1,
        "by_currency": row.by_currency,
        "date_range_start": day(row.date_range_start),
        "date_range_end": day(row.date_range_end),
        "created_at": instant(row.created_at),
        "records_url": f"/v1/import_batches/{row.pk}/records",
    }


def _totals(by_currency: Sequence[Json]) -> tuple[int, int]:
    """Of the first line, which is exact where a sum is beyond 64 bits."""
    if not by_currency:
        return 0, 0
    return int(by_currency[0]["total_credits"]), int(by_currency[0]["total_debits"])
