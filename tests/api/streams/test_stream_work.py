"""Deleting and emptying data streams over HTTP, how far that is, and how a stream stands."""

import pytest

from ledgers.models import BulkRequest, DataStream, Record
from reconciliation.models import StreamOperation
from reconciliation.services.stream_deletion import RECORDS_AT_ONCE
from tests.api.callers import signed_in
from tests.api.streams.keys import STREAMS, at, create, reason
from tests.clock import NOW
from tests.factories.ledgers import (
    BulkRequestFactory,
    ImportBatchFactory,
    PropertyDefinitionFactory,
    RecordFactory,
)
from tests.factories.organizations import MembershipFactory

pytestmark = pytest.mark.django_db


# --- Deleting ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["", "?async=false"])
def test_a_stream_is_deleted_at_once(client, feeds, query):
    stream = feeds.stream("a")
    feeds.add(stream, ("R1", 100))
    PropertyDefinitionFactory(stream=stream)
    answer = client.delete(at("a") + query)
    assert (answer.status_code, answer.content) == (204, b"")
    assert reason(client.get(at("a"))) == (404, "stream.not_found")
    assert client.get(STREAMS).json() == []
    assert not Record.objects.live().exists()
    assert reason(client.delete(at("a"))) == (404, "stream.not_found")
    assert create(client, key="a").status_code == 201


@pytest.mark.parametrize("query", ["?async=yes", "?async=True", "?async=1", "?async=", "?sync=true"])
def test_async_is_true_or_false(client, feeds, query):
    feeds.stream("a")
    assert client.delete(at("a") + query).status_code == 422
    assert client.get(at("a")).status_code == 200


def test_a_worker_deletes_where_it_is_asked_to(client, feeds):
    stream = feeds.stream("a")
    feeds.add(stream, ("R1", 100))
    answer = client.delete(at("a") + "?async=true")
    asked = StreamOperation.objects.get()
    assert (answer.status_code, answer.headers["Location"]) == (
        202,
        f"/v1/data_streams/a/operations/{asked.pk}",
    )
    assert answer.json() | {"created_at": None, "requested_by_user_id": 0} == {
        "id": asked.pk,
        "data_stream_id": stream.pk,
        "data_stream_key": "a",
        "kind": "delete",
        "status": "pending",
        "progress": 0,
        "error_message": None,
        "started_at": None,
        "completed_at": None,
        "created_at": None,
        "requested_by_user_id": 0,
    }
    assert client.get(at("a")).status_code == 200
    feeds.done(asked)
    done = client.get(answer.headers["Location"]).json()
    assert (done["status"], done["progress"], done["completed_at"]) == (
        "completed",
        100,
        "2026-03-31T09:00:00Z",
    )
    assert client.get(at("a")).status_code == 404


def test_ten_thousand_records_go_at_once_and_one_more_does_not(client, feeds):
    stream = feeds.stream("a")
    rows = RecordFactory.build_batch(RECORDS_AT_ONCE + 1, stream=stream)
    for place, row in enumerate(rows, start=1):
        row.pk = place
    Record.objects.bulk_create(rows)
    refused = client.delete(at("a"))
    assert (*reason(refused), refused.json()["details"]) == (409, "stream.too_large", {"records_max": 10_000})
    assert refused.json()["message"]
    Record.objects.filter(pk=1).update(voided_at=NOW)
    assert client.delete(at("a")).status_code == 204


@pytest.mark.parametrize("query", ["", "?async=true"])
def test_a_stream_in_a_reconciliation_is_not_deleted(client, feeds, query):
    stream = feeds.stream("a")
    made = feeds.reconciliation(stream)
    refused = client.delete(at("a") + query)
    assert (*reason(refused), refused.json()["details"]) == (
        409,
        "stream.linked",
        {"reconciliation_ids": [made.pk]},
    )


def test_a_repeated_request_answers_as_the_first_did(client, feeds):
    feeds.stream("a")
    headers = {"Idempotency-Key": "k-1"}
    first = client.delete(at("a") + "?async=true", headers=headers)
    again = client.delete(at("a") + "?async=true", headers=headers)
    assert (again.status_code, again.json(), again.headers["Location"]) == (
        202,
        first.json(),
        first.headers["Location"],
    )
    assert StreamOperation.objects.count() == 1


# --- Emptying and operations -----------------------------------------------------------------------------------------


def test_a_reset_is_202_always_and_empties_the_stream(client, feeds):
    stream = feeds.stream("a")
    definition = PropertyDefinitionFactory(stream=stream)
    for records in ([("R1", 100)], []):
        feeds.add(stream, *records)
        answer = client.post(at("a", "reset"))
        assert (answer.status_code, answer.json()["kind"]) == (202, "reset")
        feeds.done(StreamOperation.objects.latest("pk"))
    assert not Record.objects.live().exists()
    definition.refresh_from_db()
    assert definition.voided_at is None
    assert client.get(at("a")).status_code == 200


def test_a_reset_takes_no_body_and_one_at_a_time(client, feeds):
    feeds.stream("a")
    assert client.post(at("a", "reset"), {"x": 1}, format="json").status_code == 422
    assert client.post(at("a", "reset"), {}, format="json").status_code == 202
    assert reason(client.post(at("a", "reset"))) == (409, "stream.operation_running")
    assert reason(client.delete(at("a"))) == (409, "stream.operation_running")


