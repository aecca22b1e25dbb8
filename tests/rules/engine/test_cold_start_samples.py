"""Cold start on other people's labelled transactions, without ever looking at a label: amounts differ by fees and exchange,
money arrives days or weeks later, texts are cut."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from rules.engine import RuleSpec, match, parse_rule
from rules.engine.cold_start import propose
from tests.ledgers.formats.samples import load, needs_samples
from tests.rules.engine.books import eq, every, pairs_of, within
from tests.rules.engine.planted import with_amounts

pytestmark = needs_samples
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def transactions() -> dict[str, Any]:
    return load("matching_splink_2k.json")


def records(rows: Rows) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": range(len(rows)),
            "currency": ["GBP"] * len(rows),
            "decimal_places": [2] * len(rows),
            "date": [date.fromisoformat(row["date"]) for row in rows],
            "measure": [int(Decimal(row["amount"]) * 100) for row in rows],
            "reference": [row["reference"] for row in rows],
            "description": [row["description"] for row in rows],
        }
    )


def precision_and_recall(transactions: dict[str, Any], rules: Sequence[RuleSpec]) -> tuple[float, float]:
    side_a, side_b = transactions["side_a"], transactions["side_b"]
    truth = {(pair["a"][0], pair["b"][0]) for pair in transactions["expected_matches"]}
    found = pairs_of(match(with_amounts(records(side_a)), with_amounts(records(side_b)), rules))
    right = sum((side_a[a]["id"], side_b[b]["id"]) in truth for a, b in found)
    return right / len(found), right / len(truth)


def test_cold_start_reaches_its_floor_without_a_label(transactions):
    found = propose(records(transactions["side_a"]), records(transactions["side_b"]))
    rules = [parse_rule({**proposal.body, "must_balance": False}) for proposal in found.proposals]
    precision, recall = precision_and_recall(transactions, rules)
    print(f"cold start: {len(rules)} rules, precision {precision:.3f}, recall {recall:.3f}")
    assert precision >= 0.995
    assert recall >= 0.95
    stated = sum(one.precision * one.found for one in found.proposals) / sum(
        one.found for one in found.proposals
    )
    assert stated <= precision + 0.02
    assert found.proposals[0].rating == "high"


def test_what_a_plain_rule_reaches(transactions):
    """The equal amount within three days, where it is the only one: so much, and no more."""
    plain = parse_rule({"filters": every(eq("effect"), within(3)), "on_ambiguity": "sole"})
    precision, recall = precision_and_recall(transactions, [plain])
    print(f"equal amount within three days: precision {precision:.3f}, recall {recall:.3f}")
    assert precision == pytest.approx(0.995, abs=0.001)
    assert recall == pytest.approx(0.21, abs=0.005)
