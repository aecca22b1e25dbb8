"""Random acts of all kinds, and after every sweep the exceptions that a plain model of the rules in Python expects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from random import Random

import pytest

from exceptions_app.models import ReconciliationException, Sweep
from exceptions_app.services.exceptions import exception_change, exception_create, exception_delete
from exceptions_app.services.overdue import record_mark_overdue
from exceptions_app.services.sweeping import organization_sweep
from ledgers.models import Record
from organizations.acts import perform
from organizations.refusals import Refusal
from reconciliation.models import Match, MatchMember, OpenItem, OverdueRecompute
from reconciliation.selectors.integrity import faults
from reconciliation.services.items import record_close, record_reopen
from reconciliation.services.matches import match_accept, match_reject, match_undo
from reconciliation.services.policies import policy_change
from reconciliation.services.recompute import recompute_execute
from reconciliation.services.stream_matches import match_by_hand
from reconciliation.services.stream_records import RecordIn, record_change, record_void, records_add
from rules.models import ReconciliationStream
from tests.clock import NOW
from tests.factories.organizations import actor_with
from tests.reconciliation.streams import Feeds

pytestmark = pytest.mark.django_db

Pair = tuple[int, int]
NEVER = datetime.min.replace(tzinfo=UTC)
TICK = timedelta(microseconds=1)
ACTIVE = ("open", "investigating")
STEPS = 90
STATUSES = ("open", "investigating", "dismissed", "resolved")


@dataclass
class Told:
    """An exception as the model has it."""

    pk: int
    status: str
    had_records: bool
    deleted: bool = False
    closed_at: datetime = NEVER


@dataclass
class Model:
    """`known`: when each record of a reconciliation was seen overdue, while it has been so without a break."""

    known: dict[Pair, datetime] = field(default_factory=dict)
    exceptions: dict[Pair, list[Told]] = field(default_factory=lambda: defaultdict(list))

    def look(self, at: datetime) -> dict[Pair, dict[int, datetime]]:
        """The slices, read row by row; what is in none any more, or due only after it was seen, is forgotten."""
        found: dict[Pair, dict[int, datetime]] = defaultdict(dict)
        for item in OpenItem.objects.filter(closed_at=None).select_related("record"):
            if item.overdue_at is not None and item.overdue_at <= at:
                found[item.reconciliation_id, item.record.stream_id][item.record_id] = item.overdue_at
        members = MatchMember.objects.filter(live=True, match__status="suggested").select_related("record")
        for each in members:
            if each.overdue_at is not None and each.overdue_at <= at:
                found[each.reconciliation_id, each.record.stream_id][each.record_id] = each.overdue_at
        due = {(rec, record): when for (rec, _s), of in found.items() for record, when in of.items()}
        self.known = {key: seen for key, seen in self.known.items() if key in due and due[key] <= seen}
        return found

    def sweep(self, at: datetime) -> tuple[int, ...]:
        slices = self.look(at)
        counts = [0, 0, 0, 0]
        for pair in sorted({*slices, *self.exceptions}):
            self._sweep(pair, slices.get(pair, {}), at, counts)
        return tuple(counts)

    def _sweep(self, pair: Pair, slice_: dict[int, datetime], at: datetime, counts: list[int]) -> None:
        new = [record for record in slice_ if (pair[0], record) not in self.known]
        self.known |= {(pair[0], record): at + TICK for record in new}
        counts[0] += len(new)
        live = [told for told in self.exceptions[pair] if not told.deleted]
        active = next((told for told in live if told.status in ACTIVE), None)
        closed_at = max((told.closed_at for told in live), default=NEVER)
        if active is None and any(self.known[pair[0], record] > closed_at for record in slice_):
            if live:
                counts[2] += 1
                active = live[-1]
                active.status, active.closed_at = "open", NEVER
            else:
                counts[1] += 1
                active = Told(0, "open", True)
                self.exceptions[pair].append(active)
        if active is not None and slice_:
            active.had_records = True
        elif active is not None and active.had_records:
            counts[3] += 1
            active.status, active.closed_at = "resolved", at


class World:
    """Two reconciliations that share a stream, and people with few ideas."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.feeds = Feeds(actor_with("admin"))
        self.at = NOW
        self.model = Model()
        self.streams = [self.feeds.stream(key) for key in ("a1", "a2", "b1", "b2")]
        a1, a2, b1, b2 = self.streams
        self.made = [self.feeds.reconciliation(a1, b1), self.feeds.reconciliation(a1, b2)]
        self.feeds.wire(self.made[0], a2, "a")
        for made in self.made:
            self.act(policy_change, reconciliation=made, after_days=3, overdue_from=date(2026, 1, 1))

    def act(self, service: Callable[..., object], **arguments: object) -> object:
        return perform(partial(service, **arguments, by=self.feeds.by, at=self.at))

    # --- what people do -------------------------------------------------------------------------------------------------

    def add(self) -> None:
        """Of the last days, in two currencies."""
        chance = self.chance
        records = [
            RecordIn(
                self.at.date() - timedelta(days=chance.randrange(6)),
                chance.choice((100, 200)),
                chance.choice(("credit", "debit")),
                chance.choice(("EUR", "EUR", "USD")),
                reference=chance.choice(("R1", "R2", "R3")),
            )
            for _n in range(chance.randint(1, 3))
        ]
        self.act(records_add, stream=chance.choice(self.streams), records=records)

    def policy(self) -> None:
        days = self.chance.choice((None, 0, 1, 3, 3, 3, 10))
        made = self.chance.choice(self.made)
        self.act(policy_change, reconciliation=made, after_days=days, overdue_from=date(2026, 1, 1))
        for asked in OverdueRecompute.objects.exclude(status="completed"):
            recompute_execute(recompute_id=asked.pk, clock=lambda: self.at)

    def mark(self) -> None:
        made, record = self.chance.choice(self.made), self._record()
        overdue_at = self.at + timedelta(hours=self.chance.choice((-48, -1, 0, 0, 5)))
        ids = {"organization_id": self.feeds.by.organization_id, "reconciliation_id": made.pk}
        self.act(record_mark_overdue, **ids, record_id=record.pk, overdue_at=overdue_at)
        self.model.look(self.at)  # a move beyond what was seen is a break
        if overdue_at <= self.at:
            self._marked((made.pk, record.stream_id), record.pk)

    def _marked(self, pair: Pair, record_id: int) -> None:
        """Its own sweep of one record, and of what a deleted exception has left in its stream."""
        of = self.model.look(self.at).get(pair, {})
        seen = {pk: due for pk, due in of.items() if (pair[0], pk) in self.model.known or pk == record_id}
        if seen:
            self.model._sweep(pair, seen, self.at, [0, 0, 0, 0])

    def match(self) -> None:
        made = self.chance.choice(self.made)
        items = OpenItem.objects.free().filter(reconciliation=made).order_by("record_id")
        ids = list(items.values_list("record_id", flat=True))
        ids += MatchMember.objects.filter(reconciliation=made, live=True).values_list("record_id", flat=True)
        self.act(match_by_hand, reconciliation=made, record_ids=self.chance.sample(sorted(ids), 2))

    def auto_match(self) -> None:
        self.feeds.auto_match(self.chance.choice(self.made))

    def decide(self) -> None:
        live = list(Match.objects.live().order_by("pk").values_list("pk", flat=True))
        decision = self.chance.choice((match_accept, match_accept, match_reject, match_undo))
        self.act(decision, match_id=self.chance.choice(live))

    def close(self) -> None:
        item = self.chance.choice(list(OpenItem.objects.order_by("reconciliation_id", "record_id")))
        service = record_close if item.closed_at is None else record_reopen
        about = {"record": item.record, "reconciliation": item.reconciliation, "run": None}
        self.act(service, **about)

    def change(self) -> None:
        day = self.at.date() - timedelta(days=self.chance.randrange(8))
        self.act(record_change, record=self._record(), changes={"date": day})

    def void(self) -> None:
        self.act(record_void, record=self._record())

    def rewire(self) -> None:
        made, stream = self.made[0], self.streams[1]
        if ReconciliationStream.objects.filter(reconciliation=made, stream=stream).exists():
            self.feeds.unwire(made, stream, undo_matches=True)
        else:
            self.feeds.wire(made, stream, "a")

    def _record(self) -> Record:
        return self.chance.choice(list(Record.objects.live().entries().order_by("pk")))

    # --- exceptions -----------------------------------------------------------------------------------------------------

    def status(self) -> None:
        told = self._told()
        status = self.chance.choice(STATUSES)
        before = told.status
        organization_id = self.feeds.by.organization_id
        self.act(exception_change, organization_id=organization_id, exception_id=told.pk, status=status)
        told.status = status
        if status not in ACTIVE and before in ACTIVE:
            told.closed_at = self.at
        if status in ACTIVE and before not in ACTIVE:
            told.closed_at = NEVER
            told.had_records = bool(self.model.look(self.at).get(self._pair(told)))

    def delete(self) -> None:
        told = self._told()
        self.act(exception_delete, organization_id=self.feeds.by.organization_id, exception_id=told.pk)
        told.deleted = True

    def create(self) -> None:
        wired = self.chance.choice(list(ReconciliationStream.objects.order_by("pk")))
        pair = (wired.reconciliation_id, wired.stream_id)
        status = self.chance.choice(STATUSES)
        row = self.act(
            exception_create,
            organization_id=self.feeds.by.organization_id,
            reconciliation_id=pair[0],
            stream_id=pair[1],
            status=status,
        )
        assert isinstance(row, ReconciliationException)
        had = status in ACTIVE and bool(self.model.look(self.at).get(pair))
        closed_at = NEVER if status in ACTIVE else self.at
        self.model.exceptions[pair].append(Told(row.pk, status, had, closed_at=closed_at))

    def _told(self) -> Told:
        return self.chance.choice(
            [told for of in self.model.exceptions.values() for told in of if not told.deleted]
        )

    def _pair(self, told: Told) -> Pair:
        return next(pair for pair, of in self.model.exceptions.items() if told in of)

    # --- the sweep ------------------------------------------------------------------------------------------------------

    def sweep(self) -> Sweep:
        swept = organization_sweep(organization_id=self.feeds.by.organization_id, clock=lambda: self.at)
        assert swept is not None
        assert swept.error == ""
        return swept

    def check(self) -> None:
        """The same exceptions, and everything overdue seen."""
        rows = ReconciliationException.objects.order_by("pk")
        found: dict[Pair, list[ReconciliationException]] = defaultdict(list)
        for row in rows:
            found[row.reconciliation_id, row.stream_id].append(row)
        expected = {pair: of for pair, of in self.model.exceptions.items() if of}
        assert {pair: len(of) for pair, of in found.items()} == {
            pair: len(of) for pair, of in expected.items()
        }
        for pair, of in found.items():
            for row, told in zip(of, expected[pair], strict=True):
                told.pk = row.pk
                facts = (row.status, row.voided_at is not None, row.had_records_at is not None)
                assert facts == (told.status, told.deleted, told.had_records), pair


ACTS = [
    *(World.add, World.add, World.add, World.policy, World.mark, World.match, World.match, World.auto_match),
    *(
        World.decide,
        World.decide,
        World.decide,
        World.close,
        World.close,
        World.change,
        World.void,
        World.rewire,
    ),
    *(World.status, World.status, World.delete, World.create),
]


@pytest.mark.parametrize("seed", range(4))
def test_the_exceptions_are_those_that_the_rules_ask_for(seed: int):
    world = World(seed)
    sweeps = [0, 0, 0, 0]
    for _step in range(STEPS):
        world.at += timedelta(minutes=world.chance.choice((1, 1, 60, 600)))
        with suppress(Refusal, IndexError, ValueError):  # nothing there to do it to, or not as things stand
            world.chance.choice(ACTS)(world)
        world.model.look(world.at)
        if world.chance.random() < 0.4:
            swept = world.sweep()
            counts = (swept.records, swept.opened, swept.reopened, swept.resolved)
            assert counts == world.model.sweep(world.at)
            sweeps = [a + b for a, b in zip(sweeps, counts, strict=True)]
        world.check()
    assert all(sweeps), sweeps
    assert faults() == []
