"""One example of each object, as the OpenAPI shows it: Anna reconciles a bank statement of March with ledger 1200."""

from __future__ import annotations

from typing import Any

RUN_ID = "0195f0a1-7c3e-7d42-9a55-1f2e3d4c5b6a"
LEDGER_ID = "0195f0a0-1111-7d42-9a55-1f2e3d4c5b6a"
FILE_ID = "0195f0a2-2222-7d42-9a55-1f2e3d4c5b6a"
ITEM_ID = "0195f0a2-3333-7d42-9a55-1f2e3d4c5b6a"
ENTRY_ID = "0195ef00-4444-7d42-9a55-1f2e3d4c5b6a"
MATCH_ID = "0195f0a3-5555-7d42-9a55-1f2e3d4c5b6a"
ATTEMPT_ID = "0195f0a3-6666-7d42-9a55-1f2e3d4c5b6a"
DISCREPANCY_ID = "0195f0a3-7777-7d42-9a55-1f2e3d4c5b6a"
JOURNAL_ID = "0195ef00-8888-7d42-9a55-1f2e3d4c5b6a"


def euros(minor: int) -> dict[str, Any]:
    return {"amount": str(minor), "currency": "EUR", "precision": 2}


AUDIT = {
    "created_at": "2026-03-31T09:00:00Z",
    "created_by": "user:Anna Berg",
    "modified_at": "2026-03-31T09:05:00Z",
    "modified_by": "user:Anna Berg",
    "metadata": {},
    "active": True,
}
PASS_BRIEF = {
    "id": ATTEMPT_ID,
    "trigger": "manual",
    "status": "completed",
    "progress": 100,
    "matched": 4,
    "suggested": 5,
    "ambiguous": 0,
    "lost_to_others": 0,
}
PASS = {
    **PASS_BRIEF,
    "run_id": RUN_ID,
    "current_rule": None,
    "rule_summary": [{"rule": "Reference and amount", "groups": 2}],
    "error": None,
    "requested_at": "2026-03-31T09:04:00Z",
    "requested_by": "user:Anna Berg",
    "started_at": "2026-03-31T09:04:00Z",
    "finished_at": "2026-03-31T09:04:01Z",
}
RUN_ROW = {
    "id": RUN_ID,
    "ledger_id": LEDGER_ID,
    "mode": "manual",
    "source_type": "upload",
    "status": "completed",
    "idempotency_key": "march-1200",
    "note": "March, main account",
    "error_message": None,
    "source_count": 1,
    "item_count": 6,
    "matched_count": 4,
    "partial_count": 1,
    "unmatched_count": 1,
    "closed_count": 0,
    "started_at": "2026-03-31T09:04:00Z",
    "completed_at": "2026-03-31T09:04:01Z",
    "last_pass": PASS_BRIEF,
    **AUDIT,
}
RUN = {
    **RUN_ROW,
    "proof": {
        "statement_sum": euros(231560),
        "ledger_sum": euros(228100),
        "difference": euros(3460),
        "opening": euros(0),
        "closing": euros(231560),
        "open_items": euros(3460),
        "closed_items": euros(0),
        "elsewhere": euros(0),
        "unexplained": euros(0),
    },
}
SOURCE_FILE = {
    "id": FILE_ID,
    "run_id": RUN_ID,
    "filename": "2026-03.xml",
    "format": "camt.053",
    "status": "processed",
    "size_bytes": 18231,
    "checksum_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "imported_count": 6,
    "already_known": 0,
    "suspect": 0,
    "pending": 1,
    "skipped_statements": [{"account": "DE02120300000000202051", "lines": 3, "ledger_id": None}],
    "error_message": None,
    "idempotency_key": None,
    "statement_from": "2026-03-01",
    "statement_to": "2026-03-31",
    "opening_balance": euros(0),
    "closing_balance": euros(231560),
    **AUDIT,
}
UPLOADED = {"source_file": SOURCE_FILE, "imported": 6, "already_known": 0, "skipped_statements": []}
ITEM = {
    "id": ITEM_ID,
    "run_id": RUN_ID,
    "source_file_id": FILE_ID,
    "line_no": 1,
    "external_id": "2026030400012",
    "booking_date": "2026-03-04",
    "value_date": "2026-03-04",
    "direction": "credit",
    "amount": euros(125000),
    "reference": "INV-701",
    "description": "Invoice 701",
    "counterparty": "Nordwind GmbH",
    "match_status": "matched",
    "match_id": MATCH_ID,
    "matched_amount": euros(125000),
    "residual_amount": euros(0),
    "note": None,
    "close_reason": None,
    "close_note": None,
    "closed_at": None,
    "closed_by": None,
    "cleared_on": None,
    **AUDIT,
}
ONE_ITEM = {
    **ITEM,
    "details_count": 1,
    "details": [
        {
            "id": "0195f0a2-3334-7d42-9a55-1f2e3d4c5b6a",
            "external_id": None,
            "direction": "credit",
            "amount": euros(125000),
            "reference": "INV-701",
            "description": "Invoice 701",
            "counterparty": "Nordwind GmbH",
            "metadata": {},
        }
    ],
}
MATCH = {
    "id": MATCH_ID,
    "run_id": RUN_ID,
    "status": "suggested",
    "origin": "auto",
    "rule": "Reference and amount",
    "confidence": 1.0,
    "source_entry_ids": [ITEM_ID],
    "ledger_entry_ids": [ENTRY_ID],
    "source_total": euros(125000),
    "ledger_total": euros(125000),
    "difference": euros(0),
    "cleared_on": "2026-03-04",
    "note": None,
    "decided_at": None,
    "decided_by": None,
    "ended_at": None,
    "ended_by": None,
    "ended_reason": None,
    **AUDIT,
}
DISCREPANCY = {
    "id": DISCREPANCY_ID,
    "run_id": RUN_ID,
    "source_entry_id": ITEM_ID,
    "ledger_entry_id": None,
    "match_id": None,
    "type": "unmatched_source",
    "severity": "warning",
    "status": "open",
    "amount": euros(1500),
    "description": "No ledger entry agrees with this line.",
    "close_reason": None,
    "close_note": None,
    "closed_at": None,
    "closed_by": None,
    **AUDIT,
}
LEDGER = {
    "id": LEDGER_ID,
    "code": "1200",
    "num_id": 17,
    "description": "Bank, main account",
    "type": "asset",
    "currency_code": "EUR",
    "balance_posted": euros(228100),
    "last_activity_date": "2026-03-12",
    "opening_date": "2026-01-01",
    "closing_date": None,
    "opening_balance": euros(0),
    "opening_balance_date": "2026-01-01",
    "parent_ledger_id": None,
    "child_ledger_ids": [],
    "allows_direct_booking": True,
    "bank_accounts": [
        {"id": FILE_ID, "name": "Main account", "iban": "DE89370400440532013000", "currency_code": "EUR"}
    ],
    **AUDIT,
}
ENTRY = {
    "id": ENTRY_ID,
    "ledger_id": LEDGER_ID,
    "code": "1200",
    "transaction_id": JOURNAL_ID,
    "amount": euros(125000),
    "type": "debit",
    "event": "invoice_paid",
    "description": "Invoice 701",
    "reference_id": "INV-701",
    "value_date": "2026-03-04",
    "timestamp": "2026-03-04T00:00:00Z",
    "metadata": {},
    "created_at": "2026-03-04T10:00:00Z",
    "created_by": "key:ab12cd34",
}
POSTED_ENTRY = {**ENTRY, "balance": euros(228100)}
JOURNAL = {
    "id": JOURNAL_ID,
    "type": "invoice_payment",
    "status": "posted",
    "total_amount": euros(125000),
    "currency_code": "EUR",
    "description": "Invoice 701",
    "reference_id": "INV-701",
    "timestamp": "2026-03-04T00:00:00Z",
    "value_date": "2026-03-04",
    "completed_at": "2026-03-04T10:00:00Z",
    "reconciled_at": None,
    "entries": [ENTRY],
    "metadata": {},
    "created_at": "2026-03-04T10:00:00Z",
    "created_by": "key:ab12cd34",
}
GL_ENTRY = {
    **ENTRY,
    "linked": True,
    "linked_run_id": RUN_ID,
    "linked_match_id": MATCH_ID,
    "linked_match_status": "suggested",
    "residual_amount": euros(0),
    "close_reason": None,
    "close_note": None,
    "closed_at": None,
    "closed_by": None,
    "cleared_on": None,
}
LEDGER_PROOF = {
    "ledger_id": LEDGER_ID,
    "date": "2026-02-28",
    "closing": euros(231560),
    "stated": True,
    "statement_balance": euros(231560),
    "ledger_balance": euros(228100),
    "difference": euros(3460),
    "opening_difference": euros(0),
    "opening_confirmed": True,
    "before_opening": False,
    "open_source": euros(2800),
    "open_ledger": euros(-660),
    "open_items": euros(3460),
    "written_off_source": euros(0),
    "written_off_ledger": euros(0),
    "written_off": euros(0),
    "unexplained": euros(0),
    "ties_out": True,
}
OPENING = {
    "ledger_id": LEDGER_ID,
    "balance": euros(12000000),
    "date": "2026-01-01",
    "confirmed_at": "2026-03-31T09:00:00Z",
    "confirmed_by": "user:Anna Berg",
}
ACCOUNT = {
    "ledger_id": LEDGER_ID,
    "code": "1200",
    "description": "Bank, main account",
    "type": "asset",
    "currency_code": "EUR",
    "total_count": 7,
    "unreconciled_count": 2,
}
