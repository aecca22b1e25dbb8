"""Examples of records as the OpenAPI shows them: a card acquirer's sales against a bank's payouts."""

from __future__ import annotations

from typing import Any

RECORD_SENT: dict[str, Any] = {
    "date": "2026-03-01",
    "data_stream_key": "card_acquirer",
    "amount": 4250,
    "currency": "usd",
    "direction": "credit",
    "description": "Order 771",
    "external_id": "tx-771",
    "metadata": {"batch_no": "B-19", "invoice": "INV-0771"},
}
RECORD: dict[str, Any] = {
    "id": 901,
    "date": "2026-03-01",
    "data_stream_key": "card_acquirer",
    "amount": 4250,
    "direction": "credit",
    "currency": "USD",
    "decimal_places": 2,
    "description": "Order 771",
    "metadata": {"batch_no": "B-19", "invoice": "INV-0771"},
    "external_id": "tx-771",
    "value_date": None,
    "reference": None,
    "counterparty": None,
    "created_at": "2026-03-02T09:00:00Z",
}
PARTNER: dict[str, Any] = {
    "id": 2001,
    "amount": 4250,
    "currency": "USD",
    "decimal_places": 2,
    "direction": "credit",
    "description": "ACQ PAYOUT B-19",
    "date": "2026-03-02",
    "external_id": "stmt-40",
    "data_stream_key": "house_bank",
    "reconciliation_id": 5,
    "reconciliation_name": "Acquirer to bank",
}
ENTRY: dict[str, Any] = {
    **RECORD,
    "reconciliation_id": 5,
    "reconciliation_name": "Acquirer to bank",
    "status": "reconciled",
    "escalated": False,
    "overdue_at": "2026-03-04T00:00:00Z",
    "matched_records": [PARTNER],
    "matched_records_total": 1,
    "days_unreconciled": None,
    "exception_id": None,
    "closed_at": None,
    "close_reason": None,
}
