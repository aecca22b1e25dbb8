"""Health for load balancers, status for people."""

from datetime import timedelta

import pytest
from django.db import DatabaseError
from django.utils import timezone
from rest_framework.test import APIClient

from api.shared import health
from organizations import audit
from organizations.models import Heartbeat
from tests.api.callers import signed_in
from tests.factories.organizations import MembershipFactory, actor_with


def test_health_needs_no_database():
    assert APIClient().get("/health").json() == {"status": "ok"}


@pytest.mark.django_db
def test_ready_when_the_database_has_all_migrations():
    response = APIClient().get("/ready")
    assert (response.status_code, response.json()["status"]) == (200, "ok")


def test_not_ready_without_database(monkeypatch):
    def refuse(_connection):
        raise DatabaseError

    monkeypatch.setattr(health, "MigrationExecutor", refuse)
    response = APIClient().get("/ready")
    assert (response.status_code, response.json()["database"]) == (503, "unavailable")


@pytest.mark.django_db
def test_not_ready_while_migrations_wait(monkeypatch):
    monkeypatch.setattr(health.MigrationExecutor, "migration_plan", lambda self, targets: [1, 2])
    response = APIClient().get("/ready")
    assert (response.status_code, response.json()["migrations"]) == (503, "2 waiting")


class TestStatus:
    @pytest.fixture
    def auditor(self, organization):
        return signed_in(MembershipFactory(organization=organization, role="admin"))

    def parts(self, client) -> dict[str, str]:
        response = client.get("/status")
        assert response.status_code == 200
        return {part["name"]: part["status"] for part in response.json()["parts"]}

    def test_needs_audit_read(self, operator):
        assert operator.get("/status").status_code == 403

    def test_worker_and_beat_never_seen_are_degraded_by_word_only(self, auditor):
        parts = self.parts(auditor)
        assert (parts["worker"], parts["beat"], parts["jobs"], parts["audit"]) == (
            "degraded",
            "degraded",
            "ok",
            "ok",
        )
        assert auditor.get("/status").json()["status"] == "degraded"

    def test_a_fresh_heartbeat_is_ok_an_old_one_is_not(self, auditor):
        now = timezone.now()
        Heartbeat.objects.create(name="worker", at=now)
        Heartbeat.objects.create(name="beat", at=now - timedelta(minutes=2))
        parts = self.parts(auditor)
        assert (parts["worker"], parts["beat"]) == ("ok", "degraded")

    def test_audit_events_that_wait_too_long_are_degraded(self, auditor, organization):
        by = actor_with("operator", organization)
        at = timezone.now() - timedelta(minutes=11)
        audit.record(action="x", organization_id=organization.pk, by=by, at=at, subject=organization)
        assert self.parts(auditor)["audit"] == "degraded"

    def test_a_silent_broker_is_degraded(self, auditor, monkeypatch):
        def refuse():
            raise ConnectionRefusedError

        assert health._broker(refuse).status == "degraded"
