"""Investigations end to end: asked for, done by the task, and what is kept of them."""

from __future__ import annotations

from datetime import date

import pytest

from exceptions_app.investigating.concluding import conclude
from exceptions_app.investigating.frames import Limits, load
from exceptions_app.models import Investigation
from exceptions_app.selectors.investigations import shown_findings
from reconciliation.models import OpenItem
from rules.engine.investigation import RECORDS, investigate
from tests.clock import NOW
from tests.exceptions_app.investigating import Account, Acquirer
from tests.factories.reconciliation import MatchFactory, MatchMemberFactory

pytestmark = pytest.mark.django_db(transaction=True)


def test_nothing_overdue_is_nothing_found():
    acquirer = Acquirer()
    done = acquirer.investigate()
    assert (done.status, done.outcome, done.confidence, done.records_asked) == ("completed", "no_match", 0, 0)
    assert "Nothing is overdue" in done.recommendation_text


def test_a_record_without_a_cause_is_said_to_be_unexplained():
    acquirer = Acquirer()
    acquirer.overdue(17_50, date(2026, 3, 2))
    acquirer.paid(999_99, date(2026, 3, 2))
    done = acquirer.investigate()
    assert (done.status, done.outcome, done.records_asked) == ("completed", "no_match", 1)
    assert done.recommendation_text == (
        "1 of 1 overdue (17.50\u00a0EUR) has no explanation in these records: ask the other party, or look whether a file is"
        " missing."
    )


def test_ledgers_are_looked_at_too():
    account = Account()
    account.upload("2026-02-04,1250.00,credit,INV-701,S1")
    done = account.investigate()
    assert (done.status, done.outcome, done.records_asked) == ("completed", "no_match", 1)


def test_the_recommendation_says_how_much_by_which_cause_and_with_what_to_begin():
    acquirer = Acquirer()
    day = date(2026, 3, 2)
    small = acquirer.overdue(871_44, day, reference="ORDER-884711903")
    large = acquirer.overdue(8_731_45, day, reference="ORDER-119300471")
    other = acquirer.overdue(431_07, day)
    for record in (small, large):
        acquirer.paid(record.amount, date(2026, 3, 3), reference=f"payout {record.reference}")
    done = acquirer.investigate()
    assert done.outcome == "match_found"
    first, second, begin, *told = done.recommendation_text.split("\n")
    assert first == (
        "2 of 3 overdue (9,602.89\u00a0EUR together) are explained: equal amount that no rule took (2)."
    )
    assert second.startswith("1 of 3 overdue (431.07\u00a0EUR) has no explanation")
    assert begin == "Begin with:"
    [only] = told
    assert only.startswith(f"- Record {large.pk} (2026-03-02, 8,731.45\u00a0EUR, ORDER-119300471): record ")
    assert done.summary["outcomes"]["match_found"] == {"records": 2, "sums": {"EUR": 9_602_89}}
    assert done.findings.filter(record_id=other.pk).count() == 0
    assert {record for each in done.findings.all() for record in each.suggested} == set(
        done.suggested_record_ids
    )


def test_suggested_records_are_named_once_the_surest_first():
    acquirer = Acquirer()
    day = date(2026, 3, 2)
    for place in range(3):
        late = acquirer.overdue(8_731_00 + place * 1_037_13, day, reference=f"ORDER-88471{place}903")
        acquirer.paid(late.amount, date(2026, 3, 3), reference=late.reference)
    done = acquirer.investigate()
    findings = done.findings.filter(rank=1).order_by("-confidence", "record_id")
    firsts = [each.suggested[0] for each in findings]
    assert done.suggested_record_ids[:3] == firsts
    assert len(done.suggested_record_ids) == len(set(done.suggested_record_ids))
    best = [each.confidence for each in findings]
    assert done.confidence == pytest.approx(sum(best) / len(best))


def test_findings_stand_with_the_surest_record_first_and_those_of_a_record_together():
    acquirer = Acquirer()
    day, later = date(2026, 3, 2), date(2026, 3, 20)
    for place in range(6):
        reference = f"ORDER-8847{place * 37}903" if place % 2 else ""
        late = acquirer.overdue(8_731_00 + place * 1_037_13, day, reference=reference)
        for when in (later, date(2026, 3, 19))[: 1 + (place % 3 == 0)]:
            acquirer.paid(late.amount, when, reference=reference)
    late = acquirer.overdue(6_214_79, day, reference="ORDER-55120877")
    acquirer.paid(6_214_79, date(2026, 3, 3))
    acquirer.paid(6_241_79, date(2026, 3, 3), reference=late.reference)
    rows = list(acquirer.investigate().findings.order_by("pk"))
    firsts = [row for row in rows if row.rank == 1]
    assert len({row.confidence for row in firsts}) > 2
    assert firsts == sorted(
        firsts, key=lambda row: (row.outcome != "match_found", -row.confidence, row.record_id)
    )
    assert len(rows) > len(firsts)
    last = rows[0]
    for row in rows:
        assert row.rank == 1 or (row.record_id, row.rank) == (last.record_id, last.rank + 1)
        last = row


def test_what_was_not_looked_at_is_said():
    acquirer = Acquirer()
    day = date(2026, 3, 2)
    for place in range(3):
        acquirer.overdue(8_731_00 + place, day)
        acquirer.paid(17_00 + place, day)
    asked = acquirer.ask()
    row = Investigation.objects.select_related("exception__reconciliation").get(pk=asked.pk)
    frames = load(row, at=NOW, limits=Limits(asked=2, candidates=2))
    nothing = investigate(
        *(frame.select(list(RECORDS)) for frame in (frames.asked, frames.own, frames.other)),
        frames.matched,
        magnitude=True,
    )
    text = conclude(row, frames, nothing).text
    assert "Looked at were the 2 longest overdue records; not yet: 1." in text
    assert "2 records that might have explained one were too many to look at" in text


def test_a_suggestion_that_waits_is_named():
    acquirer = Acquirer()
    day = date(2026, 3, 2)
    late = acquirer.add(acquirer.stream, 8_731_00, day, reference="ORDER-88471903")
    paid = acquirer.paid(8_731_00, day, reference="ORDER-88471903")
    OpenItem.objects.filter(record__in=[late, paid]).delete()
    match = MatchFactory(reconciliation=acquirer.reconciliation)
    for record, side in ((late, "a"), (paid, "b")):
        MatchMemberFactory(match=match, record=record, side=side)
    acquirer.make_due(late)
    [found] = shown_findings(acquirer.findings(acquirer.investigate(), late))
    assert found.finding.facts["suggestion"] == match.pk
    assert f"Suggestion {match.pk} has one of them and waits for a decision." in found.text
    assert found.not_matchable == ""
