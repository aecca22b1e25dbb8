"""Matches that people make by record numbers: whole with their difference, over suggestions, of ledgers."""

from __future__ import annotations

import pytest

from ledgers.models import Record
from organizations.models import AuditEvent
from organizations.refusals import Conflict, Invalid
from reconciliation.models import Discrepancy, Match, MatchMember, OpenItem
from reconciliation.selectors.integrity import faults
from reconciliation.services.matches import match_undo
from reconciliation.services.stream_matches import match_by_hand
from reconciliation.services.stream_records import record_void
from tests.factories.rules import ReconciliationFactory
from tests.reconciliation.books import books
from tests.reconciliation.by_hand import Desk

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_sides_follow_the_wiring(desk: Desk):
    ids = desk.add("b", ("R1", 100)) + desk.add("a", ("R2", 100))
    match = desk.match(*ids)
    assert (match.status, match.record_count, match.difference, match.adjustment_id) == (
        "accepted",
        2,
        0,
        None,
    )
    assert dict(MatchMember.objects.values_list("record_id", "side")) == {ids[0]: "b", ids[1]: "a"}
    assert desk.open() == set()
    assert faults() == []


def test_what_it_lacks_stays_its_difference_and_is_said(desk: Desk):
    match = desk.match(*desk.add("a", ("R1", 100), ("R2", 30)), *desk.add("b", ("R3", 125)))
    assert (match.total_a, match.total_b, match.difference) == (130, 125, 5)
    said = Discrepancy.objects.get()
    assert (said.type, said.severity, said.amount, said.match_id) == (
        "amount_mismatch",
        "warning",
        5,
        match.pk,
    )
    assert faults() == []


@pytest.mark.parametrize(
    ("ids", "more", "place"),
    [
        ((), {}, []),
        ((1,), {}, []),
        ((), {"create_adjustment": True}, []),
        ((1, 1), {}, [1]),
        (tuple(range(10_001)), {}, []),
    ],
)
def test_how_many_it_may_name(desk: Desk, ids, more, place):
    with pytest.raises(Invalid) as refused:
        desk.match(*ids, **more)
    assert refused.value.code == "match.ids"
    assert refused.value.issues[0]["path"] == ["record_ids", *place]


def test_unknown_records_are_named_each(desk: Desk):
    (known,) = desk.add("a", ("R1", 100))
    (gone,) = desk.feeds.add(desk.b, ("R2", 100))
    desk.feeds.act(record_void, record=gone)
    (theirs,) = Desk().add("a", ("R3", 100))
    with pytest.raises(Invalid) as refused:
        desk.match(gone.pk, known, theirs, 2**62)
    assert refused.value.code == "record.not_found"
    assert [issue["path"][1] for issue in refused.value.issues] == [0, 2, 3]


def test_records_of_other_streams_are_named_each(desk: Desk):
    (strange,) = desk.feeds.add(desk.feeds.stream("c"), ("R1", 100))
    with pytest.raises(Invalid) as refused:
        desk.match(*desk.add("a", ("R2", 100)), strange.pk)
    assert refused.value.code == "record.not_in_reconciliation"
    assert [issue["path"] for issue in refused.value.issues] == [["record_ids", 1]]


def test_what_an_accepted_match_has_is_taken(desk: Desk):
    a, b = desk.add("a", ("R1", 100)), desk.add("b", ("R2", 100))
    first = desk.match(*a, *b)
    with pytest.raises(Invalid) as refused:
        desk.match(*desk.add("a", ("R3", 100)), *b)
    assert refused.value.code == "record.matched"
    (issue,) = refused.value.issues
    assert issue["path"] == ["record_ids", 1]
    assert str(first.pk) in issue["message"]
    assert Match.objects.count() == 1


def test_what_a_person_closed_is_taken(desk: Desk):
    a, b = desk.add("a", ("R1", 100)), desk.add("b", ("R2", 100))
    OpenItem.objects.filter(record_id=a[0]).update(
        closed_at="2026-03-31T09:00Z", closed_by="user:7", close_reason="x", cleared_on="2026-03-31"
    )
    with pytest.raises(Invalid) as refused:
        desk.match(*a, *b)
    assert refused.value.code == "record.matched"


def test_currencies_are_not_mixed(desk: Desk):
    (record,) = desk.feeds.add(desk.a, ("R1", 100))
    Record.objects.filter(pk=record.pk).update(currency="USD")
    with pytest.raises(Invalid) as refused:
        desk.match(record.pk, *desk.add("b", ("R2", 100)), create_adjustment=True)
    assert refused.value.code == "match.currencies_differ"


def test_one_side_alone_must_add_up_to_zero(desk: Desk):
    booked, reversed_, other = desk.add("a", ("R1", 100), ("R2", -100), ("R3", 40))
    with pytest.raises(Invalid) as refused:
        desk.match(booked, other)
    assert (refused.value.code, refused.value.details) == ("match.one_sided", {"sum": 140})
    assert desk.match(booked, reversed_).difference == 0
    assert faults() == []


def test_a_record_of_nothing_is_no_match_by_itself(desk: Desk):
    with pytest.raises(Invalid) as refused:
        desk.match(*desk.add("a", ("R1", 0)), create_adjustment=True)
    assert refused.value.code == "match.too_few"


