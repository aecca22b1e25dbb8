"""Undoing takes back what passes made, in one act and without judging it; what people made stays."""

from __future__ import annotations

import pytest

from organizations.models import AuditEvent
from organizations.refusals import Conflict
from reconciliation.models import Match, Pass, RejectedGroup, Run
from reconciliation.selectors.integrity import faults
from reconciliation.services.matches import match_reject, match_undo
from reconciliation.services.undoing import pass_undo, run_undo
from tests.factories.organizations import actor_with
from tests.reconciliation.books import STATEMENT, Books, books

pytestmark = pytest.mark.django_db


@pytest.fixture
def example() -> Books:
    made = books(actor_with("operator"))
    made.upload(STATEMENT)
    made.auto_match()
    return made


def test_a_pass_is_undone_whole_partial_matches_too_and_may_be_found_again(example: Books):
    done = Pass.objects.get()
    assert example.act(pass_undo, pass_=done) == 5
    assert set(example.statuses().values()) == {"unmatched"}
    assert (RejectedGroup.objects.count(), faults()) == (0, [])
    assert set(Match.objects.values_list("status", "ended_reason")) == {("undone", "pass_undone")}
    assert example.auto_match().suggested == 5
    assert AuditEvent.objects.filter(action="pass.undone").count() == 1


def test_accepted_matches_are_undone_only_when_told_so(example: Books):
    example.accept("S1")
    with pytest.raises(Conflict) as refused:
        example.act(pass_undo, pass_=Pass.objects.get())
    assert (refused.value.code, refused.value.details["accepted"]) == ("pass.has_accepted", 1)
    assert Match.objects.live().count() == 5
    assert example.act(pass_undo, pass_=Pass.objects.get(), undo_accepted=True) == 5
    assert example.status("S1") == "unmatched"


def test_undoing_a_run_undoes_all_its_passes_and_leaves_matches_by_hand(example: Books):
    example.reject("S1")
    by_hand = example.manual(["S1"], ["G1"])
    example.post(("G8", "debit", 15_00, 10, ""))
    example.auto_match()
    assert example.act(run_undo, run=example.run) == 5
    assert list(Match.objects.live()) == [by_hand]
    assert faults() == []


def test_a_pass_that_waits_by_itself_is_in_the_way_of_no_undo(example: Books):
    Run.objects.filter(pk=example.run.pk).update(mode="automatic")
    example.post(("G8", "debit", 15_00, 10, ""))
    assert Pass.objects.filter(status="pending").count() == 1
    assert example.act(run_undo, run=example.run) == 5


def test_rejecting_what_was_undone_changes_nothing(example: Books):
    match = example.match_with("S1")
    example.act(match_undo, match_id=match.pk)
    again = example.act(match_reject, match_id=match.pk, expected_status="rejected")
    assert (again.status, RejectedGroup.objects.count()) == ("undone", 0)


def test_a_pass_under_way_is_not_undone(example: Books):
    asked = example.request()
    with pytest.raises(Conflict) as refused:
        example.act(pass_undo, pass_=asked)
    assert refused.value.code == "pass.running"
