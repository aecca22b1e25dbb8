"""Ledgers, entries, journals and account counts."""

from uuid import uuid4

import pytest

from tests.api.ledger_runs.desk import ROOT, RUNS, STATEMENT, entry_body, euros, february

pytestmark = pytest.mark.django_db


def problem(response, status: int, code: str) -> dict:
    assert (response.status_code, response.json()["code"]) == (status, code), response.content
    return response.json()


class TestLedgers:
    def test_a_new_ledger_with_account_and_opening(self, desk):
        ledger = desk.ledger(
            description="Bank",
            bank_accounts=[{"iban": "DE89 3704 0044 0532 0130 00", "name": "Main"}],
            opening_balance=50000,
            opening_date="2026-01-01",
        )
        assert (ledger["code"], ledger["type"], ledger["currency_code"]) == ("1200", "asset", "EUR")
        assert [account["iban"] for account in ledger["bank_accounts"]] == ["DE89370400440532013000"]
        assert (ledger["opening_balance"], ledger["balance_posted"]) == (euros(50000), euros(0))
        assert isinstance(ledger["num_id"], int)
        assert desk.get(f"{ROOT}/{ledger['id']}").json() == ledger

    @pytest.mark.parametrize(
        ("change", "where"),
        [
            ({"type": "bank"}, "type"),
            ({"currency_code": "euro"}, "currency_code"),
            ({"code": ""}, "code"),
            ({"code": None}, "code"),
            ({"opening_balance": 1.5}, "opening_balance"),
            ({"opening_balance": 5}, "opening_date"),
            ({"bank_accounts": [{"bic": "X"}]}, "bank_accounts"),
            ({"balance": 5}, "balance"),
        ],
    )
    def test_a_body_that_cannot_be_used_names_the_place(self, desk, change, where):
        body = {"code": "1200", "type": "asset", "currency_code": "EUR", **change}
        issues = problem(desk.post(ROOT, body), 400, "ledgers.invalid_request")["issues"]
        assert issues[0]["path"][0] == where

    def test_a_code_in_use_is_409_and_nothing_is_half_done(self, desk):
        desk.ledger()
        response = desk.post(
            ROOT,
            {"code": "1200", "type": "asset", "currency_code": "EUR", "bank_accounts": [{"iban": "DE1"}]},
        )
        assert response.status_code == 409
        assert desk.get(ROOT).json()["total"] == 1

    def test_an_account_in_use_is_409_and_the_ledger_is_not_made(self, desk):
        account = [{"iban": "DE89370400440532013000"}]
        desk.ledger(bank_accounts=account)
        response = desk.post(
            ROOT, {"code": "1300", "type": "asset", "currency_code": "EUR", "bank_accounts": account}
        )
        assert response.status_code == 409
        assert desk.get(ROOT).json()["total"] == 1

    def test_subledgers_are_left_out_unless_asked_for(self, desk):
        control = desk.ledger()
        sub = desk.ledger(code="1200-1", parent_ledger_id=control["id"])
        assert sub["parent_ledger_id"] == control["id"]
        assert desk.get(f"{ROOT}/{control['id']}").json()["child_ledger_ids"] == [sub["id"]]
        codes = {
            name: {row["code"] for row in desk.rows(ROOT, **{name: "true"})}
            for name in ("only_subledgers", "include_subledgers", "exclude_subledgers")
        }
        assert {row["code"] for row in desk.rows(ROOT)} == {"1200"}
        assert codes == {
            "only_subledgers": {"1200-1"},
            "include_subledgers": {"1200", "1200-1"},
            "exclude_subledgers": {"1200"},
        }
        problem(desk.get(ROOT, only_subledgers="yes"), 400, "ledgers.invalid_request")

    def test_a_control_ledgers_balance_holds_its_subledgers(self, desk):
        control = desk.ledger()
        sub = desk.ledger(code="1200-1", parent_ledger_id=control["id"])
        desk.entry(sub, "debit", "10.00", "2026-02-04")
        shown = desk.get(f"{ROOT}/{control['id']}").json()
        assert (shown["balance_posted"], shown["last_activity_date"]) == (euros(1000), "2026-02-04")

    def test_an_unknown_parent_is_404(self, desk):
        body = {"code": "1", "type": "asset", "currency_code": "EUR", "parent_ledger_id": str(uuid4())}
        problem(desk.post(ROOT, body), 404, "ledgers.ledger_not_found")

    def test_change(self, desk):
        ledger = desk.ledger()
        changed = desk.client.patch(
            f"{ROOT}/{ledger['id']}", {"description": "New", "type": "liability"}
        ).json()
        assert (changed["description"], changed["type"]) == ("New", "liability")
        assert desk.client.patch(f"{ROOT}/{ledger['id']}", {}).json()["description"] == "New"

    def test_with_entries_the_type_stays(self, desk):
        ledger = desk.ledger()
        desk.entry(ledger, "debit", "10.00", "2026-02-04")
        response = desk.client.patch(f"{ROOT}/{ledger['id']}", {"type": "liability"})
        assert (response.status_code, response.json()["reason"]) == (409, "ledger.has_entries")

    @pytest.mark.parametrize("body", [{"currency_code": "USD"}, {"code": "9"}])
    def test_what_is_fixed_cannot_be_changed(self, desk, body):
        assert desk.client.patch(f"{ROOT}/{desk.ledger()['id']}", body).status_code == 400

    def test_an_unknown_one_is_404(self, desk):
        problem(desk.get(f"{ROOT}/{uuid4()}"), 404, "ledgers.ledger_not_found")
        problem(desk.get(f"{ROOT}/odd"), 404, "ledgers.ledger_not_found")

    def test_yen_have_no_decimals(self, desk):
        ledger = desk.ledger(currency="JPY", code="1500")
        assert ledger["balance_posted"] == {"amount": "0", "currency": "JPY", "precision": 0}


