"""A card acquirer's records against a house bank's, over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from rest_framework.test import APIClient

from ledgers.models import DataStream, Record
from reconciliation.services.bulk_execution import bulk_execute
from rules.models import Reconciliation
from tests.clock import NOW
from tests.factories.ledgers import BankAccountFactory, DataStreamFactory, LedgerFactory, RecordFactory
from tests.factories.organizations import actor_with
from tests.reconciliation.streams import Feeds

RECORDS = "/v1/records"
BULK_PATH, REQUESTS = f"{RECORDS}/bulk", "/v1/bulk_requests"


@dataclass
class Bench:
    """Two streams in one reconciliation, whose rule is equal reference."""

    client: APIClient
    feeds: Feeds
    cards: DataStream
    bank: DataStream
    reconciliation: Reconciliation

    def row(self, **more: Any) -> dict[str, Any]:
        """The least that a record has."""
        return {
            "date": "2026-03-01",
            "data_stream_key": "card_acquirer",
            "amount": 4250,
            "direction": "credit",
            **more,
        }

    def post(self, path: str = RECORDS, body: Any = None, **headers: str):
        return self.client.post(path, {} if body is None else body, format="json", headers=headers)

    def add(self, **more: Any) -> dict[str, Any]:
        answer = self.post(body=self.row(**more))
        assert answer.status_code == 201, answer.json()
        return answer.json()

    def refused(self, **more: Any) -> list[tuple[str, str]]:
        """Which fields of a record are at fault, and what is said of them."""
        answer = self.post(body=self.row(**more))
        assert answer.status_code == 422, answer.json()
        return [(".".join(issue["path"]), issue["message"]) for issue in answer.json()["issues"]]

    def get(self, path: str, query: dict[str, Any] | None = None) -> Any:
        answer = self.client.get(path, query or {})
        assert answer.status_code == 200, answer.json()
        return answer.json()

    def patch(self, record_id: int, body: Any):
        return self.client.patch(f"{RECORDS}/{record_id}", body, format="json")

    def matched(self, *, status: str = "accepted") -> tuple[Record, Record]:
        """A record of each side, in one match."""
        [a] = self.feeds.add(self.cards, ("R-1", 500))
        [b] = self.feeds.add(self.bank, ("R-1", 500))
        match = self.feeds.match(self.reconciliation, [a], [b])
        type(match).objects.filter(pk=match.pk).update(status=status)
        return a, b


def bench_of(client: APIClient, organization: Any) -> Bench:
    feeds = Feeds(actor_with("admin", organization=organization))
    cards, bank = feeds.stream("card_acquirer"), feeds.stream("house_bank", kind="bank_feed")
    return Bench(client, feeds, cards, bank, feeds.reconciliation(cards, bank))


@pytest.fixture
def bench(client, organization) -> Bench:
    return bench_of(client, organization)


@pytest.fixture
def owned_stream(organization) -> Callable[[str], DataStream]:
    """A stream that a ledger, an account or a connector fills."""

    def make(kind: str) -> DataStream:
        owner: dict[str, Any] = {}
        if kind == "ledger":
            owner = {"ledger": LedgerFactory(organization=organization)}
        elif kind == "statement":
            owner = {"bank_account": BankAccountFactory(organization=organization)}
        return DataStreamFactory(organization=organization, kind=kind, **owner)

    return make


@pytest.fixture
def owned_record(owned_stream) -> Callable[[str], Record]:
    return lambda kind: RecordFactory(stream=owned_stream(kind))


@pytest.fixture
def send(bench):
    """Send rows, and let a worker do them."""

    def send(*rows, done=True, on_conflict="skip", **headers):
        answer = bench.post(BULK_PATH, {"records": list(rows), "on_conflict": on_conflict}, **headers)
        assert answer.status_code == 202, answer.json()
        if done:
            bulk_execute(bulk_request_id=answer.json()["id"], clock=clock)
        return bench.get(f"{REQUESTS}/{answer.json()['id']}", {"limit": 200})

    return send


def clock() -> datetime:
    return NOW


def outcomes(body) -> list[tuple[int, str]]:
    return [(row["index"], row["status"]) for row in body["results"]["data"]]
