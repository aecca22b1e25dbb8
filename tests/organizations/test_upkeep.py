"""What the clock brings: sealing everywhere, expiry of stored answers, signs of life."""

from datetime import timedelta

import pytest

from organizations import tasks
from organizations.audit import record, verify
from organizations.models import AuditUnsealed, Heartbeat, IdempotencyKey
from organizations.services import upkeep
from tests.clock import NOW
from tests.factories.organizations import IdempotencyKeyFactory, OrganizationFactory

pytestmark = pytest.mark.django_db


def written(organization):
    record(action="a.b", organization_id=organization.pk, by="user:1", at=NOW, subject=("x.y", 1))


def test_every_organization_with_waiting_events_is_sealed():
    organizations = [OrganizationFactory() for _ in range(3)]
    for organization in organizations[:2]:
        written(organization)
    assert upkeep.seal_all(at=NOW) == 2
    assert upkeep.seal_all(at=NOW) == 0
    assert [verify(organization.pk).sealed for organization in organizations] == [1, 1, 0]


def test_answers_are_kept_for_two_days():
    old = IdempotencyKeyFactory(created_at=NOW - timedelta(hours=48, seconds=1))
    young = IdempotencyKeyFactory(created_at=NOW - timedelta(hours=47))
    assert upkeep.idempotency_keys_expire(at=NOW) == 1
    assert list(IdempotencyKey.objects.all()) == [young]
    assert upkeep.idempotency_keys_expire(at=NOW) == 0
    assert old.pk is not None


def test_expiry_takes_bounded_bites(monkeypatch):
    monkeypatch.setattr(upkeep, "EXPIRE_BATCH_MAX", 2)
    for _ in range(3):
        IdempotencyKeyFactory(created_at=NOW - timedelta(days=3))
    assert [upkeep.idempotency_keys_expire(at=NOW) for _ in range(3)] == [2, 1, 0]


def test_a_sign_of_life_is_one_row_per_name():
    upkeep.heartbeat_note(name="worker", at=NOW - timedelta(minutes=1))
    upkeep.heartbeat_note(name="worker", at=NOW)
    assert list(Heartbeat.objects.values_list("name", "at")) == [("worker", NOW)]


def test_the_tasks_ring_their_services():
    written(OrganizationFactory())
    IdempotencyKeyFactory(created_at=NOW - timedelta(days=300))
    tasks.seal_audit()
    tasks.expire_idempotency_keys(meant_for_a_later_release=True)
    tasks.note_heartbeat()
    assert not AuditUnsealed.objects.exists()
    assert not IdempotencyKey.objects.exists()
    assert set(Heartbeat.objects.values_list("name", flat=True)) == {"beat", "worker"}
