"""What holds a record in part is extended, written off and ended by many at the same moment: one outcome each."""

from __future__ import annotations

import pytest

from reconciliation.models import Match, MatchMember, OpenItem
from reconciliation.selectors.integrity import faults
from reconciliation.services.by_hand import match_manual
from reconciliation.services.groups import Made
from reconciliation.services.items import entry_close, item_close, item_reopen
from reconciliation.services.matches import match_accept, match_reject, match_undo
from tests.clock import NOW
from tests.factories.organizations import actor_with
from tests.reconciliation.books import Books, books
from tests.reconciliation.files import csv
from tests.reconciliation.races import at_once, codes, performed

pytestmark = pytest.mark.django_db(transaction=True)

MANY = 12


@pytest.fixture
def made() -> Books:
    """A line of 100.00 held by an entry of 10.00, and many entries of 1.00."""
    made = books(actor_with(), entries=[(f"G{n}", "debit", 1_00, 4, "") for n in range(MANY)])
    made.post(("G", "debit", 10_00, 3, ""))
    made.upload(csv(("S1", "credit", 100_00, 3, "")))
    made.manual(["S1"], ["G"])
    return made


def extend(made: Books, n: int):
    return performed(
        match_manual,
        run=made.run,
        item_ids=[made.item("S1")],
        entry_ids=[made.entries[f"G{n}"]],
        by=made.by,
        at=NOW,
    )


def close(made: Books):
    ids = {"organization_id": made.by.organization_id, "item_id": made.item("S1")}
    return performed(item_close, **ids, ledger_id=made.ledger.uuid, by=made.by, at=NOW)


def decided(made: Books, decision):
    return performed(decision, match_id=made.match_with("S1").pk, by=made.by, at=NOW)


def test_extensions_of_one_line_are_one_after_the_other(made: Books):
    results = at_once([extend(made, n) for n in range(MANY)])
    won = [result for result in results if isinstance(result, Made)]
    assert won
    assert set(codes(results)) <= {"ok", "match.token_taken"}
    last = Match.objects.live().get()
    assert MatchMember.objects.filter(match=last).count() == 2 + len(won)
    assert OpenItem.objects.held().get().open_amount == (90 - len(won)) * 100
    assert Match.objects.filter(status="superseded").count() == len(won)
    assert faults() == []


def test_extending_and_writing_off(made: Books):
    results = at_once([extend(made, n) for n in range(MANY // 2)] + [close(made)] * (MANY // 2))
    assert set(codes(results)) <= {"ok", "match.token_taken"}
    assert made.status("S1") == "closed"  # nobody reopens it
    assert Match.objects.live().get().status == "accepted"
    assert faults() == []


@pytest.mark.parametrize("decision", [match_undo, match_reject])
def test_ending_a_match_and_extending_it(made: Books, decision):
    first = made.match_with("S1")
    results = at_once([extend(made, n) for n in range(MANY // 2)] + [decided(made, decision)] * 3)
    assert set(codes(results)) <= {"ok", "match.token_taken", "match.state"}
    first.refresh_from_db()
    assert first.status in ("undone", "rejected", "superseded")
    assert Match.objects.live().count() <= 1
    assert faults() == []


@pytest.mark.parametrize("decision", [match_undo, match_reject])
def test_ending_a_match_and_writing_off_its_rest(made: Books, decision):
    results = at_once([close(made)] * 5 + [decided(made, decision)] * 5)
    assert set(codes(results)) == {"ok"}
    assert not Match.objects.live().exists()
    token = OpenItem.objects.get(side="a")
    assert (token.held_by, token.open_amount) == (None, 100_00)
    assert faults() == []


def test_closing_a_line_and_accepting_its_partial_suggestion():
    made = books(actor_with(), entries=[("G", "debit", 10_00, 3, "R1")])
    made.upload(csv(("S1", "credit", 100_00, 3, "R1")))
    made.auto_match()
    match = made.match_with("S1")
    results = at_once([close(made), decided(made, match_accept)] * 5)
    assert set(codes(results)) <= {"ok", "match.state", "item.state"}
    match.refresh_from_db()
    assert match.status in ("accepted", "undone")
    assert made.status("S1") in ("closed", "partial")
    assert faults() == []


def test_reopening_and_closing_a_rest_and_its_entrys_closing(made: Books):
    ids = {"organization_id": made.by.organization_id}
    entry = performed(entry_close, **ids, entry_id=made.entries["G"], by=made.by, at=NOW)
    reopen = performed(item_reopen, **ids, item_id=made.item("S1"), by=made.by, at=NOW)
    results = at_once([close(made), reopen, entry] * 4)
    assert set(codes(results)) <= {"ok", "item.state"}
    assert made.match_with("S1").status == "accepted"
    assert faults() == []
