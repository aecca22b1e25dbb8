"""One asset ledger read through both surfaces: the same records, matches and open amounts, with the sums done by hand.

Statement: credits 1,250.00 + 480.50 + 500.00 + 90.00 + 15.00 = 2,335.50, debit 19.90, net +2,315.60.
Books, as sent: debits 1,250.00 + 480.50 + 300.00 + 200.00 + 77.00 = 2,307.50, credits 19.90 + 6.60 = 26.50; credit less debit
is −2,281.00, which for an asset is +2,281.00 of money in. 2,315.60 − 2,281.00 = 34.60 is open: 13.00 that G6 left of S5, 15.00
of S6 (closed by a person) and 6.60 of G7.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from ledgers.models import DataStream, Record
from reconciliation.selectors.integrity import faults
from rules.models import Reconciliation
from tests.api.ledger_runs.desk import MATCHES as LEDGER_MATCHES
from tests.api.ledger_runs.desk import RUNS, STATEMENT, Desk, euros, february
from tests.api.streams.reconciling.conftest import MATCHES, RECONCILIATIONS
from tests.fuzz.world import tasks_at_once

pytestmark = pytest.mark.django_db(transaction=True)

ENTRIES = {"G1", "G2", "G3", "G4", "G5", "G6", "G7"}
LINES = {"S1", "S2", "S3", "S4", "S5", "S6"}


@dataclass
class Ledger:
    """A matched month. `numbers`: what the stream surface calls the records that the examples name."""

    desk: Desk
    books: dict
    run: str
    reconciliation: int
    numbers: dict[str, int]

    def entries(self) -> dict[str, dict]:
        """The reconciliation's records as the stream surface shows them, by name."""
        shown = self.desk.rows("/v1/records", reconciliation_id=self.reconciliation, limit=200)
        names = {number: name for name, number in self.numbers.items()}
        return {names[row["id"]]: row for row in shown}

    def matches(self, **query) -> dict:
        answer = self.desk.get(MATCHES, reconciliation_id=self.reconciliation, **query)
        assert answer.status_code == 200, answer.content
        return answer.json()


@pytest.fixture
def ledger(client) -> Ledger:
    """S1 to S4 accepted, S5 covered in part and accepted, S6 closed, G7 left."""
    desk = Desk(client)
    with tasks_at_once():
        books, uuids = february(desk)
        run = desk.run(books)
        desk.upload(run, STATEMENT)
        assert desk.auto_match(run).json() == {"matched": 4}
    for match in desk.rows(f"{RUNS}/{run}/matches"):
        assert desk.accept(match).status_code == 200
    assert desk.close(desk.items(run)["S6"], books, reason="bank_error").status_code == 200
    numbers = dict(Record.objects.filter(stream__kind="statement").values_list("description", "pk"))
    numbers |= {name: Record.objects.get(uuid=uuid).pk for name, uuid in uuids.items()}
    return Ledger(desk, books, run, Reconciliation.objects.get().pk, numbers)


def signed(row: dict) -> int:
    return row["amount"] if row["direction"] == "credit" else -row["amount"]


def test_signed_sums_and_counts_are_those_done_by_hand(ledger: Ledger):
    shown = ledger.entries()
    assert shown.keys() == ENTRIES | LINES
    assert sum(signed(shown[name]) for name in LINES) == 2_315_60
    assert sum(signed(shown[name]) for name in ENTRIES) == -2_281_00
    proof = ledger.desk.show(ledger.run)["proof"]
    assert (proof["statement_sum"], proof["ledger_sum"]) == (euros(2_315_60), euros(2_281_00))
    assert (proof["difference"], proof["unexplained"]) == (euros(34_60), euros(0))
    assert faults() == []


def test_the_reconciliation_is_the_ledgers_own(ledger: Ledger):
    body = ledger.desk.get(f"{RECONCILIATIONS}/{ledger.reconciliation}").json()
    assert (body["kind"], body["run_type"]) == ("ledger", "batch")
    kinds = [[each["type"] for each in body[f"side_{side}_streams"]] for side in "ab"]
    assert kinds == [["statement"], ["ledger"]]
    assert (body["last_run"]["status"], body["last_run"]["total_records"]) == ("completed", 13)
    assert DataStream.objects.count() == 2


