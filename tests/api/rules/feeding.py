"""An organization with a shop's records against a bank's, under one rule (equal reference), for tests over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ledgers.models import DataStream, Record
from reconciliation.models import Match
from rules.models import Reconciliation
from tests.factories.organizations import actor_with
from tests.reconciliation.streams import Feeds


@dataclass
class Shop:
    """R-1 stands on both sides, and was matched by a pass; R-2 and R-3 on one each."""

    feeds: Feeds
    a: DataStream
    b: DataStream
    reconciliation: Reconciliation

    def record(self, side: str, reference: str) -> int:
        return Record.objects.get(stream=self.a if side == "a" else self.b, reference=reference).pk

    @property
    def match(self) -> Match:
        return Match.objects.get(reconciliation=self.reconciliation)

    def path(self, name: str) -> str:
        return f"/v1/reconciliations/{self.reconciliation.pk}/{name}"


def shop_of(organization: Any, *, matched: bool = True, number: str = "") -> Shop:
    """`number`: after the streams' keys, where an organization has several shops."""
    feeds = Feeds(actor_with("admin", organization=organization))
    a, b = feeds.stream(f"shop{number}"), feeds.stream(f"bank{number}")
    shop = Shop(feeds, a, b, feeds.reconciliation(a, b))
    feeds.add(a, ("R-1", 500), ("R-2", 900))
    feeds.add(b, ("R-1", 500), ("R-3", 900))
    if matched:
        feeds.auto_match(shop.reconciliation)
    return shop
