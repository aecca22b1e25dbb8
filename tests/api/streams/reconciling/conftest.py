"""A card acquirer's records against a bank's, with the caller that asks about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from rest_framework.test import APIClient

from ledgers.models import DataStream, Record
from reconciliation.models import StreamOperation
from rules.models import Reconciliation
from tests.factories.organizations import actor_with
from tests.reconciliation.streams import Feeds

RECONCILIATIONS = "/v1/reconciliations"
MATCHES = "/v1/reconciliation_matches"
STORIES = "/v1/reconciliation_stories"


@dataclass
class Cards:
    """Cards against the bank, under one rule (equal reference); nothing has been matched."""

    client: APIClient
    feeds: Feeds
    a: DataStream
    b: DataStream
    reconciliation: Reconciliation

    def get(self, path: str, expect: int = 200, **query: Any):
        return self._answer(self.client.get(path, query), expect)

    def post(self, path: str, body: Any = None, *, expect: int = 201, **headers: str):
        answer = self.client.post(path, {} if body is None else body, format="json", headers=headers)
        return self._answer(answer, expect)

    def patch(self, path: str, body: Any, *, expect: int = 200):
        return self._answer(self.client.patch(path, body, format="json"), expect)

    def delete(self, path: str, *, expect: int = 204):
        return self._answer(self.client.delete(path), expect)

    def _answer(self, answer, expect: int):
        assert answer.status_code == expect, answer.content.decode()
        return answer.json() if answer.content else None

    def add(self, side: str, *named: tuple[str, int]) -> list[Record]:
        return self.feeds.add(self.a if side == "a" else self.b, *named)

    @property
    def path(self) -> str:
        return f"{RECONCILIATIONS}/{self.reconciliation.pk}"

    def make(self, name: str = "Another", a: Any = (), b: Any = (), **more: Any) -> dict[str, Any]:
        ids = {"side_a_stream_ids": [each.pk for each in a], "side_b_stream_ids": [each.pk for each in b]}
        return self.post(RECONCILIATIONS, {"name": name, **ids, **more})

    def work(self) -> None:
        """What a worker does with the streams that are being put in or taken out."""
        for asked in StreamOperation.objects.under_way().order_by("pk"):
            self.feeds.done(asked)


def cards_of(client: APIClient, organization: Any) -> Cards:
    feeds = Feeds(actor_with("admin", organization=organization))
    a, b = feeds.stream("card_acquirer"), feeds.stream("house_bank")
    return Cards(client, feeds, a, b, feeds.reconciliation(a, b))


@pytest.fixture
def cards(client, organization) -> Cards:
    return cards_of(client, organization)
