"""Many records at once over HTTP: what is taken, what becomes of each row, cancel and retry."""

from datetime import timedelta

import pytest
from django.utils import timezone

from api.streams.bulk_examples import BULK, BULK_SENT, SUMMARY
from ledgers.models import BulkContent, BulkRequest, ImportBatch, Record
from organizations.models import AuditEvent
from reconciliation.models import OpenItem
from reconciliation.selectors.integrity import faults
from reconciliation.services import bulk_execution
from reconciliation.services.bulk_execution import bulk_execute
from reconciliation.tasks import requeue_lost
from tests.api.callers import client_with_key, without_correlation
from tests.api.streams.records.conftest import RECORDS
from tests.factories.ledgers import (
    BulkContentFactory,
    BulkRequestFactory,
    DataStreamFactory,
    PropertyDefinitionFactory,
)
from tests.factories.organizations import ApiKeyFactory

pytestmark = pytest.mark.django_db
BULK_PATH, REQUESTS = f"{RECORDS}/bulk", "/v1/bulk_requests"
MOST = 2**63 - 1


@pytest.fixture
def send(bench):
    """Send rows, and let a worker do them."""

    def send(*rows, done=True, on_conflict="skip", **headers):
        answer = bench.post(BULK_PATH, {"records": list(rows), "on_conflict": on_conflict}, **headers)
        assert answer.status_code == 202, answer.json()
        if done:
            bulk_execute(bulk_request_id=answer.json()["id"], clock=timezone.now)
        return bench.get(f"{REQUESTS}/{answer.json()['id']}", {"limit": 200})

    return send


def clock_that(act, *, at_call):
    """The worker looks at the clock before it claims (1) and before each chunk: there something else happens."""
    calls = 0

    def clock():
        nonlocal calls
        calls += 1
        if calls == at_call:
            act()
        return timezone.now()

    return clock


def outcomes(body) -> list[tuple[int, str]]:
    return [(row["index"], row["status"]) for row in body["results"]["data"]]


def test_the_contracts_request_is_taken_and_done(bench):
    answer = bench.post(BULK_PATH, BULK_SENT)
    body = answer.json()
    assert (answer.status_code, set(body)) == (202, set(SUMMARY))
    assert body == {**SUMMARY, "id": body["id"], "url": f"{REQUESTS}/{body['id']}"}
    bulk_execute(bulk_request_id=body["id"], clock=timezone.now)
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
        bulk_execute(bulk_request_id=few, clock=timezone.now)
    with django_assert_max_num_queries(len(taken)):
        bulk_execute(bulk_request_id=many, clock=timezone.now)
    assert Record.objects.count() == 202


def test_one_key_makes_one_request_whatever_the_body(bench):
    first = bench.post(BULK_PATH, {"records": [bench.row()]}, **{"Idempotency-Key": "load-1"})
    bulk_execute(bulk_request_id=first.json()["id"], clock=timezone.now)
    again = bench.post(BULK_PATH, {"records": "whatever"}, **{"Idempotency-Key": "load-1"})
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    assert (again.json()["status"], again.json()["successful_items"]) == ("completed", 1)
    assert BulkRequest.objects.count() == 1


def test_a_key_belongs_to_its_organization(bench, stranger):
    bench.post(BULK_PATH, {"records": [bench.row()]}, **{"Idempotency-Key": "load-1"})
    theirs = stranger.post(BULK_PATH, {"records": [{}]}, format="json", headers={"Idempotency-Key": "load-1"})
    assert theirs.status_code == 202
    assert BulkRequest.objects.count() == 2


def test_a_key_in_another_form_is_refused(bench):
    answer = bench.post(BULK_PATH, {"records": [bench.row()]}, **{"Idempotency-Key": "x" * 256})
    assert (answer.status_code, answer.json()["reason"]) == (422, "idempotency.malformed")


