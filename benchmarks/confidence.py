"""What the confidence states against what it keeps, over generated books whose truth is known. `./dev bench confidence
[ROWS]`. Prints the table for fresh books and for what earlier rules left over. Nothing is asserted here: a test does.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.shared.planted import Shape, generate, judged, stated_and_kept
from rules.engine import RuleSpec, parse_rule
from rules.engine.confidence import may_accept

ACCEPT_AT = 0.99


def rule(*leaves: dict[str, Any], **more: Any) -> RuleSpec:
    return parse_rule({"filters": {"operand": "and", "rules": list(leaves)}, **more})


def equal(field: str, **more: Any) -> dict[str, Any]:
    return {"key": field, "operand": "eq", "value": field, **more}


AMOUNT, PAYER, REFERENCE = equal("effect"), equal("counterparty"), equal("reference")
DAYS = equal("date", tolerance_amount=4, tolerance_unit="day")
CLOSE = equal("effect", tolerance_amount=0.5, tolerance_unit="dollar")
BY_REFERENCE = rule(AMOUNT, REFERENCE)
IN_ORDER = {
    "amount, 4 days": [rule(AMOUNT, DAYS)],
    "amount, 4 days, sole": [rule(AMOUNT, DAYS, on_ambiguity="sole")],
    "amount, payer, 4 days": [rule(AMOUNT, PAYER, DAYS)],
    "reference": [BY_REFERENCE],
    "amount within 0.50, payer, 4 days": [rule(CLOSE, PAYER, DAYS, must_balance=False)],
    "after the reference: amount, 4 days": [BY_REFERENCE, rule(AMOUNT, DAYS)],
    "after reference and payer: amount within 0.50, 4 days": [
        rule(AMOUNT, PAYER, DAYS),
        BY_REFERENCE,
        rule(CLOSE, DAYS, must_balance=False),
    ],
}


def show(name: str, rules: list[RuleSpec], pairs: pl.DataFrame) -> None:
    print(f"\n{name}: {pairs.height:,} pairs")
    print(f"{'stated':>14}{'pairs':>10}{'mean':>8}{'kept':>8}")
    for low, high, size, said, kept in stated_and_kept(pairs):
        print(f"{low:>6.2f} to {min(high, 1):.2f}{size:>10,}{said:>8.3f}{kept:>8.3f}")
    accepted = pairs.filter(pl.col("confidence") >= ACCEPT_AT)
    if may_accept(rules[-1]) and accepted.height:
        right = accepted["right"].sum() / accepted.height
        print(f"{'accepted':>14}{accepted.height:>10,}{right:>16.5f}", flush=True)


def main(size: int) -> None:
    books = generate(1, Shape(size=size, payers=max(size // 15, 1), twins=0.01))
    for name, rules in IN_ORDER.items():
        show(name, rules, judged(books, rules))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
