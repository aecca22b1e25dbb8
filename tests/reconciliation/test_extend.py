"""Extending: a match by hand that names held records takes the place of all their live matches, as one act."""

from __future__ import annotations

import pytest

from organizations.models import AuditEvent
from organizations.refusals import Conflict, Invalid
from reconciliation.models import Match, MatchMember, OpenItem, RejectedGroup
from reconciliation.selectors.discrepancies import discrepancies_of
from reconciliation.selectors.integrity import faults
from reconciliation.selectors.items import item_amounts
from reconciliation.selectors.matches import matches_of
from reconciliation.services.by_hand import match_manual
from reconciliation.services.matches import match_accept, match_reject, match_undo
from tests.factories.organizations import actor_with
from tests.reconciliation.books import Books, books
from tests.reconciliation.files import csv

pytestmark = pytest.mark.django_db


@pytest.fixture
def made() -> Books:
    """A line of 100.00 held by an entry of 60.00, and entries that could go on with it."""
    made = books(
        actor_with(),
        entries=[
            ("G1", "debit", 60_00, 3, "R1"),
            ("G2", "debit", 40_00, 4, "R2"),
            ("G3", "debit", 15_00, 5, "R3"),
            ("G4", "debit", 70_00, 6, "R4"),
        ],
    )
    made.upload(csv(("S1", "credit", 100_00, 3, "R1"), ("S2", "credit", 25_00, 4, "")))
    made.manual(["S1"], ["G1"])
    return made


def stands(made: Books, name: str, run=None) -> tuple[str, int]:
    row = made.row(name, run=run)
    return row.match_status, item_amounts(row).residual


def members(match: Match) -> int:
    return MatchMember.objects.filter(match=match, live=True).count()


def test_what_is_left_is_matched_with_more_as_one_match_of_all(made: Books):
    first = made.match_with("S1")
    found = made.made(["S1"], ["G2"])
    second = found.match
    first.refresh_from_db()
    assert (first.status, first.ended_reason, first.superseded_by) == ("superseded", "extended", second.pk)
    assert (second.status, second.total_a, second.total_b, second.difference) == (
        "accepted",
        100_00,
        100_00,
        0,
    )
    assert (members(second), found.not_covered) == (3, [])
    assert stands(made, "S1") == ("matched", 0)
    assert list(matches_of(made.run)) == [second]
    assert AuditEvent.objects.get(action="match.extended").data["superseded"] == [first.pk]
    assert faults() == []


def test_it_may_stay_partial_with_less_left(made: Books):
    made.manual(["S1"], ["G3"])
    assert stands(made, "S1") == ("partial", 25_00)
    told = discrepancies_of(made.run).filter(type="amount_mismatch").order_by("pk")
    assert [(each.amount, each.status, each.close_reason) for each in told] == [
        (40_00, "closed", "auto:match_ended"),
        (25_00, "in_review", ""),
    ]
    assert faults() == []


def test_the_other_side_may_become_the_larger(made: Books):
    found = made.made(["S1"], ["G4"])
    assert stands(made, "S1") == ("matched", 0)
    token = OpenItem.objects.get(held_by=found.match.pk)
    assert (token.side, token.open_amount) == ("b", 30_00)
    assert made.made(["S2"], ["G4"]).match.difference == -5_00  # now by its held entry
    assert (stands(made, "S2"), Match.objects.live().count()) == (("matched", 0), 1)
    assert faults() == []


def test_it_joins_two_matches(made: Books):
    second = made.manual(["S2"], ["G4"])  # 25.00 of 70.00: G4 is held with 45.00
    joined = made.made(["S1"], ["G4"]).match
    first, second = Match.objects.order_by("pk")[0], Match.objects.get(pk=second.pk)
    assert {first.status, second.status} == {"superseded"}
    assert {first.superseded_by, second.superseded_by} == {joined.pk}
    assert (joined.total_a, joined.total_b, joined.difference) == (125_00, 130_00, -5_00)
    assert (stands(made, "S1"), stands(made, "S2")) == (("matched", 0), ("matched", 0))
    assert OpenItem.objects.get(held_by=joined.pk).open_amount == 5_00
    assert faults() == []


