"""Passes that wait for others, are rung for, are lost, or are asked for by the ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest
from django.conf import settings as running
from django.db import IntegrityError, connection, transaction

from organizations.refusals import Conflict
from reconciliation.models import Pass, Run
from reconciliation.selectors.integrity import faults
from reconciliation.services.execution import lost_imports, lost_passes, pass_execute
from reconciliation.services.items import item_close
from reconciliation.services.locks import LockKind, lock_key
from reconciliation.services.passes import pass_request, pass_wait, passes_request_for_ledger
from tests.clock import NOW
from tests.factories.organizations import actor_with
from tests.factories.reconciliation import PassFactory
from tests.reconciliation.books import STATEMENT, Books, books
from tests.reconciliation.files import csv

pytestmark = pytest.mark.django_db


def pairs(count: int) -> Books:
    made = books(actor_with(), entries=[(f"G{n}", "debit", 100 + n, 3, f"R{n}") for n in range(count)])
    made.upload(csv(*((f"S{n}", "credit", 100 + n, 3, f"R{n}") for n in range(count))))
    return made


def clock_that(act: Callable[[], object], *, at_look: int) -> Callable[[], object]:
    """The clock is read between two transactions of a pass (claim, start, each chunk, end): the place to interfere."""
    looks = []

    def clock():
        looks.append(1)
        if len(looks) == at_look:
            act()
        return NOW

    return clock


FIRST_CHUNK, SECOND_CHUNK, THIRD_CHUNK = 3, 4, 5


@contextmanager
def held_by_another_worker(made: Books) -> Iterator[None]:
    """The lock that a living pass of this reconciliation holds, on a connection of its own."""
    params = connection.get_connection_params()
    names = ("user", "password", "host", "port", "dbname")
    with psycopg.connect(**{name: params[name] for name in names if name in params}) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [lock_key(LockKind.PASS, made.run.reconciliation_id)])
        yield
        other.execute("SELECT pg_advisory_unlock_all()")  # a closed connection gives them back a moment later


def state(asked: Pass) -> str:
    return Pass.objects.get(pk=asked.pk).status


def test_a_second_pass_of_one_run_is_refused_while_one_is_under_way():
    made = pairs(1)
    asked = made.request()
    with pytest.raises(Conflict) as refused:
        made.request()
    assert (refused.value.code, refused.value.word) == ("pass.running", "run_state_conflict")
    assert refused.value.details["pass"] == {"id": str(asked.uuid), "status": "pending", "progress": 0}
    pass_execute(pass_id=asked.pk, clock=lambda: NOW)
    assert made.request().status == "pending"


def test_another_runs_pass_waits_and_is_rung_for_at_the_end(settings):
    settings.CHUNK_GROUPS = 1
    made = pairs(2)
    other = made.another_run()
    made.upload(csv(("T0", "credit", 5_00, 3, "")), run=other)
    made.post(("G9", "debit", 5_00, 3, ""))
    first, asked = made.request(), []

    def ask():
        asked.append(made.request(run=other))

    rung = pass_execute(pass_id=first.pk, clock=clock_that(ask, at_look=SECOND_CHUNK))

    assert rung == [asked[0].pk]
    assert (state(first), state(asked[0])) == ("completed", "pending")
    assert pass_execute(pass_id=asked[0].pk, clock=lambda: NOW) == []
    assert made.status("T0", run=other) == "matched"
    assert faults() == []


def test_the_database_refuses_a_second_running_pass():
    running_one = PassFactory(status="running")
    with pytest.raises(IntegrityError, match="pass_one_running"), transaction.atomic():
        PassFactory(status="running", reconciliation=running_one.reconciliation)


def test_a_lost_pass_makes_way_and_keeps_its_place():
    made = pairs(1)
    other = made.another_run()
    lost, asked = made.request(), made.request(run=other)
    Pass.objects.filter(pk=lost.pk).update(status="running", attempt=1, heartbeat_at=NOW)
    Run.objects.filter(pk=made.run.pk).update(status="running")

    assert pass_execute(pass_id=asked.pk, clock=lambda: NOW) == [lost.pk]

    assert (state(asked), state(lost)) == ("completed", "pending")
    assert pass_execute(pass_id=lost.pk, clock=lambda: NOW) == []
    assert state(lost) == "completed"
    assert faults() == []


def test_a_lost_pass_ends_where_one_of_the_same_kind_waits_already():
    made = pairs(1)
    reconciliation = made.run.reconciliation
    lost = PassFactory(reconciliation=reconciliation, status="running", attempt=1, heartbeat_at=NOW)
    asked = PassFactory(reconciliation=reconciliation)

    pass_execute(pass_id=asked.pk, clock=lambda: NOW)

    lost.refresh_from_db()
    assert (lost.status, state(asked)) == ("failed", "completed")
    assert "lost" in lost.error


def test_a_pass_waits_while_its_reconciliation_is_rewired():
    made = pairs(1)
    asked = made.request()
    type(asked.reconciliation).objects.filter(pk=asked.reconciliation_id).update(ready=False)
    assert pass_execute(pass_id=asked.pk, clock=lambda: NOW) == []
    assert state(asked) == "pending"


def test_lost_passes_are_those_without_a_sign_of_life():
    made = pairs(1)
    silent = timedelta(seconds=running.PASS_LOST_AFTER_SECONDS)
    asked = made.request()
    assert lost_passes(at=NOW + silent) == []
    assert lost_passes(at=NOW + silent * 2) == [asked.pk]
    Pass.objects.filter(pk=asked.pk).update(status="running", heartbeat_at=NOW + silent)
    assert lost_passes(at=NOW + silent * 2) == []
    assert lost_passes(at=NOW + silent * 3) == [asked.pk]
    pass_execute(pass_id=asked.pk, clock=lambda: NOW)
    assert lost_passes(at=NOW + silent * 3) == []


def test_lost_imports_are_files_that_nobody_reads():
    made = books(actor_with(), entries=[])
    source = made.add(STATEMENT)
    silent = timedelta(seconds=running.PASS_LOST_AFTER_SECONDS)
    assert lost_imports(at=NOW + silent) == []
    assert lost_imports(at=NOW + silent * 2) == [source.source_file_id]
    type(source.source_file).objects.filter(pk=source.source_file_id).update(voided_at=NOW)
    assert lost_imports(at=NOW + silent * 2) == []


def test_waiting_for_a_pass_gives_it_as_it_stands_when_time_is_over():
    made = pairs(1)
    asked = made.request()
    assert pass_wait(asked.pk, seconds=0).status == "pending"
    pass_execute(pass_id=asked.pk, clock=lambda: NOW)
    assert pass_wait(asked.pk, seconds=60).status == "completed"


def test_the_ledgers_trigger_asks_for_each_run_that_has_work_and_none_under_way():
    made = pairs(1)
    idle, busy, done = made.run, made.another_run("busy"), made.another_run("done")
    made.request(run=busy)
    made.upload(csv(("T0", "credit", 7_00, 3, "")), run=done)
    made.post(("G9", "debit", 7_00, 3, ""))
    Pass.objects.exclude(run=busy).delete()
    Run.objects.filter(pk=done.pk).update(status="completed")
    made.act(
        item_close,
        organization_id=made.by.organization_id,
        item_id=made.item("T0", run=done),
        ledger_id=made.ledger.uuid,
    )
    asked = made.act(passes_request_for_ledger, ledger=made.ledger)
    assert {each.run_id for each in asked} == {idle.pk}
    assert busy.passes.count() == 1


def test_a_pass_by_itself_matches_the_items_of_all_runs():
    made = pairs(2)
    asked = made.act(pass_request, reconciliation=made.run.reconciliation, run=None)
    pass_execute(pass_id=asked.pk, clock=lambda: NOW)
    assert state(asked) == "completed"
    assert set(made.statuses().values()) == {"matched"}
    assert faults() == []
