"""`perform`: one transaction, again on deadlock, refused on a lock not had, and once per idempotency key."""

from dataclasses import replace
from functools import partial
from threading import Barrier, Event

import pytest
from django.db import OperationalError, connection, transaction

from organizations.acts import ActKey, Answer, perform
from organizations.models import Heartbeat, IdempotencyKey
from organizations.refusals import Conflict, Invalid
from tests.clock import NOW
from tests.factories.organizations import OrganizationFactory
from tests.organizations.threads import run_together

real = pytest.mark.django_db(transaction=True)


def key_for(organization, **changes) -> ActKey:
    key = ActKey(organization.pk, "user:1", "POST", "/v1/things?a=1", "abc", "d" * 64)
    return replace(key, **changes)


def note(name: str) -> Heartbeat:
    return Heartbeat.objects.create(name=name, at=NOW)


def noted(name: str, status: int = 201) -> Answer:
    return Answer(
        status, {"id": note(name).pk, "zeta": 1, "alpha": "1.10"}, {"Location": f"/v1/things/{name}"}
    )


@real
def test_an_act_is_done_whole_or_not_at_all():
    def half():
        note("half")
        raise Invalid("No.")

    with pytest.raises(Invalid):
        perform(half)
    assert not Heartbeat.objects.exists()
    assert perform(partial(note, "whole")) == Heartbeat.objects.get()


@real
def test_an_act_inside_another_transaction_is_our_own_mistake():
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        perform(partial(note, "inner"))


@real
def test_a_deadlock_is_retried_and_both_acts_are_done():
    first, second = note("first"), note("second")
    meet = Barrier(2, timeout=10)
    tries = {"ab": 0, "ba": 0}

    def cross(name, one, other):
        tries[name] += 1
        Heartbeat.objects.filter(pk=one.pk).update(at=NOW)
        if tries[name] == 1:
            meet.wait()  # each holds one row now and wants the other's: PostgreSQL must break it
        Heartbeat.objects.filter(pk=other.pk).update(at=NOW)
        return name

    ab, ba = partial(cross, "ab", first, second), partial(cross, "ba", second, first)
    assert run_together(partial(perform, ab), partial(perform, ba)) == ["ab", "ba"]
    assert sorted(tries.values()) == [1, 2]


@real
@pytest.mark.parametrize("sqlstate", ["40P01", "40001"])
def test_retries_end_and_the_failure_is_told(sqlstate):
    tries = []

    def always():
        tries.append(1)
        with connection.cursor() as cursor:
            cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{sqlstate}'; END $$")

    with pytest.raises(OperationalError):
        perform(always)
    assert len(tries) == 4  # once, and three times again


@real
@pytest.mark.parametrize("sqlstate", ["23505", "57014", "P0001"])
def test_other_failures_are_not_retried(sqlstate):
    tries = []

    def always():
        tries.append(1)
        with connection.cursor() as cursor:
            cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{sqlstate}'; END $$")

    with pytest.raises(Exception, match="x"):
        perform(always)
    assert len(tries) == 1


@real
def test_a_lock_not_had_in_time_is_a_conflict_and_not_an_error(settings):
    settings.LOCK_TIMEOUT_SECONDS = 0.1
    row = note("wanted")
    held, over = Event(), Event()

    def holder():
        with transaction.atomic():
            Heartbeat.objects.select_for_update().get(pk=row.pk)
            held.set()
            over.wait(10)

    def comer():
        held.wait(10)
        try:
            return perform(lambda: Heartbeat.objects.select_for_update().get(pk=row.pk))
        finally:
            over.set()

    _, refused = run_together(holder, comer)
    assert isinstance(refused, Conflict)
    assert refused.code == "lock.timeout"


