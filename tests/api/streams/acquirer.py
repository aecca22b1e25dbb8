"""A card acquirer against its bank, as a program sends it: the bodies, and what the program knows on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rest_framework.test import APIClient

from reconciliation.models import Pass
from reconciliation.services.execution import pass_execute
from tests.clock import NOW

Json = dict[str, Any]

RECORDS = [
    {
        "date": "2026-03-01",
        "data_stream_key": "card_acquirer",
        "amount": 4250,
        "currency": "usd",
        "direction": "credit",
        "description": "Order 771",
        "external_id": "tx-771",
        "metadata": {"batch_no": "B-19", "invoice": "INV-0771"},
    },
    {
        "date": "2026-03-01",
        "data_stream_key": "card_acquirer",
        "amount": 1750,
        "direction": "credit",
        "external_id": "tx-772",
        "metadata": {"batch_no": "B-19"},
    },
    {
        "date": "2026-03-02",
        "data_stream_key": "house_bank",
        "amount": 6000,
        "direction": "credit",
        "description": "ACQ PAYOUT B-19",
        "external_id": "stmt-40",
        "metadata": {"reference": "b19"},
    },
]
LOOSE = ["alphanumeric_only", "lowercase"]
ONE_TO_ONE = {
    "priority": 10,
    "description": "Same money, near date, and one shared reference",
    "cardinality": "one_to_one",
    "filters": {
        "operand": "and",
        "rules": [
            {
                "key": "amount",
                "operand": "eq",
                "value": "amount",
                "tolerance_amount": 0.5,
                "tolerance_unit": "dollar",
            },
            {
                "key": "date",
                "operand": "eq",
                "value": "date",
                "tolerance_amount": 3,
                "tolerance_unit": "day",
            },
            {
                "operand": "or",
                "rules": [
                    {
                        "key": "metadata.invoice",
                        "operand": "eq",
                        "value": "external_id",
                        "transforms": {"key": LOOSE, "value": LOOSE},
                    },
                    {
                        "key": "external_id",
                        "operand": "eq",
                        "value": "metadata.reference",
                        "transforms": {
                            "key": {"name": "first_n_chars", "args": {"n": 8}},
                            "value": "uppercase",
                        },
                    },
                ],
            },
        ],
    },
}
BY_BATCH = {
    "priority": 20,
    "cardinality": "many_to_one",
    "group_by": ["metadata.batch_no"],
    "rollup": {"group_by_kind": "identifier", "lookback_days": 7, "date_field": "date"},
    "filters": {
        "operand": "and",
        "rules": [
            {"key": "amount", "operand": "eq", "value": "amount"},
            {
                "key": "metadata.batch_no",
                "operand": "eq",
                "value": "metadata.reference",
                "transforms": {"key": LOOSE, "value": LOOSE},
            },
        ],
    },
}


@dataclass
class Program:
    """What a program knows: its key, and the ids that it was given."""

    client: APIClient
    ids: dict[str, int] = field(default_factory=dict)

    def get(self, path: str, query: Json | None = None) -> Any:
        answer = self.client.get(f"/v1/{path}", query or {})
        assert answer.status_code == 200, answer.content.decode()
        return answer.json()

    def post(self, path: str, body: Json, expect: int = 201, **headers: str) -> Any:
        answer = self.client.post(f"/v1/{path}", body, format="json", headers=headers)
        assert answer.status_code == expect, answer.content.decode()
        return answer.json()

    def text(self, name: str) -> str:
        return str(self.ids[name])

    def acquirer(self) -> None:
        body = {"key": "card_acquirer", "name": "Card acquirer", "type": "api"}
        self.ids["acquirer"] = self.post("data_streams", body)["id"]

    def bank(self) -> None:
        self.ids["account"] = self.post("bank_accounts", {"name": "House bank", "currency": "USD"})["id"]
        body = {"key": "house_bank", "name": "House bank", "type": "bank_feed"}
        answer = self.post("data_streams", {**body, "bank_account_id": self.text("account")})
        self.ids["bank"] = answer["id"]

    def reconcile(self) -> Json:
        return self.post(
            "reconciliations",
            {
                "name": "Acquirer to bank",
                "run_type": "continuous",
                "side_a_stream_ids": [self.text("acquirer")],
                "side_b_stream_ids": [self.text("bank")],
            },
        )

    def load(self) -> Json:
        body = {"on_conflict": "error", "records": RECORDS}
        headers = {"Idempotency-Key": "load-2026-03-02-a"}
        return self.post("records/bulk", body, expect=202, **headers)

    def match(self) -> None:
        """What a worker does with the passes that were asked for."""
        for asked in Pass.objects.filter(status="pending").order_by("pk"):
            pass_execute(pass_id=asked.pk, clock=clock)


def clock() -> datetime:
    return NOW