def test_a_request_that_waits_is_cancelled_at_once(bench, send):
    asked = send(bench.row(external_id="a"), bench.row(), done=False)
    answer = bench.post(f"{REQUESTS}/{asked['id']}/cancel")
    body = answer.json()
    assert (answer.status_code, set(body)) == (202, set(BULK))
    assert (body["status"], body["skipped_items"], body["processed_items"]) == ("cancelled", 2, 2)
    assert body["cancellation_requested_at"]
    shown = bench.get(f"{REQUESTS}/{asked['id']}")
    assert shown["results"]["data"][0] == {
        "index": 0,
        "status": "skipped",
        "external_id": "a",
        "error": "not processed",
    }
    bulk_execute(bulk_request_id=asked["id"], clock=timezone.now)
    assert not Record.objects.exists()


def test_a_request_under_way_stops_before_its_next_chunk(bench, send, monkeypatch):
    monkeypatch.setattr(bulk_execution, "CHUNK_ROWS", 2)
    asked = send(*(bench.row() for _ in range(5)), done=False)

    def cancel() -> None:
        for _twice in range(2):
            assert bench.post(f"{REQUESTS}/{asked['id']}/cancel").status_code == 202

    bulk_execute(bulk_request_id=asked["id"], clock=clock_that(cancel, at_call=3))
    body = bench.get(f"{REQUESTS}/{asked['id']}")
    assert (body["status"], body["successful_items"], body["skipped_items"]) == ("cancelled", 4, 1)
    assert Record.objects.count() == 4


def test_a_job_that_breaks_is_failed_and_keeps_what_it_wrote(bench, send, monkeypatch):
    monkeypatch.setattr(bulk_execution, "CHUNK_ROWS", 2)
    asked = send(*(bench.row(external_id=f"tx-{n}") for n in range(5)), done=False)

    def break_off() -> None:
        raise RuntimeError("the disk is full")

    bulk_execute(bulk_request_id=asked["id"], clock=clock_that(break_off, at_call=3))
    body = bench.get(f"{REQUESTS}/{asked['id']}")
    assert (body["status"], body["successful_items"], body["skipped_items"]) == ("failed", 2, 3)
    assert body["error_message"] == "RuntimeError: the disk is full"
    assert body["error_details"] == {"not_processed": 3}
    again = bench.post(f"{REQUESTS}/{body['id']}/retry")
    assert (again.status_code, again.json()["parent_bulk_request_id"]) == (202, body["id"])
    assert (again.json()["total_items"], again.json()["status"]) == (3, "pending")
    bulk_execute(bulk_request_id=again.json()["id"], clock=timezone.now)
    retried = bench.get(f"{REQUESTS}/{again.json()['id']}")
    assert outcomes(retried) == [(2, "successful"), (3, "successful"), (4, "successful")]
    assert (retried["on_conflict"], retried["source"]) == (body["on_conflict"], body["source"])
    assert Record.objects.count() == 5
    twice = bench.post(f"{REQUESTS}/{body['id']}/retry")
    assert (twice.status_code, twice.json()["reason"]) == (409, "bulk.retried")


@pytest.mark.parametrize("status", ["pending", "processing", "completed", "failed", "cancelled"])
def test_cancel_and_retry_in_every_state(bench, status):
    ended = {} if status in ("pending", "processing") else {"finished_at": timezone.now()}
    row = BulkRequestFactory(organization=bench.cards.organization, status=status, **ended)
    BulkContentFactory(bulk_request=row, rows=[{"index": 0, "row": bench.row()}])
    retry = bench.post(f"{REQUESTS}/{row.pk}/retry")
    cancel = bench.post(f"{REQUESTS}/{row.pk}/cancel")
    may_retry, may_cancel = status in ("failed", "cancelled"), status in ("pending", "processing")
    assert retry.status_code == (202 if may_retry else 409)
    assert cancel.status_code == (202 if may_cancel else 409)
    for refused in [answer for answer in (retry, cancel) if answer.status_code == 409]:
        assert refused.json()["error"] == refused.json()["message"]
        assert status in refused.json()["error"]
    row.refresh_from_db()
    assert row.status == ("cancelled" if status == "pending" else status)


