"""What is concluded of the engine's findings, and the order in which they are kept."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from exceptions_app.investigating.concluding import SUGGESTED_MAX, Conclusion, conclude
from exceptions_app.investigating.frames import MARKED, MATCHED_SCHEMA, Frames
from exceptions_app.models import Investigation
from rules.engine.investigation import FACTS, FINDINGS, OUTCOMES, Findings
from tests.factories.exceptions_app import InvestigationFactory

pytestmark = pytest.mark.django_db

Told = tuple[int, int, str, str, float, list[int]]
"""Record, rank, cause, outcome, confidence, suggested."""


def row(pk: int, amount: int, currency: str = "EUR") -> dict[str, Any]:
    texts = dict.fromkeys(("reference", "description", "counterparty", "external_id"), "")
    about = {"id": pk, "side": "a", "stream": 1, "date": date(2026, 3, 2), "amount": amount}
    return {**about, "currency": currency, "decimal_places": 2, **texts, "suggestion": None}


def concluded(*told: Told, asked: dict[int, int], suggestion: dict[int, int] | None = None) -> Conclusion:
    investigation = InvestigationFactory()
    investigation = Investigation.objects.select_related("exception__reconciliation").get(pk=investigation.pk)
    rows = [{**row(pk, amount), "suggestion": (suggestion or {}).get(pk)} for pk, amount in asked.items()]
    frame, empty = pl.DataFrame(rows, schema=MARKED), pl.DataFrame(schema=MARKED)
    frames = Frames(frame, frame, empty, pl.DataFrame(schema=MATCHED_SCHEMA), len(rows), {}, 5)
    facts = {**dict.fromkeys(FACTS), "days": 2, "amount": 100, "rivals": 0}
    names = ("record", "rank", "cause", "outcome", "confidence", "suggested")
    findings = [{**dict(zip(names, each, strict=True)), "difference": None, "facts": facts} for each in told]
    firsts = {each[0]: (each[3], each[4]) for each in told if each[1] == 1}
    outcomes = [(pk, *firsts.get(pk, ("no_match", 0.0)), 10, True) for pk in asked]
    found = Findings(
        pl.DataFrame(findings, schema=FINDINGS), pl.DataFrame(outcomes, schema=OUTCOMES, orient="row"), 7, ()
    )
    return conclude(investigation, frames, found)


def test_one_explained_record_is_a_match_found_with_the_mean_of_those():
    done = concluded(
        (1, 1, "fee", "match_found", 0.9, [11]),
        (2, 1, "equal_amount", "match_found", 0.98, [12]),
        (3, 1, "equal_amount", "needs_review", 0.4, [13]),
        asked={1: 500, 2: 600, 3: 700, 4: 800},
    )
    assert (done.outcome, done.confidence, done.searched) == ("match_found", pytest.approx(0.94), 7)
    assert {name: each["records"] for name, each in done.summary["outcomes"].items()} == {
        "match_found": 2,
        "needs_review": 1,
        "no_match": 1,
    }
    assert done.summary["causes"] == [
        {"cause": "equal_amount", "outcome": "match_found", "records": 1, "sums": {"EUR": 600}},
        {"cause": "fee", "outcome": "match_found", "records": 1, "sums": {"EUR": 500}},
        {"cause": "equal_amount", "outcome": "needs_review", "records": 1, "sums": {"EUR": 700}},
    ]


def test_hints_alone_need_a_review():
    done = concluded(
        (1, 1, "fee", "needs_review", 0.5, [11]),
        (1, 2, "equal_amount", "needs_review", 0.4, [12]),
        asked={1: 500, 2: 600},
    )
    assert (done.outcome, done.confidence, done.suggested) == ("needs_review", 0.5, [11, 12])
    assert done.summary["two_causes"] == 1
    assert " Or: " in done.text


def test_nothing_is_no_match():
    done = concluded(asked={1: 500})
    assert (done.outcome, done.confidence, done.suggested, done.findings.height) == ("no_match", 0.0, [], 0)


def test_findings_are_kept_the_surest_records_first_and_each_records_together():
    done = concluded(
        (1, 1, "fee", "needs_review", 0.6, [11]),
        (1, 2, "sign_slip", "needs_review", 0.3, [12]),
        (2, 1, "fee", "match_found", 0.91, [13]),
        (2, 2, "fee", "needs_review", 0.02, [14]),
        (3, 1, "fee", "match_found", 0.97, [15]),
        (4, 1, "fee", "needs_review", 0.95, [13]),
        asked={1: 1, 2: 2, 3: 3, 4: 4},
    )
    kept = done.findings.select("record_id", "rank").rows()
    assert kept == [(3, 1), (2, 1), (2, 2), (4, 1), (1, 1), (1, 2)]
    assert done.suggested == [15, 13, 11, 14, 12]


def test_at_most_so_many_suggested_records_are_named():
    done = concluded((1, 1, "split_payment", "needs_review", 0.5, list(range(100, 400))), asked={1: 500})
    assert done.suggested == list(range(100, 100 + SUGGESTED_MAX))


def test_facts_that_say_nothing_are_left_out_and_a_waiting_suggestion_is_added():
    done = concluded(
        (1, 1, "fee", "needs_review", 0.6, [11]), asked={1: 500, 2: 600}, suggestion={1: 70, 2: 71}
    )
    [kept] = done.findings.to_dicts()
    assert kept["facts"] == '{"days": 2, "amount": 100, "rivals": 0, "suggestion": 70}'
    assert (kept["suggested"], kept["difference"]) == ("{11}", 0)


def test_sums_are_absolute_and_of_each_currency_by_itself():
    investigation = InvestigationFactory()
    rows = [row(1, -500), row(2, 600), row(3, 70, "USD"), row(4, 8, "CHF"), row(5, 9, "JPY")]
    frame, empty = pl.DataFrame(rows, schema=MARKED), pl.DataFrame(schema=MARKED)
    frames = Frames(frame, frame, empty, pl.DataFrame(schema=MATCHED_SCHEMA), 5, {}, 5)
    outcomes = pl.DataFrame(
        [(pk, "no_match", 0.0, 1, True) for pk in range(1, 6)], schema=OUTCOMES, orient="row"
    )
    done = conclude(investigation, frames, Findings(pl.DataFrame(schema=FINDINGS), outcomes, 0, ()))
    assert done.summary["outcomes"]["no_match"]["sums"] == {"CHF": 8, "EUR": 1100, "JPY": 9, "USD": 70}
    assert "(0.08\u00a0CHF, 11.00\u00a0EUR, 0.09\u00a0JPY and 1 more currency together)" in done.text
