"""Wiring, taking out and resetting streams while their records are open, matched and written to."""

from __future__ import annotations

from datetime import date

import pytest

from ledgers.models import Record
from organizations.refusals import Conflict, Invalid, NotFound
from reconciliation.models import Match, MatchMember, OpenItem, StreamOperation
from reconciliation.selectors.integrity import faults
from reconciliation.services.execution import pass_execute
from reconciliation.services.matches import match_accept
from reconciliation.services.operation_chunks import operation_execute
from reconciliation.services.operations import stream_reset, stream_unwire, stream_wire
from reconciliation.services.passes import pass_request
from reconciliation.services.stream_records import RecordIn, record_change, record_void, records_add
from rules.models import Reconciliation
from tests.clock import NOW
from tests.factories.organizations import actor_with
from tests.reconciliation.streams import Feeds

pytestmark = pytest.mark.django_db


@pytest.fixture
def feeds() -> Feeds:
    return Feeds(actor_with("admin"))


@pytest.fixture
def pair(feeds: Feeds):
    a, b = feeds.stream("a"), feeds.stream("b")
    return feeds.reconciliation(a, b), a, b


def test_a_stream_that_is_wired_brings_its_old_records_in_chunks(feeds: Feeds, settings):
    settings.CHUNK_GROUPS = 2
    stream, made = feeds.stream("a"), feeds.reconciliation()
    feeds.add(stream, *((f"R{n}", 100 + n) for n in range(5)))
    done = feeds.wire(made, stream, "a")
    assert (done.processed, done.progress) == (5, 100)
    assert OpenItem.objects.filter(reconciliation=made).count() == 5
    assert Reconciliation.objects.get(pk=made.pk).ready
    assert faults() == []


def test_new_records_are_open_at_once_while_the_old_ones_wait_for_the_worker(feeds: Feeds):
    stream, made = feeds.stream("a"), feeds.reconciliation()
    feeds.add(stream, ("R1", 100))
    asked = feeds.act(stream_wire, reconciliation=made, stream=stream, side="a")
    feeds.add(stream, ("R2", 200))
    assert OpenItem.objects.filter(reconciliation=made).count() == 1
    feeds.done(asked)
    assert OpenItem.objects.filter(reconciliation=made).count() == 2
    assert faults() == []


def test_a_record_changed_before_its_chunk_comes_open_as_it_is_then(feeds: Feeds):
    stream, made = feeds.stream("a"), feeds.reconciliation()
    [first, gone] = feeds.add(stream, ("R1", 100), ("R2", 200))
    asked = feeds.act(stream_wire, reconciliation=made, stream=stream, side="a")
    feeds.act(record_change, record=first, changes={"amount": 700})
    feeds.act(record_void, record=gone)
    feeds.done(asked)
    assert list(OpenItem.objects.values_list("record_id", "open_amount")) == [(first.pk, 700)]
    assert faults() == []


def test_a_pass_waits_until_the_wiring_has_ended(feeds: Feeds, pair):
    made, a, b = pair
    feeds.add(a, ("R1", 100))
    feeds.add(b, ("R1", 100))
    extra = feeds.stream("c")
    feeds.add(extra, ("R9", 900))
    asked = feeds.act(stream_wire, reconciliation=made, stream=extra, side="b")
    waiting = feeds.act(pass_request, reconciliation=made, run=None)
    pass_execute(pass_id=waiting.pk, clock=lambda: NOW)
    assert Match.objects.count() == 0
    feeds.done(asked)
    pass_execute(pass_id=waiting.pk, clock=lambda: NOW)
    assert Match.objects.count() == 1


def test_taking_a_stream_out_undoes_its_suggestions_and_frees_the_others(feeds: Feeds, pair):
    made, a, b = pair
    [mine] = feeds.add(a, ("R1", 100))
    feeds.add(b, ("R1", 100))
    feeds.auto_match(made)
    done = feeds.unwire(made, b)
    assert done.undone == 1
    assert list(OpenItem.objects.values_list("record_id", flat=True)) == [mine.pk]
    assert Match.objects.get().ended_reason == "stream_unwire"
    assert faults() == []


def test_accepted_matches_keep_a_stream_in_unless_they_are_to_be_undone(feeds: Feeds, pair):
    made, a, b = pair
    feeds.match(made, feeds.add(a, ("R1", 100)), feeds.add(b, ("R1", 100)))
    with pytest.raises(Conflict) as refused:
        feeds.unwire(made, b)
    assert (refused.value.code, refused.value.details["matches"]) == ("reconciliation.has_matches", 1)
    assert feeds.unwire(made, b, undo_matches=True).undone == 1
    assert faults() == []