def test_what_was_skipped_for_its_id_is_skipped_again(bench):
    bench.add(external_id="tx-1")
    row = BulkRequestFactory(
        organization=bench.cards.organization,
        status="cancelled",
        finished_at=timezone.now(),
        total_items=3,
        successful_items=1,
        skipped_items=1,
        failed_items=1,
    )
    BulkContentFactory(
        bulk_request=row,
        rows=[
            {"index": 7, "row": bench.row()},
            {"index": 8, "row": bench.row(external_id="tx-1")},
            {"index": 9, "row": bench.row(amount="x")},
        ],
        results=[
            {"index": 7, "status": "successful", "external_id": None, "record_id": 1},
            {"index": 8, "status": "skipped", "external_id": "tx-1"},
            {"index": 9, "status": "failed", "external_id": None, "error": "amount"},
        ],
    )
    again = bench.post(f"{REQUESTS}/{row.pk}/retry").json()["id"]
    bulk_execute(bulk_request_id=again, clock=timezone.now)
    assert outcomes(bench.get(f"{REQUESTS}/{again}")) == [(8, "skipped"), (9, "failed")]


def test_results_come_in_pages(bench, send):
    body = send(*(bench.row(amount=n) for n in range(5)))
    path = f"{REQUESTS}/{body['id']}"
    page = bench.get(path, {"limit": 2, "offset": 2})["results"]
    assert ([row["index"] for row in page["data"]], page["has_more"], page["offset"]) == ([2, 3], True, 2)
    assert bench.get(path, {"limit": 2, "offset": 4})["results"]["has_more"] is False
    assert bench.get(path, {"offset": 9})["results"]["data"] == []
    for query in ({"limit": 0}, {"limit": 201}, {"offset": -1}, {"page": 1}):
        assert bench.client.get(path, query).status_code == 422


def test_pending_rows_are_left_out(bench, send):
    body = send(bench.row(), done=False)
    assert (body["results"]["data"], body["progress"], body["started_at"]) == ([], 0, None)


