"""Streams of planted books in a reconciliation without rules, for tests of proposing rules."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import Any

import polars as pl

from ledgers.models import DataStream
from organizations.acts import perform
from reconciliation import tasks
from reconciliation.models import RuleJob
from reconciliation.services.proposing import proposals_request
from reconciliation.services.stream_records import RecordIn, records_add
from rules.models import Reconciliation, Rule
from tests.clock import NOW
from tests.factories.organizations import actor_with
from tests.factories.rules import ReconciliationFactory
from tests.reconciliation.streams import Feeds
from tests.rules.engine import planted
from tests.rules.engine.planted import Planted

SIZE = 120


@dataclass
class Trade:
    """A shop and its bank; nobody has written a rule yet."""

    feeds: Feeds
    a: DataStream
    b: DataStream
    reconciliation: Reconciliation

    def feed(self, book: Planted) -> None:
        for stream, frame in ((self.a, book.a), (self.b, book.b)):
            self.feeds.act(records_add, stream=stream, records=records(frame))

    def ask(self) -> RuleJob:
        ask = partial(proposals_request, reconciliation=self.reconciliation, by=self.feeds.by, at=NOW)
        return perform(ask)

    def proposed(self) -> RuleJob:
        """Asked for, and done by a worker."""
        job = self.ask()
        tasks.execute_rule_job(job_id=job.pk)
        job.refresh_from_db()
        return job

    @property
    def rules(self) -> list[Rule]:
        return list(self.reconciliation.rules.order_by("priority"))


def trade_of(organization: Any = None, key: str = "") -> Trade:
    feeds = Feeds(actor_with("admin", **({"organization": organization} if organization else {})))
    made = ReconciliationFactory(
        organization=feeds.organization,
        ledger=None,
        kind="streams",
        sign_mode="magnitude",
        own_rules=True,
        auto_accept=True,
    )
    a, b = feeds.stream(f"shop{key}"), feeds.stream(f"bank{key}")
    feeds.wire(made, a, "a")
    feeds.wire(made, b, "b")
    return Trade(feeds, a, b, made)


def records(frame: pl.DataFrame) -> list[RecordIn]:
    """`metadata` columns as they stand beside the others in a frame."""
    return [
        RecordIn(
            row["date"],
            abs(row["measure"]),
            "credit" if row["measure"] >= 0 else "debit",
            row["currency"],
            description=row.get("description", ""),
            reference=row.get("reference", ""),
            metadata={
                name.removeprefix("metadata."): value
                for name, value in row.items()
                if name.startswith("metadata.")
            },
        )
        for row in frame.iter_rows(named=True)
    ]


def clean() -> Planted:
    return planted.clean_reference(SIZE)


def as_data(value: Any) -> Any:
    return json.loads(json.dumps(value))
