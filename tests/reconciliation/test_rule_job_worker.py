"""A backtest in a real Celery worker: done when rung for, and done again by the next when its worker is killed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.db import connection

from reconciliation.models import RuleJob
from reconciliation.tasks import requeue_lost
from tests.reconciliation.test_backtests import SAME_TEXT, Past, counts
from tests.workers import Worker, wait_for

pytestmark = pytest.mark.worker


@pytest.fixture
def past(worker: Worker) -> Past:
    past = Past()
    past.pair(700, text="coffee")
    return past


@contextmanager
def refusals_held() -> Iterator[None]:
    """Whoever reads what people rejected waits: the backtest stands in the middle of its reading."""
    params = connection.get_connection_params()
    names = ("user", "password", "host", "port", "dbname")
    with psycopg.connect(**{name: params[name] for name in names if name in params}) as person:
        person.execute("LOCK TABLE reconciliation_rejectedgroup IN ACCESS EXCLUSIVE MODE")
        yield


def row(job: RuleJob) -> RuleJob:
    return RuleJob.objects.get(pk=job.pk)


def test_a_worker_does_what_is_asked_for(past: Past):
    job = past.ask(facts={"filters": SAME_TEXT})
    wait_for(lambda: not row(job).is_under_way, seconds=20, what="the backtest has ended")
    done = row(job)
    assert (done.status, done.attempt, done.error) == ("completed", 1, "")
    assert counts(done.result) == {"new": 1}


def test_the_backtest_of_a_killed_worker_is_done_by_the_next(past: Past, worker: Worker):
    with refusals_held():
        job = past.ask(facts={"filters": SAME_TEXT})
        wait_for(lambda: row(job).progress == 5, seconds=20, what="the backtest reads")
        worker.kill()
        assert row(job).status == "running"
    worker.start()

    def swept() -> bool:
        requeue_lost()
        return row(job).status == "completed"

    wait_for(swept, seconds=30, what="another worker did it")
    assert row(job).attempt == 2
    assert counts(row(job).result) == {"new": 1}
