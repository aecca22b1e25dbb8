"""Two sweepers and twenty people at once: one live exception per pair, nothing overdue is lost, and no deadlock."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from random import Random

import pytest
from django.db import connection, transaction

from exceptions_app.models import ReconciliationException, Sweep
from exceptions_app.selectors.sweeping import due_reconciliations
from exceptions_app.services.exceptions import exception_change, exception_create, exception_delete
from exceptions_app.services.sweeping import organization_sweep
from exceptions_app.services.sweeping_acts import exceptions_resolve, items_sweep, suggestions_sweep
from ledgers.models import Record
from organizations.acts import perform
from organizations.refusals import Refusal
from reconciliation.models import Match, MatchMember, OpenItem
from reconciliation.selectors.integrity import faults
from reconciliation.services.locks import LockKind, lock_key, share_reconciliations
from reconciliation.services.matches import match_accept, match_undo
from reconciliation.services.stream_matches import match_by_hand
from rules.models import Reconciliation
from tests.clock import NOW
from tests.exceptions_app.overdue import Overdue
from tests.hammer.scenarios import another_connection, beside
from tests.organizations.threads import run_together

pytestmark = pytest.mark.django_db(transaction=True)

LATER = NOW + timedelta(days=1)
PEOPLE, ACTS_EACH = 20, 6


@pytest.fixture
def feeds() -> Overdue:
    return Overdue.of_two_streams()


def sweep_without_lock(made: Reconciliation, at=NOW) -> None:
    """What a sweep does, as one whose session lock is lost would."""

    def locked(act: Callable[..., object]) -> object:
        def one() -> object:
            share_reconciliations([made.pk])
            return act(made, at=at)

        return perform(one)

    for act in (items_sweep, suggestions_sweep):
        while locked(act).records:
            pass
    active = ReconciliationException.objects.active().filter(voided_at=None).values_list("pk", flat=True)
    locked(partial(exceptions_resolve, ids=list(active)))


def deadlocks() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return cursor.fetchone()[0]


def test_two_sweepers_and_twenty_people(feeds: Overdue, settings):
    settings.CHUNK_GROUPS = 5
    names = [(f"R{n}", 100) for n in range(30)]
    feeds.add(feeds.a, *names)
    feeds.add(feeds.b, *names)
    feeds.auto_match(feeds.made)
    feeds.add(feeds.a, *((f"S{n}", 200) for n in range(30)))
    feeds.add(feeds.b, *((f"T{n}", 200) for n in range(30)))
    before = deadlocks()

    def sweeper() -> None:
        for _n in range(6):
            sweep_without_lock(feeds.made)

    sweep = partial(organization_sweep, organization_id=feeds.by.organization_id, clock=lambda: NOW)
    people = [partial(person, feeds, Random(seed)) for seed in range(PEOPLE)]
    for result in run_together(sweeper, sweeper, sweep, *people):
        if isinstance(result, Exception):
            raise result

    assert deadlocks() == before
    feeds.sweep(LATER)
    assert due_reconciliations(organization_id=feeds.by.organization_id, at=LATER) == []
    for stream in (feeds.a, feeds.b):
        of_it = ReconciliationException.objects.filter(stream=stream, voided_at=None).order_by("pk")
        active = [row for row in of_it if row.is_active]
        slice_ = feeds.slice(stream, at=LATER)
        assert len(active) <= 1
        assert of_it or not slice_
        if slice_ and not active:  # then a person closed it, and it was all there by then
            closed = of_it.last()
            assert closed.closed_by == feeds.by.ref
            seen = OpenItem.objects.filter(record__in=slice_).values_list("overdue_seen_at", flat=True)
            assert all(each <= max(row.closed_at for row in of_it) for each in seen)
        assert not [row for row in active if row.had_records_at and not slice_]
    assert Sweep.objects.exclude(status="completed").count() == 0
    assert faults() == []


def person(feeds: Overdue, chance: Random) -> None:
    for _n in range(ACTS_EACH):
        act = chance.choice([decide, match, mark, change, change, delete, create, add])
        with suppress(Refusal, IndexError, ValueError):
            act(feeds, chance)


def decide(feeds: Overdue, chance: Random) -> None:
    live = list(Match.objects.live().order_by("pk").values_list("pk", flat=True))
    feeds.act(chance.choice([match_accept, match_undo]), match_id=chance.choice(live))


def match(feeds: Overdue, chance: Random) -> None:
    sides = [list(OpenItem.objects.free().filter(side=side).order_by("record_id")[:10]) for side in "ab"]
    ids = [chance.choice(side).record_id for side in sides]
    feeds.act(match_by_hand, reconciliation=feeds.made, record_ids=ids)


def mark(feeds: Overdue, chance: Random) -> None:
    feeds.mark(chance.choice(list(Record.objects.live().order_by("pk"))), NOW)


def change(feeds: Overdue, chance: Random) -> None:
    row = chance.choice(list(ReconciliationException.objects.filter(voided_at=None)))
    status = chance.choice(["open", "investigating", "dismissed", "resolved"])
    feeds.act(exception_change, organization_id=feeds.by.organization_id, exception_id=row.pk, status=status)


def delete(feeds: Overdue, chance: Random) -> None:
    row = chance.choice(list(ReconciliationException.objects.filter(voided_at=None)))
    feeds.act(exception_delete, organization_id=feeds.by.organization_id, exception_id=row.pk)


def create(feeds: Overdue, chance: Random) -> None:
    stream = chance.choice([feeds.a, feeds.b])
    pair = {"reconciliation_id": feeds.made.pk, "stream_id": stream.pk}
    feeds.act(exception_create, organization_id=feeds.by.organization_id, **pair)


def add(feeds: Overdue, chance: Random) -> None:
    feeds.add(chance.choice([feeds.a, feeds.b]), ("N", 300))


# --- forced ---------------------------------------------------------------------------------------------------------------


def test_the_second_sweeper_finds_nothing_left(feeds: Overdue):
    feeds.add(feeds.a, ("R1", 100))
    with transaction.atomic():
        share_reconciliations([feeds.made.pk])
        assert items_sweep(feeds.made, at=NOW).opened == 1
        twin = beside(partial(sweep_without_lock, feeds.made))
        twin.__enter__()
    twin.__exit__(None, None, None)
    assert feeds.exception().opened_at == NOW


def test_an_exception_that_a_person_is_making_becomes_that_of_the_sweep(feeds: Overdue):
    feeds.add(feeds.a, ("R1", 100))
    pair = {"reconciliation_id": feeds.made.pk, "stream_id": feeds.a.pk}
    with transaction.atomic():
        exception_create(organization_id=feeds.by.organization_id, title="Mine", **pair, by=feeds.by, at=NOW)
        twin = beside(partial(sweep_without_lock, feeds.made))
        twin.__enter__()
    twin.__exit__(None, None, None)
    assert (feeds.exception().title, OpenItem.objects.get().overdue_seen_at is not None) == ("Mine", True)


def test_a_record_marked_while_its_exception_is_resolved_reopens_it(feeds: Overdue):
    [first] = feeds.add(feeds.a, ("R1", 100))
    feeds.sweep()
    feeds.match(feeds.made, [first], feeds.add(feeds.b, ("R1", 100)))
    feeds.policy(None)
    [late] = feeds.add(feeds.a, ("R2", 100))
    with transaction.atomic():
        share_reconciliations([feeds.made.pk])
        assert exceptions_resolve(feeds.made, [feeds.exception().pk], at=NOW).resolved == 1
        person = beside(partial(feeds.mark, late))
        person.__enter__()
    person.__exit__(None, None, None)
    assert feeds.exception().status == "open"
    assert feeds.sweep(LATER).resolved == 0


def test_a_record_marked_since_the_sweep_began_keeps_its_exception_open(feeds: Overdue):
    [first] = feeds.add(feeds.a, ("R1", 100))
    feeds.sweep()
    feeds.match(feeds.made, [first], feeds.add(feeds.b, ("R1", 100)))
    feeds.policy(None)
    [late] = feeds.add(feeds.a, ("R2", 100))
    ticks = iter(range(100))

    def clock():
        seconds = next(ticks)
        if seconds == 1:  # it has found the slice empty
            feeds.mark(late, at=LATER + timedelta(seconds=seconds))
        return LATER + timedelta(seconds=seconds)

    organization_sweep(organization_id=feeds.by.organization_id, clock=clock)
    assert list(feeds.slice(at=LATER + timedelta(hours=1))) == [late.pk]
    assert feeds.exception().status == "open"


def test_a_match_undone_while_its_exception_is_resolved_reopens_it_in_the_next_sweep(feeds: Overdue):
    ours, theirs = feeds.add(feeds.a, ("R1", 100)), feeds.add(feeds.b, ("R1", 100))
    feeds.sweep()
    match = feeds.match(feeds.made, ours, theirs)
    with transaction.atomic():
        match_undo(match_id=match.pk, by=feeds.by, at=NOW)
        run_together(partial(sweep_without_lock, feeds.made, LATER))
    assert feeds.exception().status == "resolved"
    swept = feeds.sweep(LATER)
    assert (swept.records, swept.reopened) == (2, 2)


def test_a_suggestion_that_is_being_accepted_is_not_seen_overdue(feeds: Overdue):
    feeds.add(feeds.a, ("R1", 100))
    feeds.add(feeds.b, ("R1", 100))
    feeds.auto_match(feeds.made)
    with transaction.atomic():
        match_accept(match_id=Match.objects.get().pk, by=feeds.by, at=NOW)
        sweeper = beside(partial(sweep_without_lock, feeds.made))
        sweeper.__enter__()
    sweeper.__exit__(None, None, None)
    assert not ReconciliationException.objects.exists()
    assert set(MatchMember.objects.values_list("overdue_seen_at", flat=True)) == {None}


def test_one_sweep_of_an_organization_at_a_time(feeds: Overdue):
    feeds.add(feeds.a, ("R1", 100))
    key = lock_key(LockKind.SWEEP, feeds.by.organization_id)
    sweep = partial(organization_sweep, organization_id=feeds.by.organization_id, clock=lambda: NOW)
    with another_connection() as other:
        other.execute("SELECT pg_advisory_lock(%s)", [key])
        assert sweep() is None
        other.execute("SELECT pg_advisory_unlock(%s)", [key])
        assert sweep() is not None


def test_the_sweep_of_a_dead_worker_is_said_to_have_failed(feeds: Overdue):
    feeds.add(feeds.a, ("R1", 100))
    dead = Sweep.objects.create(organization=feeds.organization, at=NOW, heartbeat_at=NOW)
    assert feeds.sweep(LATER).records == 1
    dead.refresh_from_db()
    assert (dead.status, dead.finished_at) == ("failed", LATER)


def test_a_sweep_that_was_taken_for_dead_writes_no_more(feeds: Overdue, settings):
    settings.CHUNK_GROUPS = 1
    feeds.add(feeds.a, ("R1", 100), ("R2", 100))
    ticks = iter(range(100))

    def clock():
        if next(ticks) == 2:  # begun, one act done
            Sweep.objects.update(status="failed", finished_at=NOW)
        return NOW

    organization_sweep(organization_id=feeds.by.organization_id, clock=clock)
    assert OpenItem.objects.filter(overdue_seen_at=None).count() == 1
    assert feeds.sweep(LATER).records == 1
