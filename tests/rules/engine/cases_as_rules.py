"""Other programs' matching cases in our rule language: which rules say what each of them says. Read by test_cases.

By the first word of a case's name (its program), and by its whole name where it needs another rule. A case's fields that
records do not have (partner, account, group, …) are metadata of that name; `metadata.at` is the whole date as written.
"""

from __future__ import annotations

from typing import Any

from tests.rules.engine.books import either, eq, every, within

Rule = dict[str, Any]
AMOUNT, REFERENCE, MAGNITUDE = eq("effect"), eq("reference"), eq("amount")
LOWER = {"key": "lowercase", "value": "lowercase"}
WORDS = {"name": "first_words", "args": {"n": 20}}  # lower-cased, without punctuation


def leaf(key: str, operand: str, value: str, **more: Any) -> Rule:
    return {"key": key, "operand": operand, "value": value, **more}


def near(amount: float, unit: str = "dollar") -> Rule:
    return eq("amount", tolerance_amount=amount, tolerance_unit=unit)


def scope(side: str, field: str, operand: str, literal: Any) -> Rule:
    return {"side": side, "field": field, "operand": operand, "literal": literal}


def period(first: str, last: str) -> list[Rule]:
    """Only records from one day to another, both included."""
    return [
        scope(side, "date", operand, literal)
        for side in "ab"
        for operand, literal in (("gte", first), ("lte", last))
    ]


def differing(*conditions: Rule, **more: Any) -> Rule:
    """A rule whose pairs need not add up."""
    return {"filters": every(*conditions), "must_balance": False, **more}


def same(*conditions: Rule, **more: Any) -> Rule:
    return {"filters": every(*conditions), **more}


def days_of(cardinality: str, *conditions: Rule, **more: Any) -> Rule:
    """Records of one day, or of several in a row, that add up."""
    return {"filters": every(*conditions), "cardinality": cardinality, "rollup": {}, **more}


ALIKE = leaf("description", "similar", "description", min_score=80, transforms={"key": WORDS, "value": WORDS})
SAME_WORDS = eq("description", transforms={"key": WORDS, "value": WORDS})
PARTNER = eq("metadata.partner")

BY_PROGRAM: dict[str, list[Rule]] = {
    "blnk": [differing(near(1, "percent"))],
    "matcher": [
        same(AMOUNT, eq("date"), eq("reference", transforms=LOWER)),
        differing(near(0.5), within(2)),
    ],
    "nestinka": [same(AMOUNT, eq("date"), REFERENCE)],
    "sunflower": [same(AMOUNT, within(3))],
    "sam": [
        same(AMOUNT, REFERENCE, within(30)),
        same(AMOUNT, eq("date"), ALIKE),
    ],
    "jw": [
        differing(near(2), leaf("description", "has_token", "reference"), within(5)),
        same(MAGNITUDE, within(5), leaf("description", "contains", "description")),
    ],
    "nk": [same(AMOUNT, eq("date"), *period("2025-05-25", "2025-05-30"))],
    "mh": [same(AMOUNT, eq("date"), *period("2025-08-01", "2025-08-31"))],
    "rupa": [
        same(AMOUNT, eq("date"), eq("metadata.account")),
        {"filters": every(eq("date"), eq("metadata.account")), "on_difference": "allow"},
    ],
    "finrec": [
        same(
            AMOUNT,
            eq("metadata.at"),
            REFERENCE,
            eq("description"),
            metadata_types={"at": "datetime"},
        ),
    ],
    "odoo": [same(PARTNER, AMOUNT)],
    "erpnext": [same(REFERENCE, AMOUNT, within(3))],
    "actual": [same(AMOUNT, within(7))],
    "kivi": [same(AMOUNT, REFERENCE)],
    "sure": [same(MAGNITUDE, leaf("direction", "neq", "direction"), within(4))],
    "clare": [same(AMOUNT, SAME_WORDS, within(31))],
    "bci": [
        {
            "filters": every(near(0.01), either(REFERENCE, every(eq("description"), within(3)))),
            "must_balance": False,
        }
    ],
    "midday": [same(AMOUNT, ALIKE, within(7))],
}
# Programs that compare amounts whatever their direction.
BY_MAGNITUDE = frozenset({"jw", "sure"})

