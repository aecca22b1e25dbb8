"""Adjustment records: written to make a match add up, standing in it alone, gone with it."""

from __future__ import annotations

import pytest

from ledgers.models import DataStream, Record
from organizations.refusals import Conflict, Invalid
from reconciliation.models import Discrepancy, MatchMember, OpenItem, RejectedGroup
from reconciliation.selectors.integrity import faults
from reconciliation.services.matches import match_reject, match_undo
from reconciliation.services.stream_records import record_change, record_void
from tests.reconciliation.books import books
from tests.reconciliation.by_hand import Desk, adjusted

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.mark.parametrize(
    ("a", "b", "side", "direction", "amount"),
    [
        ((4250, 1750), (5850,), "b", "credit", 150),
        ((5850,), (6000,), "a", "credit", 150),
        ((-600,), (500,), "b", "credit", 100),
        ((-600,), (-500,), "b", "debit", 100),
        ((500,), (-600,), "a", "credit", 100),
        ((700,), (), "b", "credit", 700),
        ((), (-700,), "a", "debit", 700),
        ((700, -300), (300, -300), "b", "credit", 400),
    ],
)
def test_an_adjustment_makes_it_add_up_on_the_side_that_has_less(desk: Desk, a, b, side, direction, amount):
    ids = desk.add("a", *[(f"A{n}", each) for n, each in enumerate(a)])
    ids += desk.add("b", *[(f"B{n}", each) for n, each in enumerate(b)]) if b else []
    match = desk.match(*ids, create_adjustment=True, adjustment_reason="Acquirer fee")
    record = adjusted(match)
    assert (match.difference, match.record_count, abs(match.total_a)) == (0, len(ids) + 1, match.total_b)
    assert (record.kind, record.amount, record.direction, record.currency) == (
        "adjustment",
        amount,
        direction,
        "EUR",
    )
    assert record.stream_id == (desk.a if side == "a" else desk.b).pk
    assert (record.description, record.external_id, record.dedup_key) == ("Acquirer fee", "", None)
    assert record.metadata == {"adjustment": True, "reconciliation_match_id": match.pk}
    assert record.date == max(each.date for each in Record.objects.filter(pk__in=ids))
    assert MatchMember.objects.get(record=record).side == side
    assert not OpenItem.objects.exists()
    assert not Discrepancy.objects.exists()
    assert faults() == []


def test_none_is_made_where_it_adds_up(desk: Desk):
    match = desk.match(*desk.add("a", ("R1", 100)), *desk.add("b", ("R2", -100)), create_adjustment=True)
    assert (match.adjustment_id, match.record_count) == (None, 2)


def test_it_stands_in_the_stream_of_the_first_record_that_was_named(desk: Desk):
    other = desk.feeds.stream("c")
    desk.feeds.wire(desk.reconciliation, other, "b")
    (late,) = desk.feeds.add(other, ("R1", 100))
    ids = [late.pk, *desk.add("a", ("R2", 500)), *desk.add("b", ("R3", 100))]
    assert adjusted(desk.match(*ids, create_adjustment=True)).stream == other


def test_it_is_open_in_no_reconciliation_of_its_stream(desk: Desk):
    other = desk.feeds.reconciliation(desk.b)
    match = desk.match(*desk.add("a", ("R1", 100)), create_adjustment=True)
    third = desk.feeds.reconciliation(desk.b)
    assert not OpenItem.objects.filter(reconciliation__in=[other, third]).exists()
    assert adjusted(match).stream == desk.b
    assert faults() == []


@pytest.mark.parametrize("end", [match_undo, match_reject])
def test_it_is_voided_with_its_match_and_gets_no_open_item(desk: Desk, end):
    ids = desk.add("a", ("R1", 100)) + desk.add("b", ("R2", 90))
    match = desk.match(*ids, create_adjustment=True)
    desk.feeds.act(end, match_id=match.pk)
    record = adjusted(match)
    assert record.voided_at is not None
    assert record.voided_by == desk.feeds.by.ref
    assert desk.open() == set(ids)
    assert faults() == []
    again = desk.match(*ids, create_adjustment=True)
    assert again.adjustment_id != record.pk


def test_rejected_its_records_are_not_offered_as_a_group_again(desk: Desk):
    ids = desk.add("a", ("R1", 100)) + desk.add("b", ("R1", 90))
    match = desk.match(*ids, create_adjustment=True)
    desk.feeds.act(match_reject, match_id=match.pk)
    refused = RejectedGroup.objects.get()
    assert (refused.side_a, refused.side_b) == ([ids[0]], [ids[1]])
    desk.feeds.auto_match(desk.reconciliation)
    assert desk.open() == set(ids)


@pytest.mark.parametrize("emptied", ["a", "b"])
def test_it_goes_when_a_stream_of_its_match_is_emptied_or_taken_out(desk: Desk, emptied):
    match = desk.match(*desk.add("a", ("R1", 100)), *desk.add("b", ("R2", 90)), create_adjustment=True)
    desk.feeds.reset(getattr(desk, emptied))
    assert adjusted(match).voided_at is not None
    assert faults() == []
    second = desk.match(*desk.add("a", ("R3", 100)), create_adjustment=True)
    desk.feeds.unwire(desk.reconciliation, desk.a, undo_matches=True)
    assert adjusted(second).voided_at is not None
    assert faults() == []


def test_it_cannot_be_changed_or_deleted_by_itself(desk: Desk):
    record = adjusted(desk.match(*desk.add("a", ("R1", 100)), create_adjustment=True))
    for act in (record_void, lambda **more: record_change(changes={"amount": 7}, **more)):
        with pytest.raises(Conflict) as refused:
            desk.feeds.act(act, record=record)
        assert refused.value.code == "record.matched"


def test_it_is_in_no_other_match(desk: Desk):
    match = desk.match(*desk.add("a", ("R1", 100)), create_adjustment=True)
    with pytest.raises(Invalid) as refused:
        desk.match(match.adjustment_id, *desk.add("a", ("R2", 100)))
    assert refused.value.code == "record.not_found"


def test_nothing_is_added_to_ledgers(desk: Desk):
    own = DataStream.objects.get(ledger=books(desk.feeds.by).ledger)
    desk.feeds.unwire(desk.reconciliation, desk.b)
    desk.feeds.wire(desk.reconciliation, own, "b")
    with pytest.raises(Invalid) as refused:
        desk.match(*desk.add("a", ("R1", 100)), create_adjustment=True)
    assert refused.value.code == "match.no_stream_for_adjustment"


def test_while_its_stream_is_emptied_nothing_is_added_to_it(desk: Desk):
    ids = desk.add("a", ("R1", 100))
    desk.b.resetting = True
    desk.b.save()
    with pytest.raises(Conflict) as refused:
        desk.match(*ids, create_adjustment=True)
    assert refused.value.code == "stream.resetting"


def test_one_that_outlives_its_match_is_found(desk: Desk):
    match = desk.match(*desk.add("a", ("R1", 100)), create_adjustment=True)
    desk.feeds.act(match_undo, match_id=match.pk)
    Record.objects.filter(pk=match.adjustment_id).update(voided_at=None)
    assert [fault.check for fault in faults()] == [
        "adjustment without its live match, or in a stream that is owned"
    ]
