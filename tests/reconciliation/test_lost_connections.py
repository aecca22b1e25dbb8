"""A pass whose connection is cut, by a failover or an administrator, goes on in another attempt; it does not fail."""

from __future__ import annotations

import psycopg
import pytest
from django.db import connection

from organizations.models import AuditEvent
from reconciliation.models import Match
from reconciliation.selectors.integrity import faults
from reconciliation.services.execution import pass_execute
from tests.clock import NOW
from tests.factories.reconciliation import PassFactory
from tests.reconciliation.test_pass_life import SECOND_CHUNK, clock_that, pairs

pytestmark = pytest.mark.django_db(transaction=True)


def cut() -> None:
    """As `pg_terminate_backend` does it to the connection of this thread."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    params = connection.get_connection_params()
    names = ("user", "password", "host", "port", "dbname")
    with psycopg.connect(**{name: params[name] for name in names if name in params}) as administrator:
        administrator.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


def test_a_pass_whose_connection_is_cut_is_rung_for_again_and_goes_on(settings):
    settings.CHUNK_GROUPS = 1
    made = pairs(4)
    asked = made.request()

    again = pass_execute(pass_id=asked.pk, clock=clock_that(cut, at_look=SECOND_CHUNK))

    asked.refresh_from_db()
    assert (again, asked.status, asked.attempt, asked.suggested) == ([asked.pk], "running", 1, 1)
    assert pass_execute(pass_id=asked.pk, clock=lambda: NOW) == []
    asked.refresh_from_db()
    assert (asked.status, asked.attempt, asked.suggested, asked.error) == ("completed", 2, 4, "")
    assert Match.objects.count() == 4
    assert AuditEvent.objects.filter(action__in=["pass.completed", "pass.failed"]).count() == 1
    assert faults() == []


def test_a_lost_pass_whose_place_a_waiting_one_of_its_run_takes_has_failed_and_the_trail_says_so():
    made = pairs(2)
    of = {"reconciliation": made.run.reconciliation, "run": made.run}
    waiting = PassFactory(**of)
    lost = PassFactory(**of, status="running", attempt=1, heartbeat_at=NOW)

    pass_execute(pass_id=waiting.pk, clock=lambda: NOW)

    lost.refresh_from_db()
    waiting.refresh_from_db()
    assert (lost.status, waiting.status, waiting.suggested) == ("failed", "completed", 2)
    told = AuditEvent.objects.filter(action="pass.failed", subject_id=str(lost.pk))
    assert [event.data["error"] for event in told] == [lost.error]
