"""What runs in the hammer's processes: people, many threads of random acts; and workers, which do passes and sweeps until killed.

Each is forked from multiprocessing's fork server, which has Django loaded: a killed one is replaced in milliseconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from multiprocessing.connection import Connection
from random import Random

from django.conf import settings
from django.db import connection, connections

from exceptions_app.selectors.sweeping import due_reconciliations, organizations_to_sweep
from exceptions_app.services.sweeping import organization_sweep
from ledgers.models import SourceFile
from ledgers.states import SourceFileStatus
from organizations.refusals import Refusal
from reconciliation.models import Pass, StreamOperation
from reconciliation.services.execution import pass_execute
from reconciliation.services.operation_chunks import operation_execute
from reconciliation.services.sources import source_import
from reconciliation.states import OperationStatus
from tests.hammer import switches
from tests.hammer.kinds import BROKEN, ERROR, OK, Outcome, attempt, told, was_cut
from tests.hammer.world import Instants, World

NAME = "hammer"  # of our connections, so that only they are cut
CHUNK_GROUPS = 1
NAP_SECONDS = 0.02
LEFT_ALONE = timedelta(seconds=1)  # a file that nobody seems to be reading
PAUSE_SECONDS = 0.1
PAUSE_CHANCE, SWAP_CHANCE = 0.2, 0.08  # between two transactions of a pass


@dataclass(frozen=True, slots=True)
class Orders:
    """What one process is to do. `acts`: how many, in all its threads; None: until it is killed or told to stop."""

    world: World
    seed: str
    slots: tuple[int, ...]
    acts: int | None = None
    switched_off: tuple[str, ...] = ()


def people(orders: Orders, wire: Connection) -> None:
    """Random acts in as many threads as there are slots, each with a connection of its own."""
    with at_work(orders):
        shared = _Shared(wire, orders.acts)
        threads = [threading.Thread(target=_person, args=(orders, slot, shared)) for slot in orders.slots]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


@dataclass
class _Shared:
    wire: Connection
    left: int | None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> bool:
        with self.lock:
            if self.left is not None:
                self.left -= 1
            return self.left is None or self.left >= 0

    def tell(self, outcome: Outcome) -> None:
        with self.lock:
            self.wire.send(outcome)


def _person(orders: Orders, slot: int, shared: _Shared) -> None:
    chance, instants = Random(f"{orders.seed} person {slot}"), Instants(orders.world, slot)
    try:
        while shared.take():
            shared.tell(attempt(orders.world, chance, instants()))
    except OSError:
        return  # the driver is gone
    finally:
        connections.close_all()


def worker(orders: Orders, wire: Connection) -> None:
    """Passes and imports that nobody is at, one after the other, like a Celery worker that is rung for them."""
    with at_work(orders):
        (slot,) = orders.slots
        chance, instants = Random(f"{orders.seed} worker {slot}"), Instants(orders.world, slot)
        nap = threading.Event()
        try:
            while not wire.poll():  # nothing is ever sent: the other end closed, so the driver is gone
                outcome = work(chance, instants)
                if outcome is not None:
                    wire.send(outcome)
                if outcome is None or outcome.seconds < NAP_SECONDS:  # nothing to do, or another is at it
                    nap.wait(NAP_SECONDS)
        except OSError:
            return


def work(chance: Random, instants: Instants, *, calm: bool = False) -> Outcome | None:
    """One pass, operation or import that is under way in the books; None where there is none. Calm: losing no connection,
    and not leaving files to those who may be reading them still."""
    at, began, kind = instants(), time.monotonic(), "job"
    clock = instants if calm else _unsteady(chance, instants)
    try:
        jobs = _jobs(at if calm else at - LEFT_ALONE, clock)
        if not jobs:
            return None
        kind, job = chance.choice(jobs)
        job()
        result, text = OK, ""
    except Refusal as refusal:
        result, text = refusal.code, ""
    except Exception as error:  # noqa: BLE001 - told to the driver, which fails
        connection.close()
        result, text = BROKEN if was_cut(error) else ERROR, told(error)
    return Outcome(kind, at, result, time.monotonic() - began, text)


def _jobs(left_since: datetime, clock: Callable[[], datetime]) -> list[tuple[str, Callable[[], object]]]:
    ready = Pass.objects.under_way().filter(reconciliation__ready=True).order_by("pk")
    operations = StreamOperation.objects.exclude(status=OperationStatus.COMPLETED).order_by("pk")
    overdue = [
        pk for pk in organizations_to_sweep(at=clock()) if due_reconciliations(organization_id=pk, at=clock())
    ]
    files = SourceFile.objects.live().filter(status=SourceFileStatus.PROCESSING, created_at__lt=left_since)
    return [
        *(("pass", partial(pass_execute, pass_id=row.pk, clock=clock)) for row in ready),
        *(("operation", partial(operation_execute, operation_id=row.pk, clock=clock)) for row in operations),
        *(("sweep", partial(organization_sweep, organization_id=pk, clock=clock)) for pk in overdue),
        *(("import", partial(source_import, source_file_id=file.pk, at=clock())) for file in files),
    ]


def _unsteady(chance: Random, instants: Instants) -> Callable[[], datetime]:
    """A clock that is read between two transactions of a pass. There it may take a while, so that people act meanwhile;
    or cost the worker its connection, as a failover would: it lives on without its session lock, and another worker takes
    the pass over beside it."""
    pause = threading.Event()

    def clock() -> datetime:
        if chance.random() < SWAP_CHANCE:
            connection.close()
            pause.wait(PAUSE_SECONDS)
        elif chance.random() < PAUSE_CHANCE:
            pause.wait(PAUSE_SECONDS)
        return instants()

    return clock


@contextmanager
def at_work(orders: Orders) -> Iterator[None]:
    """This process on the world's database, with the protections off that it is told to do without."""
    ours = connections["default"].settings_dict
    ours["NAME"] = orders.world.database
    ours["OPTIONS"] = {**ours["OPTIONS"], "application_name": NAME}
    settings.CHUNK_GROUPS = CHUNK_GROUPS
    try:
        with switches.off(set(orders.switched_off) - switches.IN_DATABASE):
            yield
    finally:
        connections.close_all()
