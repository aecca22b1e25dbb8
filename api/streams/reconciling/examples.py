"""One example of each object, as the OpenAPI shows it: a card acquirer's records against the bank's."""

from __future__ import annotations

from typing import Any

ACQUIRER: dict[str, Any] = {
    "id": 11,
    "key": "card_acquirer",
    "name": "Card acquirer",
    "description": None,
    "type": "api",
    "bank_account_id": None,
}
BANK: dict[str, Any] = {
    "id": 12,
    "key": "house_bank",
    "name": "House bank",
    "description": None,
    "type": "bank_feed",
    "bank_account_id": 3,
}
RUN: dict[str, Any] = {
    "id": 7,
    "reconciliation_id": 5,
    "kind": "batch",
    "status": "completed",
    "trigger": "manual",
    "total_records": 8400,
    "processed_records": 8400,
    "matched_records": 7910,
    "rule_summary": {
        "21": {
            "name": "Same money, near date",
            "revision": 1,
            "matches": 3955,
            "ambiguous": 3,
            "outcome": "ok",
        }
    },
    "progress": 100,
    "started_at": "2026-03-31T09:00:00Z",
    "completed_at": "2026-03-31T09:00:04Z",
    "suggested_matches": 3955,
    "accepted_matches": 3950,
    "ambiguous": 3,
    "lost_to_others": 0,
    "error": None,
    "requested_at": "2026-03-31T09:00:00Z",
    "requested_by": "user:anna",
    "cancel_requested_at": None,
    "undone_at": None,
    "url": "/v1/reconciliations/5/runs/7",
}
RECONCILIATION: dict[str, Any] = {
    "id": 5,
    "name": "Acquirer to bank",
    "run_type": "continuous",
    "side_a_streams": [ACQUIRER],
    "side_b_streams": [BANK],
    "created_at": "2026-03-02T09:00:00Z",
    "current_run": None,
    "last_run": RUN,
    "kind": "streams",
    "ready": True,
    "rewiring": None,
}
NEW_RECONCILIATION = {
    "name": "Acquirer to bank",
    "run_type": "continuous",
    "side_a_stream_ids": ["11"],
    "side_b_stream_ids": ["12"],
}
MATCH: dict[str, Any] = {
    "id": 70,
    "status": "matched",
    "group_key": None,
    "reconciliation_id": 5,
    "reconciliation_rule_id": None,
    "created_at": "2026-03-03T08:00:00Z",
    "record_count": 3,
    "confidence": None,
    "difference": 0,
    "currency": "USD",
    "decimal_places": 2,
    "rule_revision": None,
    "adjustment_record_id": 904,
}
SUGGESTED: dict[str, Any] = {
    **MATCH,
    "id": 71,
    "status": "suggested",
    "group_key": "B-19",
    "reconciliation_rule_id": 21,
    "confidence": 0.93,
    "rule_revision": 1,
    "adjustment_record_id": None,
}
NEW_MATCH = {
    "reconciliation_id": "5",
    "record_ids": ["901", "903"],
    "create_adjustment": True,
    "adjustment_reason": "Acquirer fee",
}
NEW_STORY = {
    "name": "Sale to cash",
    "links": [
        {"reconciliation_id": "4", "position": 1, "role": "origin", "shared_data_stream_id": None},
        {"reconciliation_id": "5", "position": 2, "role": "continuation", "shared_data_stream_id": "11"},
    ],
}
STORY: dict[str, Any] = {
    "id": 3,
    "name": "Sale to cash",
    "created_at": "2026-03-03T08:00:00Z",
    "links": [
        {
            "id": 8,
            "position": 1,
            "role": "origin",
            "reconciliation_id": 4,
            "reconciliation_name": "Shop to acquirer",
            "shared_data_stream_id": None,
            "shared_data_stream_name": None,
            "side_a_streams": [{"id": 10, "name": "Shop"}],
            "side_b_streams": [{"id": 11, "name": "Card acquirer"}],
            "joined": True,
        },
        {
            "id": 9,
            "position": 2,
            "role": "continuation",
            "reconciliation_id": 5,
            "reconciliation_name": "Acquirer to bank",
            "shared_data_stream_id": 11,
            "shared_data_stream_name": "Card acquirer",
            "side_a_streams": [{"id": 11, "name": "Card acquirer"}],
            "side_b_streams": [{"id": 12, "name": "House bank"}],
            "joined": True,
        },
    ],
}
