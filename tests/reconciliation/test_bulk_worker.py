"""Bulk requests in a real Celery worker: done when asked for, and gone on with when the worker is killed at any chunk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import connection

from ledgers.models import BulkRequest, DataStream, ImportBatch, Record
from reconciliation.models import OpenItem
from reconciliation.selectors.integrity import faults
from reconciliation.services.bulk import bulk_request
from reconciliation.services.stream_records import dedup_key
from reconciliation.tasks import requeue_lost
from tests.factories.organizations import actor_with
from tests.reconciliation.streams import Feeds
from tests.workers import Worker, wait_for

pytestmark = pytest.mark.worker
ROWS = 1_000


@pytest.fixture
def feeds(worker: Worker) -> Feeds:
    feeds = Feeds(actor_with("admin"))
    feeds.reconciliation(feeds.stream("a"), feeds.stream("b"))
    return feeds


def ask(feeds: Feeds) -> BulkRequest:
    rows: list[dict[str, Any]] = [
        {
            "date": "2026-03-01",
            "data_stream_key": "a" if number % 2 else "b",
            "amount": number,
            "direction": "credit",
            "external_id": f"X{number % 900}" if number % 3 else None,
        }
        for number in range(ROWS)
    ]
    return feeds.act(bulk_request, organization_id=feeds.by.organization_id, body={"records": rows})


def current(asked: BulkRequest) -> BulkRequest:
    return BulkRequest.objects.get(pk=asked.pk)


INSERT = """
INSERT INTO ledgers_record (id, uuid, stream_id, kind, date, amount, direction, signed_amount, effect, currency,
    decimal_places, reference, description, counterparty, external_id, event, metadata, dedup_key, dedup_version,
    suspect, date_inferred, created_at, created_by, voided_by)
VALUES (1, gen_random_uuid(), %s, 'entry', '2026-03-01', 1, 'credit', 1, 1, 'USD', 2, '', '', '', '', '', '{}', %s, 1,
    false, false, now(), 'system:test', '')
"""
IN_CHUNK = (101, 251, 503, 755)
"""A row of each chunk that goes to stream a, with an external id that no other row has."""


@contextmanager
def id_held(stream: DataStream, external_id: str) -> Iterator[None]:
    """Somebody is about to write a record with that id: the worker that comes to it waits, in the middle of a chunk."""
    params = connection.get_connection_params()
    names = ("user", "password", "host", "port", "dbname")
    with psycopg.connect(**{name: params[name] for name in names if name in params}) as person:
        person.execute(INSERT, [stream.pk, dedup_key(external_id)])
        yield
        person.rollback()


def waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


def check_done(asked: BulkRequest) -> None:
    row = current(asked)
    assert (row.status, row.error_message) == ("completed", "")
    assert row.successful_items + row.skipped_items == ROWS
    results = row.content.results
    assert [each["index"] for each in results] == list(range(ROWS))
    added = [each["record_id"] for each in results if each["status"] == "successful"]
    assert len(set(added)) == len(added) == row.successful_items == Record.objects.count()
    assert OpenItem.objects.count() == row.successful_items
    assert sum(batch.record_count for batch in ImportBatch.objects.all()) == row.successful_items
    assert faults() == []


def test_a_worker_does_what_is_asked_for(feeds: Feeds):
    asked = ask(feeds)
    wait_for(lambda: not current(asked).is_under_way, seconds=30, what="the request has ended")
    check_done(asked)
    assert current(asked).attempt == 1


@pytest.mark.parametrize("chunk", range(4))
def test_what_a_killed_worker_left_is_gone_on_with_nothing_twice_nothing_lost(
    feeds: Feeds, worker: Worker, chunk: int
):
    """The worker is killed inside each of the four chunks in turn."""
    with id_held(DataStream.objects.get(key="a"), f"X{IN_CHUNK[chunk]}"):
        asked = ask(feeds)
        wait_for(
            lambda: current(asked).processed_items == chunk * 250 and waits(),
            seconds=30,
            what=f"the worker is in chunk {chunk}",
        )
        worker.kill()
    left = current(asked)
    assert (left.status, left.processed_items) == ("processing", chunk * 250)
    assert Record.objects.count() == left.successful_items
    worker.start()

    def swept() -> bool:
        requeue_lost()
        return not current(asked).is_under_way

    wait_for(swept, seconds=60, what="another worker went on")
    check_done(asked)
    assert current(asked).attempt >= 2
