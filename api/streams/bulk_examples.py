"""Examples of bulk requests and import batches as the OpenAPI shows them."""

from __future__ import annotations

from typing import Any

from api.streams.record_examples import RECORD, RECORD_SENT

BULK_SENT: dict[str, Any] = {
    "on_conflict": "error",
    "records": [
        RECORD_SENT,
        {
            "date": "2026-03-01",
            "data_stream_key": "card_acquirer",
            "amount": 1750,
            "direction": "credit",
            "external_id": "tx-772",
            "metadata": {"batch_no": "B-19"},
        },
    ],
}
SUMMARY: dict[str, Any] = {
    "id": 88,
    "status": "pending",
    "total_items": 2,
    "processed_items": 0,
    "successful_items": 0,
    "failed_items": 0,
    "skipped_items": 0,
    "url": "/v1/bulk_requests/88",
}
BULK: dict[str, Any] = {
    "id": 88,
    "status": "completed",
    "total_items": 2,
    "processed_items": 2,
    "successful_items": 1,
    "failed_items": 1,
    "skipped_items": 0,
    "source": "bulk_api",
    "progress": 100,
    "filename": None,
    "created_at": "2026-03-02T09:00:00Z",
    "started_at": "2026-03-02T09:00:01Z",
    "completed_at": "2026-03-02T09:00:02Z",
    "last_progress_at": "2026-03-02T09:00:02Z",
    "cancellation_requested_at": None,
    "parsing": False,
    "stuck": False,
    "error_message": None,
    "error_details": {},
    "parent_bulk_request_id": None,
    "on_conflict": "error",
    "data_stream_id": 11,
}
RESULTS: dict[str, Any] = {
    "data": [
        {"index": 0, "status": "successful", "external_id": "tx-771", "record_id": 901},
        {
            "index": 1,
            "status": "failed",
            "external_id": "tx-772",
            "error": "external_id already exists in this data stream",
        },
    ],
    "has_more": False,
    "offset": 0,
}
BATCH: dict[str, Any] = {
    "id": 41,
    "data_stream_key": "card_acquirer",
    "source": "bulk_api",
    "filename": None,
    "record_count": 2,
    "total_credits": 6000,
    "total_debits": 0,
    "net_amount": 6000,
    "decimal_places": 2,
    "currency": "USD",
    "mixed_currencies": False,
    "by_currency": [
        {
            "currency": "USD",
            "decimal_places": 2,
            "record_count": 2,
            "total_credits": 6000,
            "total_debits": 0,
        }
    ],
    "date_range_start": "2026-03-01",
    "date_range_end": "2026-03-01",
    "created_at": "2026-03-02T09:00:01Z",
    "records_url": "/v1/import_batches/41/records",
}
BULK_LIST = {"data": [BULK], "next_cursor": None, "limit": 50}
BATCH_LIST = {"data": [BATCH], "has_more": False, "offset": 0}
BATCH_RECORDS = {"data": [RECORD], "has_more": False, "offset": 0}
