"""The data streams surface from the first stream to the story told of it, as a program goes through it: every request and
answer in full, with the ids that were given on the way."""

from __future__ import annotations

from typing import Any

import pytest

from exceptions_app.models import ReconciliationException
from reconciliation.services.bulk_execution import bulk_execute
from tests.api.streams.acquirer import BY_BATCH, ONE_TO_ONE, RECORDS, Json, Program, clock

pytestmark = pytest.mark.django_db

ANY = object()


@pytest.fixture
def program(client) -> Program:
    return Program(client)


@pytest.fixture
def loaded(program) -> Program:
    """Both streams in their reconciliation, with the three records."""
    program.acquirer()
    program.bank()
    program.ids["reconciliation"] = program.reconcile()["id"]
    program.ids["bulk"] = program.load()["id"]
    bulk_execute(bulk_request_id=program.ids["bulk"], clock=clock)
    done = program.get(f"bulk_requests/{program.ids['bulk']}")
    program.ids |= {f"record_{row['index']}": row["record_id"] for row in done["results"]["data"]}
    return program


def shows(body: Json, documented: Json, *ours: str) -> bool:
    """The documented fields with these values (ANY: whatever it is), and besides only what is told to be ours."""
    assert set(body) == set(documented) | set(ours)
    assert {name: ANY if value is ANY else body[name] for name, value in documented.items()} == documented
    return True


ACQUIRER = {"key": "card_acquirer", "name": "Card acquirer", "description": None, "type": "api"}
BANK = {"key": "house_bank", "name": "House bank", "description": None, "type": "bank_feed"}


def test_a_stream(program):
    answer = program.post("data_streams", {"key": "card_acquirer", "name": "Card acquirer", "type": "api"})
    assert shows(answer, {"id": answer["id"], **ACQUIRER}, "bank_account_id")


def test_a_bank_feed(program):
    account = program.post("bank_accounts", {"name": "House bank", "currency": "USD"})
    assert shows(
        account,
        {
            "id": account["id"],
            "name": "House bank",
            "currency": "USD",
            "created_at": ANY,
            "updated_at": ANY,
        },
    )
    body = {"key": "house_bank", "name": "House bank", "type": "bank_feed"}
    answer = program.post("data_streams", {**body, "bank_account_id": str(account["id"])})
    assert shows(answer, {"id": answer["id"], **BANK, "bank_account_id": account["id"]})


def test_a_property_definition(program):
    program.acquirer()
    said = {
        "key": "batch_no",
        "name": "Batch number",
        "type": "string",
        "optional": True,
        "data_stream_key": "card_acquirer",
    }
    answer = program.post("data_stream_property_definitions", said)
    assert answer == {"id": answer["id"], **said}


def test_a_reconciliation(program):
    program.acquirer()
    program.bank()
    answer = program.reconcile()
    account = program.ids["account"]
    assert shows(
        answer,
        {
            "id": answer["id"],
            "name": "Acquirer to bank",
            "run_type": "continuous",
            "side_a_streams": [{"id": program.ids["acquirer"], **ACQUIRER, "bank_account_id": None}],
            "side_b_streams": [{"id": program.ids["bank"], **BANK, "bank_account_id": account}],
            "created_at": ANY,
            "current_run": None,
            "last_run": None,
        },
        "kind",
        "ready",
        "rewiring",
    )


def test_records_in_bulk(program):
    program.acquirer()
    program.bank()
    summary = program.load()
    assert summary == {
        "id": summary["id"],
        "status": "pending",
        "total_items": 3,
        "processed_items": 0,
        "successful_items": 0,
        "failed_items": 0,
        "skipped_items": 0,
        "url": f"/v1/bulk_requests/{summary['id']}",
    }
    bulk_execute(bulk_request_id=summary["id"], clock=clock)
    answer = program.client.get(summary["url"], {"limit": 2}).json()
    rows = answer["results"].pop("data")
    assert (answer["status"], answer["results"]) == ("completed", {"has_more": True, "offset": 0})
    assert [row.pop("external_id") for row in rows] == ["tx-771", "tx-772"]
    assert all(type(row.pop("record_id")) is int for row in rows)
    assert rows == [{"index": 0, "status": "successful"}, {"index": 1, "status": "successful"}]
    assert program.load() == {
        **summary,
        "status": "completed",
        "processed_items": 3,
        "successful_items": 3,
    }


