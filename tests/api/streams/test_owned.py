"""The walk of (stream kind × write operation) and (reconciliation kind × write operation): the surface reads every stream,
and writes only to those that programs fill; rules and matches work on reconciliations of streams and of ledgers."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import get_resolver

from ledgers.models import BulkRequest, Record
from ledgers.states import WRITABLE_STREAMS, StreamKind
from reconciliation.services.bulk_execution import bulk_execute
from rules.states import ReconciliationKind
from tests.api.streams.writes import (
    CLEARING,
    OTHER_WRITES,
    RECONCILIATION_WRITES,
    ROWS,
    STREAM_WRITES,
    Desk,
    reconciliation_desk,
    stream_desk,
)
from tests.api.test_every_route import routes
from tests.clock import NOW

pytestmark = pytest.mark.django_db

SURFACES = {"streams", "rules", "exceptions"}
TAKE_PART = {"api", "bank_feed", "statement", "ledger"}


def told(answer) -> tuple[int, str]:
    body = answer.json() if answer.content else {}
    return answer.status_code, body.get("reason", "") if answer.status_code >= 400 else ""


def rows_of(*models) -> dict[str, list[Any]]:
    return {model.__name__: sorted(map(str, model.objects.values_list())) for model in models}


def write_routes() -> set[tuple[str, str]]:
    found = set()
    for _path, entry in routes(get_resolver()):
        view = getattr(entry.callback, "cls", None)
        if getattr(view, "surface", "") in SURFACES:
            found |= {(entry.name, method) for method in view.scopes if method != "GET"}
    return found


def test_every_write_operation_is_in_a_table():
    named = {each.route for each in [*STREAM_WRITES.values(), *RECONCILIATION_WRITES.values()]}
    assert named | OTHER_WRITES.keys() == write_routes()


# --- Streams -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STREAM_WRITES)
@pytest.mark.parametrize("kind", StreamKind.values)
def test_writes_to_streams(client, feeds, kind, name):
    write, desk = STREAM_WRITES[name], stream_desk(client, feeds, kind)
    before = rows_of(*ROWS)
    expected = (write.free, "") if kind in WRITABLE_STREAMS else write.owned
    answer = write.ask(desk)
    assert told(answer) == expected
    assert (rows_of(*ROWS) == before) == (expected[0] >= 400)


@pytest.mark.parametrize("kind", StreamKind.values)
def test_a_stream_of_each_kind_is_read(client, feeds, kind):
    desk = stream_desk(client, feeds, kind)
    assert client.get(desk.path).json()["type"] == kind
    assert client.get(desk.path + "/health").json()["records_count"] == 1
    assert client.get(desk.path + "/import_batches").json()["data"] == []
    assert client.get(f"/v1/records/{desk.record.pk}").json()["data_stream_key"] == desk.stream.key


@pytest.mark.parametrize("kind", StreamKind.values)
def test_streams_of_which_kind_are_made(client, feeds, kind):
    account = Desk(client, feeds).stream_of("bank_feed").bank_account
    body = {"key": "new", "name": "New", "type": kind}
    if kind in ("bank_feed", "statement"):
        body["bank_account_id"] = account.pk
    answer = client.post("/v1/data_streams", body, format="json")
    assert answer.status_code == (201 if kind in WRITABLE_STREAMS else 422)


@pytest.mark.parametrize("kind", StreamKind.values)
def test_rows_of_a_bulk_request_to_streams(client, feeds, kind):
    desk = stream_desk(client, feeds, kind)
    mine = feeds.stream("mine")
    rows = [desk.row, {**desk.row, "data_stream_key": mine.key}]
    answer = client.post("/v1/records/bulk", {"records": rows}, format="json")
    assert answer.status_code == 202
    bulk_execute(bulk_request_id=BulkRequest.objects.get().pk, clock=lambda: NOW)
    body = client.get(answer.json()["url"]).json()
    assert body["status"] == "completed"
    taken = kind in WRITABLE_STREAMS
    theirs, ours = body["results"]["data"]
    assert (theirs["status"], ours["status"]) == ("successful" if taken else "failed", "successful")
    assert taken or desk.stream.name in theirs["error"]
    assert Record.objects.filter(stream=desk.stream).count() == (2 if taken else 1)


@pytest.mark.parametrize("kind", StreamKind.values)
def test_streams_of_which_kind_take_part_in_a_reconciliation(client, feeds, kind):
    stream = Desk(client, feeds).stream_of(kind)
    body = {"name": "New", "side_a_stream_ids": [stream.pk], "side_b_stream_ids": []}
    answer = client.post("/v1/reconciliations", body, format="json")
    assert answer.status_code == (201 if kind in TAKE_PART else 422)


# --- Reconciliations -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RECONCILIATION_WRITES)
@pytest.mark.parametrize("kind", ReconciliationKind.values)
def test_writes_to_reconciliations(client, feeds, kind, name):
    write, desk = RECONCILIATION_WRITES[name], reconciliation_desk(client, feeds, kind)
    write.given(desk)
    before = rows_of(*CLEARING)
    answer = write.ask(desk)
    assert told(answer) == getattr(write, kind)
    assert answer.status_code < 400 or rows_of(*CLEARING) == before


@pytest.mark.parametrize("kind", ReconciliationKind.values)
def test_a_reconciliation_of_each_kind_is_read(client, feeds, kind):
    desk = reconciliation_desk(client, feeds, kind)
    assert client.get(desk.path).json()["id"] == desk.made.pk
    assert client.get(desk.path + "/agent_status").json()["unmatched_count"] == 4
    rules = client.get("/v1/reconciliation_rules", {"reconciliation_id": desk.made.pk}).json()
    assert {row["id"] for row in rules} == {desk.active.pk, desk.proposed.pk}