def test_reconciled_is_what_an_accepted_match_covers_wholly_or_a_person_closed(ledger: Ledger):
    shown = ledger.entries()
    left = {name for name, row in shown.items() if row["status"] == "unreconciled"}
    assert left == {"S5", "G7"}
    assert {name for name, row in shown.items() if row["closed_at"]} == {"S6"}
    items = ledger.desk.items(ledger.run)
    assert {name: row["match_status"] for name, row in items.items()} == {
        **dict.fromkeys(["S1", "S2", "S3", "S4"], "matched"),
        "S5": "partial",
        "S6": "closed",
    }
    assert items["S5"]["residual_amount"] == euros(13_00)
    assert ledger.desk.unreconciled(ledger.books) == 1  # G7: of the books G6 is covered wholly


def test_partners_are_the_other_members_of_the_match(ledger: Ledger):
    shown = ledger.entries()

    def partners(name: str) -> set[int]:
        return {each["id"] for each in shown[name]["matched_records"]}

    number = ledger.numbers
    assert partners("S4") == {number["G4"], number["G5"]}
    assert partners("G4") == {number["S4"], number["G5"]}
    assert partners("G7") == partners("S6") == set()


def test_matches_have_the_same_differences(ledger: Ledger):
    body = ledger.matches()
    assert body["total_count"] == 5
    assert sorted((row["record_count"], row["difference"]) for row in body["data"]) == [
        (2, 0),
        (2, 0),
        (2, 0),
        (2, 13_00),
        (3, 0),
    ]
    assert {(row["status"], row["currency"], row["decimal_places"]) for row in body["data"]} == {
        ("matched", "EUR", 2)
    }
    told = [row["difference"] for row in ledger.desk.rows(f"{RUNS}/{ledger.run}/matches")]
    assert sorted(each["amount"] for each in told) == ["0", "0", "0", "0", "1300"]


def test_a_match_that_is_deleted_here_is_gone_there(ledger: Ledger):
    (partial,) = [row for row in ledger.matches()["data"] if row["difference"]]
    assert ledger.desk.client.delete(f"{MATCHES}/{partial['id']}").status_code == 204
    s5 = ledger.desk.items(ledger.run)["S5"]
    assert (s5["match_status"], s5["residual_amount"]) == ("unmatched", euros(90_00))
    assert ledger.desk.unreconciled(ledger.books) == 2
    assert {name for name, row in ledger.entries().items() if row["status"] == "unreconciled"} == {
        "S5",
        "G6",
        "G7",
    }


def test_a_match_that_is_made_here_is_there(ledger: Ledger):
    test_a_match_that_is_deleted_here_is_gone_there(ledger)
    ids = [ledger.numbers[name] for name in ("G6", "S5")]
    made = ledger.desk.post(MATCHES, {"reconciliation_id": ledger.reconciliation, "record_ids": ids}).json()
    assert (made["status"], made["difference"], made["record_count"]) == ("matched", 13_00, 2)
    s5 = ledger.desk.items(ledger.run)["S5"]
    assert (s5["match_status"], s5["residual_amount"]) == ("partial", euros(13_00))
    there = ledger.desk.get(f"{LEDGER_MATCHES}/{s5['match_id']}").json()
    assert (there["status"], there["difference"]) == ("accepted", euros(13_00))
    assert faults() == []


def test_the_records_of_a_match_are_its_members(ledger: Ledger):
    (rolled,) = [row for row in ledger.matches()["data"] if row["record_count"] == 3]
    members = ledger.desk.rows("/v1/records", reconciliation_match_id=rolled["id"])
    assert {row["id"] for row in members} == {ledger.numbers[name] for name in ("S4", "G4", "G5")}


def test_what_is_matched_is_found_by_its_status(ledger: Ledger):
    found = {
        status: ledger.desk.rows(
            "/v1/records", reconciliation_id=ledger.reconciliation, status=status, limit=200
        )
        for status in ("matched", "unmatched")
    }
    names = {number: name for name, number in ledger.numbers.items()}
    assert {names[row["id"]] for row in found["unmatched"]} == {"S5", "G7"}
    assert len(found["matched"]) == 11


def test_an_adjustment_is_made_in_no_ledger(ledger: Ledger):
    body = {
        "reconciliation_id": ledger.reconciliation,
        "record_ids": [ledger.numbers["G7"]],
        "create_adjustment": True,
    }
    answer = ledger.desk.post(MATCHES, body)
    assert (answer.status_code, answer.json()["reason"]) == (422, "match.adjustment_refused")
