"""A ledger's proof for a day, and its opening balance confirmed by a person."""

from uuid import uuid4

import pytest

from tests.api.ledger_runs.desk import HEADER, MATCHES, ROOT, RUNS, STATEMENT, euros, february

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("tasks_at_once")]


@pytest.fixture
def books(desk):
    return february(desk)


@pytest.fixture
def ledger(books):
    return books[0]


@pytest.fixture
def run(desk, ledger):
    run = desk.run(ledger)
    desk.upload(run, STATEMENT)
    desk.auto_match(run)
    return run


def proof(desk, ledger: dict, day: str = "2026-02-28") -> dict:
    response = desk.get(f"{ROOT}/{ledger['id']}/proof", date=day)
    assert response.status_code == 200, response.content
    return response.json()


def test_it_explains_the_difference_of_the_day(desk, ledger, run):
    found = proof(desk, ledger)
    assert (found["ledger_id"], found["date"]) == (ledger["id"], "2026-02-28")
    assert (found["statement_balance"], found["ledger_balance"]) == (euros(231560), euros(228100))
    assert (found["difference"], found["open_items"]) == (euros(3460), euros(3460))
    assert (found["written_off"], found["unexplained"], found["ties_out"]) == (euros(0), euros(0), True)


def test_what_is_accepted_and_written_off_moves_and_stays_explained(desk, ledger, run):
    for match in desk.rows(f"{RUNS}/{run}/matches"):
        desk.post(f"{MATCHES}/{match['id']}/accept")
    desk.close(desk.items(run)["S5"], ledger)
    found = proof(desk, ledger)
    assert (found["open_source"], found["open_ledger"]) == (euros(1500), euros(-660))
    assert (found["written_off"], found["unexplained"]) == (euros(1300), euros(0))
    assert proof(desk, ledger, "2026-02-10")["unexplained"] == euros(0)


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_any_day_has_a_proof(desk, ledger, run, day):
    assert proof(desk, ledger, day)["unexplained"] == euros(0)


@pytest.mark.parametrize(
    "query", [{}, {"date": ""}, {"date": "today"}, {"date": "2026-02-30"}, {"day": "2026-02-28"}]
)
def test_a_question_that_cannot_be_understood_is_400(desk, ledger, query):
    response = desk.get(f"{ROOT}/{ledger['id']}/proof", **query)
    assert (response.status_code, response.json()["code"]) == (400, "ledgers.invalid_request")


def test_unknown_and_foreign_ledgers_are_404(desk, other_desk, ledger):
    for asking, ledger_id in ((desk, uuid4()), (other_desk, ledger["id"])):
        for response in (
            asking.get(f"{ROOT}/{ledger_id}/proof", date="2026-02-28"),
            asking.post(f"{ROOT}/{ledger_id}/opening", {"balance": 0, "date": "2026-02-01"}),
        ):
            assert (response.status_code, response.json()["code"]) == (404, "ledgers.ledger_not_found")


class TestOpening:
    def confirm(self, desk, ledger, **body):
        return desk.post(f"{ROOT}/{ledger['id']}/opening", {"balance": 0, "date": "2026-02-01", **body})

    def test_it_says_who_confirmed_what(self, desk, ledger, api_key):
        response = self.confirm(desk, ledger, balance=-5000)
        assert response.status_code == 200, response.content
        body = response.json()
        assert (body["ledger_id"], body["balance"], body["date"]) == (
            ledger["id"],
            euros(-5000),
            "2026-02-01",
        )
        assert body["confirmed_by"] == f"key:{api_key.prefix}"
        assert body["confirmed_at"].endswith("Z")

    def test_the_ledger_shows_it_and_may_still_be_renamed(self, desk, ledger):
        self.confirm(desk, ledger, balance=5000)
        path = f"{ROOT}/{ledger['id']}"
        response = desk.client.patch(path, {"description": "Main account"})
        assert response.status_code == 200, response.content
        shown = desk.get(path).json()
        assert (shown["description"], shown["opening_balance"]) == ("Main account", euros(5000))
        assert (shown["opening_balance_date"], shown["opening_date"]) == ("2026-02-01", None)
        for change in (
            {"opening_balance": 6000, "opening_date": "2026-02-01"},
            {"opening_date": "2026-02-02"},
        ):
            assert desk.client.patch(path, change).json()["reason"] == "ledger.has_entries"

    def test_its_difference_to_the_books_is_explained(self, desk, ledger):
        run = desk.run(ledger)
        desk.upload(run, HEADER + "2026-02-12,6.60,debit,CARD-12,S1\n")
        desk.auto_match(run)
        # Before the 12th the books hold 2,287.60; the bank, it is said, 2,300.00.
        assert self.confirm(desk, ledger, balance=230000, date="2026-02-12").status_code == 200
        found = proof(desk, ledger)
        assert (found["opening_confirmed"], found["opening_difference"]) == (True, euros(1240))
        assert (found["open_items"], found["unexplained"]) == (euros(0), euros(0))
        old = [row for row in desk.rows(f"{RUNS}/{run}/gl-all") if row["residual_amount"] is None]
        assert len(old) == 6  # open no more

    def test_a_match_with_older_records_is_409(self, desk, ledger, run):
        response = self.confirm(desk, ledger, date="2026-02-05")
        assert (response.status_code, response.json()["reason"]) == (409, "ledger.opening_matched")

    @pytest.mark.parametrize("change", [{"balance": 1.5}, {"balance": None}, {"date": "soon"}, {"who": "me"}])
    def test_a_body_that_cannot_be_used_is_400(self, desk, ledger, change):
        assert self.confirm(desk, ledger, **change).status_code == 400