def test_sums_beyond_64_bits_are_refused(desk: Desk):
    huge = 2**62
    with pytest.raises(Invalid) as refused:
        desk.match(*desk.add("a", ("R1", huge), ("R2", huge)), create_adjustment=True)
    assert refused.value.code == "match.too_large"


# --- over suggestions -------------------------------------------------------------------------------------------------


def suggest(desk: Desk, *references: str) -> dict[str, Match]:
    """Suggestions of 100 on either side; each by the reference that its records share."""
    desk.add("a", *[(each, 100) for each in references])
    desk.add("b", *[(each, 100) for each in references])
    desk.reconciliation.rules.update(auto_accept=False)
    desk.feeds.auto_match(desk.reconciliation)
    found = {}
    for match in Match.objects.filter(status="suggested"):
        member = MatchMember.objects.filter(match=match).select_related("record").first()
        assert member is not None
        found[member.record.reference] = match
    return found


def of(side: str, reference: str) -> int:
    return Record.objects.get(stream__key=side, reference=reference).pk


def test_suggestions_on_its_records_are_superseded_and_their_others_free(desk: Desk):
    suggested = suggest(desk, "R1", "R2", "R3")
    match = desk.match(of("a", "R1"), of("b", "R2"))
    for name in ("R1", "R2"):
        suggested[name].refresh_from_db()
        assert (suggested[name].status, suggested[name].superseded_by) == ("superseded", match.pk)
        assert suggested[name].ended_reason == "matched_by_hand"
    suggested["R3"].refresh_from_db()
    assert suggested["R3"].status == "suggested"
    assert (match.record_count, desk.open()) == (2, {of("b", "R1"), of("a", "R2")})
    event = AuditEvent.objects.filter(action="match.made_by_hand").get()
    assert event.data["superseded"] == [suggested["R1"].pk, suggested["R2"].pk]
    assert faults() == []


def test_exactly_what_was_suggested_may_be_matched_by_hand_too(desk: Desk):
    suggested = suggest(desk, "R1")["R1"]
    match = desk.match(of("a", "R1"), of("b", "R1"))
    suggested.refresh_from_db()
    assert (suggested.status, match.status, desk.open()) == ("superseded", "accepted", set())
    assert faults() == []


def test_its_undo_brings_no_suggestion_back(desk: Desk):
    suggested = suggest(desk, "R1", "R2")
    match = desk.match(of("a", "R1"), of("b", "R2"))
    desk.feeds.act(match_undo, match_id=match.pk)
    assert {each.status for each in Match.objects.filter(pk__in=[m.pk for m in suggested.values()])} == {
        "superseded"
    }
    assert len(desk.open()) == 4
    assert faults() == []


# --- of ledgers ---------------------------------------------------------------------------------------------------------


def test_of_a_ledger_what_does_not_add_up_is_covered_in_part(desk: Desk):
    made = books(desk.feeds.by)
    made.upload("date,amount,direction,reference,description\n2026-02-09,90.00,credit,INV-799,S5\n")
    reconciliation = made.run.reconciliation
    line = Record.objects.get(description="S5")
    entry = Record.objects.get(uuid=made.entries["G6"])
    match = made.act(match_by_hand, reconciliation=reconciliation, record_ids=[line.pk, entry.pk])
    assert (match.total_a, match.total_b, match.difference) == (90_00, 77_00, 13_00)
    held = OpenItem.objects.get(reconciliation=reconciliation, record=line)
    assert (held.held_by, held.open_amount) == (match.pk, 13_00)
    assert made.status("S5") == "partial"
    made.run.refresh_from_db()
    assert (match.run, made.run.status) == (made.run, "completed")
    said = Discrepancy.objects.filter(match_id=match.pk).get()
    assert (said.run, said.amount) == (made.run, 13_00)
    assert faults() == []


def test_of_a_ledger_a_suggestion_in_part_is_superseded_without_its_other_records(desk: Desk):
    made = books(desk.feeds.by)
    made.upload("date,amount,direction,reference,description\n2026-02-09,90.00,credit,INV-799,S5\n")
    made.auto_match()
    offered = made.match_with("S5")
    assert (offered.status, offered.difference) == ("suggested", 13_00)
    (better,) = made.post(("G8", "debit", 90_00, 9, "INV-800"))
    line = Record.objects.get(description="S5")
    match = made.act(match_by_hand, reconciliation=made.run.reconciliation, record_ids=[better.pk, line.pk])
    offered.refresh_from_db()
    assert (offered.status, match.record_count, match.difference) == ("superseded", 2, 0)
    left = OpenItem.objects.get(record__uuid=made.entries["G6"])
    assert (left.held_by, left.open_amount) == (None, 77_00)
    assert faults() == []


def test_of_a_ledger_no_adjustment_is_made(desk: Desk):
    made = books(desk.feeds.by)
    with pytest.raises(Invalid) as refused:
        made.act(
            match_by_hand, reconciliation=made.run.reconciliation, record_ids=[1], create_adjustment=True
        )
    assert (refused.value.code, refused.value.issues[0]["path"]) == (
        "match.adjustment_refused",
        ["create_adjustment"],
    )


def test_a_settlements_own_is_matched_there(desk: Desk):
    own = ReconciliationFactory(
        organization=desk.feeds.organization, ledger=None, kind="settlement", sign_mode="effect"
    )
    with pytest.raises(Conflict) as refused:
        desk.feeds.act(match_by_hand, reconciliation=own, record_ids=[1, 2])
    assert refused.value.code == "reconciliation.owned"