def test_while_a_stream_is_taken_out_nobody_decides_or_matches(feeds: Feeds, pair):
    made, a, b = pair
    ours = feeds.add(a, ("R1", 100), ("R2", 200))
    theirs = feeds.add(b, ("R1", 100), ("R2", 200))
    feeds.auto_match(made)
    suggested = Match.objects.order_by("pk").first()
    asked = feeds.act(stream_unwire, reconciliation=made, stream=b)
    for act in (
        lambda: feeds.act(match_accept, match_id=suggested.pk),
        lambda: feeds.match(made, [ours[1]], [theirs[1]]),
    ):
        with pytest.raises(Conflict) as refused:
            act()
        assert refused.value.code == "reconciliation.rewiring"
    feeds.done(asked)
    with pytest.raises(Invalid) as refused:
        feeds.match(made, [ours[1]], [theirs[1]])
    assert refused.value.code == "match.not_wired"


def test_a_record_of_a_leaving_stream_is_changed_and_voided_with_what_is_left_of_it_there(feeds: Feeds, pair):
    made, a, b = pair
    [mine] = feeds.add(a, ("R1", 100))
    [gone, kept] = feeds.add(b, ("R1", 100), ("R2", 7))
    feeds.auto_match(made)
    asked = feeds.act(stream_unwire, reconciliation=made, stream=b)
    feeds.act(record_void, record=gone)
    feeds.act(record_change, record=kept, changes={"amount": 8})
    assert Match.objects.get().status == "undone"
    feeds.done(asked)
    assert list(OpenItem.objects.values_list("record_id", flat=True)) == [mine.pk]
    assert faults() == []


def test_a_group_is_of_what_its_records_are_not_of_what_the_caller_read(feeds: Feeds, pair):
    made, a, b = pair
    [mine], [theirs] = feeds.add(a, ("R1", 100)), feeds.add(b, ("R1", 100))
    feeds.act(record_change, record=mine, changes={"amount": 70})
    assert feeds.match(made, [mine], [theirs]).difference == -30
    assert faults() == []


def test_a_reconciliation_is_ready_when_none_of_its_operations_is_left_not_even_a_failed_one(feeds: Feeds):
    made = feeds.reconciliation()
    one, two = feeds.stream("a"), feeds.stream("b")
    first = feeds.act(stream_wire, reconciliation=made, stream=one, side="a")
    second = feeds.act(stream_wire, reconciliation=made, stream=two, side="b")
    StreamOperation.objects.filter(pk=first.pk).update(status="failed", finished_at=NOW)
    feeds.done(second)
    assert not Reconciliation.objects.get(pk=made.pk).ready
    feeds.done(first)
    assert Reconciliation.objects.get(pk=made.pk).ready


def test_nothing_to_add_adds_nothing(feeds: Feeds):
    assert feeds.add(feeds.stream("a")) == []


def test_a_reset_empties_the_stream_everywhere_and_keeps_its_wiring(feeds: Feeds, pair, settings):
    settings.CHUNK_GROUPS = 1
    made, a, b = pair
    other = feeds.reconciliation(a, feeds.stream("c"))
    ours, theirs = feeds.add(a, ("R1", 100), ("R2", 5)), feeds.add(b, ("R1", 100))
    feeds.match(made, ours[:1], theirs)
    done = feeds.reset(a)
    assert (done.processed, done.undone) == (2, 1)
    assert list(Record.objects.live().values_list("stream__key", flat=True)) == ["b"]
    assert set(OpenItem.objects.values_list("reconciliation_id", "record_id")) == {(made.pk, theirs[0].pk)}
    assert (a.wiring.count(), other.pk in a.wiring.values_list("reconciliation_id", flat=True)) == (2, True)
    feeds.add(a, ("R1", 100))
    assert OpenItem.objects.filter(record__stream=a).count() == 2
    assert faults() == []


def test_while_it_is_reset_a_stream_takes_nothing(feeds: Feeds, pair):
    _made, a, _b = pair
    [record] = feeds.add(a, ("R1", 100))
    asked = feeds.act(stream_reset, stream=a)
    for act in (lambda: feeds.add(a, ("R2", 1)), lambda: feeds.act(record_void, record=record)):
        with pytest.raises(Conflict) as refused:
            act()
        assert refused.value.code == "stream.resetting"
    feeds.done(asked)


def test_one_operation_of_a_stream_at_a_time(feeds: Feeds, pair):
    made, a, _b = pair
    feeds.act(stream_reset, stream=a)
    with pytest.raises(Conflict) as refused:
        feeds.act(stream_unwire, reconciliation=made, stream=a)
    assert refused.value.code == "stream.operation_running"
    assert a.wiring.count() == 1


