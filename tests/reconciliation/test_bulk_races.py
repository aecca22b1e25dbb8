"""Bulk requests at the same moment: one key, the same ids, a stream that is being emptied, a cancel."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from django.db import connection

from ledgers.models import BulkRequest, ImportBatch, Record
from reconciliation.selectors.integrity import faults
from reconciliation.services.bulk import bulk_cancel, bulk_request
from reconciliation.services.bulk_execution import bulk_execute
from reconciliation.services.operations import stream_reset
from tests.clock import NOW
from tests.factories.organizations import actor_with
from tests.reconciliation.races import at_once, codes, performed
from tests.reconciliation.streams import Feeds

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def feeds() -> Feeds:
    return Feeds(actor_with("admin"))


def row(name: str | None, key: str = "a") -> dict[str, Any]:
    return {
        "date": "2026-03-01",
        "data_stream_key": key,
        "amount": 5_00,
        "direction": "credit",
        "external_id": name,
    }


def ask(feeds: Feeds, rows: list[Any], **more: Any) -> BulkRequest:
    body = {"records": rows, **more}
    return feeds.act(bulk_request, organization_id=feeds.by.organization_id, body=body)


def execute(asked: BulkRequest) -> Any:
    return partial(bulk_execute, bulk_request_id=asked.pk, clock=lambda: NOW)


def test_one_key_ten_times_at_once_is_one_request(feeds: Feeds):
    feeds.stream("a")
    asks = [
        performed(
            bulk_request,
            organization_id=feeds.by.organization_id,
            body={"records": [row(f"X{number}")]},
            idempotency_key="load-1",
            by=feeds.by,
            at=NOW,
        )
        for number in range(10)
    ]
    results = at_once(asks)
    assert codes(results) == {"ok": 10}
    assert len({found.pk for found in results}) == BulkRequest.objects.count() == 1


def test_the_same_ids_in_other_orders_at_once_come_once(feeds: Feeds):
    a, b = feeds.stream("a"), feeds.stream("b")
    feeds.reconciliation(a, b)
    names = [f"X{number}" for number in range(300)]
    orders = [names, names[::-1], names[150:] + names[:150]]
    asked = [
        ask(feeds, [row(name, "a" if place % 2 else "b") for place, name in enumerate(order)])
        for order in orders
    ]
    asked += [ask(feeds, [row(name) for name in order]) for order in orders * 2]
    at_once([execute(one) for one in asked])
    for one in asked:
        one.refresh_from_db()
        assert (one.status, one.error_message) == ("completed", "")
        assert one.processed_items == 300
        assert not one.failed_items
    live = Record.objects.live()
    assert live.filter(stream=a).count() == 300
    assert live.filter(stream=b).count() == 300
    assert sum(one.successful_items for one in asked) == 600
    assert sum(batch.record_count for batch in ImportBatch.objects.all()) == 600
    assert faults() == []


def test_two_workers_at_one_request_write_it_once(feeds: Feeds):
    feeds.stream("a")
    asked = ask(feeds, [row(None) for _ in range(600)])
    at_once([execute(asked)] * 4)
    asked.refresh_from_db()
    assert (asked.status, asked.successful_items, Record.objects.count()) == ("completed", 600, 600)


def test_rows_beside_a_reset_fail_or_stay_and_nothing_hangs_between(feeds: Feeds):
    a = feeds.stream("a")
    feeds.reconciliation(a, feeds.stream("b"))
    asked = ask(feeds, [row(None) for _ in range(600)])
    at_once([execute(asked), performed(stream_reset, stream=a, by=feeds.by, at=NOW)])
    asked.refresh_from_db()
    assert asked.status == "completed"
    assert asked.successful_items == Record.objects.count()
    assert asked.successful_items + asked.failed_items == 600
    assert faults() == []


def test_a_cancel_beside_its_worker_leaves_every_row_said(feeds: Feeds):
    feeds.stream("a")
    asked = ask(feeds, [row(None) for _ in range(1_000)])
    cancel = performed(
        bulk_cancel,
        organization_id=feeds.by.organization_id,
        bulk_request_id=asked.pk,
        by=feeds.by,
        at=NOW,
    )
    at_once([execute(asked), cancel])
    asked.refresh_from_db()
    assert asked.status in ("completed", "cancelled")
    assert asked.processed_items == 1_000 == len(asked.content.results)
    assert asked.successful_items == Record.objects.count()
    assert faults() == []


ALWAYS = """
CREATE FUNCTION in_the_way() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'deadlock detected' USING ERRCODE = 'deadlock_detected'; END $$;
CREATE TRIGGER in_the_way BEFORE INSERT ON ledgers_record EXECUTE FUNCTION in_the_way();
"""
NEVER = "DROP FUNCTION in_the_way CASCADE"


def test_others_that_are_in_the_way_each_time_end_no_request(feeds: Feeds):
    feeds.stream("a")
    asked = ask(feeds, [row("X1"), row("X2")])
    with connection.cursor() as cursor:
        cursor.execute(ALWAYS)
        try:
            execute(asked)()
        finally:
            cursor.execute(NEVER)
    asked.refresh_from_db()
    assert (asked.status, asked.processed_items) == ("processing", 0)
    execute(asked)()
    asked.refresh_from_db()
    assert (asked.status, asked.successful_items) == ("completed", 2)
