"""Items and discrepancies: lists, close, reopen, note, review."""

from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.api.ledger_runs.desk import DISCREPANCIES, HEADER, ITEMS, RUNS, STATEMENT, february
from tests.reconciliation.test_batches import FILE as BATCHES

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("tasks_at_once")]


@pytest.fixture
def ledger(desk):
    return february(desk)[0]


@pytest.fixture
def run(desk, ledger):
    run = desk.run(ledger)
    desk.upload(run, STATEMENT)
    assert desk.auto_match(run).json() == {"matched": 4}
    return run


@pytest.fixture
def s6(desk, run):
    return desk.items(run)["S6"]


@pytest.fixture
def discrepancy(desk, run, s6):
    [found] = desk.rows(f"{RUNS}/{run}/discrepancies", source_entry_id=s6["id"])
    return found


class TestLists:
    def names(self, desk, run, **query):
        return [row["description"] for row in desk.rows(f"{RUNS}/{run}/items", sort="line_no", **query)]

    def test_items_by_status_amount_and_text(self, desk, run):
        assert self.names(desk, run, match_status="unmatched") == ["S6"]
        assert self.names(desk, run, match_status="partial") == ["S5"]
        assert self.names(desk, run, match_status="matched,closed") == ["S1", "S2", "S3", "S4"]
        assert self.names(desk, run, filter='{"amount": {"gte": 50000}}') == ["S1", "S4"]
        assert self.names(desk, run, direction="debit") == ["S3"]
        assert self.names(desk, run, search="inv-7") == ["S1", "S4", "S5"]
        assert self.names(desk, run, **{"search.reference.in": "INV-701,FEE-02"}) == ["S1", "S3"]

    def test_items_by_id(self, desk, run, s6):
        assert self.names(desk, run, **{"search.id": s6["id"]}) == ["S6"]
        assert self.names(desk, run, **{"search.id": str(uuid4())}) == []

    def test_by_default_in_the_order_of_the_statement(self, desk, run):
        assert [row["description"] for row in desk.rows(f"{RUNS}/{run}/items")] == [
            "S1",
            "S2",
            "S3",
            "S4",
            "S5",
            "S6",
        ]

    def test_the_cursor_walks_all_items_once(self, desk, run):
        seen, query = [], {"limit": 4}
        for _ in range(2):
            page = desk.get(f"{RUNS}/{run}/items", **query).json()
            seen += [row["description"] for row in page["data"]]
            query["cursor"] = page["next_cursor"]
        assert seen == ["S1", "S2", "S3", "S4", "S5", "S6"]
        assert page["next_cursor"] is None

    def test_discrepancies_by_status_and_type(self, desk, run):
        def names(**query):
            ids = {item["id"]: name for name, item in desk.items(run).items()}
            found = desk.rows(f"{RUNS}/{run}/discrepancies", **query)
            return [ids[row["source_entry_id"]] for row in found]

        assert names(type="unmatched_source", status="open") == ["S6"]
        assert names(type="amount_mismatch", status="in_review") == ["S5"]
        assert names(status="open,in_review", severity="warning") == ["S6", "S5"]
        assert desk.rows(f"{RUNS}/{run}/discrepancies", status="closed") == []

    @pytest.mark.parametrize("name", ["items", "matches", "discrepancies", "gl-only", "gl-all", "sources"])
    def test_every_list_costs_a_constant_number_of_queries(self, desk, ledger, run, name):
        def queries() -> int:
            with CaptureQueriesContext(connection) as asked:
                desk.rows(f"{RUNS}/{run}/{name}")
            return len(asked)

        before = queries()
        lines = "".join(f"2026-02-{day:02},{day}.77,credit,NEW-{day},N{day}\n" for day in range(1, 15))
        desk.upload(run, HEADER + lines, name="more.csv")
        for day in range(1, 15):
            desk.entry(ledger, "debit", f"{day}.77", f"2026-02-{day:02}", f"NEW-{day}")
        desk.auto_match(run)
        assert queries() == before

    @pytest.mark.parametrize(
        ("name", "query"),
        [
            ("items", "match_status=open"),
            ("items", "sort=secret"),
            ("matches", "status=undone"),
            ("discrepancies", "type=typo"),
            ("gl-only", "as_at=yesterday"),
            ("gl-all", "linked=maybe"),
        ],
    )
    def test_a_question_that_cannot_be_understood_is_400(self, desk, run, name, query):
        assert desk.client.get(f"{RUNS}/{run}/{name}?{query}").status_code == 400


