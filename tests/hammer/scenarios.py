"""One interleaving for each protection, forced by real locks: it holds with the protection, and breaks without.

Each scenario gives what went wrong in words; nothing where all is well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from threading import Thread
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection, connections, transaction

from organizations.refusals import Refusal
from reconciliation.models import Match, OpenItem
from reconciliation.selectors.integrity import faults
from reconciliation.services.execution import pass_execute
from reconciliation.services.groups import group_match
from reconciliation.services.locks import share_reconciliations
from reconciliation.services.operation_chunks import operation_execute
from reconciliation.services.operations import stream_unwire
from reconciliation.services.passes import pass_request
from reconciliation.services.stream_records import record_change, record_void
from tests.clock import NOW
from tests.factories.organizations import actor_with
from tests.hammer import switches
from tests.reconciliation.books import books
from tests.reconciliation.files import csv
from tests.reconciliation.streams import Feeds
from tests.workers import wait_for

WAIT_SECONDS = 20
FIRST_CHUNK = 3  # looks of a pass at its clock: claim, start, then one before each chunk


def lock_order() -> list[str]:
    """A person's act waits for the first of its tokens. Whoever holds that one may then take a later one: a waiting act
    has none yet."""
    made = books(actor_with(), entries=[(f"G{n}", "debit", 100, 3, "") for n in range(3)])
    made.upload(csv(*((f"S{n}", "credit", 100, 3, f"R{n}") for n in range(3))))
    tokens = list(OpenItem.objects.order_by("record_id").values_list("record_id", flat=True))
    names = [f"S{n}" for n in range(3)], [f"G{n}" for n in range(3)]
    lock = "SELECT 1 FROM reconciliation_openitem WHERE record_id = %s FOR UPDATE NOWAIT"
    with another_connection() as holder:
        holder.execute(lock, [tokens[0]])
        with beside(partial(made.manual, *names)):
            try:
                holder.execute(lock, [tokens[-1]])
            except psycopg.errors.LockNotAvailable:
                return ["each holds a token that the other waits for"]
            finally:
                holder.rollback()
    return told()


def ticket() -> list[str]:
    """A record's amount is changed after the pass has read it."""
    feeds, made, a, b = pair_of_streams()
    record, _other = feeds.add(a, ("R1", 5_00))[0], feeds.add(b, ("R1", 5_00))[0]
    asked = feeds.act(pass_request, reconciliation=made, run=None)
    change = partial(feeds.act, record_change, record=record, changes={"amount": 7_00})
    pass_execute(pass_id=asked.pk, clock=clock_that(change, at_look=FIRST_CHUNK))
    return told()


def all_reconciliations() -> list[str]:
    """A record is voided while a person matches it in the second of its reconciliations."""
    feeds, _made, shared, _b = pair_of_streams()
    third = feeds.stream("c")
    second = feeds.reconciliation(shared, third)
    (record,), (other,) = feeds.add(shared, ("R1", 5_00)), feeds.add(third, ("R1", 5_00))
    with transaction.atomic():
        share_reconciliations([second.pk])
        group_match(reconciliation=second, run=None, side_a=[record], side_b=[other], by=feeds.by, at=NOW)
        voiding = beside(partial(feeds.act, record_void, record=record))
        voiding.__enter__()
    voiding.__exit__(None, None, None)
    return told()


def attempt_fencing() -> list[str]:
    """A worker loses its connection, and with it its session lock, between two chunks, and lives on; another one takes
    the pass over and ends it."""
    settings.CHUNK_GROUPS = 1
    made = books(actor_with(), entries=[(f"G{n}", "debit", 100 + n, 3, f"R{n}") for n in range(4)])
    made.upload(csv(*((f"S{n}", "credit", 100 + n, 3, f"R{n}") for n in range(4))))
    asked = made.request()

    def fail_over() -> None:
        connection.close()
        with beside(partial(pass_execute, pass_id=asked.pk, clock=lambda: NOW), to_its_end=True):
            pass

    pass_execute(pass_id=asked.pk, clock=clock_that(fail_over, at_look=FIRST_CHUNK + 1))
    asked.refresh_from_db()
    counts = (asked.status, asked.attempt, asked.suggested, asked.lost_to_others)
    wrong = [] if counts == ("completed", 2, 4, 0) else [f"a late twin counted: {counts}"]
    return wrong + told()


