"""Two streams against each other at a desk where people match by record numbers, for tests of such matches."""

from __future__ import annotations

from typing import Any

from ledgers.models import Record
from reconciliation.models import Match, OpenItem
from reconciliation.services.stream_matches import match_by_hand
from tests.factories.organizations import actor_with
from tests.reconciliation.streams import Feeds


class Desk:
    """Two streams against each other, records by name."""

    def __init__(self) -> None:
        self.feeds = Feeds(actor_with("admin"))
        self.a, self.b = self.feeds.stream("a"), self.feeds.stream("b")
        self.reconciliation = self.feeds.reconciliation(self.a, self.b)

    def add(self, side: str, *named: tuple[str, int]) -> list[int]:
        return [record.pk for record in self.feeds.add(getattr(self, side), *named)]

    def match(self, *ids: int, **more: Any) -> Match:
        return self.feeds.act(match_by_hand, reconciliation=self.reconciliation, record_ids=ids, **more)

    def open(self) -> set[int]:
        return set(
            OpenItem.objects.filter(reconciliation=self.reconciliation).values_list("record_id", flat=True)
        )


def adjusted(match: Match) -> Record:
    """The adjustment of a match that has one."""
    return Record.objects.get(pk=match.adjustment_id)
