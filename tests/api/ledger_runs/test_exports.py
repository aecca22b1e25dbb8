"""A run's lists as CSV: every row of the filter, amounts in major units, nothing that a spreadsheet would compute."""

import csv
import io
from uuid import uuid4

import pytest

from tests.api.ledger_runs.desk import HEADER, RUNS, STATEMENT, february

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("tasks_at_once")]


@pytest.fixture
def run(desk):
    ledger, _entries = february(desk)
    run = desk.run(ledger)
    desk.upload(run, STATEMENT)
    desk.auto_match(run)
    return run


def table(response) -> list[dict[str, str]]:
    assert response.status_code == 200, response.content
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_items_with_the_lists_filters(desk, run):
    rows = table(desk.get(f"{RUNS}/{run}/items.csv", match_status="partial,unmatched", sort="line_no"))
    shown = [(row["description"], row["amount"], row["currency"], row["residual_amount"]) for row in rows]
    assert shown == [("S5", "90.00", "EUR", "13.00"), ("S6", "15.00", "EUR", "15.00")]


def test_matches_name_their_members(desk, run):
    rows = table(desk.get(f"{RUNS}/{run}/matches.csv"))
    assert len(rows) == 5
    assert sorted(len(row["ledger_entry_ids"].split(", ")) for row in rows) == [1, 1, 1, 1, 2]


def test_discrepancies_and_entries_that_no_match_has(desk, run):
    said = {(row["type"], row["amount"]) for row in table(desk.get(f"{RUNS}/{run}/discrepancies.csv"))}
    assert said == {("amount_mismatch", "13.00"), ("unmatched_source", "15.00")}
    assert [row["amount"] for row in table(desk.get(f"{RUNS}/{run}/gl-only.csv"))] == ["6.60"]
    assert table(desk.get(f"{RUNS}/{run}/gl-only.csv", as_at="2026-02-01")) == []


def test_items_as_at_a_day(desk, run):
    rows = table(desk.get(f"{RUNS}/{run}/items.csv", as_at="2026-02-05"))
    assert {(row["description"], row["match_status"]) for row in rows} == {
        ("S1", "matched"),
        ("S3", "matched"),
    }


def test_formulas_are_neutralised(desk):
    run = desk.run(desk.ledger())
    desk.upload(run, HEADER + "2026-02-04,1.00,credit,\"=cmd|' /C calc'!A0\",@SUM(A1)\n")
    [row] = table(desk.get(f"{RUNS}/{run}/items.csv"))
    assert row["reference"].startswith("'=")
    assert row["description"].startswith("'@")


def test_accept_may_ask_for_csv(desk, run):
    response = desk.client.get(f"{RUNS}/{run}/items.csv", headers={"Accept": "text/csv"})
    assert len(table(response)) == 6


def test_an_export_has_no_pages(desk, run):
    response = desk.get(f"{RUNS}/{run}/items.csv", limit=2)
    assert (response.status_code, response.json()["issues"][0]["path"]) == (400, ["limit"])


@pytest.mark.parametrize("name", ["items", "matches", "discrepancies", "gl-only"])
def test_of_an_unknown_run_it_is_404(desk, name):
    response = desk.get(f"{RUNS}/{uuid4()}/{name}.csv")
    assert (response.status_code, response.json()["code"]) == (404, "ledgers.run_not_found")