def test_who_is_covered_first_is_decided_anew_over_all_members():
    made = books(actor_with(), entries=[("G1", "debit", 10_00, 3, ""), ("G2", "debit", 5_00, 3, "")])
    made.upload(csv(("S1", "credit", 12_00, 9, ""), ("S2", "credit", 8_00, 2, "")))
    made.manual(["S1"], ["G1"])
    found = made.made(["S1", "S2"], ["G2"])  # 20.00 against 15.00; S2 is older
    assert (stands(made, "S2"), stands(made, "S1")) == (("matched", 0), ("partial", 5_00))
    assert found.not_covered == []
    assert faults() == []


def test_a_member_that_gets_nothing_any_more_is_named_and_open():
    made = books(actor_with(), entries=[("G1", "debit", 10_00, 3, "")])
    made.upload(csv(("S1", "credit", 12_00, 9, "")))
    made.manual(["S1"], ["G1"])
    made.upload(csv(("S2", "credit", 10_00, 2, "")), "later.csv")
    made.post(("G2", "debit", 50, 12, ""))
    found = made.made(["S1", "S2"], ["G2"])  # 22.00 against 10.50: S2 takes 10.00, S1 0.50
    assert found.not_covered == []
    assert (stands(made, "S2"), stands(made, "S1")) == (("matched", 0), ("partial", 11_50))
    made.post(("G3", "debit", 1, 12, ""))
    made.upload(csv(("S4", "credit", 11_00, 1, "")), "old.csv")
    found = made.made(["S1", "S4"], ["G3"])  # 33.00 against 10.51: S4 takes all of it
    assert {record.description for record in found.not_covered} == {"S1", "S2"}
    assert {stands(made, name) for name in ("S1", "S2")} == {("unmatched", 12_00), ("unmatched", 10_00)}
    assert {
        each.record.description
        for each in discrepancies_of(made.run).filter(type="unmatched_source", status="open")
    } == {"S1", "S2"}
    assert faults() == []


def test_across_runs(made: Books):
    """A line of another run, by the entry that holds: the match has items of both runs, and both show it."""
    other = made.another_run("April")
    made.post(("G5", "debit", 90_00, 7, ""))
    made.upload(csv(("T1", "credit", 50_00, 7, "")), run=other)
    first = made.act(
        match_manual, run=other, item_ids=[made.item("T1", run=other)], entry_ids=[made.entries["G5"]]
    ).match
    joined = made.manual(["S1"], ["G5"])
    assert joined.run_id == made.run.pk
    assert Match.objects.get(pk=first.pk).superseded_by == joined.pk
    assert (joined.total_a, joined.total_b, members(joined)) == (150_00, 150_00, 4)
    assert (stands(made, "T1", run=other), stands(made, "S1")) == (("matched", 0), ("matched", 0))
    assert list(matches_of(other)) == list(matches_of(made.run)) == [joined]
    assert faults() == []

    made.act(match_undo, match_id=joined.pk)
    assert (stands(made, "T1", run=other), stands(made, "S1")) == (
        ("unmatched", 50_00),
        ("unmatched", 100_00),
    )
    for run, name in ((made.run, "S1"), (other, "T1")):  # each run says it of its own
        told = discrepancies_of(run).get(type="unmatched_source", status="open")
        assert told.record.description == name
    assert faults() == []


def test_what_is_left_of_another_runs_line_is_said_in_that_run(made: Books):
    """S1 is this run's. Made in the other run, the match covers the older line first and leaves the rest with S1."""
    other = made.another_run("April")
    made.act(match_undo, match_id=made.match_with("S1").pk)
    made.post(("G5", "debit", 120_00, 7, ""))
    made.manual(["S1"], ["G5"])  # whole; G5 is held with 20.00
    made.upload(csv(("T1", "credit", 25_00, 1, "")), run=other)
    joined = made.act(
        match_manual, run=other, item_ids=[made.item("T1", run=other)], entry_ids=[made.entries["G5"]]
    ).match
    assert (joined.run_id, joined.difference) == (other.pk, 5_00)
    assert (stands(made, "T1", run=other), stands(made, "S1")) == (("matched", 0), ("partial", 5_00))
    assert not discrepancies_of(other).exists()
    told = discrepancies_of(made.run).get(type="amount_mismatch", status="in_review")
    assert (told.record.description, told.match_id, told.amount) == ("S1", joined.pk, 5_00)
    assert faults() == []


