"""Starts the hammer's processes, kills them and cuts their connections at random, collects what came of every act."""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from random import Random

from django.db import connection

from tests.databases import maintenance_connection
from tests.hammer import switches
from tests.hammer.kinds import BROKEN, ERROR, IDLE, Outcome
from tests.hammer.processes import NAME, Orders, people, work, worker
from tests.hammer.world import Instants, World

HANGS_SECONDS = 60  # without a word from anybody
WORKER_SLOTS, DRIVER_SLOT = 8, 63
JOBS = {"pass", "operation", "import", "sweep", "job"}


@dataclass(frozen=True, slots=True)
class Plan:
    """How hard, and for how long: `acts` in all, or `seconds`."""

    seed: int
    acts: int | None = None
    seconds: float | None = None
    processes: int = 2
    threads: int = 4
    workers: int = 2
    kill_every: int = 40  # acts, on average
    cut_every: int = 25
    switched_off: tuple[str, ...] = ()


@dataclass
class Report:
    outcomes: list[Outcome] = field(default_factory=list)
    kills: int = 0
    cuts: int = 0
    deadlocks: int = 0
    problems: list[str] = field(default_factory=list)

    def by_kind(self) -> dict[str, Counter[str]]:
        found: dict[str, Counter[str]] = {}
        for outcome in self.outcomes:
            found.setdefault(outcome.kind, Counter())[outcome.result] += 1
        return found

    def acts(self) -> list[Outcome]:
        """What people did; not what workers did, nor what there was nothing for."""
        return [o for o in self.outcomes if o.kind not in JOBS and o.result != IDLE]

    def percentile(self, share: float) -> float:
        """Seconds that this share of the acts took at most."""
        times = sorted(outcome.seconds for outcome in self.acts()) or [0.0]
        return times[min(len(times) - 1, int(share * len(times)))]


@dataclass
class _Child:
    role: Callable[[Orders, Connection], None]
    orders: Orders
    process: BaseProcess
    wire: Connection
    acts: int = 0


class Driver:
    """One run of the hammer over a world. Its own connection is never cut."""

    def __init__(self, world: World, plan: Plan) -> None:
        self.world, self.plan, self.report = world, plan, Report()
        self.chance = Random(f"{plan.seed} driver")
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(["tests.hammer.preload"])
        self.children: list[_Child] = []
        self.generation = 0
        self.deadlocks_before = deadlocks(world.database)

    def run(self) -> Report:
        with switches.off(switches.IN_DATABASE & set(self.plan.switched_off)):
            try:
                self._start_all()
                self._collect()
            finally:
                for child in self.children:
                    self._kill(child)
            self._drain()
        self.report.deadlocks = deadlocks(self.world.database) - self.deadlocks_before
        return self.report

    def _start_all(self) -> None:
        plan = self.plan
        share = None if plan.acts is None else -(-plan.acts // plan.processes)
        for number in range(plan.workers):
            self._start(worker, (number,), None)
        for number in range(plan.processes):
            first = WORKER_SLOTS + number * plan.threads
            self._start(people, tuple(range(first, first + plan.threads)), share)

    def _start(self, role: Callable[..., None], slots: tuple[int, ...], acts: int | None) -> None:
        self.generation += 1
        seed = f"{self.plan.seed} {self.generation}"
        orders = Orders(self.world, seed, slots, acts, self.plan.switched_off)
        ours, theirs = self.context.Pipe()
        process = self.context.Process(target=role, args=(orders, theirs), daemon=True)
        process.start()
        theirs.close()
        self.children.append(_Child(role, orders, process, ours))

    def _collect(self) -> None:
        """Until the people have done their acts, or the time is over."""
        began, next_kill, next_cut = time.monotonic(), self._after("kill"), self._after("cut")
        while any(child.role is people for child in self.children):
            if self.plan.seconds is not None and time.monotonic() - began > self.plan.seconds:
                return
            ready = wait([child.wire for child in self.children], HANGS_SECONDS)
            if not ready:
                self.report.problems.append(f"hangs: no act ended within {HANGS_SECONDS} s\n{_activity()}")
                return
            for child in [child for child in self.children if child.wire in ready]:
                self._hear(child)
            done = len(self.report.outcomes)
            if done >= next_kill:
                next_kill = done + self._after("kill")
                self._kill_one()
            if done >= next_cut:
                next_cut = done + self._after("cut")
                self._cut_one()

    def _after(self, what: str) -> int:
        every = self.plan.kill_every if what == "kill" else self.plan.cut_every
        return 1 + self.chance.randrange(2 * every)

    def _hear(self, child: _Child) -> None:
        try:
            outcome = child.wire.recv()
        except (EOFError, OSError):
            self._gone(child)
            return
        child.acts += 1
        self.report.outcomes.append(outcome)
        if outcome.result == ERROR:
            self.report.problems.append(f"{outcome.kind}: {outcome.text}")

    def _gone(self, child: _Child) -> None:
        """It did all its acts; whoever was killed is replaced for the rest of them."""
        child.process.join(HANGS_SECONDS)
        self.children.remove(child)
        if child.process.exitcode == 0:
            return
        if child.process.exitcode != -signal.SIGKILL:
            self.report.problems.append(
                f"{child.role.__name__}: its process ended, exit {child.process.exitcode}"
            )
            return
        acts = child.orders.acts
        left = None if acts is None else max(0, acts - child.acts)
        self._start(child.role, child.orders.slots, left)

    def _kill_one(self) -> None:
        """Workers twice as often as people."""
        roles = [child for child in self.children for _n in range(2 if child.role is worker else 1)]
        child = self.chance.choice(roles)
        child.process.kill()  # its last words are read before its place is filled
        self.report.kills += 1

    def _cut_one(self) -> None:
        with maintenance_connection() as server:
            pids = server.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = %s AND application_name = %s ORDER BY pid",
                [self.world.database, NAME],
            ).fetchall()
            if pids:
                server.execute("SELECT pg_terminate_backend(%s)", self.chance.choice(pids))
                self.report.cuts += 1

    def _kill(self, child: _Child) -> None:
        child.process.kill()
        child.process.join(HANGS_SECONDS)
        child.wire.close()

    def _drain(self) -> None:
        """Do what killed workers left, undisturbed."""
        instants, steady = Instants(self.world, DRIVER_SLOT), Random(0)
        for _job in range(1_000):
            outcome = work(steady, instants, calm=True)
            if outcome is None:
                return
            if outcome.result in {ERROR, BROKEN}:
                self.report.problems.append(f"drain: {outcome.text}")
                return
        self.report.problems.append("a pass, an operation or an import is under way for good")


def deadlocks(database: str) -> int:
    """As PostgreSQL counted them, also those that an act's retry hid."""
    with maintenance_connection() as server:
        return server.execute(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = %s", [database]
        ).fetchone()[0]


def _activity() -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid, state, wait_event_type, wait_event, pg_blocking_pids(pid), left(query, 200)"
            " FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return "\n".join(str(row) for row in cursor.fetchall())
