"""What programs and people do around streams: records added, changed and voided, matched, streams re-wired and reset."""

from __future__ import annotations

from datetime import datetime

from ledgers.models import DataStream, Record
from organizations.actors import Actor
from reconciliation.models import MatchMember, OpenItem
from reconciliation.services.groups import Made, group_match
from reconciliation.services.items import record_close, record_reopen
from reconciliation.services.locks import share_reconciliations
from reconciliation.services.operations import stream_reset, stream_unwire, stream_wire
from reconciliation.services.passes import pass_request
from reconciliation.services.stream_matches import match_by_hand
from reconciliation.services.stream_records import RecordIn, record_change, record_void, records_add
from reconciliation.states import MatchStatus
from rules.models import Reconciliation, ReconciliationStream
from tests.clock import TODAY
from tests.hammer.hands import HOT, Hand, NothingToDo
from tests.hammer.ledger_acts import crowded
from tests.hammer.world import AMOUNTS, DAYS, REFERENCES

EXTERNAL_IDS = ("", "", "", "X1", "X2", "X3")


def a_stream(hand: Hand) -> DataStream:
    return DataStream.objects.get(pk=hand.one(hand.world.stream_ids))


def a_reconciliation(hand: Hand) -> Reconciliation:
    return Reconciliation.objects.get(pk=hand.one(hand.world.reconciliation_ids))


def a_record(hand: Hand) -> Record:
    return hand.newest(Record.objects.live().filter(stream__in=hand.world.stream_ids))


def add_records(hand: Hand) -> object:
    """Some come with an id that the stream may have already."""
    if crowded(hand):
        raise NothingToDo
    chance = hand.chance
    records = [
        RecordIn(
            TODAY.replace(day=1 + chance.randrange(DAYS)),
            chance.choice(AMOUNTS),
            "credit",
            "EUR",
            reference=chance.choice(REFERENCES),
            external_id=chance.choice(EXTERNAL_IDS),
        )
        for _n in range(1 + chance.randrange(4))
    ]
    return hand.act(records_add, stream=a_stream(hand), records=records)


def change_record(hand: Hand) -> object:
    record, chance = a_record(hand), hand.chance
    changes = {"amount": chance.choice(AMOUNTS), "reference": chance.choice(REFERENCES)}
    return hand.act(record_change, record=record, changes=changes)


def void_record(hand: Hand) -> object:
    return hand.act(record_void, record=a_record(hand))


def request_streams(hand: Hand) -> object:
    return hand.act(pass_request, reconciliation=a_reconciliation(hand), run=None)


def match_records(hand: Hand) -> object:
    """Records of both sides as one group, whatever they add up to."""
    reconciliation = a_reconciliation(hand)
    sides = [hand.some(_open(reconciliation, side), 2) for side in "ab"]
    return hand.act(_group, reconciliation=reconciliation, side_a=sides[0], side_b=sides[1])


def match_by_numbers(hand: Hand) -> object:
    """Records that are open or that a suggestion has, on whatever side; sometimes made to add up."""
    reconciliation = a_reconciliation(hand)
    suggested = MatchMember.objects.filter(
        reconciliation=reconciliation, live=True, match__status=MatchStatus.SUGGESTED
    )
    offered = list(suggested.order_by("-record_id").values_list("record_id", flat=True)[:HOT])
    known = [record.pk for side in "ab" for record in _open(reconciliation, side)] + offered
    return hand.act(
        match_by_hand,
        reconciliation=reconciliation,
        record_ids=hand.some(known, 3),
        create_adjustment=hand.chance.random() < 0.6,
    )


def _open(reconciliation: Reconciliation, side: str) -> list[Record]:
    tokens = OpenItem.objects.free().filter(reconciliation=reconciliation, side=side)
    return list(Record.objects.filter(pk__in=tokens.values("record_id")).order_by("-pk")[:HOT])


def _group(
    *, reconciliation: Reconciliation, side_a: list[Record], side_b: list[Record], by: Actor, at: datetime
) -> Made:
    share_reconciliations([reconciliation.pk])
    return group_match(reconciliation=reconciliation, run=None, side_a=side_a, side_b=side_b, by=by, at=at)


def close_record(hand: Hand) -> object:
    """Close a free one, or reopen a closed one."""
    reconciliation = a_reconciliation(hand)
    tokens = OpenItem.objects.filter(reconciliation=reconciliation).order_by("-record_id")
    token = hand.one(list(tokens[:HOT]))
    service = record_close if token.closed_at is None else record_reopen
    record = Record.objects.get(pk=token.record_id)
    return hand.act(service, record=record, reconciliation=reconciliation, run=None)


def rewire(hand: Hand) -> object:
    """Take a stream out, or put it back on its side. The statement stream of the ledger's account comes and goes too, so
    that its lines are open in several reconciliations at once."""
    place = hand.chance.randrange(len(hand.world.reconciliation_ids))
    reconciliation = Reconciliation.objects.get(pk=hand.world.reconciliation_ids[place])
    shared, *others = hand.world.stream_ids
    side_a = hand.one([shared, hand.world.statement_stream_id])
    stream_id, side = hand.one([(side_a, "a"), (others[place], "b")])
    stream = DataStream.objects.get(pk=stream_id)
    if ReconciliationStream.objects.filter(reconciliation=reconciliation, stream=stream).exists():
        undo = hand.chance.random() < 0.7
        return hand.act(stream_unwire, reconciliation=reconciliation, stream=stream, undo_matches=undo)
    return hand.act(stream_wire, reconciliation=reconciliation, stream=stream, side=side)


def reset(hand: Hand) -> object:
    return hand.act(stream_reset, stream=a_stream(hand))
