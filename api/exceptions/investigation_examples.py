"""Examples of investigations, as the OpenAPI shows them: an acquirer kept a fee."""

from __future__ import annotations

from api.exceptions.examples import SESSION, Json

URL = "/v1/reconciliation_exceptions/31/investigations/9"
TEXT = (
    "Record 902 (2026-03-01, 17.50 USD, Order 17): record 903 (2026-03-03, 16.69 USD, Payout B-19) differs by a fee of 0.81"
    " USD (2.9% + 0.30 USD), 2 days later. Match them and create an adjustment for the fee. Likely (88%)."
)
SUMMARY: Json = {
    "records": 1,
    "in_slice": 1,
    "outcomes": {
        "match_found": {"records": 1, "sums": {"USD": 1750}},
        "needs_review": {"records": 0, "sums": {}},
        "no_match": {"records": 0, "sums": {}},
    },
    "causes": [{"cause": "fee", "outcome": "match_found", "records": 1, "sums": {"USD": 1750}}],
    "two_causes": 0,
    "search_incomplete": 0,
    "left_out": {},
    "decimal_places": {"USD": 2},
    "fees": [{"currency": "USD", "percent": 2.9, "fixed": 30, "pairs": 12}],
}
INVESTIGATION: Json = {
    **SESSION,
    "outcome": "match_found",
    "recommendation_text": "1 of 1 overdue records (17.50 USD) are explained: fee taken off (1).\nBegin with:\n- "
    + TEXT,
    "confidence_score": 0.88,
    "exception_id": 31,
    "url": URL,
    "trigger": "manual",
    "requested_by": "user:anna",
    "records_asked": 1,
    "error": None,
}
ASKED: Json = {
    **INVESTIGATION,
    "status": "pending",
    "outcome": None,
    "recommendation_text": None,
    "confidence_score": None,
    "candidate_records_searched": None,
    "suggested_record_ids": None,
    "completed_at": None,
    "records_asked": None,
}
FINDING: Json = {
    "id": 88,
    "record_id": 902,
    "rank": 1,
    "cause": "fee",
    "outcome": "match_found",
    "confidence": 0.88,
    "suggested_record_ids": [903],
    "difference": 81,
    "text": TEXT,
    "facts": {
        "days": 2,
        "amount": 1750,
        "other_amount": 1669,
        "currency": "USD",
        "fee": 81,
        "percent": 2.9,
        "fixed": 30,
        "schedule_pairs": 12,
        "rivals": 0,
    },
    "match_id": None,
    "match_status": None,
    "taken_at": None,
    "taken_by": None,
    "not_matchable": None,
}
SHOWN: Json = {
    **INVESTIGATION,
    "summary": SUMMARY,
    "findings": {"data": [FINDING], "next_cursor": None, "limit": 50},
}
