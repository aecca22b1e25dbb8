"""The example of a bank account's proof, as the OpenAPI shows it: a statement of March lacks a line."""

from __future__ import annotations

from typing import Any

BRIEF = {
    "source_file_id": "0195f0a2-2222-7d42-9a55-1f2e3d4c5b6a",
    "filename": "2026-03-03.xml",
    "number": "2026-044",
    "sequence": "44",
    "from": "2026-03-03",
    "to": "2026-03-03",
}
DAY: dict[str, Any] = {
    "date": "2026-03-03",
    "state": "broken",
    "business_day": True,
    "lines": 12,
    "credits": 450000,
    "debits": 120000,
    "closing": 1255000,
    "balance": 1255000,
    "difference": -20000,
}
PROOF: dict[str, Any] = {
    "bank_account_id": 3000,
    "bank_account_uuid": "0195f0a0-9999-7d42-9a55-1f2e3d4c5b6a",
    "currency": "EUR",
    "decimal_places": 2,
    "from": "2026-03-03",
    "to": "2026-03-04",
    "calendar": "Germany",
    "verdict": "broken",
    "message": "The statements of these days do not add up. Look at the days below.",
    "breaks": [
        {
            "kind": "sum",
            "from": "2026-03-03",
            "date": "2026-03-03",
            "amount": -20000,
            "line": None,
            "statement": BRIEF,
            "before": None,
            "message": (
                "2026-03-03: statement 2026-044 of 2026-03-03 (2026-03-03.xml) closes with 200.00 EUR less than its opening"
                " balance and its lines give. A debit of 200.00 EUR is missing or a credit of it is too much, or an amount is"
                " altered. Ask the bank for the statement again."
            ),
        }
    ],
    "missing": [],
    "remarks": [],
    "statements": [
        {
            **BRIEF,
            "opening": 945000,
            "closing": 1255000,
            "movement": 330000,
            "lines": 12,
            "gap": -20000,
            "state": "broken",
        }
    ],
    "days": [
        DAY,
        {
            **DAY,
            "date": "2026-03-04",
            "state": "awaited",
            "lines": 0,
            "credits": 0,
            "debits": 0,
            "closing": None,
            "difference": 0,
        },
    ],
}
