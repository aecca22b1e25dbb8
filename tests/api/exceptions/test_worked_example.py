"""An acquirer's sale that its bank has not paid out, from the first stream to the closed exception, as a program goes through
it: every request and answer in full, with the ids that were given on the way."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from exceptions_app.services.sweeping import organization_sweep
from reconciliation.services.bulk_execution import bulk_execute
from tests.api.streams.acquirer import RECORDS, Program, clock

pytestmark = pytest.mark.django_db

AT = datetime(2026, 3, 10, 10, tzinfo=UTC)
LATER = datetime(2026, 3, 10, 12, tzinfo=UTC)
FIGURES = {
    "record_count": 1,
    "total_amount": 1750,
    "debit_count": 0,
    "debit_sum": 0,
    "credit_count": 1,
    "credit_sum": 1750,
    "avg_age_days": 6.42,
    "oldest_at": "2026-03-01T00:00:00Z",
    "newest_at": "2026-03-01T00:00:00Z",
}
OURS = {"currency": "USD", "decimal_places": 2}
NONE = {"count": 0, "total_amount": 0}
AGGREGATES = {
    **FIGURES,
    **OURS,
    "mixed_currencies": False,
    "by_currency": [{**FIGURES, **OURS}],
    "age_buckets": {
        "lt_7d": {"count": 1, "total_amount": 1750},
        "7_30d": NONE,
        "30_90d": NONE,
        "gt_90d": NONE,
    },
}


@pytest.fixture
def program(client, set_clock) -> Program:
    set_clock(AT)
    made = Program(client)
    made.acquirer()
    made.bank()
    made.ids["reconciliation"] = made.reconcile()["id"]
    made.ids["bulk"] = made.load()["id"]
    bulk_execute(bulk_request_id=made.ids["bulk"], clock=clock)
    rows = made.get(f"bulk_requests/{made.ids['bulk']}")["results"]["data"]
    made.ids |= {f"record_{row['index']}": row["record_id"] for row in rows}
    return made


def marked(program: Program) -> Any:
    path = f"reconciliations/{program.ids['reconciliation']}/records/{program.ids['record_1']}/mark_overdue"
    return program.post(path, {"overdue_at": "2026-03-04T00:00:00Z"}, expect=200)


def named(program: Program) -> dict[str, str]:
    return {
        "reconciliation_id": program.text("reconciliation"),
        "data_stream_id": program.text("acquirer"),
    }


def test_a_record_marked_overdue_has_its_exception_at_once(program):
    entry = marked(program)
    [found] = program.get("reconciliation_exceptions")["data"]
    documented = {
        "id": program.ids["record_1"],
        "amount": 1750,
        "currency": "USD",
        "decimal_places": 2,
        "direction": "credit",
        "description": None,
        "date": "2026-03-01",
        "metadata": {"batch_no": "B-19"},
        "external_id": "tx-772",
        "data_stream_key": "card_acquirer",
        "reconciliation_id": program.ids["reconciliation"],
        "reconciliation_name": "Acquirer to bank",
        "status": "unreconciled",
        "escalated": True,
        "overdue_at": "2026-03-04T00:00:00Z",
        "matched_records": [],
        "days_unreconciled": 9,
        "exception_id": found["id"],
    }
    assert {name: entry[name] for name in documented} == documented
    assert (found["title"], found["status"]) == ("Card acquirer — overdue records", "open")
    refused = program.post("reconciliation_exceptions", named(program), expect=422)
    assert refused["details"] == {"exception_id": found["id"]}


def test_an_exception_is_opened_as_the_contract_says(program, client):
    found = marked(program)["exception_id"]
    assert client.delete(f"/v1/reconciliation_exceptions/{found}").status_code == 204
    body = program.post(
        "reconciliation_exceptions",
        {**named(program), "description": "Ask the acquirer", "status": "open"},
    )
    at = "2026-03-10T10:00:00Z"
    assert body == {
        "id": body["id"],
        "reconciliation_id": program.ids["reconciliation"],
        "reconciliation_name": "Acquirer to bank",
        "data_stream_id": program.ids["acquirer"],
        "data_stream_name": "Card acquirer",
        "data_stream_key": "card_acquirer",
        "title": "Card acquirer — overdue records",
        "description": "Ask the acquirer",
        "status": "open",
        "created_at": at,
        "updated_at": at,
        "opened_at": at,
        "closed_at": None,
        "assignees": [],
        "decimal_places": 2,
        "aggregates": AGGREGATES,
        "comments": [],
        "investigation": None,
        "investigation_sessions": [],
        "currency": "USD",
        "new_since_closed": 0,
    }


def test_it_is_filtered_commented_resolved_and_opened_again(program, client, set_clock, organization):
    found = marked(program)["exception_id"]
    path = f"reconciliation_exceptions/{found}"
    query = {
        "direction": "credit",
        "amount_min": 1000,
        "date_from": "2026-03-01",
        "counterparty": "",
        "age_bucket": "lt_7d",
    }
    shown = program.get(path, query)
    assert shown["aggregates"] == shown["filtered_aggregates"] == AGGREGATES
    nobody = program.get(path, {**query, "counterparty": "order"})["filtered_aggregates"]
    assert (nobody["record_count"], nobody["oldest_at"]) == (0, None)
    [record] = program.get(f"{path}/records", query)["data"]
    assert (record["id"], record["amount_overdue"]) == (program.ids["record_1"], 1750)
    set_clock(LATER)
    said = program.post(f"{path}/comments", {"body": "Acquirer confirms payout on Friday"})
    assert said["created_at"] == "2026-03-10T12:00:00Z"
    closed = client.patch(f"/v1/{path}", {"status": "resolved"}, format="json").json()
    assert (closed["closed_at"], closed["opened_at"]) == ("2026-03-10T12:00:00Z", "2026-03-10T10:00:00Z")
    assert closed["comments"] == [said]
    again = client.patch(f"/v1/{path}", {"status": "open"}, format="json").json()
    assert (again["closed_at"], again["opened_at"]) == (None, "2026-03-10T12:00:00Z")
    acts = [act["action"] for act in program.get(f"{path}/history")["data"]]
    assert acts[:3] == ["exception.reopened", "exception.resolved", "exception.commented"]
    assert "exception.opened" in acts


def test_a_dismissed_one_stays_so_until_something_else_is_overdue(program, client, set_clock, organization):
    found = marked(program)["exception_id"]
    path = f"/v1/reconciliation_exceptions/{found}"
    assert client.patch(path, {"status": "dismissed"}, format="json").status_code == 200
    set_clock(LATER)
    organization_sweep(organization_id=organization.pk, clock=lambda: LATER)
    shown = client.get(path).json()
    assert (shown["status"], shown["new_since_closed"]) == ("dismissed", 0)
    other = f"reconciliations/{program.ids['reconciliation']}/records/{program.ids['record_0']}/mark_overdue"
    assert program.post(other, {"overdue_at": None}, expect=200)["exception_id"] == found
    shown = client.get(path).json()
    assert (shown["status"], shown["aggregates"]["record_count"]) == ("open", 2)
    assert shown["aggregates"]["total_amount"] == RECORDS[0]["amount"] + RECORDS[1]["amount"]
