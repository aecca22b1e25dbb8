"""One example of each object around data streams, as the OpenAPI shows it."""

from __future__ import annotations

from typing import Any

STREAM: dict[str, Any] = {
    "id": 11,
    "key": "card_acquirer",
    "name": "Card acquirer",
    "description": None,
    "type": "api",
    "bank_account_id": None,
}
NEW_STREAM = {"key": "card_acquirer", "name": "Card acquirer", "type": "api"}
OPERATION: dict[str, Any] = {
    "id": 4,
    "data_stream_id": 11,
    "data_stream_key": "card_acquirer",
    "kind": "reset",
    "status": "running",
    "progress": 40,
    "error_message": None,
    "started_at": "2026-03-31T09:00:01Z",
    "completed_at": None,
    "created_at": "2026-03-31T09:00:00Z",
    "requested_by_user_id": 42,
}
HEALTH: dict[str, Any] = {
    "records_count": 1203,
    "import_batches_count": 4,
    "import_batches_record_sum": 1200,
    "orphan_records_count": 3,
    "bulk_requests": {
        "pending": 0,
        "processing": 1,
        "completed": 4,
        "failed": 0,
        "cancelled": 0,
        "stuck": 0,
    },
    "last_ingestion_at": "2026-03-31T08:59:12Z",
}
NEW_DEFINITION: dict[str, Any] = {
    "key": "batch_no",
    "name": "Batch number",
    "type": "string",
    "optional": True,
    "data_stream_key": "card_acquirer",
}
DEFINITION: dict[str, Any] = {"id": 7, **NEW_DEFINITION}
