"""The life of a bulk request: its key, cancel, retry, a job that breaks, a worker that is lost."""

from datetime import timedelta

import pytest

from api.streams.bulk_examples import BULK
from api.streams.bulk_presenting import is_stuck
from ledgers.models import BulkContent, BulkRequest, Record
from organizations.models import AuditEvent
from reconciliation.services import bulk_execution
from reconciliation.services.bulk_execution import bulk_execute
from reconciliation.tasks import requeue_lost
from tests.api.callers import client_with_key
from tests.api.streams.records.conftest import BULK_PATH, REQUESTS, clock, outcomes
from tests.clock import NOW
from tests.factories.ledgers import (
    BulkContentFactory,
    BulkRequestFactory,
)
from tests.factories.organizations import ApiKeyFactory

pytestmark = pytest.mark.django_db


def clock_that(act, *, at_call):
    """The worker looks at the clock before it claims (1) and before each chunk: there something else happens."""
    calls = 0

    def looked_at():
        nonlocal calls
        calls += 1
        if calls == at_call:
            act()
        return NOW

    return looked_at


def test_one_key_makes_one_request_whatever_the_body(bench):
    first = bench.post(BULK_PATH, {"records": [bench.row()]}, **{"Idempotency-Key": "load-1"})
    bulk_execute(bulk_request_id=first.json()["id"], clock=clock)
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
    bulk_execute(bulk_request_id=asked["id"], clock=clock)
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
    bulk_execute(bulk_request_id=again.json()["id"], clock=clock)
    retried = bench.get(f"{REQUESTS}/{again.json()['id']}")
    assert outcomes(retried) == [(2, "successful"), (3, "successful"), (4, "successful")]
    assert (retried["on_conflict"], retried["source"]) == (body["on_conflict"], body["source"])
    assert Record.objects.count() == 5
    twice = bench.post(f"{REQUESTS}/{body['id']}/retry")
    assert (twice.status_code, twice.json()["reason"]) == (409, "bulk.retried")


@pytest.mark.parametrize("act", ["cancel", "retry"])
@pytest.mark.parametrize("body", [[], [1], {"rows": [0]}])
def test_cancel_and_retry_take_no_body(bench, act, body):
    row = BulkRequestFactory(organization=bench.cards.organization)
    assert bench.post(f"{REQUESTS}/{row.pk}/{act}", body).status_code == 422


@pytest.mark.parametrize("status", ["pending", "processing", "completed", "failed", "cancelled"])
def test_cancel_and_retry_in_every_state(bench, status):
    ended = {} if status in ("pending", "processing") else {"finished_at": NOW}
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
        finished_at=NOW,
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
    bulk_execute(bulk_request_id=again, clock=clock)
    assert outcomes(bench.get(f"{REQUESTS}/{again}")) == [(8, "skipped"), (9, "failed")]


def test_records_say_who_sent_them(bench, send):
    send(bench.row())
    assert Record.objects.get().created_by == BulkRequest.objects.get().created_by
    event = AuditEvent.objects.get(action="records.added")
    assert event.actor == Record.objects.get().created_by


@pytest.mark.parametrize(
    ("minutes", "status", "stuck"), [(6, "processing", True), (4, "processing", False), (6, "pending", False)]
)
def test_stuck_is_five_minutes_without_a_sign_of_life(minutes, status, stuck):
    row = BulkRequestFactory(status=status, heartbeat_at=NOW - timedelta(minutes=minutes), started_at=NOW)
    assert is_stuck(row, at=NOW) is stuck


def test_a_completed_request_keeps_its_results_and_not_what_was_sent(bench, send):
    send(bench.row())
    content = BulkContent.objects.get()
    assert (content.rows, len(content.results)) == ([], 1)


def test_what_a_dead_worker_left_is_rung_for(bench, send, settings):
    settings.CELERY_TASK_ALWAYS_EAGER = True
    asked = send(bench.row(), done=False)["id"]
    ago = NOW - timedelta(hours=1)
    BulkRequest.objects.filter(pk=asked).update(status="processing", attempt=1, heartbeat_at=ago)
    assert bulk_execution.lost_bulk_requests(at=NOW) == [asked]
    requeue_lost()
    bulk_execute(bulk_request_id=asked, clock=clock)
    assert bench.get(f"{REQUESTS}/{asked}")["status"] == "completed"


def test_a_request_that_kills_its_workers_is_given_up(bench, send):
    asked = send(bench.row(), done=False)["id"]
    BulkRequest.objects.filter(pk=asked).update(status="processing", attempt=bulk_execution.ATTEMPTS_MAX)
    bulk_execute(bulk_request_id=asked, clock=clock)
    body = bench.get(f"{REQUESTS}/{asked}")
    assert (body["status"], body["skipped_items"]) == ("failed", 1)


def test_a_key_without_the_scope_is_refused(bench, organization):
    reader = client_with_key(ApiKeyFactory(organization=organization, scopes=["records:read"]))
    assert reader.post(BULK_PATH, {"records": [bench.row()]}, format="json").status_code == 403