def test_only_streams_that_programs_write_to_are_reset(feeds: Feeds):
    with pytest.raises(Conflict) as refused:
        feeds.act(stream_reset, stream=feeds.stream("bank", kind="bank_list"))
    assert refused.value.code == "stream.owned"


def test_a_killed_workers_operation_goes_on_where_it_stopped(feeds: Feeds, settings):
    settings.CHUNK_GROUPS = 2
    stream, made = feeds.stream("a"), feeds.reconciliation()
    records = feeds.add(stream, *((f"R{n}", 100 + n) for n in range(5)))
    asked = feeds.act(stream_wire, reconciliation=made, stream=stream, side="a")
    StreamOperation.objects.filter(pk=asked.pk).update(
        status="running", attempt=1, done_to=records[1].pk, processed=2
    )
    OpenItem.objects.bulk_create(
        OpenItem(reconciliation=made, record=record, side="a", open_amount=record.signed_amount)
        for record in records[:2]
    )
    assert feeds.done(asked).processed == 5
    assert OpenItem.objects.count() == 5


def test_a_second_message_for_a_done_operation_does_nothing(feeds: Feeds, pair):
    _made, a, _b = pair
    done = feeds.reset(a)
    operation_execute(operation_id=done.pk, clock=lambda: NOW)
    done.refresh_from_db()
    assert done.attempt == 1


# --- Records -------------------------------------------------------------------------------------------------------


def test_a_change_re_tickets_the_record_in_all_its_reconciliations(feeds: Feeds, pair):
    _made, a, b = pair
    feeds.reconciliation(a, b)
    [record] = feeds.add(a, ("R1", 100))
    before = dict(OpenItem.objects.values_list("reconciliation_id", "ticket"))
    feeds.act(record_change, record=record, changes={"amount": 60, "direction": "debit"})
    after = {row.reconciliation_id: row for row in OpenItem.objects.all()}
    assert {row.open_amount for row in after.values()} == {-60}
    assert all(after[pk].ticket != ticket for pk, ticket in before.items())
    assert faults() == []


def test_a_change_undoes_suggestions_and_is_refused_under_an_accepted_match(feeds: Feeds, pair):
    made, a, b = pair
    [record] = feeds.add(a, ("R1", 100))
    feeds.add(b, ("R1", 100))
    feeds.auto_match(made)
    feeds.act(record_change, record=record, changes={"amount": 90})
    assert Match.objects.get().status == "undone"
    feeds.auto_match(made)
    match = Match.objects.get(status="suggested")
    assert (match.difference, MatchMember.objects.filter(match=match).count()) == (-10, 2)
    feeds.act(match_accept, match_id=match.pk)
    for act in (
        lambda: feeds.act(record_change, record=record, changes={"amount": 80}),
        lambda: feeds.act(record_void, record=record),
    ):
        with pytest.raises(Conflict) as refused:
            act()
        assert refused.value.code == "record.matched"
    assert faults() == []


def test_the_same_external_id_comes_once(feeds: Feeds):
    stream = feeds.stream("a")
    one = RecordIn(date(2026, 3, 2), 100, "credit", "EUR", external_id="X-1")
    feeds.act(records_add, stream=stream, records=[one])
    with pytest.raises(Invalid) as refused:
        feeds.act(records_add, stream=stream, records=[one])
    assert (refused.value.code, refused.value.details["external_ids"]) == ("record.duplicate", ["X-1"])
    assert Record.objects.count() == 1


def test_another_organizations_record_is_not_found(feeds: Feeds):
    [record] = feeds.add(feeds.stream("a"), ("R1", 100))
    stranger = Feeds(actor_with("admin"))
    with pytest.raises(NotFound) as refused:
        stranger.act(record_void, record=record)
    assert refused.value.code == "record.not_found"


def test_a_group_of_a_stream_is_taken_whole_with_its_difference(feeds: Feeds, pair):
    made, a, b = pair
    match = feeds.match(made, feeds.add(a, ("R1", 100)), feeds.add(b, ("R1", -80)))
    assert (match.total_a, match.total_b, match.difference) == (100, 80, 20)
    assert OpenItem.objects.count() == 0
    assert faults() == []


def test_one_side_alone_matches_only_when_it_adds_up_to_zero(feeds: Feeds, pair):
    made, a, _b = pair
    records = feeds.add(a, ("R1", 100), ("R1", -100), ("R2", 5))
    with pytest.raises(Invalid) as refused:
        feeds.match(made, records, [])
    assert refused.value.code == "match.one_sided"
    assert feeds.match(made, records[:2], []).difference == 0
    assert faults() == []
