"""Examples as the OpenAPI shows them: a card acquirer's records against a bank's."""

from __future__ import annotations

from typing import Any

SAME_LETTERS = {"key": ["alphanumeric_only", "lowercase"], "value": ["alphanumeric_only", "lowercase"]}
NESTED: dict[str, Any] = {
    "reconciliation_id": "5",
    "priority": 10,
    "description": "Same money, near date, and one shared reference",
    "cardinality": "one_to_one",
    "filters": {
        "operand": "and",
        "rules": [
            {
                "key": "amount",
                "operand": "eq",
                "value": "amount",
                "tolerance_amount": 0.5,
                "tolerance_unit": "dollar",
            },
            {
                "key": "date",
                "operand": "eq",
                "value": "date",
                "tolerance_amount": 3,
                "tolerance_unit": "day",
            },
            {
                "operand": "or",
                "rules": [
                    {
                        "key": "metadata.invoice",
                        "operand": "eq",
                        "value": "external_id",
                        "transforms": SAME_LETTERS,
                    },
                    {
                        "key": "external_id",
                        "operand": "eq",
                        "value": "metadata.reference",
                        "transforms": {
                            "key": {"name": "first_n_chars", "args": {"n": 8}},
                            "value": "uppercase",
                        },
                    },
                ],
            },
        ],
    },
}
"""With and-groups and or-groups, tolerances and transforms."""

BATCHES: dict[str, Any] = {
    "reconciliation_id": "5",
    "priority": 20,
    "cardinality": "many_to_one",
    "group_by": ["metadata.batch_no"],
    "rollup": {"group_by_kind": "identifier", "lookback_days": 7, "date_field": "date"},
    "filters": {
        "operand": "and",
        "rules": [
            {"key": "amount", "operand": "eq", "value": "amount"},
            {
                "key": "metadata.batch_no",
                "operand": "eq",
                "value": "metadata.reference",
                "transforms": SAME_LETTERS,
            },
        ],
    },
}
"""Several records of Side A against one of Side B."""

RULE: dict[str, Any] = {
    "id": 21,
    "reconciliation_id": 5,
    "name": "Amount, date, metadata invoice, external id",
    "description": NESTED["description"],
    "priority": 10,
    "cardinality": "one_to_one",
    "filters": NESTED["filters"],
    "group_by": [],
    "rollup": None,
    "score": 1.0,
    "on_ambiguity": "best",
    "on_difference": "allow",
    "auto_accept": True,
    "accept_at": 0.99,
    "source": "user",
    "status": "active",
    "revision": 1,
    "shared": False,
    "created_at": "2026-03-02T09:00:00Z",
}
PROPOSED: dict[str, Any] = {
    **RULE,
    "id": 22,
    "source": "ai",
    "status": "proposed",
    "on_ambiguity": "sole",
    "confidence": "high",
    "sample_match_rate": "42/50",
}
