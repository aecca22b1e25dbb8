"""The audit trail: written by acts, sealed into a chain, and telling when somebody touched it."""

from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from threading import Barrier, Event

import pytest
from django.db import connection, transaction
from django.db.utils import ProgrammingError

from organizations import audit
from organizations.acts import perform
from organizations.audit import Head, record, seal, verify
from organizations.models import AuditEvent, AuditSeal, AuditUnsealed
from tests.clock import NOW
from tests.factories.organizations import AuditSealFactory, MembershipFactory, OrganizationFactory, actor_with
from tests.organizations.threads import run_together

real = pytest.mark.django_db(transaction=True)


def written(organization, count: int) -> list[AuditEvent]:
    return [
        record(
            action="thing.done",
            organization_id=organization.pk,
            by="user:1",
            at=NOW,
            subject=("ledgers.ledger", number),
            amount=100 * number,
        )
        for number in range(1, count + 1)
    ]


def sealed(count: int):
    organization = OrganizationFactory()
    events = written(organization, count)
    seal(organization_id=organization.pk, at=NOW)
    return organization, events


@contextmanager
def tampering():
    """Triggers and foreign keys off, as only somebody with the database's highest rights can."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        yield cursor
        cursor.execute("SET session_replication_role = origin")


# --- Recording ------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_an_act_writes_one_event_that_names_all_its_subjects():
    actor = actor_with("operator")
    member = MembershipFactory()
    event = record(
        action="match.accepted",
        organization_id=actor.organization_id,
        by=actor,
        at=NOW,
        subject=("reconciliation.match", 17),
        subjects=[member, ("ledgers.record", 4), ("reconciliation.match", 17)],
        day=date(2026, 3, 31),
        sum=Decimal("1.10"),
    )
    event.refresh_from_db()
    assert (event.actor, event.action, event.at) == (actor.ref, "match.accepted", NOW)
    assert (event.subject_type, event.subject_id) == ("reconciliation.match", "17")
    assert event.subjects == [
        "reconciliation.match:17",
        f"organizations.membership:{member.pk}",
        "ledgers.record:4",
    ]
    assert event.data == {"day": "2026-03-31", "sum": "1.10"}
    assert AuditUnsealed.objects.get().event_id == event.pk


@pytest.mark.django_db
def test_events_are_found_by_any_subject_they_name():
    organization = OrganizationFactory()
    first, second = written(organization, 2)
    assert list(AuditEvent.objects.about("ledgers.ledger", 2)) == [second]
    assert list(AuditEvent.objects.newest_first()) == [second, first]


@real
def test_recording_takes_no_lock_that_another_act_would_wait_for(settings):
    settings.LOCK_TIMEOUT_SECONDS = 0.2
    organization = OrganizationFactory()
    inside, over = Event(), Event()

    def slow():
        written(organization, 1)
        inside.set()
        over.wait(10)

    def other():
        inside.wait(10)
        try:
            written(organization, 1)
            return seal(organization_id=organization.pk, at=NOW)
        finally:
            over.set()

    _, sealed_meanwhile = run_together(partial(perform, slow), partial(perform, other))
    assert sealed_meanwhile == 1  # its own; the slow act's event waits, though its id is lower
    assert seal(organization_id=organization.pk, at=NOW) == 1
    assert verify(organization.pk).ok


# --- Append-only ----------------------------------------------------------------------------------------------


@real
@pytest.mark.parametrize("table", ["organizations_auditevent", "organizations_auditseal"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {} SET organization_id = organization_id",
        "DELETE FROM {}",
        "DELETE FROM {} WHERE false",
        "TRUNCATE {} CASCADE",
    ],
)
def test_the_database_refuses_changes_of_events_and_seals(table, statement):
    sealed(1)
    with (
        pytest.raises(ProgrammingError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement.format(table))
    assert AuditEvent.objects.count() == AuditSeal.objects.count() == 1


# --- Sealing --------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_sealing_numbers_events_in_order_and_empties_the_queue():
    organization, events = sealed(3)
    seals = list(AuditSeal.objects.filter(organization=organization).order_by("number"))
    assert [(row.number, row.event_id) for row in seals] == [(n, e.pk) for n, e in enumerate(events, start=1)]
    assert not AuditUnsealed.objects.exists()
    assert seal(organization_id=organization.pk, at=NOW) == 0


@pytest.mark.django_db
def test_the_chain_goes_on_where_it_stopped():
    organization, _ = sealed(2)
    written(organization, 2)
    assert seal(organization_id=organization.pk, at=NOW) == 2
    verdict = verify(organization.pk)
    assert (verdict.ok, verdict.sealed, verdict.waiting) == (True, 4, 0)


@pytest.mark.django_db
def test_each_organization_has_a_chain_of_its_own():
    one, _ = sealed(2)
    other, _ = sealed(1)
    assert (verify(one.pk).sealed, verify(other.pk).sealed) == (2, 1)
    assert audit.head_of(other.pk).number == 1


@pytest.mark.django_db
def test_a_batch_bounds_one_sealing(monkeypatch):
    monkeypatch.setattr(audit, "SEAL_BATCH_MAX", 2)
    organization = OrganizationFactory()
    written(organization, 3)
    assert [seal(organization_id=organization.pk, at=NOW) for _ in range(3)] == [2, 1, 0]
    assert verify(organization.pk).ok


@pytest.mark.django_db
def test_the_oldest_events_are_sealed_first_however_they_queue(monkeypatch):
    monkeypatch.setattr(audit, "SEAL_BATCH_MAX", 1)
    organization = OrganizationFactory()
    events = written(organization, 3)
    AuditUnsealed.objects.all().delete()
    for event in reversed(events):
        AuditUnsealed.objects.create(event=event, organization=organization)
    seal(organization_id=organization.pk, at=NOW)
    assert AuditSeal.objects.get().event == events[0]


@real
def test_two_sealers_at_once_make_one_chain():
    organization = OrganizationFactory()
    written(organization, 50)
    meet = Barrier(4, timeout=20)

    def one():
        meet.wait()
        return perform(partial(seal, organization_id=organization.pk, at=NOW))

    assert sum(run_together(one, one, one, one)) == 50
    assert (verify(organization.pk).ok, verify(organization.pk).sealed) == (True, 50)


def test_the_digest_of_a_known_event_never_changes():
    """The chain must be computable outside this program, and by later versions of it."""
    event = AuditEvent(
        pk=7,
        organization_id=3,
        at=datetime(2026, 3, 31, 9, 0, 0, 123456, tzinfo=UTC),
        actor="user:1",
        action="thing.done",
        subject_type="ledgers.ledger",
        subject_id="5",
        subjects=["ledgers.ledger:5"],
        data={"name": "Zürich", "amount": 100},
    )
    assert audit.canonical(event).decode() == (
        '{"action":"thing.done","actor":"user:1","at":"2026-03-31T09:00:00.123456+00:00",'
        '"data":{"amount":100,"name":"Zürich"},"id":7,"organization":3,'
        '"subject":["ledgers.ledger","5"],"subjects":["ledgers.ledger:5"]}'
    )
    assert audit.link(audit.GENESIS, event) == (
        "078a86a18ef121dc97a51a196568b7a76db84ce4fe47bd43e3c05f94585e1e3c"
    )


# --- Verifying ------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_an_untouched_chain_holds_and_says_how_many_wait():
    organization, _ = sealed(3)
    written(organization, 2)
    verdict = verify(organization.pk)
    assert (verdict.ok, verdict.sealed, verdict.waiting, verdict.bad_number) == (True, 3, 2, None)
    assert verdict.head == audit.head_of(organization.pk)


@pytest.mark.django_db
def test_no_chain_at_all_holds():
    verdict = verify(OrganizationFactory().pk)
    assert (verdict.ok, verdict.sealed, verdict.head) == (True, 0, None)


@real
@pytest.mark.parametrize(
    "edit",
    [
        "data = '{\"amount\": 1}'",
        "actor = 'user:2'",
        "at = at + interval '1 second'",
        "subject_id = '9'",
        "subjects = '{}'",
        "action = 'thing.undone'",
    ],
)
def test_an_edit_shows_at_its_number(edit):
    organization, events = sealed(4)
    with tampering() as cursor:
        cursor.execute(f"UPDATE organizations_auditevent SET {edit} WHERE id = %s", [events[1].pk])
    verdict = verify(organization.pk)
    assert (verdict.ok, verdict.bad_number, verdict.sealed) == (False, 2, 1)


@real
def test_a_deleted_event_shows_at_its_number():
    organization, events = sealed(4)
    with tampering() as cursor:
        cursor.execute("DELETE FROM organizations_auditseal WHERE event_id = %s", [events[2].pk])
        cursor.execute("DELETE FROM organizations_auditevent WHERE id = %s", [events[2].pk])
    verdict = verify(organization.pk)
    assert verdict.bad_number == 3
    assert "is missing" in verdict.problem


@real
def test_a_deleted_event_whose_seal_stayed_shows_too():
    organization, events = sealed(4)
    with tampering() as cursor:
        cursor.execute("DELETE FROM organizations_auditevent WHERE id = %s", [events[2].pk])
    assert verify(organization.pk).bad_number == 3


@real
def test_a_deleted_event_shows_though_the_numbers_were_closed_up():
    organization, events = sealed(4)
    with tampering() as cursor:
        cursor.execute("DELETE FROM organizations_auditseal WHERE event_id = %s", [events[1].pk])
        cursor.execute("DELETE FROM organizations_auditevent WHERE id = %s", [events[1].pk])
        cursor.execute("UPDATE organizations_auditseal SET number = number - 1 WHERE number = 3")
        cursor.execute("UPDATE organizations_auditseal SET number = number - 1 WHERE number = 4")
    assert verify(organization.pk).bad_number == 2


@real
def test_reordered_events_show_at_the_first_of_them():
    organization, _ = sealed(4)
    with tampering() as cursor:
        for before, after in [(2, -2), (3, 2), (-2, 3)]:
            cursor.execute(
                "UPDATE organizations_auditseal SET number = %s WHERE number = %s", [after, before]
            )
    assert verify(organization.pk).bad_number == 2


@pytest.mark.django_db
def test_an_event_slipped_in_with_a_made_up_seal_shows():
    organization, _ = sealed(2)
    AuditSealFactory(organization=organization, number=3, digest="f" * 64)
    assert verify(organization.pk).bad_number == 3


@pytest.mark.django_db
def test_an_event_taken_out_of_the_queue_shows():
    organization, _ = sealed(2)
    written(organization, 1)
    AuditUnsealed.objects.all().delete()
    verdict = verify(organization.pk)
    assert (verdict.ok, verdict.bad_number) == (False, 3)


@real
def test_a_chain_cut_short_shows_against_a_head_kept_elsewhere():
    organization, events = sealed(4)
    head = audit.head_of(organization.pk)
    with tampering() as cursor:
        cursor.execute("DELETE FROM organizations_auditseal WHERE number > 2")
        cursor.execute("DELETE FROM organizations_auditevent WHERE id > %s", [events[1].pk])
    assert verify(organization.pk).ok  # the chain alone cannot tell
    assert verify(organization.pk, heads=[head]).bad_number == 3


@real
def test_a_chain_made_anew_shows_against_a_head_kept_elsewhere():
    organization, events = sealed(3)
    head = audit.head_of(organization.pk)
    with tampering() as cursor:
        cursor.execute("UPDATE organizations_auditevent SET actor = 'user:2' WHERE id = %s", [events[0].pk])
        cursor.execute("DELETE FROM organizations_auditseal")
    AuditUnsealed.objects.bulk_create(
        AuditUnsealed(event=event, organization=organization) for event in events
    )
    seal(organization_id=organization.pk, at=NOW)
    assert verify(organization.pk).ok
    assert verify(organization.pk, heads=[head]).bad_number == 3


@pytest.mark.django_db
def test_a_head_that_agrees_is_no_fault():
    organization, _ = sealed(2)
    head = audit.head_of(organization.pk)
    written(organization, 1)
    seal(organization_id=organization.pk, at=NOW)
    assert verify(organization.pk, heads=[head, Head(1, AuditSeal.objects.get(number=1).digest)]).ok
