"""One example of each object around bank accounts and stated balances, as the OpenAPI shows it."""

from __future__ import annotations

from typing import Any

NEW_ACCOUNT = {"name": "House bank, EUR", "currency": "EUR"}
ACCOUNT: dict[str, Any] = {
    "id": 3,
    **NEW_ACCOUNT,
    "created_at": "2026-03-01T08:00:00Z",
    "updated_at": "2026-03-01T08:00:00Z",
}
STATED: dict[str, Any] = {"date": "2026-03-31", "balance_type": "closing_ledger", "amount_cents": 1250000}
NEW_BALANCE: dict[str, Any] = {"bank_account_id": "3", **STATED}
BALANCE: dict[str, Any] = {
    "id": 91,
    "bank_account_id": 3,
    **STATED,
    "created_at": "2026-04-01T06:00:00Z",
    "updated_at": "2026-04-01T06:00:00Z",
}
NEW_BALANCES: dict[str, Any] = {"bank_account_id": "3", "balances": [STATED]}
BALANCES: dict[str, Any] = {"count": 1, "balances": [BALANCE]}