class TestEntries:
    @pytest.mark.parametrize("name", ["ledger_id", "ledger_code", "ledger_num_id"])
    def test_a_ledger_is_named_by_id_code_or_number(self, desk, name):
        ledger = desk.ledger()
        value = {"ledger_id": ledger["id"], "ledger_code": "1200", "ledger_num_id": ledger["num_id"]}[name]
        response = desk.post(f"{ROOT}/entries", {name: value, "amount": 1990, "type": "credit"})
        assert response.status_code == 201
        assert response.json()["ledger_id"] == ledger["id"]

    def test_the_answer_shows_entry_and_balance(self, desk):
        ledger = desk.ledger()
        body = {
            **entry_body(ledger, "debit", "1250.00", "2026-02-04", "INV-701"),
            "event": "paid",
            "metadata": {"a": 1},
        }
        entry = desk.post(f"{ROOT}/entries", body).json()
        assert (entry["amount"], entry["balance"]) == (euros(125000), euros(125000))
        assert (entry["type"], entry["code"], entry["event"]) == ("debit", "1200", "paid")
        assert (entry["timestamp"], entry["value_date"]) == ("2026-02-04T00:00:00Z", "2026-02-04")
        assert (entry["reference_id"], entry["metadata"]) == ("INV-701", {"a": 1})
        journal = desk.get(f"{ROOT}/journals/{entry['transaction_id']}").json()
        assert [each["id"] for each in journal["entries"]] == [entry["id"]]

    @pytest.mark.parametrize(
        ("change", "where"),
        [
            ({"amount": 0}, "amount"),
            ({"amount": -5}, "amount"),
            ({"amount": 10.5}, "amount"),
            ({"amount": "10.50"}, "amount"),
            ({"amount": 2**63}, "amount"),
            ({"type": "both"}, "type"),
            ({"value_date": "2026-02-30"}, "value_date"),
            ({"timestamp": "noon"}, "timestamp"),
            ({"timestamp": "2026-02-04T10:00:00"}, "timestamp"),
            ({"timestamp": "0001-01-01T00:00:00+14:00"}, "timestamp"),
            ({"timestamp": 1770199200}, "timestamp"),
            ({"reference_id": "x" * 256}, "reference_id"),
            ({"metadata": []}, "metadata"),
            ({"colour": "red"}, "colour"),
        ],
    )
    def test_a_body_that_cannot_be_used_names_the_place(self, desk, change, where):
        body = {"ledger_code": "1200", "amount": 1990, "type": "credit", **change}
        desk.ledger()
        issues = problem(desk.post(f"{ROOT}/entries", body), 400, "ledgers.invalid_request")["issues"]
        assert issues[0]["path"][0] == where

    @pytest.mark.parametrize("names", [{}, {"ledger_code": "1200", "ledger_num_id": 1}])
    def test_none_or_several_names_are_400(self, desk, names):
        desk.ledger()
        problem(
            desk.post(f"{ROOT}/entries", {**names, "amount": 5, "type": "debit"}),
            400,
            "ledgers.invalid_request",
        )

    def test_an_unknown_ledger_is_404(self, desk):
        body = {"ledger_code": "9", "amount": 5, "type": "debit"}
        problem(desk.post(f"{ROOT}/entries", body), 404, "ledgers.ledger_not_found")

    def test_a_ledger_that_takes_no_direct_bookings_is_409(self, desk):
        desk.ledger(allows_direct_booking=False)
        response = desk.post(f"{ROOT}/entries", {"ledger_code": "1200", "amount": 5, "type": "debit"})
        assert (response.status_code, response.json()["reason"]) == (409, "ledger.no_direct_booking")

    def test_many_at_once_are_all_or_nothing(self, desk):
        ledger = desk.ledger()
        good = entry_body(ledger, "debit", "10.00", "2026-02-04")
        assert len(desk.post(f"{ROOT}/entries/bulk", {"entries": [good] * 3}).json()["entries"]) == 3
        response = desk.post(f"{ROOT}/entries/bulk", {"entries": [good, {**good, "amount": 0}]})
        assert problem(response, 400, "ledgers.invalid_request")["issues"][0]["path"] == [
            "entries",
            1,
            "amount",
        ]
        unknown = desk.post(f"{ROOT}/entries/bulk", {"entries": [good, {**good, "ledger_id": str(uuid4())}]})
        assert unknown.status_code == 404
        assert desk.get(f"{ROOT}/entries").json()["total"] == 3

    @pytest.mark.parametrize("count", [0, 1001])
    def test_one_to_a_thousand(self, desk, count):
        body = {"entries": [{"ledger_code": "1200", "amount": 5, "type": "debit"}] * count}
        problem(desk.post(f"{ROOT}/entries/bulk", body), 400, "ledgers.invalid_request")

    def test_many_can_only_be_posted(self, desk):
        assert desk.get(f"{ROOT}/entries/bulk").status_code == 405

    def test_a_repeat_under_a_key_posts_once(self, desk):
        ledger = desk.ledger()
        body = entry_body(ledger, "debit", "10.00", "2026-02-04")
        first, again = (desk.post(f"{ROOT}/entries", body, **{"Idempotency-Key": "e1"}) for _ in range(2))
        assert first.json() == again.json()
        assert desk.get(f"{ROOT}/entries").json()["total"] == 1

    def test_list_with_every_filter(self, desk):
        ledger, entries = february(desk)
        other = desk.entry(desk.ledger(code="1300"), "debit", "5.00", "2026-03-01")

        def names(**query):
            found = {row["id"] for row in desk.rows(f"{ROOT}/entries", **query)}
            return "".join(sorted(name[1] for name, pk in entries.items() if pk in found)) + (
                "+" if other in found else ""
            )

        transaction = next(row for row in desk.rows(f"{ROOT}/entries") if row["id"] == entries["G1"])[
            "transaction_id"
        ]
        assert names() == "1234567+"
        assert names(ledger_id=ledger["id"]) == "1234567"
        assert names(type="credit") == "37"
        assert names(transaction_id=transaction) == "1"
        assert names(min_amount=30000, max_amount=48050) == "24"
        assert names(from_timestamp="2026-02-11T00:00:00Z") == "67+"
        assert names(to_timestamp="2026-02-04T23:59:59Z") == "1"
        assert names(from_value_date="2026-02-11", to_value_date="2026-02-12") == "67"
        assert names(search="inv-70") == "1245"
        assert names(transaction_id=str(uuid4())) == ""
        problem(desk.get(f"{ROOT}/entries", min_amount="ten"), 400, "ledgers.invalid_request")

    def test_the_envelope_names_the_keys_of_a_row(self, desk):
        february(desk)
        body = desk.get(f"{ROOT}/entries", limit=1).json()
        assert body["keys"] == list(body["data"][0])
        assert (body["total"], body["has_more"]) == (7, True)


