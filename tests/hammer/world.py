"""The small world that the hammer strikes: one ledger with two runs, and two reconciliations that share an API stream."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from random import Random

from django.db import connection

from ledgers.models import DataStream, Ledger
from organizations.actors import Actor
from organizations.acts import perform
from reconciliation.models import Run
from reconciliation.services.wiring import bank_account_create
from rules.models import Reconciliation
from rules.services.rules import revision_write
from tests.clock import NOW
from tests.factories.ledgers import DataStreamFactory
from tests.factories.organizations import actor_with
from tests.factories.rules import ReconciliationFactory, ReconciliationStreamFactory, RuleFactory
from tests.reconciliation.books import books
from tests.reconciliation.files import Line

SLOTS = 64  # threads that may act at once, in all processes together
NAMES = 6
AMOUNTS, REFERENCES, DAYS = (1_00, 2_00, 3_00, 5_00), ("", "R1", "R2", "R3"), 6


@dataclass(frozen=True, slots=True)
class World:
    """What every process needs to know; small enough to be sent to each."""

    database: str
    by: Actor
    ledger_id: int
    stream_ids: tuple[int, ...]  # API streams; the first is on side A of both reconciliations below
    reconciliation_ids: tuple[int, ...]  # of kind streams
    statement_stream_id: int  # of the ledger's account; also on side A of the first of these
    began_ns: int  # of the monotonic clock, which all processes of a machine share

    @property
    def ledger(self) -> Ledger:
        return Ledger.objects.get(pk=self.ledger_id)

    def runs(self) -> list[Run]:
        live = Run.objects.live().filter(ledger_id=self.ledger_id)
        return list(live.select_related("reconciliation", "ledger").order_by("pk"))


class Instants:
    """Instants that no other slot gives and that only grow: an act's rows and audit events are found by its instant."""

    def __init__(self, world: World, slot: int) -> None:
        assert 0 <= slot < SLOTS
        self.world, self.slot, self.last = world, slot, 0

    def __call__(self) -> datetime:
        elapsed = (time.monotonic_ns() - self.world.began_ns) // 1_000
        self.last = max(self.last + SLOTS, elapsed - elapsed % SLOTS + self.slot)
        return NOW + timedelta(microseconds=self.last)


def build(seed: int) -> World:
    """Books with a few open items on either side, so that the first acts have something to act on."""
    chance = Random(f"{seed} world")
    made = books(actor_with("admin"), entries=[some_line(chance) for _n in range(8)])
    account = perform(
        partial(
            bank_account_create,
            organization_id=made.by.organization_id,
            name="Main account",
            ledger=made.ledger,
            by=made.by,
            at=NOW,
        )
    )
    made.another_run()
    organization = made.ledger.organization
    streams = [DataStreamFactory(organization=organization, key=f"api-{n}", name=f"API {n}") for n in "sxy"]
    reconciliations = [_reconciliation(streams[0], other) for other in streams[1:]]
    statement_stream = DataStream.objects.get(bank_account=account, kind="statement")
    ReconciliationStreamFactory(reconciliation=reconciliations[0], stream=statement_stream, side="a")
    return World(
        database=str(connection.settings_dict["NAME"]),
        by=made.by,
        ledger_id=made.ledger.pk,
        stream_ids=tuple(stream.pk for stream in streams),
        reconciliation_ids=tuple(reconciliation.pk for reconciliation in reconciliations),
        statement_stream_id=statement_stream.pk,
        began_ns=time.monotonic_ns(),
    )


def _reconciliation(side_a: DataStream, side_b: DataStream) -> Reconciliation:
    """Two streams whose signed amounts should agree, under one rule: amount and reference."""
    made = ReconciliationFactory(
        ledger=None,
        organization=side_a.organization,
        name=f"{side_a} against {side_b}",
        kind="streams",
        sign_mode="magnitude",
        own_rules=True,
    )
    ReconciliationStreamFactory(reconciliation=made, stream=side_a, side="a")
    ReconciliationStreamFactory(reconciliation=made, stream=side_b, side="b")
    same = [{"key": key, "operand": "eq", "value": key} for key in ("signed_amount", "reference")]
    rule = RuleFactory(reconciliation=made, filters={"operand": "and", "rules": same})
    revision_write(rule, by="system:test", at=NOW)
    return made


def some_line(chance: Random, direction: str = "debit") -> Line:
    """Few amounts, days and references, so that they collide."""
    return (
        f"n{chance.randrange(NAMES)}",
        direction,
        chance.choice(AMOUNTS),
        1 + chance.randrange(DAYS),
        chance.choice(REFERENCES),
    )
