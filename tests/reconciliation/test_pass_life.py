"""The life of a pass: claim, fence, cancel, queue, failure, takeover. With a real worker: test_pass_worker.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import psycopg
import pytest
from django.db import connection

from organizations.models import AuditEvent
from reconciliation.models import Match, MatchMember, Pass, Run
from reconciliation.selectors.integrity import faults
from reconciliation.services.execution import pass_execute
from reconciliation.services.locks import LockKind, lock_key
from reconciliation.services.passes import pass_cancel
from rules.models import RuleRevision
from rules.selectors import current_revisions
from tests.clock import NOW
from tests.factories.organizations import actor_with
from tests.reconciliation.books import Books, books
from tests.reconciliation.files import csv

pytestmark = pytest.mark.django_db


class PowerCut(BaseException):
    """Not an Exception: like a killed worker, it leaves the row as it is."""


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


def test_a_pass_is_claimed_run_and_completed(settings):
    settings.CHUNK_GROUPS = 1
    made = pairs(3)
    asked = made.request()
    assert (asked.status, asked.attempt) == ("pending", 0)

    seen = []

    def look():
        row = Pass.objects.select_related("run").get(pk=asked.pk)
        seen.append((row.status, row.attempt, row.run.status, row.progress, row.suggested))

    pass_execute(pass_id=asked.pk, clock=clock_that(look, at_look=SECOND_CHUNK))

    assert seen == [("running", 1, "running", 33, 1)]
    asked.refresh_from_db()
    assert (asked.status, asked.progress, asked.matched, asked.suggested) == ("completed", 100, 3, 3)
    assert (asked.total_records, asked.processed_records, asked.matched_records) == (6, 6, 6)
    assert asked.finished_at == NOW
    assert Run.objects.get(pk=made.run.pk).status == "completed"
    assert faults() == []


def test_a_pass_that_ended_is_not_run_again():
    made = pairs(2)
    asked = made.auto_match()
    assert pass_execute(pass_id=asked.pk, clock=lambda: NOW) == []
    again = Pass.objects.get(pk=asked.pk)
    assert (again.attempt, again.suggested) == (1, 2)


def test_a_message_for_a_living_pass_is_dropped():
    made = pairs(2)
    asked = made.request()
    with held_by_another_worker(made):
        assert pass_execute(pass_id=asked.pk, clock=lambda: NOW) == []
        assert state(asked) == "pending"
    pass_execute(pass_id=asked.pk, clock=lambda: NOW)
    assert state(asked) == "completed"


def test_a_late_twin_writes_nothing(settings):
    """A second worker took the pass over between two chunks of the first, which then wakes up again."""
    settings.CHUNK_GROUPS = 1
    made = pairs(4)
    asked = made.request()
    takeover = partial(pass_execute, pass_id=asked.pk, clock=lambda: NOW)

    pass_execute(pass_id=asked.pk, clock=clock_that(takeover, at_look=THIRD_CHUNK))

    asked.refresh_from_db()
    assert (asked.status, asked.attempt, asked.suggested, asked.matched) == ("completed", 2, 4, 4)
    assert asked.lost_to_others == 0
    assert Match.objects.count() == 4
    assert AuditEvent.objects.filter(action="pass.completed").count() == 1
    assert faults() == []


@pytest.mark.parametrize(
    "meanwhile",
    [{"attempt": 2}, {"status": "cancelled", "finished_at": NOW}, {"status": "pending"}],
    ids=["another attempt runs", "it was ended", "it waits again"],
)
def test_who_does_not_hold_the_pass_any_more_writes_no_group(settings, meanwhile):
    settings.CHUNK_GROUPS = 1
    made = pairs(4)
    asked = made.request()
    lose = partial(Pass.objects.filter(pk=asked.pk).update, **meanwhile)

    pass_execute(pass_id=asked.pk, clock=clock_that(lose, at_look=THIRD_CHUNK))

    assert Match.objects.count() == 2
    asked.refresh_from_db()
    assert {name: getattr(asked, name) for name in meanwhile} == meanwhile


def test_a_lost_workers_pass_is_taken_over_and_nothing_is_written_twice(settings):
    settings.CHUNK_GROUPS = 1
    made = pairs(5)
    asked = made.request()

    def lose_power():
        raise PowerCut

    with pytest.raises(PowerCut):
        pass_execute(pass_id=asked.pk, clock=clock_that(lose_power, at_look=THIRD_CHUNK))
    asked.refresh_from_db()
    assert (asked.status, asked.attempt, asked.suggested) == ("running", 1, 2)

    pass_execute(pass_id=asked.pk, clock=lambda: NOW)

    asked.refresh_from_db()
    assert (asked.status, asked.attempt, asked.suggested, asked.matched) == ("completed", 2, 5, 5)
    assert Match.objects.filter(made_by_pass=asked).count() == 5
    assert MatchMember.objects.count() == 10
    assert faults() == []


def test_cancel_acts_between_two_chunks_and_keeps_what_was_written(settings):
    settings.CHUNK_GROUPS = 1
    made = pairs(4)
    asked = made.request()
    cancel = partial(made.act, pass_cancel, pass_=asked)

    pass_execute(pass_id=asked.pk, clock=clock_that(cancel, at_look=SECOND_CHUNK))

    asked.refresh_from_db()
    assert (asked.status, asked.suggested) == ("cancelled", 1)
    assert sorted(made.statuses().values()) == ["matched", "unmatched", "unmatched", "unmatched"]
    assert Run.objects.get(pk=made.run.pk).status == "completed"
    assert AuditEvent.objects.filter(action__startswith="pass.").count() == 3
    assert faults() == []


def test_a_waiting_pass_is_cancelled_at_once():
    made = pairs(1)
    asked = made.request()
    assert made.act(pass_cancel, pass_=asked).status == "cancelled"
    assert made.act(pass_cancel, pass_=asked).status == "cancelled"
    assert pass_execute(pass_id=asked.pk, clock=lambda: NOW) == []
    assert Match.objects.count() == 0
    assert AuditEvent.objects.filter(action="pass.cancelled").count() == 1


def test_cancelling_what_a_lost_worker_left_waiting_ends_its_run():
    made = pairs(1)
    asked = made.request()
    other = made.request(run=made.another_run())

    def lose_power():
        raise PowerCut

    with pytest.raises(PowerCut):
        pass_execute(pass_id=asked.pk, clock=clock_that(lose_power, at_look=2))
    pass_execute(pass_id=other.pk, clock=lambda: NOW)
    assert made.act(pass_cancel, pass_=asked).status == "cancelled"
    made.run.refresh_from_db()
    assert made.run.status == "completed"
    assert faults() == []


def test_a_lost_worker_does_not_lose_the_wish_to_cancel(settings):
    settings.CHUNK_GROUPS = 1
    made = pairs(3)
    asked = made.request()

    def cancel_and_lose_power():
        made.act(pass_cancel, pass_=asked)
        raise PowerCut

    with pytest.raises(PowerCut):
        pass_execute(pass_id=asked.pk, clock=clock_that(cancel_and_lose_power, at_look=SECOND_CHUNK))
    pass_execute(pass_id=asked.pk, clock=lambda: NOW)
    asked.refresh_from_db()
    assert (asked.status, asked.suggested) == ("cancelled", 1)
    assert faults() == []


def test_a_failure_keeps_its_text_and_what_was_written(settings):
    settings.CHUNK_GROUPS = 1
    made = pairs(3)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION pg_temp.broken() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$"
        )
        cursor.execute(
            "CREATE TRIGGER broken BEFORE INSERT ON reconciliation_match FOR EACH ROW "
            "WHEN (NEW.total_a = 102) EXECUTE FUNCTION pg_temp.broken()"
        )
    asked = made.request()

    pass_execute(pass_id=asked.pk, clock=lambda: NOW)

    asked.refresh_from_db()
    run = Run.objects.get(pk=made.run.pk)
    assert asked.status == "failed"
    assert "the disk is full" in asked.error
    assert (run.status, run.error_message) == ("failed", asked.error)
    assert (asked.suggested, Match.objects.count()) == (2, 2)
    assert made.status("S2") == "unmatched"
    assert faults() == []

    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER broken ON reconciliation_match")
    assert made.auto_match().suggested == 1
    assert (made.run.status, made.run.error_message) == ("completed", "")
    assert faults() == []


def test_a_rule_that_cannot_be_read_fails_the_pass_and_says_so():
    made = pairs(1)
    revision = current_revisions(made.run.reconciliation)[0]
    RuleRevision.objects.create(
        rule=revision.rule, number=99, body={"filters": {"operand": "nor"}}, created_at=NOW, created_by="t"
    )
    asked = made.request()
    pass_execute(pass_id=asked.pk, clock=lambda: NOW)
    asked.refresh_from_db()
    assert asked.status == "failed"
    assert "RuleErrors" in asked.error
    assert faults() == []