class TestJournals:
    @pytest.fixture
    def ledgers(self, desk):
        return desk.ledger(), desk.ledger(type="asset", code="1400")

    def journal(self, debit: int = 125000, credit: int = 125000, **transaction):
        return {
            "transaction": {
                "type": "payment",
                "total_amount": debit,
                "currency_code": "EUR",
                "reference_id": "INV-701",
                "timestamp": "2026-02-04T10:00:00Z",
                **transaction,
            },
            "entries": [
                {"ledger_code": "1200", "amount": debit, "type": "debit"},
                {"ledger_code": "1400", "amount": credit, "type": "credit"},
            ],
        }

    def test_debits_that_equal_credits_are_posted_at_once(self, desk, ledgers):
        response = desk.post(f"{ROOT}/journals", self.journal())
        journal = response.json()
        assert (response.status_code, journal["status"]) == (201, "posted")
        assert (journal["total_amount"], journal["reference_id"]) == (euros(125000), "INV-701")
        assert {entry["reference_id"] for entry in journal["entries"]} == {"INV-701"}
        assert journal["reconciled_at"] is None
        assert desk.get(f"{ROOT}/journals/{journal['id']}").json() == journal

    def test_others_are_400_and_nothing_is_posted(self, desk, ledgers):
        body = problem(
            desk.post(f"{ROOT}/journals", self.journal(credit=124999)), 400, "ledgers.journal_unbalanced"
        )
        assert (body["reason"], body["details"]["difference"]) == ("journal.unbalanced", 1)
        assert desk.get(f"{ROOT}/entries").json()["total"] == 0

    @pytest.mark.parametrize(
        "change",
        [{"total_amount": 1}, {"currency_code": "USD"}, {"currency_code": "euro"}, {"total_amount": None}],
    )
    def test_a_head_that_does_not_fit_is_400(self, desk, ledgers, change):
        assert desk.post(f"{ROOT}/journals", self.journal(**change)).status_code == 400

    def test_one_entry_is_no_journal(self, desk, ledgers):
        body = self.journal()
        body["entries"].pop()
        problem(desk.post(f"{ROOT}/journals", body), 400, "ledgers.invalid_request")

    def test_an_unknown_ledger_is_404(self, desk, ledgers):
        body = self.journal()
        body["entries"][0]["ledger_code"] = "9"
        problem(desk.post(f"{ROOT}/journals", body), 404, "ledgers.ledger_not_found")

    def test_an_id_of_the_callers_own_is_kept_and_taken_once(self, desk, ledgers):
        chosen = str(uuid4())
        assert (
            desk.post(f"{ROOT}/journals", {**self.journal(), "transaction_id": chosen}).json()["id"] == chosen
        )
        assert desk.post(f"{ROOT}/journals", {**self.journal(), "transaction_id": chosen}).status_code == 409

    def test_an_unknown_one_is_404(self, desk):
        problem(desk.get(f"{ROOT}/journals/{uuid4()}"), 404, "ledgers.journal_not_found")