def test_a_row_that_is_refused(loaded):
    body = {"on_conflict": "error", "records": [{**RECORDS[0], "external_id": "tx-900"}, RECORDS[1]]}
    summary = loaded.post("records/bulk", body, expect=202)
    bulk_execute(bulk_request_id=summary["id"], clock=clock)
    [_, row] = loaded.get(f"bulk_requests/{summary['id']}")["results"]["data"]
    assert row == {
        "index": 1,
        "status": "failed",
        "error": "external_id already exists in this data stream",
        "external_id": "tx-772",
    }


def test_too_many_records(program):
    said = "records must contain between 1 and 1000 items"
    for records in ([], [RECORDS[0]] * 1001, "none", None):
        answer = program.post("records/bulk", {"records": records}, expect=422)
        assert (answer["message"], answer["error"]) == (said, said)


def rule_shows(answer: Json, said: Json, **more: Any) -> None:
    documented = {**said, "group_by": [], "rollup": None, "source": "user", "status": "active", **more}
    assert {name: answer[name] for name in documented} == documented
    assert not {"confidence", "sample_match_rate"} & set(answer)


def test_a_rule_of_conditions_within_conditions(loaded):
    body = {"reconciliation_id": loaded.text("reconciliation"), **ONE_TO_ONE}
    answer = loaded.post("reconciliation_rules", body)
    rule_shows(answer, ONE_TO_ONE, reconciliation_id=loaded.ids["reconciliation"])


def test_many_records_of_a_batch_meet_one(loaded):
    reconciliation = loaded.ids["reconciliation"]
    body = {"reconciliation_id": str(reconciliation), **BY_BATCH}
    rule = loaded.post("reconciliation_rules", body)
    rule_shows(
        rule,
        BY_BATCH,
        reconciliation_id=reconciliation,
        group_by=BY_BATCH["group_by"],
        rollup=BY_BATCH["rollup"],
        description=None,
    )
    loaded.match()
    query = {"reconciliation_id": reconciliation, "limit": 25}
    listed = loaded.get("reconciliation_matches", query)
    [match] = listed.pop("data")
    assert shows(listed, {"has_more": False, "offset": 0, "total_count": 1}, "next_cursor")
    assert (match["record_count"], match["group_key"]) == (3, "B-19")
    assert (match["reconciliation_id"], match["reconciliation_rule_id"]) == (reconciliation, rule["id"])
    members = loaded.get("records", {"reconciliation_match_id": match["id"]})["data"]
    assert sorted(row["external_id"] for row in members) == ["stmt-40", "tx-771", "tx-772"]


def test_a_rule_that_sums_days(loaded):
    said = {
        **BY_BATCH,
        "group_by": ["date", "currency"],
        "rollup": {"lookback_days": 5, "date_field": "date", "group_by_kind": "date"},
    }
    said["filters"] = {"operand": "and", "rules": [{"key": "amount", "operand": "eq", "value": "amount"}]}
    answer = loaded.post("reconciliation_rules", {"reconciliation_id": loaded.text("reconciliation"), **said})
    assert (answer["group_by"], answer["rollup"]) == (said["group_by"], said["rollup"])


def test_a_match_by_hand_with_its_adjustment(loaded):
    reconciliation = loaded.ids["reconciliation"]
    answer = loaded.post(
        "reconciliation_matches",
        {
            "reconciliation_id": str(reconciliation),
            "record_ids": [loaded.text("record_0"), loaded.text("record_2")],
            "create_adjustment": True,
            "adjustment_reason": "Acquirer fee",
        },
    )
    assert shows(
        answer,
        {
            "id": answer["id"],
            "status": "matched",
            "group_key": None,
            "reconciliation_id": reconciliation,
            "reconciliation_rule_id": None,
            "created_at": ANY,
            "record_count": 3,
        },
        "confidence",
        "difference",
        "currency",
        "decimal_places",
        "rule_revision",
        "adjustment_record_id",
    )
    members = loaded.get("records", {"reconciliation_match_id": answer["id"]})["data"]
    [added] = [row for row in members if row["id"] == answer["adjustment_record_id"]]
    assert shows(
        added,
        {
            "id": answer["adjustment_record_id"],
            "date": "2026-03-02",
            "data_stream_key": "card_acquirer",
            "amount": 1750,
            "direction": "credit",
            "currency": "USD",
            "decimal_places": 2,
            "description": "Acquirer fee",
            "metadata": {"adjustment": True, "reconciliation_match_id": answer["id"]},
            "external_id": None,
        },
        *OURS_OF_A_RECORD,
    )


OURS_OF_A_RECORD = ("value_date", "reference", "counterparty", "created_at")
OVERDUE = {
    "amount": 1750,
    "currency": "USD",
    "decimal_places": 2,
    "direction": "credit",
    "description": None,
    "date": "2026-03-01",
    "metadata": {"batch_no": "B-19"},
    "external_id": "tx-772",
    "data_stream_key": "card_acquirer",
}


