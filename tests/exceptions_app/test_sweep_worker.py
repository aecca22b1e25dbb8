"""A sweep in a real Celery worker; the one of a killed worker is done by the next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.db import connection

from exceptions_app.models import ReconciliationException, Sweep
from exceptions_app.tasks import sweep_overdue
from reconciliation.models import OpenItem
from reconciliation.selectors.integrity import faults
from tests.exceptions_app.overdue import Overdue
from tests.workers import Worker, wait_for

pytestmark = pytest.mark.worker


@contextmanager
def exceptions_held() -> Iterator[None]:
    """Whoever asks for exceptions waits."""
    params = connection.get_connection_params()
    names = ("user", "password", "host", "port", "dbname")
    with psycopg.connect(**{name: params[name] for name in names if name in params}) as person:
        person.execute("LOCK TABLE exceptions_app_reconciliationexception IN EXCLUSIVE MODE")
        yield


def statuses() -> list[str]:
    return list(Sweep.objects.order_by("pk").values_list("status", flat=True))


@pytest.fixture
def feeds(worker: Worker) -> Overdue:
    feeds = Overdue.of_two_streams()
    feeds.add(feeds.a, ("R1", 100), ("R2", 200))
    return feeds


def test_beat_rings_for_each_organization_that_has_something_to_do(feeds: Overdue):
    sweep_overdue()
    wait_for(lambda: statuses() == ["completed"], seconds=20, what="the sweep has ended")
    assert Sweep.objects.get().records == 2
    assert feeds.exception().status == "open"


def test_the_sweep_of_a_killed_worker_is_done_by_the_next(feeds: Overdue, worker: Worker):
    with exceptions_held():
        sweep_overdue()
        wait_for(lambda: statuses() == ["running"], seconds=20, what="the sweep has begun")
        worker.kill()
    worker.start()

    def swept() -> bool:
        sweep_overdue()
        return "completed" in statuses()

    wait_for(swept, seconds=30, what="another worker did it")
    assert statuses()[0] == "failed"
    assert sum(Sweep.objects.values_list("records", flat=True)) == 2
    assert ReconciliationException.objects.count() == 1
    assert not OpenItem.objects.filter(overdue_seen_at=None).exists()
    assert faults() == []
