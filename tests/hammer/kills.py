"""A worker killed at random points of a pass, again and again: each time another one completes it, and what stands in the
books is what an unbroken pass would have written.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from random import Random

from django.conf import settings
from django.db import connection, connections

from organizations.models import AuditEvent
from reconciliation.models import Match, MatchMember, Pass
from reconciliation.selectors.integrity import faults
from reconciliation.services.execution import pass_execute
from rules.defaults import SAME_AMOUNT
from rules.services.rules import revision_write
from tests.clock import NOW
from tests.factories.organizations import actor_with
from tests.factories.rules import RuleFactory
from tests.reconciliation.books import Books, books
from tests.reconciliation.files import Line, csv
from tests.workers import wait_for

LIVES_SECONDS = 60
CHUNK_SECONDS = (
    0.02  # about what a chunk takes: how much later than one of its transactions a worker is killed at most
)

Written = set[tuple[frozenset[str], frozenset[str], str, str]]  # side A, side B, rule, confidence


@dataclass(frozen=True, slots=True)
class Death:
    """Where a worker was killed: after so many transactions of its pass, with so many groups written."""

    after: int
    status: str
    written: int


def ledger_of(size: int) -> Books:
    """Pairs by reference, some of them each other's rivals, batches, pairs by amount and date alone, and some whose
    amounts differ."""
    entries: list[Line] = []
    lines: list[Line] = []
    for n in range(size):
        day, minor = 1 + n % 20, 10_00 + 7 * (n - n % 2)
        kind = n // 2 % 4
        if kind == 0:  # two of one amount some days apart, each a rival of the other
            entries.append((f"E{n}", "debit", minor, day, f"OUR-{n}"))
            lines.append((f"L{n}", "credit", minor, day + n % 2, f"THEIR-{n}"))
        elif kind == 1:  # two entries of one line
            entries += [(f"{half}{n}", "debit", minor + n, day, f"INV-{n}") for half in "EF"]
            lines.append((f"L{n}", "credit", 2 * (minor + n), day, f"INV-{n}"))
        elif kind == 2:  # by amount and date
            entries.append((f"E{n}", "debit", 50_00 + n, day, ""))
            lines.append((f"L{n}", "credit", 50_00 + n, day + 1, ""))
        else:  # in part
            entries.append((f"E{n}", "debit", minor, day, f"INV-{n}"))
            lines.append((f"L{n}", "credit", minor + 1, day, f"INV-{n}"))
    made = books(actor_with(), entries=entries)
    near = {"key": "date", "operand": "eq", "value": "date", "tolerance_amount": 5, "tolerance_unit": "day"}
    rule = RuleFactory(
        organization=made.ledger.organization,
        name="The nearer",
        priority=100,
        filters={"operand": "and", "rules": [SAME_AMOUNT, near]},
    )
    revision_write(rule, by=made.by.ref, at=NOW)
    made.upload(csv(*lines))
    return made


def kill_at_points(*, points: int, size: int, seed: int, tell: Callable[[Death], object] = repr) -> list[str]:
    """Everything that went wrong; the points are spread over the pass's life, from before its claim to its end."""
    settings.CHUNK_GROUPS = 1
    chance, looks = Random(seed), []

    def clock() -> datetime:
        looks.append(1)
        return NOW

    whole = ledger_of(size)
    asked = whole.request()
    pass_execute(pass_id=asked.pk, clock=clock)
    unbroken, counts = written_by(whole, asked), _counts(asked)
    problems = [] if len(unbroken) > size // 2 else [f"an unbroken pass wrote {len(unbroken)} groups only"]
    for point in range(points):
        after = round(len(looks) * (point + chance.random()) / points)
        broken = ledger_of(size)
        asked = broken.request()
        tell(_die(asked, after, chance.random() * CHUNK_SECONDS))
        _complete(asked)
        problems += [
            f"killed after {after}: {text}" for text in _differences(broken, asked, unbroken, counts)
        ]
    return problems + [str(fault) for fault in faults()]


def _die(asked: Pass, after: int, later: float) -> Death:
    """A worker in a process of its own, killed a little after its `after`-th transaction was asked for."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.hammer.preload"])
    ours, theirs = context.Pipe()
    database = str(connection.settings_dict["NAME"])
    worker = context.Process(target=execute, args=(database, asked.pk, theirs), daemon=True)
    worker.start()
    theirs.close()
    for _look in range(after):
        if not ours.poll(LIVES_SECONDS) or not _heard(ours):
            break
    worker.join(later)
    worker.kill()
    worker.join(LIVES_SECONDS)
    ours.close()
    asked.refresh_from_db()
    return Death(after, asked.status, asked.suggested)


def _heard(wire: Connection) -> bool:
    try:
        wire.recv()
    except EOFError:
        return False
    return True


def execute(database: str, pass_id: int, wire: Connection) -> None:
    """In the worker's process: tell before each transaction of the pass."""
    connections["default"].settings_dict["NAME"] = database
    settings.CHUNK_GROUPS = 1
    looks = []

    def clock() -> datetime:
        looks.append(1)
        wire.send(len(looks))
        return NOW + timedelta(microseconds=len(looks))

    pass_execute(pass_id=pass_id, clock=clock)


def _complete(asked: Pass) -> None:
    """Another worker; PostgreSQL may need a moment to see that the killed one is gone."""

    def ended() -> bool:
        pass_execute(pass_id=asked.pk, clock=lambda: NOW)
        asked.refresh_from_db()
        return not asked.is_under_way

    wait_for(ended, seconds=LIVES_SECONDS, what="the pass was taken over and ended")


def _differences(broken: Books, asked: Pass, unbroken: Written, counts: dict[str, int]) -> list[str]:
    found = []
    written = written_by(broken, asked)
    if written != unbroken:
        found.append(f"missing {unbroken - written}, besides {written - unbroken}")
    if _counts(asked) != counts:
        found.append(f"counted {_counts(asked)}, unbroken {counts}")
    if asked.status != "completed" or asked.attempt > 2:
        found.append(f"{asked.status} {asked.error} in {asked.attempt} attempts")
    ends = AuditEvent.objects.filter(action="pass.completed", subject_id=str(asked.pk)).count()
    if ends != 1:
        found.append(f"ended {ends} times")
    return found


def _counts(asked: Pass) -> dict[str, int]:
    asked.refresh_from_db()
    names = ("matched", "matched_records", "suggested", "lost_to_others")
    return {name: getattr(asked, name) for name in names}


def written_by(made: Books, asked: Pass) -> Written:
    """What the pass wrote, in names that are the same in all books."""
    names = {uuid: name for name, uuid in made.entries.items()}
    sides: dict[int, dict[str, set[str]]] = {}
    for member in MatchMember.objects.filter(match__made_by_pass=asked, live=True).select_related("record"):
        side = sides.setdefault(member.match_id, {"a": set(), "b": set()})[member.side]
        record = member.record
        side.add(f"{names.get(record.uuid, record.description)}:{member.applied}")
    matches = Match.objects.select_related("rule_revision__rule").in_bulk(sides)
    return {
        (
            frozenset(s["a"]),
            frozenset(s["b"]),
            matches[pk].rule_revision.rule.name,
            str(matches[pk].confidence),
        )
        for pk, s in sides.items()
    }