class TestClose:
    def test_says_why_who_and_when(self, desk, ledger, s6, api_key):
        done = desk.close(s6, ledger, reason="bank_error", note="their fault").json()
        assert (done["match_status"], done["close_reason"], done["close_note"]) == (
            "closed",
            "bank_error",
            "their fault",
        )
        assert (done["closed_by"], done["residual_amount"]["amount"]) == (f"key:{api_key.prefix}", "1500")
        assert desk.get(f"{ITEMS}/{s6['id']}").json() == {**done, "details": [], "details_count": 0}

    @pytest.mark.parametrize("reason", [None, "", "  "])
    def test_an_empty_reason_is_manual_review(self, desk, ledger, s6, reason):
        assert desk.close(s6, ledger, reason=reason).json()["close_reason"] == "manual_review"

    def test_twice_is_a_no_op(self, desk, ledger, s6):
        first, again = (desk.close(s6, ledger).json() for _ in range(2))
        assert first == again

    def test_an_item_with_an_accepted_match_is_409(self, desk, ledger, run):
        s1 = desk.items(run)["S1"]
        desk.accept(desk.match_of(run, s1))
        response = desk.close(s1, ledger)
        assert (response.status_code, response.json()["code"]) == (409, "ledgers.item_state_conflict")

    @pytest.mark.parametrize(
        "change", [{"ledger_id": None}, {"reason": "x" * 65}, {"who": "me"}, {"reason": 5 * [1]}]
    )
    def test_a_body_that_cannot_be_used_is_400(self, desk, ledger, s6, change):
        response = desk.post(f"{ITEMS}/{s6['id']}/close", {"ledger_id": ledger["id"], **change})
        assert (response.status_code, response.json()["code"]) == (400, "ledgers.invalid_request")

    def test_an_unknown_item_is_404(self, desk, ledger):
        response = desk.close({"id": str(uuid4())}, ledger)
        assert (response.status_code, response.json()["code"]) == (404, "ledgers.item_not_found")

    def test_its_discrepancies_close_and_open_again(self, desk, ledger, run, s6, discrepancy):
        def status():
            return desk.rows(f"{RUNS}/{run}/discrepancies", source_entry_id=s6["id"])[-1]["status"]

        desk.close(s6, ledger)
        assert status() == "closed"
        desk.reopen(s6)
        open_ones = desk.rows(
            f"{RUNS}/{run}/discrepancies", source_entry_id=s6["id"], status="open,in_review"
        )
        assert len(open_ones) == 1


class TestReopen:
    def test_only_a_closed_one(self, desk, ledger, s6):
        refused = desk.reopen(s6)
        assert (refused.status_code, refused.json()["code"]) == (409, "ledgers.item_state_conflict")
        desk.close(s6, ledger)
        done = desk.reopen(s6).json()
        assert (done["match_status"], done["close_reason"], done["closed_at"]) == ("unmatched", None, None)

    def test_an_unknown_item_is_404(self, desk):
        assert desk.reopen({"id": str(uuid4())}).status_code == 404


class TestNote:
    def test_a_note_stays_with_the_item_and_takes_its_discrepancy_in_review(self, desk, run, s6):
        response = desk.client.patch(f"{ITEMS}/{s6['id']}/note", {"note": "asked the bank"})
        assert (response.status_code, response.json()["note"]) == (200, "asked the bank")
        [discrepancy] = desk.rows(f"{RUNS}/{run}/discrepancies", source_entry_id=s6["id"])
        assert discrepancy["status"] == "in_review"
        assert desk.client.patch(f"{ITEMS}/{s6['id']}/note", {"note": None}).json()["note"] is None

    def test_an_unknown_item_is_404(self, desk):
        assert desk.client.patch(f"{ITEMS}/{uuid4()}/note", {}).status_code == 404


class TestDiscrepancies:
    def act(self, desk, discrepancy, act, body=None):
        return desk.post(f"{DISCREPANCIES}/{discrepancy['id']}/{act}", body)

    def test_close_review_reopen(self, desk, discrepancy):
        assert self.act(desk, discrepancy, "review").json()["status"] == "in_review"
        closed = self.act(desk, discrepancy, "close", {"reason": "explained", "note": "fee"}).json()
        assert (closed["status"], closed["close_reason"], closed["close_note"]) == (
            "closed",
            "explained",
            "fee",
        )
        again = self.act(desk, discrepancy, "reopen").json()
        assert (again["status"], again["close_reason"], again["closed_at"]) == ("open", None, None)

    def test_close_twice_is_a_no_op(self, desk, discrepancy):
        first, again = (self.act(desk, discrepancy, "close", {"reason": "x"}).json() for _ in range(2))
        assert first == again

    @pytest.mark.parametrize(
        "body", [{}, {"reason": ""}, {"reason": None}, {"reason": "x", "status": "closed"}]
    )
    def test_close_needs_a_reason(self, desk, discrepancy, body):
        assert self.act(desk, discrepancy, "close", body).status_code == 400

    def test_reopen_of_an_open_one_is_409(self, desk, discrepancy):
        assert self.act(desk, discrepancy, "reopen").status_code == 409

    @pytest.mark.parametrize("act", ["close", "reopen", "review"])
    def test_an_unknown_one_is_404(self, desk, act):
        response = self.act(desk, {"id": str(uuid4())}, act, {"reason": "x"} if act == "close" else {})
        assert (response.status_code, response.json()["reason"]) == (404, "discrepancy.not_found")


def test_one_item_shows_the_payments_that_the_bank_booked_as_one(desk, ledger):
    run = desk.run(ledger)
    desk.upload(run, BATCHES, name="batches.xml")
    batch, single = (
        next(row for row in desk.rows(f"{RUNS}/{run}/items") if row["amount"]["amount"] == amount)
        for amount in ("3000", "500")
    )
    body = desk.get(f"{ITEMS}/{batch['id']}").json()
    assert body["details_count"] == 2
    assert [(each["reference"], each["amount"]["amount"]) for each in body["details"]] == [
        ("E1", "1000"),
        ("E2", "2000"),
    ]
    assert "details" not in batch
    assert desk.get(f"{ITEMS}/{single['id']}").json()["details"] == []
