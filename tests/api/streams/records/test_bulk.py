"""Many records at once over HTTP: what is taken, and what becomes of each row."""

import pytest

from api.streams.bulk_examples import BULK, BULK_SENT, SUMMARY
from ledgers.models import BulkRequest, ImportBatch, Record
from reconciliation.models import OpenItem
from reconciliation.selectors.integrity import faults
from reconciliation.services import bulk_execution
from reconciliation.services.bulk_execution import bulk_execute
from tests.api.document import operations
from tests.api.streams.records.conftest import BULK_PATH, RECORDS, REQUESTS, clock, outcomes
from tests.factories.ledgers import (
    DataStreamFactory,
    PropertyDefinitionFactory,
)

pytestmark = pytest.mark.django_db
MOST = 2**63 - 1


def test_the_contracts_request_is_taken_and_done(bench):
    answer = bench.post(BULK_PATH, BULK_SENT)
    body = answer.json()
    assert (answer.status_code, set(body)) == (202, set(SUMMARY))
    assert body == {**SUMMARY, "id": body["id"], "url": f"{REQUESTS}/{body['id']}"}
    bulk_execute(bulk_request_id=body["id"], clock=clock)
    shown = bench.get(body["url"])
    assert set(shown) == {*BULK, "results"}
    assert (shown["status"], shown["progress"], shown["source"]) == ("completed", 100, "bulk_api")
    assert (shown["data_stream_id"], shown["on_conflict"]) == (bench.cards.pk, "error")
    records = Record.objects.order_by("pk")
    assert shown["results"] == {
        "data": [
            {"index": 0, "status": "successful", "external_id": "tx-771", "record_id": records[0].pk},
            {"index": 1, "status": "successful", "external_id": "tx-772", "record_id": records[1].pk},
        ],
        "has_more": False,
        "offset": 0,
    }
    assert bench.get(f"{RECORDS}/{records[0].pk}")["currency"] == "USD"
    assert OpenItem.objects.count() == 2
    assert faults() == []


def test_every_row_is_judged_by_itself(bench, send, owned_stream):
    resetting = DataStreamFactory(organization=bench.cards.organization, key="emptying", resetting=True)
    PropertyDefinitionFactory(stream=bench.bank, key="fee", type="number")
    bad = [
        "no object",
        None,
        [],
        bench.row(amount=1.5),
        bench.row(amount=MOST + 1),
        bench.row(date="2026-02-30"),
        bench.row(direction=None),
        bench.row(currency={"a": 1}),
        bench.row(data_stream_key="nobody"),
        bench.row(data_stream_key=["card_acquirer"]),
        bench.row(data_stream_key=owned_stream("statement").key),
        bench.row(data_stream_key=resetting.key),
        bench.row(data_stream_key="house_bank"),
        bench.row(external_id={"not": "text"}),
        bench.row(whatever=1),
        {},
    ]
    body = send(
        bench.row(),
        *bad,
        bench.row(amount=-MOST),
        bench.row(data_stream_key="house_bank", metadata={"fee": 1}),
    )
    assert (body["status"], body["successful_items"], body["failed_items"]) == ("completed", 3, len(bad))
    good = {0, len(bad) + 1, len(bad) + 2}
    assert [index for index, status in outcomes(body) if status == "successful"] == sorted(good)
    errors = [row["error"] for row in body["results"]["data"] if row["status"] == "failed"]
    assert len(errors) == len(bad)
    assert all(errors)
    assert all("record_id" not in row for row in body["results"]["data"] if row["status"] == "failed")
    assert body["data_stream_id"] is None
    assert Record.objects.count() == 3
    assert faults() == []


@pytest.mark.parametrize(
    "records", [None, [], {}, "x", 5, [{}] * 1_001], ids=["none", "empty", "object", "text", "number", "1001"]
)
def test_the_array_has_1_to_1000_rows(bench, records):
    answer = bench.post(BULK_PATH, {"records": records})
    assert (answer.status_code, answer.json()["reason"]) == (422, "bulk.records")
    assert (
        answer.json()["message"] == answer.json()["error"] == "records must contain between 1 and 1000 items"
    )
    assert not BulkRequest.objects.exists()


@pytest.mark.parametrize("on_conflict", ["replace", "", 5, ["skip"]])
def test_on_conflict_is_skip_or_error(bench, on_conflict):
    answer = bench.post(BULK_PATH, {"records": [bench.row()], "on_conflict": on_conflict})
    assert (answer.status_code, answer.json()["reason"]) == (400, "bulk.on_conflict")


def test_a_field_that_the_request_does_not_have_is_refused(bench):
    answer = bench.post(BULK_PATH, {"records": [bench.row()], "mode": "x"})
    assert (answer.status_code, answer.json()["issues"][0]["path"]) == (422, ["mode"])


@pytest.mark.parametrize(("on_conflict", "status"), [("skip", "skipped"), ("error", "failed")])
def test_an_id_that_the_stream_has_is_a_conflict_and_of_twins_the_first_wins(
    bench, send, on_conflict, status
):
    bench.add(external_id="old")
    body = send(
        bench.row(external_id="old"),
        bench.row(external_id="twin", amount=1.5),
        bench.row(external_id="twin", amount=1),
        bench.row(external_id="twin", amount=2),
        bench.row(external_id="old", data_stream_key="house_bank"),
        bench.row(),
        bench.row(),
        on_conflict=on_conflict,
    )
    assert [state for _index, state in outcomes(body)] == [
        status,
        "failed",
        "successful",
        status,
        "successful",
        "successful",
        "successful",
    ]
    shown = body["results"]["data"][0]
    assert shown.get("error") == (
        "external_id already exists in this data stream" if status == "failed" else None
    )
    assert Record.objects.get(external_id="twin").amount == 1


def test_a_deleted_records_id_is_free_again(bench, send):
    made = bench.add(external_id="tx-1")
    bench.client.delete(f"{RECORDS}/{made['id']}")
    assert outcomes(send(bench.row(external_id="tx-1"))) == [(0, "successful")]


def test_rows_are_done_in_chunks_and_twins_across_them_are_found(bench, send, monkeypatch):
    monkeypatch.setattr(bulk_execution, "CHUNK_ROWS", 3)
    rows = [bench.row(external_id=f"tx-{n % 5}", amount=n) for n in range(10)]
    body = send(*rows)
    assert [state for _index, state in outcomes(body)] == ["successful"] * 5 + ["skipped"] * 5
    assert ImportBatch.objects.get().record_count == 5
    assert faults() == []


def test_a_chunk_costs_the_same_queries_whatever_its_rows(bench, django_assert_max_num_queries):
    def ask(count):
        rows = [bench.row(external_id=f"{count}-{n}") for n in range(count)]
        return bench.post(BULK_PATH, {"records": rows}).json()["id"]

    few, many = ask(2), ask(200)
    with django_assert_max_num_queries(60) as taken:
        bulk_execute(bulk_request_id=few, clock=clock)
    with django_assert_max_num_queries(len(taken)):
        bulk_execute(bulk_request_id=many, clock=clock)
    assert Record.objects.count() == 202


def test_the_document_says_what_a_key_does_here():
    [bulk] = [each for each in operations() if str(each) == "POST /v1/records/bulk"]
    [key] = [each for each in bulk.described["parameters"] if each["name"] == "Idempotency-Key"]
    assert "whatever the body" in key["description"]
    assert "409" not in key["description"]