@pytest.mark.django_db(transaction=True)
class TestBesideARun:
    @pytest.fixture
    def books(self, desk):
        return february(desk)

    @pytest.fixture
    def run(self, desk, books, tasks_at_once):
        run = desk.run(books[0])
        desk.upload(run, STATEMENT)
        desk.auto_match(run)
        return run

    def test_an_entry_is_linked_to_the_run_that_matched_it(self, desk, books, run):
        second = desk.run(books[0])
        linked = {row["linked_run_id"] for row in desk.rows(f"{RUNS}/{second}/gl-all", linked="true")}
        assert linked == {run}
        assert len(desk.rows(f"{RUNS}/{second}/gl-only")) == 1

    def test_as_at_a_day_later_entries_and_clearings_are_not_yet_there(self, desk, run):
        def amounts(name, day):
            return sorted(
                int(row["amount"]["amount"]) for row in desk.rows(f"{RUNS}/{run}/{name}", as_at=day)
            )

        assert amounts("gl-all", "2026-02-05") == [1990, 48050, 125000]
        assert amounts("gl-only", "2026-02-05") == [48050]  # its line came on the 6th
        assert amounts("gl-only", "2026-02-28") == [660]

    def test_a_journal_is_reconciled_when_its_last_entry_is(self, desk, books, run):
        [entry] = [row for row in desk.rows(f"{RUNS}/{run}/gl-all") if row["id"] == books[1]["G1"]]
        path = f"{ROOT}/journals/{entry['transaction_id']}"
        assert desk.get(path).json()["reconciled_at"] is None
        match = desk.match_of(run, desk.items(run)["S1"])
        decided = desk.accept(match).json()["decided_at"]
        assert desk.get(path).json()["reconciled_at"] == decided
        desk.reject(match)
        assert desk.get(path).json()["reconciled_at"] is None


