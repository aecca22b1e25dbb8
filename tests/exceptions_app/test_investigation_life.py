"""The job of an investigation: redelivered, lost, overtaken, failed, asked anew; and in a real worker that is killed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import count

import psycopg
import pytest
from django.db import connection

from exceptions_app.models import Investigation, ReconciliationException
from exceptions_app.services.investigation_execution import investigation_execute, lost_investigations
from exceptions_app.tasks import requeue_lost_investigations
from reconciliation.services.locks import LockKind, lock_key
from rules.models import RuleRevision
from tests.clock import NOW
from tests.exceptions_app.investigating import Acquirer
from tests.workers import Worker, wait_for

pytestmark = pytest.mark.django_db(transaction=True)
DAY = date(2026, 3, 2)
LATER = NOW + timedelta(minutes=5)


@pytest.fixture
def acquirer() -> Acquirer:
    acquirer = Acquirer()
    acquirer.overdue(17_50, DAY, reference="order 17")
    acquirer.paid(17_50, date(2026, 3, 20), reference="order 17")
    return acquirer


@contextmanager
def somebody() -> Iterator[psycopg.Connection]:
    """Another connection to the same database."""
    params = connection.get_connection_params()
    names = ("user", "password", "host", "port", "dbname")
    with psycopg.connect(**{name: params[name] for name in names if name in params}) as other:
        yield other


def execute(asked: Investigation, at=NOW) -> Investigation:
    investigation_execute(investigation_id=asked.pk, clock=lambda: at)
    asked.refresh_from_db()
    return asked


def test_a_redelivered_message_changes_nothing(acquirer):
    done = acquirer.investigate()
    found = list(done.findings.values())
    again = execute(done, at=LATER)
    assert (again.attempt, again.finished_at, list(again.findings.values())) == (1, NOW, found)


def test_what_another_worker_is_at_is_left_to_it(acquirer):
    asked = acquirer.ask()
    with somebody() as other:
        other.execute("SELECT pg_advisory_lock(%s)", [lock_key(LockKind.INVESTIGATION, asked.pk)])
        assert execute(asked).status == "pending"
    assert execute(asked).status == "completed"


def test_one_that_a_dead_worker_left_is_rung_for_and_done_from_the_beginning(acquirer):
    asked = acquirer.ask()
    Investigation.objects.filter(pk=asked.pk).update(
        status="running", attempt=1, started_at=NOW, heartbeat_at=NOW
    )
    assert lost_investigations(at=NOW) == []
    assert lost_investigations(at=LATER) == [asked.pk]
    done = execute(asked, at=LATER)
    assert (done.status, done.attempt, done.started_at) == ("completed", 2, NOW)
    assert lost_investigations(at=LATER + timedelta(days=1)) == []


def test_one_whose_message_was_lost_is_rung_for_too(acquirer):
    asked = acquirer.ask()
    assert lost_investigations(at=LATER) == [asked.pk]


def test_one_that_costs_three_workers_is_given_up_and_may_be_asked_for_anew(acquirer):
    asked = acquirer.ask()
    Investigation.objects.filter(pk=asked.pk).update(
        status="running", attempt=3, started_at=NOW, heartbeat_at=NOW
    )
    done = execute(asked, at=LATER)
    assert (done.status, done.finished_at) == ("failed", LATER)
    assert "3 workers were lost over it. Nothing was changed. Ask for it again" in done.error
    assert acquirer.investigate().status == "completed"


def revise(acquirer: Acquirer, filters: object) -> None:
    """A new revision of the reconciliation's rule, past what checks it."""
    newest = RuleRevision.objects.filter(rule__reconciliation=acquirer.reconciliation).latest("number")
    newest.pk, newest.number = None, newest.number + 1
    newest.body = {**newest.body, "filters": filters}
    newest.save(force_insert=True)


def test_a_failure_says_what_and_what_now_and_the_next_one_succeeds(acquirer):
    sound = RuleRevision.objects.get(rule__reconciliation=acquirer.reconciliation).body["filters"]
    revise(acquirer, {"operand": "no such"})
    failed = execute(acquirer.ask())
    assert (failed.status, failed.outcome, failed.findings.count()) == ("failed", "", 0)
    assert failed.error.startswith("RuleErrors: ")
    assert failed.error.endswith("tell who runs this installation.")
    revise(acquirer, sound)
    assert acquirer.investigate().status == "completed"


def test_an_exception_that_was_deleted_meanwhile_is_not_looked_at(acquirer):
    asked = acquirer.ask()
    ReconciliationException.objects.update(voided_at=NOW)
    assert "has been deleted meanwhile" in execute(asked).error


def test_an_investigation_that_is_gone_is_nothing_to_do():
    investigation_execute(investigation_id=987_654_321, clock=lambda: NOW)


@pytest.mark.parametrize("step", [3, 4])
def test_a_late_twin_writes_nothing(acquirer, step):
    """Its connection was lost and another worker took over; then it comes to its next sign of life, or to its end."""
    asked = acquirer.ask()
    steps = count()

    def clock():
        if next(steps) == step:  # about to write: by now it is another attempt's
            Investigation.objects.filter(pk=asked.pk, attempt=1).update(attempt=2)
        return NOW

    investigation_execute(investigation_id=asked.pk, clock=clock)
    asked.refresh_from_db()
    assert next(steps) == step + 1
    assert (asked.status, asked.attempt, asked.findings.count()) == ("running", 2, 0)


# --- with a worker --------------------------------------------------------------------------------------------------------


@pytest.mark.worker
def test_a_worker_does_what_is_asked_for(worker: Worker, acquirer):
    asked = acquirer.ask()
    wait_for(lambda: not row(asked).is_under_way, seconds=20, what="the investigation has ended")
    done = row(asked)
    assert (done.status, done.attempt, done.error) == ("completed", 1, "")


@contextmanager
def open_items_held() -> Iterator[None]:
    """Whoever reads what is open waits: the investigation stands in the middle of its reading."""
    with somebody() as person:
        person.execute("LOCK TABLE reconciliation_openitem IN ACCESS EXCLUSIVE MODE")
        yield


@pytest.mark.worker
def test_the_investigation_of_a_killed_worker_is_done_by_the_next(worker: Worker, acquirer):
    exception = acquirer.exception
    with open_items_held():
        asked = acquirer.ask(at=NOW)
        wait_for(lambda: row(asked).status == "running", seconds=20, what="the investigation reads")
        worker.kill()
        assert row(asked).status == "running"
    worker.start()

    def swept() -> bool:
        requeue_lost_investigations()
        return row(asked).status == "completed"

    wait_for(swept, seconds=30, what="another worker did it")
    assert row(asked).attempt == 2
    assert exception.investigations.count() == 1


def row(asked: Investigation) -> Investigation:
    return Investigation.objects.get(pk=asked.pk)
