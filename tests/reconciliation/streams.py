"""Streams that programs write to, in reconciliations of kind streams, for tests of the clearing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any, TypeVar

from ledgers.models import DataStream, Record
from organizations.actors import Actor
from organizations.acts import perform
from organizations.models import Organization
from reconciliation.models import Match, Pass, StreamOperation
from reconciliation.services.execution import pass_execute
from reconciliation.services.groups import group_match
from reconciliation.services.locks import share_reconciliations
from reconciliation.services.operation_chunks import operation_execute
from reconciliation.services.operations import stream_reset, stream_unwire, stream_wire
from reconciliation.services.passes import pass_request
from reconciliation.services.stream_records import RecordIn, records_add
from rules.models import Reconciliation
from rules.services.rules import revision_write
from tests.clock import NOW
from tests.factories.ledgers import DataStreamFactory
from tests.factories.rules import ReconciliationFactory, RuleFactory
from tests.workers import wait_for

T = TypeVar("T")


@dataclass
class Feeds:
    """An operator's streams and reconciliations. Records are named by their reference."""

    by: Actor

    @property
    def organization(self) -> Organization:
        return Organization.objects.get(pk=self.by.organization_id)

    def act(self, service: Callable[..., T], **arguments: Any) -> T:
        return perform(partial(service, **arguments, by=self.by, at=NOW))

    def stream(self, key: str, kind: str = "api") -> DataStream:
        return DataStreamFactory(organization=self.organization, key=key, kind=kind)

    def reconciliation(self, a: DataStream | None = None, b: DataStream | None = None) -> Reconciliation:
        """Of kind streams, with one rule: equal reference; and these streams wired to it."""
        made = ReconciliationFactory(
            organization=self.organization,
            ledger=None,
            kind="streams",
            sign_mode="magnitude",
            own_rules=True,
        )
        same = {"key": "reference", "operand": "eq", "value": "reference"}
        rule = RuleFactory(
            organization=self.organization,
            reconciliation=made,
            filters={"operand": "and", "rules": [same]},
            on_difference="allow",
        )
        revision_write(rule, by=self.by.ref, at=NOW)
        for side, stream in (("a", a), ("b", b)):
            if stream is not None:
                self.wire(made, stream, side)
        return made

    def add(self, stream: DataStream, *named: tuple[str, int]) -> list[Record]:
        """Credits (below zero: debits) by reference, minor units."""
        records = [
            RecordIn(date(2026, 3, 2), abs(minor), "credit" if minor >= 0 else "debit", "EUR", reference=name)
            for name, minor in named
        ]
        return self.act(records_add, stream=stream, records=records)

    def wire(self, reconciliation: Reconciliation, stream: DataStream, side: str) -> StreamOperation:
        return self.done(self.act(stream_wire, reconciliation=reconciliation, stream=stream, side=side))

    def unwire(self, reconciliation: Reconciliation, stream: DataStream, **more: Any) -> StreamOperation:
        return self.done(self.act(stream_unwire, reconciliation=reconciliation, stream=stream, **more))

    def reset(self, stream: DataStream) -> StreamOperation:
        return self.done(self.act(stream_reset, stream=stream))

    def done(self, asked: StreamOperation) -> StreamOperation:
        """What a worker does; where one lives beside the test, it may be at it already."""
        operation_execute(operation_id=asked.pk, clock=lambda: NOW)
        under_way = StreamOperation.objects.filter(pk=asked.pk, status__in=("pending", "running"))
        wait_for(lambda: not under_way.exists(), seconds=60, what="the operation's end")
        asked.refresh_from_db()
        assert asked.status == "completed", asked.error
        return asked

    def match(self, reconciliation: Reconciliation, a: list[Record], b: list[Record]) -> Match:
        def act(by: Actor, at: Any) -> Match:
            share_reconciliations([reconciliation.pk])
            return group_match(
                reconciliation=reconciliation, run=None, side_a=a, side_b=b, by=by, at=at
            ).match

        return self.act(act)

    def auto_match(self, reconciliation: Reconciliation) -> Pass:
        asked = self.act(pass_request, reconciliation=reconciliation, run=None)
        pass_execute(pass_id=asked.pk, clock=lambda: NOW)
        asked.refresh_from_db()
        assert not asked.error, asked.error
        return asked
