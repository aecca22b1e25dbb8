"""One click: a finding becomes a match, or says in plain words why it cannot."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Any

import pytest

from exceptions_app.models import Finding
from exceptions_app.selectors.investigations import shown_findings
from exceptions_app.services.finding_taking import finding_take
from ledgers.models import Record
from organizations.acts import perform
from organizations.refusals import Conflict, Forbidden, Invalid, NotFound
from reconciliation.models import Match, OpenItem
from reconciliation.services.matches import match_undo
from reconciliation.services.stream_records import record_change
from tests.clock import NOW
from tests.exceptions_app.investigating import Account, Acquirer, Looked
from tests.factories.exceptions_app import FindingFactory, InvestigationFactory
from tests.factories.organizations import actor_with

pytestmark = pytest.mark.django_db(transaction=True)
DAY = date(2026, 3, 2)


def finding_of(looked: Looked, record: Record, *suggested: Record, **more: Any) -> Finding:
    """As an investigation would have written it."""
    investigation = InvestigationFactory(
        exception=looked.exception, status="completed", outcome="needs_review", finished_at=NOW
    )
    ids = [each.pk for each in suggested]
    more = {"cause": "equal_amount", **more}
    return FindingFactory(investigation=investigation, record=record, suggested=ids, **more)


def take(looked: Looked, finding: Finding, **more: Any) -> Match:
    about = {
        "organization_id": looked.by.organization_id,
        "finding_id": finding.pk,
        "by": looked.by,
        "at": NOW,
    }
    return perform(partial(finding_take, **{**about, **more}))


def refused(looked: Looked, finding: Finding, code: str, **more: Any) -> str:
    before = Match.objects.count()
    with pytest.raises((Conflict, Invalid)) as refusal:
        take(looked, finding, **more)
    assert refusal.value.code == code
    assert Match.objects.count() == before
    return refusal.value.message


def test_what_is_suggested_becomes_a_match_and_the_finding_keeps_it():
    acquirer = Acquirer()
    late, paid = acquirer.overdue(17_50, DAY), acquirer.paid(17_50, date(2026, 3, 20))
    finding = finding_of(acquirer, late, paid, cause="outside_window")
    match = take(acquirer, finding)
    assert (match.status, match.origin, match.difference) == ("accepted", "manual", 0)
    assert not OpenItem.objects.filter(record_id__in=[late.pk, paid.pk]).exists()
    finding.refresh_from_db()
    assert (finding.match_id, finding.taken_at, finding.taken_by) == (match.pk, NOW, acquirer.by.ref)


def test_taken_twice_is_refused_naming_the_match():
    acquirer = Acquirer()
    finding = finding_of(acquirer, acquirer.overdue(17_50, DAY), acquirer.paid(17_50, DAY))
    match = take(acquirer, finding)
    assert f"match {match.pk} already" in refused(acquirer, finding, "finding.taken")


def test_an_undone_match_is_shown_so_and_may_be_taken_again():
    acquirer = Acquirer()
    finding = finding_of(acquirer, acquirer.overdue(17_50, DAY), acquirer.paid(17_50, DAY))
    first = take(acquirer, finding)
    acquirer.feeds.act(match_undo, match_id=first.pk)
    finding.refresh_from_db()
    [shown] = shown_findings([finding])
    assert (shown.match_status, shown.is_taken, shown.not_matchable) == ("undone", False, "")
    second = take(acquirer, finding)
    finding.refresh_from_db()
    assert finding.match_id == second.pk != first.pk


def test_a_difference_wants_an_adjustment():
    acquirer = Acquirer()
    finding = finding_of(
        acquirer, acquirer.overdue(43_10, DAY), acquirer.paid(41_85, DAY), cause="fee", difference=1_25
    )
    message = refused(acquirer, finding, "finding.difference")
    assert "differ by 1.25\u00a0EUR" in message
    assert "adjustment" in message
    match = take(acquirer, finding, create_adjustment=True)
    assert (match.difference, match.record_count) == (0, 3)
    adjustment = Record.objects.get(pk=match.adjustment_id)
    assert (adjustment.amount, adjustment.description) == (
        1_25,
        f"Fee taken off, found by investigation {finding.investigation_id}",
    )


def test_an_adjustment_is_for_the_difference_that_was_shown():
    acquirer = Acquirer()
    paid = acquirer.paid(41_85, DAY)
    finding = finding_of(acquirer, acquirer.overdue(43_10, DAY), paid, cause="fee", difference=1_25)
    acquirer.feeds.act(record_change, record=paid, changes={"amount": 1_85})
    message = refused(acquirer, finding, "finding.out_of_date", create_adjustment=True)
    assert "differ by 41.25\u00a0EUR now, not by 1.25\u00a0EUR" in message
    assert not Record.objects.filter(kind="adjustment").exists()
    acquirer.feeds.act(record_change, record=paid, changes={"amount": 43_10})
    assert take(acquirer, finding, create_adjustment=True).adjustment_id is None


def test_a_ledger_takes_no_adjustment_and_is_told_to_post_an_entry():
    account = Account()
    [line] = account.upload("2026-02-04,41.85,credit,INV-1,S1")
    [entry] = account.books.post(("G1", "debit", 43_10, 4, "INV-1"))
    finding = finding_of(account, line, entry, cause="fee", difference=-1_25)
    assert "Post an entry" in refused(account, finding, "finding.difference")
    refused(account, finding, "match.adjustment_refused", create_adjustment=True)


def test_a_ledgers_line_and_entry_are_matched_in_the_run_of_the_line():
    account = Account()
    [line] = account.upload("2026-02-04,43.10,credit,INV-1,S1")
    [entry] = account.books.post(("G1", "debit", 43_10, 25, "INV-1"))
    match = take(account, finding_of(account, line, entry, cause="outside_window"))
    assert (match.run_id, match.difference, match.status) == (account.books.run.pk, 0, "accepted")


def test_a_record_that_is_not_open_any_more_is_named_with_what_has_it():
    acquirer = Acquirer()
    late, paid, other = acquirer.overdue(17_50, DAY), acquirer.paid(17_50, DAY), acquirer.overdue(17_50, DAY)
    finding = finding_of(acquirer, late, paid)
    match = acquirer.feeds.match(acquirer.reconciliation, [other], [paid])
    message = refused(acquirer, finding, "finding.out_of_date")
    assert f"record {paid.pk}" in message
    assert f"Match {match.pk} has this record already" in message
    [shown] = shown_findings([finding])
    assert shown.not_matchable == f"Record {paid.pk} is not open any more."


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"cause": "duplicate", "facts": {"match": 7}}, "duplicate"),
        ({"cause": "other_currency"}, "different currencies"),
        ({"cause": "same_reference", "facts": {"match": 7}}, "Match 7 has the suggested record already"),
    ],
)
def test_causes_that_suggest_no_match_say_what_to_do_instead(more, words):
    acquirer = Acquirer()
    finding = finding_of(acquirer, acquirer.overdue(17_50, DAY), acquirer.paid(17_50, DAY), **more)
    assert words in refused(acquirer, finding, "finding.not_matchable")


def test_another_organizations_finding_is_not_found():
    acquirer, other = Acquirer(), Acquirer()
    finding = finding_of(acquirer, acquirer.overdue(17_50, DAY), acquirer.paid(17_50, DAY))
    with pytest.raises(NotFound) as refusal:
        take(other, finding)
    assert refusal.value.code == "finding.not_found"


def test_who_may_not_decide_matches_may_not_take_one():
    acquirer = Acquirer()
    finding = finding_of(acquirer, acquirer.overdue(17_50, DAY), acquirer.paid(17_50, DAY))
    viewer = actor_with("viewer", organization=acquirer.feeds.organization)
    with pytest.raises(Forbidden):
        take(acquirer, finding, by=viewer)
