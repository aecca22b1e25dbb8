"""A bookkeeper's hands: everything through HTTP, as a program would do it. Amounts as people write them ("1250.00")."""

from decimal import Decimal

from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

ROOT = "/v1/ledgers"
RUNS = f"{ROOT}/reconciliation/runs"
MATCHES = f"{ROOT}/reconciliation/matches"
ITEMS = f"{ROOT}/reconciliation/items"
DISCREPANCIES = f"{ROOT}/reconciliation/discrepancies"
PASSES = f"{ROOT}/reconciliation/passes"

HEADER = "booking_date,amount,direction,reference,description\n"


def minor(text: str) -> int:
    return int(Decimal(text).scaleb(2))


class Desk:
    def __init__(self, client: APIClient) -> None:
        self.client = client

    def post(self, path: str, body: dict | None = None, **headers: str):
        return self.client.post(path, body, format="json", headers=headers)

    def get(self, path: str, **query):
        return self.client.get(path, query)

    def rows(self, path: str, **query: object) -> list[dict]:
        response = self.get(path, **query)
        assert response.status_code == 200, response.content
        return response.json()["data"]

    # --- books

    def ledger(self, type: str = "asset", code: str = "1200", currency: str = "EUR", **more: object) -> dict:
        body = {"code": code, "type": type, "currency_code": currency, **more}
        response = self.post(ROOT, body)
        assert response.status_code == 201, response.content
        return response.json()

    def entry(self, ledger: dict, type: str, amount: str, day: str, reference: str = "") -> str:
        response = self.post(f"{ROOT}/entries", entry_body(ledger, type, amount, day, reference))
        assert response.status_code == 201, response.content
        return response.json()["id"]

    def unreconciled(self, ledger: dict) -> int:
        [row] = self.rows(f"{ROOT}/accounts", ledger_id=ledger["id"])
        return row["unreconciled_count"]

    # --- runs

    def run(self, ledger: dict, **more: object) -> str:
        response = self.post(RUNS, {"ledger_id": ledger["id"], **more})
        assert response.status_code == 201, response.content
        return response.json()["id"]

    def show(self, run: str) -> dict:
        response = self.get(f"{RUNS}/{run}")
        assert response.status_code == 200, response.content
        return response.json()

    def upload(self, run: str, content: str | bytes, name: str = "february.csv", **more: object):
        raw = content.encode() if isinstance(content, str) else content
        headers = more.pop("headers", {})
        data = {"file": SimpleUploadedFile(name, raw), **more}
        return self.client.post(f"{RUNS}/{run}/sources/upload", data, format="multipart", headers=headers)

    def auto_match(self, run: str, **headers: str):
        return self.post(f"{RUNS}/{run}/auto-match", None, **headers)

    def items(self, run: str) -> dict[str, dict]:
        """By description, which the worked examples use as a name."""
        return {row["description"]: row for row in self.rows(f"{RUNS}/{run}/items")}

    def match_of(self, run: str, item: dict) -> dict:
        [found] = [row for row in self.rows(f"{RUNS}/{run}/matches") if item["id"] in row["source_entry_ids"]]
        return found

    def manual(self, run: str, items: list[str], entries: list[str], **more: object):
        return self.post(
            f"{RUNS}/{run}/manual-match", {"source_entry_ids": items, "ledger_entry_ids": entries, **more}
        )

    def accept(self, match: dict, **body: object):
        return self.post(f"{MATCHES}/{match['id']}/accept", body)

    def reject(self, match: dict, **body: object):
        return self.post(f"{MATCHES}/{match['id']}/reject", body)

    def close(self, item: dict, ledger: dict, **body: object):
        return self.post(f"{ITEMS}/{item['id']}/close", {"ledger_id": ledger["id"], **body})

    def reopen(self, item: dict):
        return self.post(f"{ITEMS}/{item['id']}/reopen")


STATEMENT = HEADER + (
    "2026-02-04,1250.00,credit,INV-701,S1\n"
    "2026-02-06,480.50,credit,,S2\n"
    "2026-02-05,19.90,debit,FEE-02,S3\n"
    "2026-02-08,500.00,credit,INV-703,S4\n"
    "2026-02-09,90.00,credit,INV-799,S5\n"
    "2026-02-10,15.00,credit,,S6\n"
)
BOOKS = [
    ("G1", "debit", "1250.00", "2026-02-04", "INV-701"),
    ("G2", "debit", "480.50", "2026-02-05", "INV-702"),
    ("G3", "credit", "19.90", "2026-02-05", "FEE-02"),
    ("G4", "debit", "300.00", "2026-02-07", "INV-703"),
    ("G5", "debit", "200.00", "2026-02-07", "INV-703"),
    ("G6", "debit", "77.00", "2026-02-11", "INV-799"),
    ("G7", "credit", "6.60", "2026-02-12", "CARD-12"),
]


def february(desk: Desk) -> tuple[dict, dict[str, str]]:
    """The ledger of the contract's worked examples, and its entries by name."""
    ledger = desk.ledger()
    entries = [entry_body(ledger, *entry) for _name, *entry in BOOKS]
    response = desk.post(f"{ROOT}/entries/bulk", {"entries": entries})
    assert response.status_code == 201, response.content
    posted = [row["id"] for row in response.json()["entries"]]
    return ledger, dict(zip([name for name, *_entry in BOOKS], posted, strict=True))


def entry_body(ledger: dict, type: str, amount: str, day: str, reference: str = "") -> dict:
    return {
        "ledger_id": ledger["id"],
        "type": type,
        "amount": minor(amount),
        "timestamp": f"{day}T00:00:00Z",
        "reference_id": reference,
    }


def euros(minor_units: int) -> dict:
    return {"amount": str(minor_units), "currency": "EUR", "precision": 2}