@real
def test_the_same_key_gives_the_same_answer_and_acts_once():
    key = key_for(OrganizationFactory())
    first = perform(partial(noted, "once"), key=key)
    again = perform(partial(noted, "never"), key=key)
    assert (first.status, first.replayed, again.replayed) == (201, False, True)
    assert again == replace(first, replayed=True)
    assert list(again.body) == ["id", "zeta", "alpha"]  # the order of keys too
    assert Heartbeat.objects.get().name == "once"


@real
@pytest.mark.parametrize(
    "change", [{"caller": "user:2"}, {"method": "PUT"}, {"path": "/v1/things?a=2"}, {"key": "abd"}]
)
def test_another_caller_method_path_or_key_is_another_request(change):
    organization = OrganizationFactory()
    perform(partial(noted, "one"), key=key_for(organization))
    assert not perform(partial(noted, "two"), key=key_for(organization, **change)).replayed
    assert Heartbeat.objects.count() == 2


@real
def test_another_organization_is_another_request():
    for name in ("one", "two"):
        assert not perform(partial(noted, name), key=key_for(OrganizationFactory())).replayed


@real
def test_another_body_under_the_same_key_is_a_conflict():
    organization = OrganizationFactory()
    perform(partial(noted, "one"), key=key_for(organization))
    with pytest.raises(Conflict) as caught:
        perform(partial(noted, "two"), key=key_for(organization, digest="e" * 64))
    assert caught.value.code == "idempotency.conflict"
    assert Heartbeat.objects.get().name == "one"


@real
@pytest.mark.parametrize("status", [400, 409, 500])
def test_only_successes_are_remembered(status):
    key = key_for(OrganizationFactory())
    assert perform(partial(noted, "first", status), key=key).status == status
    assert not IdempotencyKey.objects.exists()
    assert perform(partial(noted, "second"), key=key).status == 201


@real
def test_a_refused_act_leaves_its_key_free():
    key = key_for(OrganizationFactory())

    def refused():
        note("gone")
        raise Invalid("No.")

    with pytest.raises(Invalid):
        perform(refused, key=key)
    assert not IdempotencyKey.objects.exists()
    assert perform(partial(noted, "later"), key=key).status == 201


@real
def test_a_crash_leaves_neither_the_effect_nor_the_answer():
    key = key_for(OrganizationFactory())

    def crashed():
        answer = noted("lost")
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            pid = cursor.fetchone()[0]
        run_together(partial(terminate, pid))
        return answer

    with pytest.raises(OperationalError):
        perform(crashed, key=key)
    connection.close()
    assert not Heartbeat.objects.exists()
    assert not IdempotencyKey.objects.exists()
    assert perform(partial(noted, "again"), key=key).status == 201


def terminate(pid: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])


@real
def test_the_same_request_in_flight_is_refused_at_once():
    key = key_for(OrganizationFactory())
    inside, over = Event(), Event()

    def slow():
        answer = noted("slow")
        inside.set()
        over.wait(10)
        return answer

    def second():
        inside.wait(10)
        try:
            return perform(partial(noted, "second"), key=key)
        finally:
            over.set()

    first, refused = run_together(partial(perform, slow, key=key), second)
    assert first.status == 201
    assert isinstance(refused, Conflict)
    assert refused.code == "idempotency.in_flight"
    assert perform(partial(noted, "third"), key=key).replayed


@real
def test_twenty_at_once_act_once():
    key = key_for(OrganizationFactory())
    meet = Barrier(20, timeout=20)

    def one(number):
        meet.wait()
        return perform(partial(noted, f"n{number}"), key=key)

    results = run_together(*(partial(one, number) for number in range(20)))
    answers = [result for result in results if isinstance(result, Answer)]
    refused = [result for result in results if not isinstance(result, Answer)]
    assert Heartbeat.objects.count() == 1
    assert sum(not answer.replayed for answer in answers) == 1
    assert {error.code for error in refused} <= {"idempotency.in_flight"}


@pytest.mark.django_db
def test_perform_works_inside_a_rolled_back_test():
    assert perform(partial(note, "tested")).name == "tested"
