"""The built-in rules of a ledger reconciliation, in the rule language. Written as rows at first need, so that an
operator can read and change them; side A is the statement, side B the ledger.

Source: the ledger-run surface's auto-match order (docs/ledger-runs.md). The reference-sum rules stand before amount and
date, so that a stray equal amount never takes a batch's line.
"""

from typing import Any

SAME_AMOUNT = {"key": "effect", "operand": "eq", "value": "effect"}
SAME_REFERENCE = {"key": "reference", "operand": "eq", "value": "reference"}
REFERENCE_IN_TEXT = {"key": "reference", "operand": "token_in", "value": "description"}
WITHIN_THREE_DAYS = {
    "key": "date",
    "operand": "eq",
    "value": "value_date",
    "tolerance_amount": 3,
    "tolerance_unit": "day",
}

LEDGER_DEFAULTS: list[dict[str, Any]] = [
    {
        "name": "Reference and amount",
        "description": "The line's reference is the entry's reference, or a word of its description, and amounts agree.",
        "filters": {
            "operand": "and",
            "rules": [SAME_AMOUNT, {"operand": "or", "rules": [SAME_REFERENCE, REFERENCE_IN_TEXT]}],
        },
        "score": "1.000",
    },
    {
        "name": "One line, entries with its reference",
        "description": "All open entries with the line's reference add up to the line.",
        "cardinality": "one_to_many",
        "group_by": ["reference"],
        "rollup": {"group_by_kind": "identifier"},
        "filters": {"operand": "and", "rules": [SAME_REFERENCE, SAME_AMOUNT]},
        "score": "0.900",
    },
    {
        "name": "Lines with one reference, one entry",
        "description": "All open lines with the entry's reference add up to the entry.",
        "cardinality": "many_to_one",
        "group_by": ["reference"],
        "rollup": {"group_by_kind": "identifier"},
        "filters": {"operand": "and", "rules": [SAME_REFERENCE, SAME_AMOUNT]},
        "score": "0.900",
    },
    {
        "name": "Amount within three days",
        "description": "Equal amounts at most three days apart, where neither has another candidate.",
        "filters": {"operand": "and", "rules": [SAME_AMOUNT, WITHIN_THREE_DAYS]},
        "on_ambiguity": "sole",
        "score": "0.800",
    },
    {
        "name": "Reference, amounts differ",
        "description": "The same reference and direction, but another amount: offered in part, for a person to judge.",
        "filters": {"operand": "and", "rules": [SAME_REFERENCE]},
        "on_difference": "suggest_partial",
        "score": "0.500",
    },
]