def test_lists_have_the_newest_first_and_go_on_by_cursor(bench, send):
    ids = [send(bench.row(), done=False)["id"] for _ in range(5)]
    first = bench.get(REQUESTS, {"limit": 2})
    assert ([row["id"] for row in first["data"]], first["limit"]) == (ids[:2:-1], 2)
    assert set(first["data"][0]) == set(BULK)
    seen, cursor = [], None
    while True:
        page = bench.get(REQUESTS, {"limit": 2, **({"cursor": cursor} if cursor else {})})
        seen += [row["id"] for row in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == ids[::-1]


def test_lists_are_filtered(bench, send):
    one = send(bench.row(), bench.row(data_stream_key="house_bank"))["id"]
    two = send(bench.row(), done=False)["id"]
    BulkRequest.objects.filter(pk=two).update(source="csv")
    instant = BulkRequest.objects.get(pk=two).created_at.isoformat()

    def listed(**query):
        return [row["id"] for row in bench.get(REQUESTS, query)["data"]]

    assert listed(data_stream_key="house_bank") == [one]
    assert listed(data_stream_key="card_acquirer") == [two, one]
    assert listed(data_stream_key="nobody") == []
    assert (listed(status="completed"), listed(status="pending")) == ([one], [two])
    assert (listed(source="csv"), listed(source="bulk_api", status="pending")) == ([two], [])
    assert (listed(created_after=instant), listed(created_before=instant)) == ([two], [two, one])


@pytest.mark.parametrize(
    "query",
    [
        {"status": "done"},
        {"source": "fax"},
        {"created_after": "yesterday"},
        {"created_before": "2026-03-01"},
        {"cursor": "nonsense"},
        {"cursor": "WyJhIl0"},
        {"limit": "0"},
        {"limit": "201"},
        {"offset": "1"},
    ],
)
def test_a_query_that_cannot_be_used_is_refused(bench, query):
    assert bench.client.get(REQUESTS, query).status_code == 422


def test_the_list_costs_the_same_queries_however_long(bench, send, django_assert_num_queries):
    send(bench.row(), done=False)
    with django_assert_num_queries(2):
        bench.get(REQUESTS)
    for _ in range(5):
        send(bench.row(), done=False)
    with django_assert_num_queries(2):
        bench.get(REQUESTS)


def test_another_organizations_request_is_as_good_as_none(bench, stranger, send):
    made = send(bench.row())["id"]
    assert stranger.get(REQUESTS).json()["data"] == []
    for method, tail in (("get", ""), ("post", "/cancel"), ("post", "/retry")):
        theirs = getattr(stranger, method)(f"{REQUESTS}/{made}{tail}")
        none = getattr(stranger, method)(f"{REQUESTS}/987654321{tail}")
        assert theirs.status_code == 404
        assert without_correlation(theirs) == without_correlation(none)
    assert bench.client.get(f"{REQUESTS}/abc").status_code == 404


def test_a_row_cannot_name_another_organizations_stream(bench, stranger, send):
    other = DataStreamFactory(key="theirs")
    body = send(bench.row(data_stream_key=other.key))
    assert (body["failed_items"], body["data_stream_id"]) == (1, None)


def test_records_say_who_sent_them(bench, send):
    send(bench.row())
    assert Record.objects.get().created_by == BulkRequest.objects.get().created_by
    event = AuditEvent.objects.get(action="records.added")
    assert event.actor == Record.objects.get().created_by


def test_stuck_is_five_minutes_without_a_sign_of_life(bench):
    org, now = bench.cards.organization, timezone.now()
    for minutes, status, stuck in ((6, "processing", True), (4, "processing", False), (6, "pending", False)):
        row = BulkRequestFactory(
            organization=org, status=status, heartbeat_at=now - timedelta(minutes=minutes), started_at=now
        )
        BulkContentFactory(bulk_request=row)
        assert bench.get(f"{REQUESTS}/{row.pk}")["stuck"] is stuck


def test_a_completed_request_keeps_its_results_and_not_what_was_sent(bench, send):
    send(bench.row())
    content = BulkContent.objects.get()
    assert (content.rows, len(content.results)) == ([], 1)


def test_what_a_dead_worker_left_is_rung_for(bench, send, settings):
    settings.CELERY_TASK_ALWAYS_EAGER = True
    asked = send(bench.row(), done=False)["id"]
    ago = timezone.now() - timedelta(hours=1)
    BulkRequest.objects.filter(pk=asked).update(status="processing", attempt=1, heartbeat_at=ago)
    assert bulk_execution.lost_bulk_requests(at=timezone.now()) == [asked]
    requeue_lost()
    bulk_execute(bulk_request_id=asked, clock=timezone.now)
    assert bench.get(f"{REQUESTS}/{asked}")["status"] == "completed"


def test_a_request_that_kills_its_workers_is_given_up(bench, send):
    asked = send(bench.row(), done=False)["id"]
    BulkRequest.objects.filter(pk=asked).update(status="processing", attempt=bulk_execution.ATTEMPTS_MAX)
    bulk_execute(bulk_request_id=asked, clock=timezone.now)
    body = bench.get(f"{REQUESTS}/{asked}")
    assert (body["status"], body["skipped_items"]) == ("failed", 1)


def test_a_key_without_the_scope_is_refused(bench, organization):
    reader = client_with_key(ApiKeyFactory(organization=organization, scopes=["records:read"]))
    assert reader.post(BULK_PATH, {"records": [bench.row()]}, format="json").status_code == 403