def stream_lock() -> list[str]:
    """Records come in at the moment at which their stream is taken out of the reconciliation."""
    feeds, made, a, _b = pair_of_streams()
    add = partial(feeds.add, a, ("R1", 5_00))
    with transaction.atomic():
        asked = stream_unwire(reconciliation=made, stream=a, by=feeds.by, at=NOW)
        intake = beside(add)
        intake.__enter__()
    intake.__exit__(None, None, None)
    operation_execute(operation_id=asked.pk, clock=lambda: NOW)
    return told()


def reconciliation_lock() -> list[str]:
    """A stream is taken out, accepted matches excepted, while a person makes one."""
    feeds, made, a, b = pair_of_streams()
    (record,), (other,) = feeds.add(a, ("R1", 5_00)), feeds.add(b, ("R1", 5_00))

    def take_out() -> None:
        asked = feeds.act(stream_unwire, reconciliation=made, stream=a)
        operation_execute(operation_id=asked.pk, clock=lambda: NOW)

    with transaction.atomic():
        share_reconciliations([made.pk])
        group_match(reconciliation=made, run=None, side_a=[record], side_b=[other], by=feeds.by, at=NOW)
        leaving = beside(take_out)
        leaving.__enter__()
    leaving.__exit__(None, None, None)
    undone = Match.objects.exclude(status="accepted").count()
    return [f"{undone} accepted matches were undone, and nobody had said so"] * bool(undone) + told()


SCENARIOS: dict[str, Callable[[], list[str]]] = {
    "lock-order": lock_order,
    "ticket": ticket,
    "all-reconciliations": all_reconciliations,
    "attempt-fencing": attempt_fencing,
    "stream-lock": stream_lock,
    "reconciliation-lock": reconciliation_lock,
}


BACKWARDS = "ORDER BY record_id DESC FOR UPDATE"  # sure to meet an act that goes the other way


def broken(name: str) -> list[str]:
    """What the scenario of this protection comes to without it."""
    settings.CHUNK_GROUPS = 1
    with switches.lock_order(BACKWARDS) if name == "lock-order" else switches.off([name]):
        return SCENARIOS[name]()


def told() -> list[str]:
    return [str(fault) for fault in faults()]


def pair_of_streams() -> tuple[Feeds, Any, Any, Any]:
    feeds = Feeds(actor_with("admin"))
    a, b = feeds.stream("a"), feeds.stream("b")
    return feeds, feeds.reconciliation(a, b), a, b


def clock_that(act: Callable[[], object], *, at_look: int) -> Callable[[], Any]:
    looks: list[int] = []

    def clock() -> Any:
        looks.append(1)
        if len(looks) == at_look:
            act()
        return NOW + timedelta(microseconds=len(looks))

    return clock


@contextmanager
def another_connection() -> Iterator[psycopg.Connection]:
    params = connection.get_connection_params()
    names = ("user", "password", "host", "port", "dbname")
    with psycopg.connect(**{name: params[name] for name in names if name in params}) as other:
        yield other


@contextmanager
def beside(act: Callable[[], object], *, to_its_end: bool = False) -> Iterator[None]:
    """Run it in a thread of its own; the block begins when it waits for a lock, or has ended. A refusal is an answer."""
    failed: list[Exception] = []

    def run() -> None:
        try:
            act()
        except Refusal:
            return
        except Exception as error:  # noqa: BLE001 - raised by whoever waits for it
            failed.append(error)
        finally:
            connections.close_all()

    thread = Thread(target=run)
    thread.start()
    with another_connection() as looker:
        looker.autocommit = True
        wait_for(
            lambda: not thread.is_alive() or (not to_its_end and waits_for_lock(looker)),
            seconds=WAIT_SECONDS,
            what="it waits for a lock, or ends",
        )
    yield
    thread.join(WAIT_SECONDS)
    assert not thread.is_alive(), "it hangs"
    if failed:
        raise failed[0]


def waits_for_lock(looker: psycopg.Connection) -> bool:
    query = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' LIMIT 1"
    return looker.execute(query).fetchone() is not None
