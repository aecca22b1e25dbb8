"""A card acquirer's records against a bank's, and a ledger."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from rest_framework.test import APIClient

from ledgers.models import DataStream
from organizations.actors import Actor
from organizations.acts import perform
from reconciliation.services.stream_reconciliations import reconciliation_create, reconciliation_void
from rules.models import Reconciliation, Rule
from rules.services import setup
from tests.clock import NOW
from tests.factories.ledgers import DataStreamFactory, LedgerFactory
from tests.factories.organizations import actor_with

RULES = "/v1/reconciliation_rules"


@dataclass
class Bench:
    """What a caller of the surface has before it: a reconciliation of two streams, and one of a ledger."""

    client: APIClient
    by: Actor
    streams: dict[str, DataStream]
    cards: Reconciliation
    ledger: Reconciliation

    def post(self, path: str = RULES, body: Any = None, **headers: str):
        return self.client.post(path, body if body is not None else {}, format="json", headers=headers)

    def patch(self, path: str, body: Any, **headers: str):
        return self.client.patch(path, body, format="json", headers=headers)

    def rule(self, **more: Any) -> dict[str, Any]:
        """One is made of the cards: equal reference and amount."""
        body = {"reconciliation_id": self.cards.pk, "filters": every("reference", "amount"), **more}
        answer = self.post(body=body)
        assert answer.status_code == 201, answer.json()
        return answer.json()

    @property
    def client_ref(self) -> str:
        """Who the client is, as rows name it."""
        return Rule.objects.order_by("-pk").first().created_by  # type: ignore[union-attr]

    def delete_cards(self) -> None:
        perform(partial(reconciliation_void, reconciliation=self.cards, by=self.by, at=NOW))

    def rules(self, reconciliation: Reconciliation, **query: Any) -> list[dict[str, Any]]:
        answer = self.client.get(RULES, {"reconciliation_id": reconciliation.pk, **query})
        assert answer.status_code == 200, answer.json()
        return answer.json()


def same(field: str, **more: Any) -> dict[str, Any]:
    return {"key": field, "operand": "eq", "value": field, **more}


def every(*fields: str) -> dict[str, Any]:
    return {"operand": "and", "rules": [same(field) for field in fields]}


def bench_of(client: APIClient, organization: Any) -> Bench:
    by = actor_with(organization=organization)
    streams = {
        key: DataStreamFactory(organization=organization, key=key) for key in ("card_acquirer", "house_bank")
    }
    cards = perform(
        partial(
            reconciliation_create,
            organization_id=organization.pk,
            name="Acquirer to bank",
            side_a=[streams["card_acquirer"]],
            side_b=[streams["house_bank"]],
            by=by,
            at=NOW,
        )
    )
    ledger = setup.ledger_reconciliation(LedgerFactory(organization=organization), by=by, at=NOW)
    return Bench(client, by, streams, cards, ledger)


@pytest.fixture
def bench(client, organization) -> Bench:
    return bench_of(client, organization)
