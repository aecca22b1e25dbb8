"""Deleting streams: in one act, by a worker, killed half way, and while others write, wire or look."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from ledgers.models import DataStream, ImportBatch, PropertyDefinition, Record
from ledgers.services.streams import data_stream_change, data_stream_create
from organizations.models import AuditEvent
from organizations.refusals import Conflict, NotFound, Refusal
from reconciliation.models import StreamOperation
from reconciliation.selectors.integrity import faults
from reconciliation.selectors.operations import operation_of
from reconciliation.services import stream_deletion
from reconciliation.services.definitions import definition_create
from reconciliation.services.operations import stream_reset, stream_wire
from reconciliation.services.stream_deletion import stream_delete, stream_delete_request
from reconciliation.services.stream_reconciliations import reconciliation_create
from reconciliation.services.stream_records import record_void
from tests.clock import NOW
from tests.factories.ledgers import ImportBatchFactory, PropertyDefinitionFactory
from tests.factories.organizations import actor_with
from tests.reconciliation.streams import Feeds

pytestmark = pytest.mark.django_db


@pytest.fixture
def feeds() -> Feeds:
    return Feeds(actor_with("admin"))


@dataclass
class Full:
    """A stream with three records, a definition and an import batch."""

    stream: DataStream
    records: list[Record]


@pytest.fixture
def full(feeds: Feeds) -> Full:
    stream = feeds.stream("a")
    records = feeds.add(stream, ("R1", 100), ("R2", 200), ("R3", 300))
    PropertyDefinitionFactory(stream=stream)
    ImportBatchFactory(stream=stream, record_count=3)
    return Full(stream, records)


def code_of(feeds: Feeds, service, **arguments) -> str:
    with pytest.raises(Refusal) as refused:
        feeds.act(service, **arguments)
    return refused.value.code


def assert_gone(stream: DataStream) -> None:
    stream.refresh_from_db()
    assert stream.voided_at == NOW
    assert not stream.resetting
    for model in (Record, PropertyDefinition, ImportBatch):
        assert model.objects.filter(stream=stream).exists()
        assert not model.objects.live().filter(stream=stream).exists()
    assert faults() == []


def test_a_small_stream_goes_at_once_with_all_that_it_holds(feeds: Feeds, full: Full):
    feeds.act(stream_delete, stream=full.stream)
    assert_gone(full.stream)
    assert {row.voided_by for row in Record.objects.all()} == {feeds.by.ref}
    event = AuditEvent.objects.get(action="stream.deleted")
    assert (event.data["key"], event.data["records"]) == ("a", 3)
    assert code_of(feeds, stream_delete, stream=full.stream) == "stream.not_found"


def test_a_worker_deletes_in_chunks(feeds: Feeds, full: Full, settings):
    settings.CHUNK_GROUPS = 2
    asked = feeds.act(stream_delete_request, stream=full.stream)
    assert (asked.kind, asked.status, asked.total) == ("delete", "pending", 3)
    done = feeds.done(asked)
    assert (done.processed, done.progress) == (3, 100)
    assert_gone(full.stream)


def test_an_empty_stream_is_deleted_both_ways(feeds: Feeds):
    feeds.act(stream_delete, stream=feeds.stream("a"))
    assert feeds.done(feeds.act(stream_delete_request, stream=feeds.stream("b"))).progress == 100
    assert not DataStream.objects.live().exists()


def test_a_killed_workers_deletion_goes_on_where_it_stopped(feeds: Feeds, full: Full, settings):
    settings.CHUNK_GROUPS = 2
    asked = feeds.act(stream_delete_request, stream=full.stream)
    Record.objects.filter(pk__in=[row.pk for row in full.records[:2]]).update(voided_at=NOW)
    StreamOperation.objects.filter(pk=asked.pk).update(
        status="running", attempt=1, done_to=full.records[1].pk, processed=2
    )
    done = feeds.done(asked)
    assert (done.processed, done.attempt) == (3, 2)
    assert_gone(full.stream)


def test_its_key_is_free_again_and_each_operation_is_found_by_it(feeds: Feeds, full: Full):
    first = feeds.done(feeds.act(stream_delete_request, stream=full.stream))
    again = feeds.act(data_stream_create, organization_id=feeds.by.organization_id, key="a", name="Again")
    second = feeds.done(feeds.act(stream_reset, stream=again))
    for asked in (first, second):
        found = operation_of(organization_id=feeds.by.organization_id, stream_key="a", operation_id=asked.pk)
        assert found.stream_id == asked.stream_id
    assert [row.pk for row in DataStream.objects.live()] == [again.pk]


def test_while_a_worker_deletes_it_the_stream_takes_nothing(feeds: Feeds, full: Full):
    made = feeds.reconciliation()
    asked = feeds.act(stream_delete_request, stream=full.stream)
    facts = {"key": "lot", "name": "Lot", "type": "string"}
    for act in (
        lambda: feeds.add(full.stream, ("R4", 1)),
        lambda: feeds.act(record_void, record=full.records[2]),
        lambda: feeds.act(definition_create, stream=full.stream, **facts),
    ):
        with pytest.raises(Conflict) as refused:
            act()
        assert refused.value.code == "stream.deleting"
    running = {"stream": full.stream}
    for service in (stream_delete, stream_delete_request, stream_reset):
        assert code_of(feeds, service, **running) == "stream.operation_running"
    assert code_of(feeds, stream_wire, reconciliation=made, side="a", **running) == "stream.operation_running"
    feeds.done(asked)
    with pytest.raises(Conflict) as refused:
        feeds.add(full.stream, ("R4", 1))
    assert refused.value.code == "stream.deleted"


@pytest.mark.parametrize("service", [stream_delete, stream_delete_request])
def test_a_stream_in_a_reconciliation_stays(feeds: Feeds, full: Full, service):
    made = feeds.reconciliation(full.stream)
    with pytest.raises(Conflict) as refused:
        feeds.act(service, stream=full.stream)
    assert (refused.value.code, refused.value.details) == ("stream.linked", {"reconciliation_ids": [made.pk]})
    assert made.name in refused.value.message
    feeds.unwire(made, full.stream)
    feeds.act(service, stream=full.stream)


def test_more_than_fits_into_one_act_asks_for_a_worker(feeds: Feeds, full: Full, monkeypatch):
    monkeypatch.setattr(stream_deletion, "RECORDS_AT_ONCE", 2)
    with pytest.raises(Conflict) as refused:
        feeds.act(stream_delete, stream=full.stream)
    assert (refused.value.code, refused.value.details) == ("stream.too_large", {"records_max": 2})
    assert "async=true" in refused.value.message
    monkeypatch.setattr(stream_deletion, "RECORDS_AT_ONCE", 3)
    feeds.act(stream_delete, stream=full.stream)


@pytest.mark.parametrize("kind", ["bank_list", "transactions"])
@pytest.mark.parametrize("service", [stream_delete, stream_delete_request])
def test_an_owned_stream_goes_with_its_owner_only(feeds: Feeds, kind, service):
    assert code_of(feeds, service, stream=feeds.stream("own", kind=kind)) == "stream.owned"


def test_nothing_is_put_into_or_done_with_a_stream_that_is_gone(feeds: Feeds, full: Full):
    made, stale = feeds.reconciliation(), DataStream.objects.get(pk=full.stream.pk)
    feeds.act(stream_delete, stream=full.stream)
    assert code_of(feeds, stream_wire, reconciliation=made, stream=stale, side="a") == "stream.deleted"
    organization_id = feeds.by.organization_id
    wiring = {"organization_id": organization_id, "name": "x", "side_a": [stale]}
    assert code_of(feeds, reconciliation_create, **wiring) == "stream.deleted"
    assert code_of(feeds, stream_reset, stream=stale) == "stream.not_found"
    assert code_of(feeds, data_stream_change, stream=stale, name="x") == "stream.not_found"
    with pytest.raises(NotFound):
        operation_of(organization_id=organization_id, stream_key="a", operation_id=1)


def test_another_organizations_stream_is_not_found(feeds: Feeds, full: Full):
    stranger = Feeds(actor_with("admin"))
    assert code_of(stranger, stream_delete, stream=full.stream) == "stream.not_found"
    assert code_of(stranger, stream_delete_request, stream=full.stream) == "stream.not_found"


def test_a_reset_takes_the_import_batches_and_keeps_the_rest(feeds: Feeds, full: Full):
    feeds.reset(full.stream)
    full.stream.refresh_from_db()
    assert (full.stream.voided_at, full.stream.resetting) == (None, False)
    assert PropertyDefinition.objects.live().count() == 1
    assert not ImportBatch.objects.live().exists()
    assert not Record.objects.live().exists()