@pytest.mark.django_db(transaction=True)
def test_a_journal_with_an_entry_left_is_not_reconciled(desk, tasks_at_once):
    bank, _receivables = desk.ledger(), desk.ledger(code="1400")
    journal = desk.post(
        f"{ROOT}/journals",
        {
            "transaction": {
                "type": "payment",
                "total_amount": 125000,
                "currency_code": "EUR",
                "reference_id": "INV-701",
                "timestamp": "2026-02-04T10:00:00Z",
            },
            "entries": [
                {"ledger_code": "1200", "amount": 125000, "type": "debit"},
                {"ledger_code": "1400", "amount": 125000, "type": "credit"},
            ],
        },
    ).json()
    run = desk.run(bank)
    desk.upload(run, STATEMENT)
    assert desk.auto_match(run).json() == {"matched": 1}
    assert desk.accept(desk.match_of(run, desk.items(run)["S1"])).status_code == 200
    assert desk.get(f"{ROOT}/journals/{journal['id']}").json()["reconciled_at"] is None


class TestAccounts:
    def test_every_ledger_with_an_entry(self, desk):
        ledger, _entries = february(desk)
        desk.ledger(code="1300")
        [row] = desk.rows(f"{ROOT}/accounts")
        assert row == {
            "ledger_id": ledger["id"],
            "code": "1200",
            "description": None,
            "type": "asset",
            "currency_code": "EUR",
            "total_count": 7,
            "unreconciled_count": 7,
        }

    def test_one_by_ledger_id_and_none_for_an_unknown_one(self, desk):
        ledger, _entries = february(desk)
        assert len(desk.rows(f"{ROOT}/accounts", ledger_id=ledger["id"])) == 1
        assert desk.rows(f"{ROOT}/accounts", ledger_id=str(uuid4())) == []
