"""One example of each object, as the OpenAPI shows it: a card acquirer's sale that its bank has not paid out."""

from __future__ import annotations

from typing import Any

from api.streams.record_examples import RECORD

Json = dict[str, Any]

FIGURES: Json = {
    "currency": "USD",
    "decimal_places": 2,
    "record_count": 1,
    "total_amount": 1750,
    "debit_count": 0,
    "debit_sum": 0,
    "credit_count": 1,
    "credit_sum": 1750,
    "avg_age_days": 6.42,
    "oldest_at": "2026-03-01T00:00:00Z",
    "newest_at": "2026-03-01T00:00:00Z",
}
AGGREGATES: Json = {
    **FIGURES,
    "mixed_currencies": False,
    "by_currency": [FIGURES],
    "age_buckets": {
        "lt_7d": {"count": 1, "total_amount": 1750},
        "7_30d": {"count": 0, "total_amount": 0},
        "30_90d": {"count": 0, "total_amount": 0},
        "gt_90d": {"count": 0, "total_amount": 0},
    },
}
COMMENT: Json = {
    "id": 4,
    "body": "Acquirer confirms payout on Friday",
    "author_workos_id": "user_01LOCAL",
    "mentions": [2],
    "created_at": "2026-03-10T11:00:00Z",
}
SESSION: Json = {
    "id": 9,
    "status": "completed",
    "outcome": "needs_review",
    "recommendation_text": "1 record of 17.50 USD: look at record 903 of House bank, which is 1.25 USD less.",
    "confidence_score": 0.74,
    "candidate_records_searched": 412,
    "suggested_record_ids": [903],
    "filter_params": None,
    "completed_at": "2026-03-10T10:00:09Z",
    "created_at": "2026-03-10T10:00:05Z",
}
EXCEPTION: Json = {
    "id": 31,
    "reconciliation_id": 5,
    "reconciliation_name": "Acquirer to bank",
    "data_stream_id": 11,
    "data_stream_name": "Card acquirer",
    "data_stream_key": "card_acquirer",
    "title": "Card acquirer — overdue records",
    "description": "Ask the acquirer",
    "status": "open",
    "created_at": "2026-03-10T10:00:00Z",
    "updated_at": "2026-03-10T10:00:00Z",
    "opened_at": "2026-03-10T10:00:00Z",
    "closed_at": None,
    "new_since_closed": 0,
    "assignees": [{"id": 2, "workos_user_id": "user_01LOCAL"}],
    "currency": "USD",
    "decimal_places": 2,
    "aggregates": AGGREGATES,
    "comments": [COMMENT],
    "investigation": SESSION,
    "investigation_sessions": [SESSION],
}
SHOWN: Json = {**EXCEPTION, "filtered_aggregates": AGGREGATES}
NEW_EXCEPTION: Json = {
    "reconciliation_id": "5",
    "data_stream_id": "11",
    "description": "Ask the acquirer",
    "status": "open",
    "assignee_ids": [2],
}
OVERDUE_RECORD: Json = {
    **RECORD,
    "id": 902,
    "amount": 1750,
    "description": None,
    "external_id": "tx-772",
    "metadata": {"batch_no": "B-19"},
    "reconciliation_id": 5,
    "reconciliation_name": "Acquirer to bank",
    "status": "unreconciled",
    "escalated": True,
    "overdue_at": "2026-03-04T00:00:00Z",
    "matched_records": [],
    "matched_records_total": 0,
    "days_unreconciled": 9,
    "exception_id": 31,
    "closed_at": None,
    "close_reason": None,
    "amount_overdue": 1750,
}
ACT: Json = {
    "id": 5120,
    "at": "2026-03-10T12:00:00Z",
    "actor": "user:anna",
    "action": "exception.investigating",
    "facts": {"changes": {"status": ["open", "investigating"]}},
}