def test_a_record_marked_overdue(loaded):
    reconciliation, record = loaded.ids["reconciliation"], loaded.ids["record_1"]
    answer = loaded.post(
        f"reconciliations/{reconciliation}/records/{record}/mark_overdue",
        {"overdue_at": "2026-03-04T00:00:00Z"},
        expect=200,
    )
    assert type(answer["days_unreconciled"]) is int
    assert shows(
        answer,
        {
            "id": record,
            **OVERDUE,
            "reconciliation_id": reconciliation,
            "reconciliation_name": "Acquirer to bank",
            "status": "unreconciled",
            "escalated": True,
            "overdue_at": "2026-03-04T00:00:00Z",
            "matched_records": [],
            "days_unreconciled": ANY,
            "exception_id": ReconciliationException.objects.active().get().pk,
        },
        *OURS_OF_A_RECORD,
        "matched_records_total",
        "closed_at",
        "close_reason",
    )
    assert shows(loaded.get(f"records/{record}"), {"id": record, **OVERDUE}, *OURS_OF_A_RECORD)


def test_a_list_of_records(loaded):
    query = {
        "data_stream_key": "card_acquirer",
        "status": "unmatched",
        "source": "bulk_api",
        "created_after": "2026-03-01T00:00:00Z",
        "limit": 1,
    }
    page = loaded.get("records", query)
    assert [row["id"] for row in page["data"]] == [loaded.ids["record_1"]]
    assert (page["limit"], type(page["next_cursor"])) == (1, str)
    page = loaded.get("records", {**query, "cursor": page["next_cursor"]})
    assert [row["id"] for row in page["data"]] == [loaded.ids["record_0"]]
    assert (set(page), page["next_cursor"]) == ({"data", "next_cursor", "limit"}, None)


def sold(program: Program) -> tuple[int, int]:
    """Orders, in a reconciliation with the acquirer."""
    orders = program.post("data_streams", {"key": "orders", "name": "Orders"})["id"]
    sides = {"side_a_stream_ids": [str(orders)], "side_b_stream_ids": [program.text("acquirer")]}
    return orders, program.post("reconciliations", {"name": "Sale to acquirer", **sides})["id"]


def test_a_story(loaded):
    orders, first = sold(loaded)
    second = loaded.ids["reconciliation"]
    shared = {"role": "continuation", "shared_data_stream_id": loaded.text("acquirer")}
    links = [
        {"reconciliation_id": str(first), "position": 1, "role": "origin", "shared_data_stream_id": None},
        {"reconciliation_id": str(second), "position": 2, **shared},
    ]
    answer = loaded.post("reconciliation_stories", {"name": "Sale to cash", "links": links})
    [origin, continuation] = answer.pop("links")
    assert shows(answer, {"id": answer["id"], "name": "Sale to cash", "created_at": ANY})
    acquirer = {"id": loaded.ids["acquirer"], "name": "Card acquirer"}
    assert shows(
        origin,
        {
            "id": origin["id"],
            "position": 1,
            "role": "origin",
            "reconciliation_id": first,
            "reconciliation_name": "Sale to acquirer",
            "shared_data_stream_id": None,
            "shared_data_stream_name": None,
            "side_a_streams": [{"id": orders, "name": "Orders"}],
            "side_b_streams": [acquirer],
        },
        "joined",
    )
    assert shows(
        continuation,
        {
            "id": continuation["id"],
            "position": 2,
            "role": "continuation",
            "reconciliation_id": second,
            "reconciliation_name": "Acquirer to bank",
            "shared_data_stream_id": loaded.ids["acquirer"],
            "shared_data_stream_name": "Card acquirer",
            "side_a_streams": [acquirer],
            "side_b_streams": [{"id": loaded.ids["bank"], "name": "House bank"}],
        },
        "joined",
    )


def test_stated_balances(program):
    account = program.post("bank_accounts", {"name": "House bank", "currency": "USD"})["id"]
    said = {"date": "2026-03-01", "balance_type": "closing_ledger", "amount_cents": 1250000}
    body = {"bank_account_id": str(account), "balances": [said]}
    answer = program.post("bank_account_balances/bulk", body)
    [balance] = answer.pop("balances")
    assert answer == {"count": 1}
    documented = {"id": balance["id"], "bank_account_id": account, **said}
    assert shows(balance, {**documented, "created_at": ANY, "updated_at": ANY})
