"""The walks that lists of records are made of stay on their index, whatever came in before and after."""

from __future__ import annotations

import json
from datetime import date

import polars as pl
import pytest
from django.db import connection

from ledgers.models import DataStream
from ledgers.services.records import records_write
from reconciliation.selectors import record_walks as walks
from reconciliation.services.stream_records import RecordIn, records_frame
from tests.clock import NOW
from tests.factories.organizations import actor_with
from tests.reconciliation.streams import Feeds

pytestmark = pytest.mark.django_db
TOP = 2**63 - 1


@pytest.fixture
def feeds() -> Feeds:
    return Feeds(actor_with("admin"))


def fill(feeds: Feeds, stream: DataStream, rows: int) -> None:
    one = records_frame([RecordIn(date(2026, 3, 1), 5_00, "credit", "EUR")])
    records_write(pl.concat([one] * rows), stream=stream, by=feeds.by, at=NOW)


def test_a_stream_that_was_loaded_before_another_is_not_searched_for_behind_it(feeds: Feeds):
    first, later = feeds.stream("first"), feeds.stream("later")
    fill(feeds, first, 10_000)
    fill(feeds, later, 10_000)
    part = walks.of_streams([first.pk], walks.Condition(["r.voided_at IS NULL"]), below=TOP, limit=50)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE ledgers_record")
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {part.sql}", part.params)
        plan = json.dumps(cursor.fetchone()[0])
    assert "record_by_id" in plan
    assert "ledgers_record_pkey" not in plan


def test_pages_of_several_streams_go_on_where_they_ended(feeds: Feeds):
    a, b, other = feeds.stream("a"), feeds.stream("b"), feeds.stream("other")
    for stream in (a, other, b, a, other, b):
        fill(feeds, stream, 3)
    everything = walks.Condition(["true"])
    found: list[int] = []
    while page := walks.run(
        [walks.of_streams([a.pk, b.pk], everything, below=min(found, default=TOP), limit=5)], 5
    ):
        found += page
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM ledgers_record WHERE stream_id = ANY(%s) ORDER BY id DESC", [[a.pk, b.pk]]
        )
        assert found == [pk for (pk,) in cursor.fetchall()]
    assert len(found) == 12


def test_what_is_open_in_a_stream_is_not_searched_for_behind_and_before_it(feeds: Feeds):
    """The walk over the open items of the reconciliation keeps within the stream's own records."""
    before, mine, after = feeds.stream("before"), feeds.stream("mine"), feeds.stream("after")
    made = feeds.reconciliation(before, mine)
    feeds.wire(made, after, "a")
    rows = [feeds.add(stream, *[(f"R{n}", 100) for n in range(5)]) for stream in (before, mine, after)]
    oldest, newest = walks.span_of([mine.pk])
    assert (oldest, newest) == (rows[1][0].pk, rows[1][-1].pk)
    assert walks.span_of([before.pk, after.pk]) == (rows[0][0].pk, rows[2][-1].pk)
    assert walks.span_of([feeds.stream("empty").pk]) == (0, 0)
    everything = walks.Condition(["true"])
    down = {"above": oldest, "below": newest + 1, "limit": 50}
    part = walks.of_tokens(made.pk, everything, closed=False, **down)
    assert walks.run([part], 50) == [row.pk for row in reversed(rows[1])]