def test_who_asked_is_the_person_or_the_keys_maker(client, api_key, organization, feeds):
    member = MembershipFactory(organization=organization, role="operator")
    feeds.stream("a")
    feeds.stream("b")
    assert client.post(at("a", "reset")).json()["requested_by_user_id"] == api_key.made_by.user_id
    assert signed_in(member).post(at("b", "reset")).json()["requested_by_user_id"] == member.user_id


def test_a_failed_operation_says_why_and_is_not_completed(client, feeds):
    feeds.stream("a")
    answer = client.post(at("a", "reset"))
    StreamOperation.objects.update(status="failed", error="OSError: disk full", finished_at=NOW)
    body = client.get(answer.headers["Location"]).json()
    assert (body["status"], body["error_message"], body["completed_at"]) == (
        "failed",
        "OSError: disk full",
        None,
    )


def test_operations_of_a_key_that_was_used_again_are_all_found(client, feeds):
    feeds.stream("a")
    first = client.delete(at("a") + "?async=true")
    feeds.done(StreamOperation.objects.get())
    assert create(client, key="a").status_code == 201
    second = client.post(at("a", "reset"))
    assert [client.get(each.headers["Location"]).json()["kind"] for each in (first, second)] == [
        "delete",
        "reset",
    ]


def test_an_operation_is_its_streams_alone(client, stranger, feeds):
    feeds.stream("a")
    feeds.stream("b")
    pk = client.post(at("a", "reset")).json()["id"]
    for answer in (
        client.get(at("b", "operations", pk)),
        client.get(at("a", "operations", pk + 1)),
        client.get(at("a", "operations", "x")),
        client.get(at("a", "operations", "9" * 30)),
        stranger.get(at("a", "operations", pk)),
    ):
        assert reason(answer) == (404, "operation.not_found")


def test_wiring_is_no_operation_of_the_stream(client, feeds):
    stream = feeds.stream("a")
    feeds.reconciliation(stream)
    pk = StreamOperation.objects.get(kind="wire").pk
    assert reason(client.get(at("a", "operations", pk))) == (404, "operation.not_found")


# --- Health ----------------------------------------------------------------------------------------------------------


def test_health_counts_what_is_there(client, feeds):
    stream = feeds.stream("a")
    batch = ImportBatchFactory(stream=stream, record_count=5)
    ImportBatchFactory(stream=stream, record_count=2)
    ImportBatchFactory(stream=stream, record_count=7, voided_at=NOW)
    RecordFactory.create_batch(3, stream=stream, import_batch_id=batch.pk)
    RecordFactory(stream=stream)
    RecordFactory(stream=stream, voided_at=NOW)
    RecordFactory(stream=stream, kind="adjustment")
    RecordFactory(stream=feeds.stream("b"))
    assert client.get(at("a", "health")).json() == {
        "records_count": 4,
        "import_batches_count": 2,
        "import_batches_record_sum": 7,
        "orphan_records_count": 1,
        "bulk_requests": dict.fromkeys(
            ("pending", "processing", "completed", "failed", "cancelled", "stuck"), 0
        ),
        "last_ingestion_at": "2026-03-31T09:00:00Z",
    }


def test_health_of_an_empty_stream(client, feeds):
    feeds.stream("a")
    body = client.get(at("a", "health")).json()
    assert (body["records_count"], body["import_batches_record_sum"], body["last_ingestion_at"]) == (
        0,
        0,
        None,
    )


def test_health_counts_the_bulk_requests_that_name_the_stream(client, feeds):
    stream = feeds.stream("a")
    named = {"organization": feeds.organization, "stream_keys": ["b", "a"]}
    ended = {"finished_at": NOW}
    BulkRequestFactory(**named)
    BulkRequestFactory(**named, status="completed", **ended)
    BulkRequestFactory(**named, status="completed", **ended)
    BulkRequestFactory(**named, status="failed", **ended)
    BulkRequestFactory(**named, status="cancelled", **ended)
    BulkRequestFactory(**named, status="processing", heartbeat_at=NOW)
    BulkRequestFactory(organization=feeds.organization, stream_keys=["b"])
    BulkRequestFactory(stream_keys=["a"])
    assert client.get(at("a", "health")).json()["bulk_requests"] == {
        "pending": 1,
        "processing": 1,
        "completed": 2,
        "failed": 1,
        "cancelled": 1,
        "stuck": 1,
    }
    BulkRequest.objects.filter(status="processing").update(heartbeat_at="2999-01-01T00:00:00Z")
    assert client.get(at("a", "health")).json()["bulk_requests"]["stuck"] == 0
    DataStream.objects.filter(pk=stream.pk).update(created_at="2999-01-01T00:00:00Z")
    assert sum(client.get(at("a", "health")).json()["bulk_requests"].values()) == 0


def test_health_takes_constantly_few_queries(client, feeds, django_assert_max_num_queries):
    stream = feeds.stream("a")
    ImportBatchFactory.create_batch(3, stream=stream)
    client.get(at("a", "health"))
    with django_assert_max_num_queries(9):
        client.get(at("a", "health"))
