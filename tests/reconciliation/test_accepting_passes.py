"""What a pass accepts without a person, and what it keeps of how it reckoned."""

from __future__ import annotations

from decimal import Decimal

import pytest

from reconciliation.models import Discrepancy, Match, OpenItem
from reconciliation.selectors.integrity import faults
from reconciliation.services.undoing import pass_undo
from rules.models import Rule
from rules.services.rules import revision_write
from tests.clock import NOW
from tests.factories.organizations import actor_with
from tests.reconciliation.books import Books, books
from tests.reconciliation.files import csv

pytestmark = pytest.mark.django_db


def let_accept(made: Books, name: str, **more: object) -> None:
    rule = Rule.objects.get(organization_id=made.by.organization_id, name=name)
    rule.auto_accept = True
    for field, value in more.items():
        setattr(rule, field, value)
    rule.save()
    revision_write(rule, by="user:1", at=NOW)


def far_apart() -> Books:
    """Two lines whose references their entries have; one is weeks apart."""
    made = books(actor_with(), entries=[("G1", "debit", 100, 3, "R1"), ("G2", "debit", 200, 3, "R2")])
    made.upload(csv(("S1", "credit", 100, 3, "R1"), ("S2", "credit", 200, 20, "R2")))
    return made


def test_a_sure_match_of_a_rule_that_may_is_accepted_at_once():
    made = far_apart()
    let_accept(made, "Reference and amount")
    asked = made.auto_match()
    found = Match.objects.order_by("total_a")
    assert [match.status for match in found] == ["accepted", "accepted"]
    assert {(match.decided_by, match.decided_at) for match in found} == {("system:auto_match", NOW)}
    asked.refresh_from_db()
    assert (asked.suggested, asked.accepted, asked.accepted_records) == (2, 2, 4)
    assert not OpenItem.objects.exists()
    assert not Discrepancy.objects.open().exists()
    assert faults() == []


def test_by_default_a_person_decides():
    made = far_apart()
    asked = made.auto_match()
    assert set(Match.objects.values_list("status", flat=True)) == {"suggested"}
    asked.refresh_from_db()
    assert (asked.suggested, asked.accepted, asked.accepted_records) == (2, 0, 0)
    assert Discrepancy.objects.open().filter(type="date_mismatch").count() == 1


def test_below_accept_at_a_person_decides():
    made = books(actor_with(), entries=[("G1", "debit", 100, 3, "R1"), ("G2", "debit", 100, 4, "R1")])
    made.upload(csv(("S1", "credit", 100, 3, "R1")))
    let_accept(made, "Reference and amount")
    made.auto_match()
    match = Match.objects.get()
    assert (match.status, match.rival_count) == ("suggested", 1)
    assert match.confidence < Decimal("0.99")


def test_what_the_confidence_was_reckoned_from_is_kept():
    made = books(actor_with(), entries=[("G1", "debit", 100, 3, "R1"), ("G2", "debit", 100, 4, "R1")])
    made.upload(csv(("S1", "credit", 100, 3, "R1")))
    made.auto_match()
    match = Match.objects.get()
    assert (match.rivals, match.rival_count) == (0.5, 1)
    assert match.runner_up == OpenItem.objects.get().record_id
    # Two entries with one reference, in a rule without a window: one more such would be met by accident.
    assert match.chance == pytest.approx(1.0)
    assert match.confidence == Decimal("0.555")


def test_amount_and_date_alone_are_never_accepted():
    made = books(actor_with(), entries=[("G1", "debit", 100, 3, "X1")])
    made.upload(csv(("S1", "credit", 100, 3, "R1")))
    let_accept(made, "Amount within three days", score=Decimal(1), accept_at=Decimal("0.5"))
    made.auto_match()
    assert Match.objects.get().status == "suggested"


def test_a_match_in_part_is_never_accepted():
    made = books(actor_with(), entries=[("G1", "debit", 90, 3, "R1")])
    made.upload(csv(("S1", "credit", 100, 3, "R1")))
    let_accept(made, "Reference, amounts differ", score=Decimal(1), accept_at=Decimal("0.1"))
    made.auto_match()
    match = Match.objects.get()
    assert (match.status, match.confidence) == ("suggested", Decimal("0.5"))
    assert faults() == []


def test_undoing_the_pass_takes_back_what_it_accepted():
    made = far_apart()
    let_accept(made, "Reference and amount")
    asked = made.auto_match()
    made.act(pass_undo, pass_=asked, undo_accepted=True)
    assert set(Match.objects.values_list("status", flat=True)) == {"undone"}
    assert OpenItem.objects.count() == 4
    assert faults() == []
