"""Programs and people at the records of one stream at the same moment."""

from __future__ import annotations

from datetime import date
from functools import partial

import psycopg
import pytest
from django.db import transaction

from ledgers.models import Record
from reconciliation.models import Match
from reconciliation.selectors.integrity import faults
from reconciliation.services.matches import match_reject
from reconciliation.services.operation_chunks import operation_execute
from reconciliation.services.operations import stream_reset
from reconciliation.services.stream_records import RecordIn, record_change, records_add
from tests.clock import NOW
from tests.factories.organizations import actor_with
from tests.hammer.scenarios import another_connection, beside
from tests.reconciliation.races import at_once, codes, performed
from tests.reconciliation.streams import Feeds
from tests.workers import wait_for

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def feeds() -> Feeds:
    return Feeds(actor_with("admin"))


def test_the_same_external_id_ten_times_at_once_is_one_record(feeds: Feeds):
    stream = feeds.stream("a")
    record = RecordIn(date(2026, 3, 2), 5_00, "credit", "EUR", external_id="X1")
    add = performed(records_add, stream=stream, records=[record], by=feeds.by, at=NOW)

    assert codes(at_once([add] * 10)) == {"ok": 1, "record.duplicate": 9}

    assert Record.objects.filter(stream=stream).count() == 1
    assert faults() == []


def test_two_records_changed_to_one_external_id_at_once_are_one_change(feeds: Feeds):
    stream = feeds.stream("a")
    records = feeds.add(stream, ("R1", 1_00), ("R2", 2_00))
    changes = [
        performed(record_change, record=record, changes={"external_id": "X1"}, by=feeds.by, at=NOW)
        for record in records
    ]

    assert codes(at_once(changes * 3)) in [{"ok": 3, "record.duplicate": 3}]

    assert Record.objects.filter(stream=stream, external_id="X1").count() == 1
    assert faults() == []


def test_a_match_that_is_rejected_while_its_stream_is_reset_stays_rejected(feeds: Feeds):
    a, b = feeds.stream("a"), feeds.stream("b")
    made = feeds.reconciliation(a, b)
    feeds.add(a, ("R1", 5_00))
    feeds.add(b, ("R1", 5_00))
    feeds.auto_match(made)
    match = Match.objects.get()
    asked = feeds.act(stream_reset, stream=a)

    with transaction.atomic():
        match_reject(match_id=match.pk, by=feeds.by, at=NOW)
        emptying = beside(partial(operation_execute, operation_id=asked.pk, clock=lambda: NOW))
        emptying.__enter__()
    emptying.__exit__(None, None, None)

    match.refresh_from_db()
    asked.refresh_from_db()
    assert (match.status, asked.status) == ("rejected", "completed")
    assert faults() == []


def test_a_change_has_the_token_that_came_back_before_it_asks_for_the_record(feeds: Feeds):
    """Its match was being rejected when it looked. Two changes that took record and token in another order each waited
    for the other."""
    a, b = feeds.stream("a"), feeds.stream("b")
    made = feeds.reconciliation(a, b)
    (record,) = feeds.add(a, ("R1", 5_00))
    feeds.add(b, ("R1", 5_00))
    feeds.auto_match(made)
    match = Match.objects.get()
    change = partial(feeds.act, record_change, record=record, changes={"amount": 7_00})

    with another_connection() as holder:
        holder.execute("SELECT 1 FROM ledgers_record WHERE id = %s FOR UPDATE", [record.pk])
        with transaction.atomic():
            match_reject(match_id=match.pk, by=feeds.by, at=NOW)
            changing = beside(change)
            changing.__enter__()
        wait_for(partial(token_is_taken, record), seconds=4, what="the change has the record's token")
        holder.rollback()
    changing.__exit__(None, None, None)

    record.refresh_from_db()
    assert record.amount == 7_00
    assert faults() == []


def token_is_taken(record: Record) -> bool:
    with another_connection() as looker:
        try:
            looker.execute(
                "SELECT 1 FROM reconciliation_openitem WHERE record_id = %s FOR UPDATE NOWAIT", [record.pk]
            )
        except psycopg.errors.LockNotAvailable:
            return True
        finally:
            looker.rollback()
    return False