BY_CASE: dict[str, list[Rule]] = {
    "blnk_many_to_one": [days_of("many_to_one", MAGNITUDE, leaf("reference", "contains", "reference"))],
    "blnk_group_sum_exact": [days_of("one_to_many", AMOUNT)],
    "blnk_group_sum_one_cent_off": [days_of("one_to_many", AMOUNT)],
    "blnk_no_rules_never_match": [],
    "mh_timeframe": [same(AMOUNT, eq("date"), *period("2025-08-01", "2025-08-03"))],
    "odoo_partner_sum_of_three": [
        *BY_PROGRAM["odoo"],
        {
            "filters": every(PARTNER, AMOUNT),
            "cardinality": "one_to_many",
            "group_by": ["metadata.partner"],
            "rollup": {"group_by_kind": "identifier"},
        },
    ],
    "odoo_label_contains": [same(PARTNER, AMOUNT, scope("a", "reference", "contains", "yyyyy"))],
    "odoo_text_location_label": [same(AMOUNT, leaf("reference", "token_in", "reference"))],
    "odoo_text_location_label_reference": [
        same(AMOUNT, leaf("metadata.ref2", "similar", "reference", min_score=100)),
        same(AMOUNT, leaf("reference", "token_in", "reference")),
    ],
    "odoo_tolerance_0.5pct_pay_990_inv_1000": [differing(PARTNER, near(0.5, "percent"))],
    "odoo_tolerance_1.0pct_pay_990_inv_1000": [differing(PARTNER, near(1, "percent"))],
    "odoo_no_partner_reference_with_writeoff": [differing(REFERENCE, near(10, "percent"))],
    "odoo_partner_name_in_text": [
        same(
            AMOUNT,
            leaf(
                "reference",
                "similar",
                "metadata.partner",
                min_score=100,
                transforms={"key": WORDS, "value": WORDS},
            ),
        )
    ],
    "erpnext_deposit_uses_received_amount": [
        same(
            eq("amount", "metadata.received_amount"), within(3), metadata_types={"received_amount": "number"}
        )
    ],
    # Each bank has its own ids, and both records came from it.
    "actual_different_bank_ids_not_merged": [same(AMOUNT, within(7), eq("metadata.id"))],
    "kivi_partial_payment_remainder": [days_of("many_to_one", AMOUNT)],
}
# The percentage is of the invoice there and of Side A here: the invoices are Side A.
EXCHANGED = frozenset({"odoo_tolerance_0.5pct_pay_990_inv_1000", "odoo_tolerance_1.0pct_pay_990_inv_1000"})
# Records that are in no pool here: a match holds them already, or they are parts of a record that is.
NOT_OPEN: dict[str, frozenset[str]] = {
    "actual_tie_prefers_unlinked": frozenset({"already-imported"}),
    "actual_split_child_not_matched_when_parent_is": frozenset({"split-child-1", "split-child-2"}),
}

# What cannot be said, and why.
NOT_SAID: dict[str, str] = {
    "odoo_keep_first_needed": "a subset of a group that covers a record only in part: a pass takes whole groups; which of "
    "them are meant is a person's choice (the search for combinations proposes them)",
    "kivi_three_invoices_two_with_discount": "two amounts per record, with and without its discount: a record has one",
    "kivi_partial_then_rest": "the last of several payments covers only what is left: a rollup takes records whole",
    "sure_transfer_fx_lower_bound": "two currencies with a rate between them: currencies never mix in a match",
    "midday_real_vercel_cross_currency": "two currencies with a rate between them: currencies never mix in a match",
}


def rules_for(name: str) -> list[Rule]:
    return BY_CASE[name] if name in BY_CASE else BY_PROGRAM[name.split("_", 1)[0]]