def test_a_suggestion_under_it_is_superseded_too():
    made = books(actor_with(), entries=[("G1", "debit", 60_00, 3, "R1"), ("G2", "debit", 40_00, 4, "R2")])
    made.upload(csv(("S1", "credit", 100_00, 3, "R1")))
    made.auto_match()
    suggestion = made.match_with("S1")
    assert suggestion.status == "suggested"
    match = made.manual(["S1"], ["G2"])
    suggestion.refresh_from_db()
    assert (suggestion.status, suggestion.superseded_by) == ("superseded", match.pk)
    assert (match.status, match.difference, members(match)) == ("accepted", 0, 3)
    assert not RejectedGroup.objects.exists()
    assert faults() == []


def test_undo_frees_every_member_and_superseded_matches_do_not_come_back(made: Books):
    first = made.match_with("S1")
    second = made.manual(["S1"], ["G2"])
    made.act(match_undo, match_id=second.pk)
    first.refresh_from_db()
    assert first.status == "superseded"
    assert OpenItem.objects.free().count() == 6
    assert not Match.objects.live().exists()
    assert stands(made, "S1") == ("unmatched", 100_00)
    assert faults() == []


def test_a_rejected_extension_is_remembered_whole(made: Books):
    second = made.manual(["S1"], ["G2"])
    made.act(match_reject, match_id=second.pk)
    group = RejectedGroup.objects.get()
    assert (len(group.side_a), len(group.side_b)) == (1, 2)
    assert faults() == []


def test_nothing_can_be_decided_on_a_superseded_match(made: Books):
    first = made.match_with("S1")
    made.manual(["S1"], ["G2"])
    for decide in (match_accept, match_reject):
        with pytest.raises(Conflict) as refused:
            made.act(decide, match_id=first.pk)
        assert refused.value.details["status"] == "superseded"
    made.act(match_undo, match_id=first.pk)  # ended already: nothing happens
    assert stands(made, "S1") == ("matched", 0)
    assert faults() == []


def test_an_extension_that_would_mix_directions_is_refused_and_leaves_the_match(made: Books):
    made.post(("G5", "credit", 5_00, 7, ""))
    first = made.match_with("S1")
    with pytest.raises(Invalid) as refused:
        made.manual(["S1"], ["G5"])
    assert refused.value.code == "match.mixed_signs"
    assert made.match_with("S1") == first
    assert stands(made, "S1") == ("partial", 40_00)
    made.post(("G6", "debit", 45_00, 7, ""))
    assert made.manual(["S1"], ["G5", "G6"]).difference == 0  # which adds up, and so may
    assert faults() == []


def test_a_written_off_rest_is_reopened_before_it_is_extended(made: Books):
    made.close("S1")
    with pytest.raises(Conflict) as refused:
        made.manual(["S1"], ["G2"])
    assert refused.value.code == "match.token_taken"
    assert stands(made, "S1") == ("closed", 40_00)
    made.reopen("S1")
    assert made.manual(["S1"], ["G2"]).difference == 0
    assert faults() == []


def test_a_file_that_is_deleted_takes_an_extended_match_with_it_whole(made: Books):
    other = made.another_run("April")
    made.post(("G5", "debit", 90_00, 7, ""))
    source = made.upload(csv(("T1", "credit", 50_00, 7, "")), run=other)
    ids = {"item_ids": [made.item("T1", run=other)], "entry_ids": [made.entries["G5"]]}
    made.act(match_manual, run=other, **ids)
    made.manual(["S1"], ["G5"])
    assert made.void(source, run=other).undone == 1
    assert stands(made, "S1") == ("unmatched", 100_00)
    assert discrepancies_of(made.run).get(type="unmatched_source").status == "open"
    assert faults() == []
