"""Programs and people at the records of one stream at the same moment."""

from __future__ import annotations

from datetime import date
from functools import partial

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
from tests.hammer.scenarios import beside
from tests.reconciliation.races import at_once, codes, performed
from tests.reconciliation.streams import Feeds

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
