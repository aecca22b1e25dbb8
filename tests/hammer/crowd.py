"""Twenty people match lines by hand while a pass writes over the same records: who waited how long, and who got what."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from multiprocessing.connection import Connection, wait
from random import Random
from uuid import UUID

import polars as pl
from django.conf import settings
from django.db import connection, connections

from benchmarks.shared.books import open_books
from organizations.actors import Actor
from organizations.acts import perform
from organizations.refusals import Refusal
from reconciliation import matching
from reconciliation.models import MatchMember, OpenItem, Pass, Run
from reconciliation.selectors.integrity import faults
from reconciliation.services.by_hand import match_manual
from reconciliation.services.execution import pass_execute
from reconciliation.services.passes import pass_request
from tests.clock import NOW

PROCESSES = 2
STILL_SECONDS = 300
CLAIMED, COMPUTED = 1, 2  # looks of a pass at its clock; from the third on each is followed by a chunk

PAIRS = """
SELECT line.uuid, entry.uuid
FROM ledgers_record line JOIN ledgers_record entry ON entry.reference = line.reference AND entry.journal_id IS NOT NULL
WHERE line.journal_id IS NULL AND entry.effect = line.effect ORDER BY line.id
"""
Pair = tuple[UUID, UUID]


@dataclass
class Seen:
    """Seconds that each act took until its answer, and each chunk of the pass; how the acts and the pass ended."""

    waits: list[float] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    looks: list[float] = field(default_factory=list)
    found: int = 0
    written: int = 0
    lost: int = 0
    status: str = ""
    problems: list[str] = field(default_factory=list)

    @property
    def chunks(self) -> list[float]:
        return [later - earlier for earlier, later in pairwise(self.looks[COMPUTED:])]


def crowd(*, people: int, lines: int, records: int, chunk_groups: int, seed: int) -> Seen:
    """`records`: half of them lines, half entries; `lines`: how many of them people match, each at most one."""
    settings.CHUNK_GROUPS = chunk_groups
    made = open_books()
    made.post_entries(records // 2)
    run = made.import_lines(records // 2)
    request = partial(pass_request, reconciliation=run.reconciliation, run=run)
    asked = perform(partial(request, by=made.by, at=NOW))
    work = matching.prepare(asked)
    outcome = matching.compute(work)
    with connection.cursor() as cursor:
        cursor.execute(PAIRS)
        pairs = Random(seed).sample(cursor.fetchall(), lines)
    seen = Seen(found=outcome.groups.height)
    _play(seen, asked, made.by, pairs, people)
    asked.refresh_from_db()
    seen.status, seen.written, seen.lost = asked.status, asked.suggested, asked.lost_to_others
    seen.problems += [f"the pass {asked.status}: {asked.error}"] if asked.status != "completed" else []
    if seen.found != seen.written + seen.lost:
        seen.problems.append(f"found {seen.found}, wrote {seen.written}, lost {seen.lost}")
    if sum(seen.answers.values()) != lines:
        seen.problems.append(f"{lines} acts, {sum(seen.answers.values())} answers")
    seen.problems += _lost_to_nobody(asked, outcome.members) + [str(fault) for fault in faults()]
    return seen


def _play(seen: Seen, asked: Pass, by: Actor, pairs: list[Pair], people: int) -> None:
    """The pass in one process, people in others; they begin when it has computed and is about to write."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.hammer.preload"])
    database, threads = str(connection.settings_dict["NAME"]), people // PROCESSES
    desks = [
        _started(context, sit, database, asked.run_id, by, pairs[n::PROCESSES], threads)
        for n in range(PROCESSES)
    ]
    worker = _started(context, match, database, asked.pk, settings.CHUNK_GROUPS)
    _hear(seen, worker, desks)


def _hear(seen: Seen, worker: Connection, desks: list[Connection]) -> None:
    open_wires = [worker, *desks]
    while open_wires:
        ready = wait(open_wires, STILL_SECONDS)
        assert ready, f"nothing happens for {STILL_SECONDS} s"
        for wire in ready:
            try:
                told = wire.recv()
            except EOFError:
                open_wires.remove(wire)
                continue
            if wire is not worker:
                seen.answers[told[0]] += 1
                seen.waits.append(told[1])
                continue
            seen.looks.append(told)
            if len(seen.looks) == COMPUTED + 1:
                for desk in desks:
                    desk.send("go")


def _started(context: multiprocessing.context.BaseContext, role: object, *arguments: object) -> Connection:
    ours, theirs = context.Pipe()
    context.Process(target=role, args=(*arguments, theirs), daemon=True).start()
    theirs.close()
    return ours


def match(database: str, pass_id: int, chunk_groups: int, wire: Connection) -> None:
    """The worker: says when it looks at its clock, which it does before each transaction."""
    connections["default"].settings_dict["NAME"] = database
    settings.CHUNK_GROUPS = chunk_groups

    def clock() -> datetime:
        wire.send(time.monotonic())
        return NOW

    pass_execute(pass_id=pass_id, clock=clock)


def sit(database: str, run_id: int, by: Actor, pairs: list[Pair], threads: int, wire: Connection) -> None:
    """Some of the people, each with a part of the pairs."""
    connections["default"].settings_dict["NAME"] = database
    run = Run.objects.select_related("reconciliation", "ledger").get(pk=run_id)
    go, lock = threading.Event(), threading.Lock()

    def person(mine: list[Pair]) -> None:
        connection.ensure_connection()
        go.wait(STILL_SECONDS)
        for pair in mine:
            told = _act(run, pair, by)
            with lock:
                wire.send(told)
        connections.close_all()

    desks = [threading.Thread(target=person, args=(pairs[n::threads],)) for n in range(threads)]
    for desk in desks:
        desk.start()
    wire.recv()
    go.set()
    for desk in desks:
        desk.join()


def _act(run: Run, pair: Pair, by: Actor) -> tuple[str, float]:
    line, entry = pair
    began = time.monotonic()
    try:
        act = partial(match_manual, run=run, item_ids=[line], entry_ids=[entry], by=by)
        perform(partial(act, at=NOW + timedelta(seconds=1)))
        answer = "ok"
    except Refusal as refusal:
        answer = refusal.code
    return answer, time.monotonic() - began


def _lost_to_nobody(asked: Pass, members: pl.DataFrame) -> list[str]:
    """Groups that the pass found and did not write, and of which no member is in a person's match or closed."""
    live = MatchMember.objects.filter(reconciliation_id=asked.reconciliation_id, live=True)
    written = set(live.filter(match__made_by_pass=asked).values_list("record_id", flat=True))
    people = set(live.filter(match__made_by_pass=None).values_list("record_id", flat=True))
    people |= set(OpenItem.objects.closed().values_list("record_id", flat=True))
    lost = members.filter(~pl.col("id").is_in(pl.Series(list(written), dtype=pl.Int64).implode()))
    excused = lost.filter(pl.col("id").is_in(pl.Series(list(people), dtype=pl.Int64).implode()))["group"]
    nobody = lost.filter(~pl.col("group").is_in(excused.implode()))["group"].unique().to_list()
    return [f"group {group} was lost to nobody" for group in nobody[:5]]
