"""Five people at their desks while a pass writes: each accepts, rejects, matches by hand and closes, and waits for it."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from threading import Event, Thread
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from benchmarks.shared.books import Books
from organizations.acts import perform
from organizations.refusals import Refusal
from reconciliation.models import Match, Run
from reconciliation.services.by_hand import match_manual
from reconciliation.services.items import item_close
from reconciliation.services.matches import match_accept, match_reject
from reconciliation.states import MatchStatus

PAUSE_SECONDS = 0.2  # between two acts of a person; far quicker than anybody is
NEWEST = 1_000


PAIRS = """
SELECT line.uuid, entry.uuid
FROM (SELECT * FROM ledgers_record WHERE journal_id IS NULL ORDER BY random() LIMIT 5000) AS line
JOIN ledgers_record entry ON entry.reference = line.reference AND entry.journal_id IS NOT NULL
"""


def _pairs() -> list[tuple[UUID, UUID]]:
    """Some lines, each with the entry of its reference, whether they agree or not."""
    with connection.cursor() as cursor:
        cursor.execute(PAIRS)
        return list(cursor.fetchall())


@dataclass
class Waits:
    """How long each act took until its answer, refused ones too, in seconds."""

    seconds: list[float] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)

    def of(self, part: float) -> float:
        ordered = sorted(self.seconds)
        return ordered[min(int(part * len(ordered)), len(ordered) - 1)] if ordered else 0.0


class People:
    """Use as a context manager: they work from its beginning to its end."""

    def __init__(self, books: Books, run: Run, count: int) -> None:
        self.waits = Waits()
        self._books, self._run = books, run
        self._pairs = _pairs()
        self._end = Event()
        self._threads = [Thread(target=self._work, args=[seed]) for seed in range(count)]

    def __enter__(self) -> People:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _work(self, seed: int) -> None:
        rng = random.Random(seed)  # noqa: S311 - spreads the acts, no secret
        try:
            while not self._end.wait(PAUSE_SECONDS * rng.uniform(0.5, 1.5)):
                name, act = self._next(rng)
                if act is not None:
                    self._do(name, act)
        finally:
            connection.close()

    def _do(self, name: str, act: Callable[..., Any]) -> None:
        start = time.perf_counter()
        try:
            perform(partial(act, by=self._books.by, at=timezone.now()))
            answer = "done"
        except Refusal as refusal:
            answer = refusal.code
        self.waits.seconds.append(time.perf_counter() - start)
        self.waits.answers[f"{name}: {answer}"] += 1

    def _next(self, rng: random.Random) -> tuple[str, Callable[..., Any] | None]:
        """An act on something seen just now; looking is not part of the wait."""
        name = rng.choice(["accept", "reject", "match by hand", "close"])
        if name in ("accept", "reject"):
            found = Match.objects.filter(
                reconciliation_id=self._run.reconciliation_id, status=MatchStatus.SUGGESTED
            )
            shown = list(found.order_by("-pk")[rng.randrange(NEWEST) :][:1])
            service = match_accept if name == "accept" else match_reject
            return name, partial(service, match_id=shown[0].pk) if shown else None
        line, entry = rng.choice(self._pairs)
        if name == "close":
            named: dict[str, Any] = {
                "organization_id": self._run.organization_id,
                "ledger_id": self._run.ledger.uuid,
            }
            return name, partial(item_close, item_id=line, reason="bench", **named)
        return name, partial(match_manual, run=self._run, item_ids=[line], entry_ids=[entry])
