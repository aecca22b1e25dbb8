"""A pass in a real Celery worker: killed half way, and longer than the broker waits. What blocks it is a row lock that the
test holds, so that nothing here depends on how fast the machine is.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from ledgers.models import SourceFile
from organizations.models import AuditEvent
from reconciliation.models import Match, MatchMember, OpenItem, Pass
from reconciliation.selectors.integrity import faults
from reconciliation.tasks import import_source, requeue_lost
from tests.factories.organizations import actor_with
from tests.factories.reconciliation import PassFactory
from tests.reconciliation.books import Books, books
from tests.reconciliation.files import csv
from tests.workers import Worker, wait_for

pytestmark = pytest.mark.worker
PAIRS = 6


@pytest.fixture
def made(worker: Worker) -> Books:
    made = books(actor_with(), entries=[(f"G{n}", "debit", 100 + n, 3, f"R{n}") for n in range(PAIRS)])
    made.upload(csv(*((f"S{n}", "credit", 100 + n, 3, f"R{n}") for n in range(PAIRS))))
    return made


@contextmanager
def last_token_held(made: Books) -> Iterator[None]:
    """A person's act on the last item that never ends, on a connection of its own."""
    params = connection.get_connection_params()
    names = ("user", "password", "host", "port", "dbname")
    last = OpenItem.objects.filter(side="a").order_by("-record_id").first()
    assert last is not None
    with psycopg.connect(**{name: params[name] for name in names if name in params}) as person:
        person.execute(
            "SELECT 1 FROM reconciliation_openitem WHERE record_id = %s FOR UPDATE", [last.record_id]
        )
        yield


def row(asked: Pass) -> Pass:
    return Pass.objects.get(pk=asked.pk)


def check_done_once(asked: Pass, *, attempts: int) -> None:
    done = row(asked)
    assert (done.status, done.attempt, done.error) == ("completed", attempts, "")
    assert (done.matched, done.suggested, done.lost_to_others) == (PAIRS, PAIRS, 0)
    assert Match.objects.filter(made_by_pass=done).count() == PAIRS
    assert MatchMember.objects.filter(live=True).count() == 2 * PAIRS
    assert AuditEvent.objects.filter(action="pass.completed").count() == 1
    assert faults() == []


def test_the_pass_of_a_killed_worker_completes_after_a_restart(made: Books, worker: Worker, monkeypatch):
    monkeypatch.setenv("TIEOUT_CHUNK_GROUPS", "1")
    worker.kill()
    worker.start()
    with last_token_held(made):
        asked = made.request()
        wait_for(
            lambda: row(asked).suggested == PAIRS - 1, seconds=20, what="the pass waits for its last token"
        )
        worker.kill()
        assert row(asked).status == "running"
    worker.start()

    wait_for(lambda: row(asked).status == "completed", seconds=30, what="another worker went on with it")

    check_done_once(asked, attempts=2)
    worker.kill()  # its chunks are too small for the other tests


def test_a_pass_three_times_as_long_as_the_broker_waits_is_one_pass(made: Books, worker: Worker):
    visibility = settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"]
    with last_token_held(made):
        asked = made.request()
        wait_for(lambda: row(asked).status == "running", seconds=20, what="the pass has begun")
        began = time.monotonic()
        wait_for(worker.is_idle, seconds=20, what="its message came again, and was dropped")
        long = 3 * visibility
        wait_for(lambda: time.monotonic() - began > long, seconds=2 * long, what="three times as long")
        requeue_lost()
        assert row(asked).status == "running"

    wait_for(lambda: row(asked).status != "running", seconds=20, what="the pass has ended")

    worker.wait_until_idle()
    check_done_once(asked, attempts=1)


def test_what_nobody_rings_for_any_more_is_found_and_done(made: Books, worker: Worker):
    """Rows without a message: the broker lost them, or the worker died after it had dropped a second message."""
    silent = PassFactory(reconciliation=made.run.reconciliation, run=made.run)
    left = PassFactory(
        reconciliation=made.run.reconciliation, status="running", attempt=1, heartbeat_at=silent.requested_at
    )
    source = made.add(csv(("T0", "credit", 9_00, 4, "")))
    requeue_lost()
    worker.wait_until_idle()
    assert [row(silent).status, row(left).status] == ["completed", "completed"]
    assert SourceFile.objects.get(pk=source.source_file_id).status == "completed"
    assert Match.objects.filter(made_by_pass__in=[silent, left]).count() == PAIRS
    assert faults() == []


def test_an_import_that_is_rung_for_three_times_is_done_once(made: Books, worker: Worker):
    source = made.add(csv(("T0", "credit", 9_00, 4, "")))
    for _ring in range(3):
        import_source.delay(source_file_id=source.source_file_id)
    worker.wait_until_idle()
    file = SourceFile.objects.get(pk=source.source_file_id)
    assert (file.status, file.imported_count) == ("completed", 1)
    assert faults() == []
