"""The deletion of a stream in a real Celery worker, killed half way; and deletions while others write, wire and look."""

from __future__ import annotations

from functools import partial

import pytest

from ledgers.models import BankAccount, DataStream, Record
from ledgers.services.streams import data_stream_create
from reconciliation.models import StreamOperation
from reconciliation.selectors.integrity import faults
from reconciliation.services.operations import stream_reset, stream_wire
from reconciliation.services.stream_deletion import stream_delete, stream_delete_request
from reconciliation.services.wiring import bank_account_delete
from reconciliation.tasks import requeue_lost
from tests.clock import NOW
from tests.factories.ledgers import BankAccountFactory
from tests.factories.organizations import actor_with
from tests.hammer.scenarios import another_connection
from tests.reconciliation.races import at_once, codes, performed
from tests.reconciliation.streams import Feeds
from tests.workers import Worker, wait_for

CHUNK, RECORDS = 2, 5


def row(asked: StreamOperation) -> StreamOperation:
    return StreamOperation.objects.get(pk=asked.pk)


def filled(feeds: Feeds) -> DataStream:
    stream = feeds.stream("a")
    feeds.add(stream, *((f"R{number}", 100 + number) for number in range(RECORDS)))
    return stream


@pytest.mark.worker
def test_the_deletion_of_a_killed_worker_is_ended_by_the_next(worker: Worker, monkeypatch):
    worker.kill()
    monkeypatch.setenv("TIEOUT_CHUNK_GROUPS", str(CHUNK))
    worker.start()
    monkeypatch.delenv("TIEOUT_CHUNK_GROUPS")
    feeds = Feeds(actor_with("admin"))
    stream = filled(feeds)
    last = Record.objects.filter(stream=stream).latest("pk")
    with another_connection() as holder:
        holder.execute("SELECT 1 FROM ledgers_record WHERE id = %s FOR UPDATE", [last.pk])
        asked = feeds.act(stream_delete_request, stream=stream)
        wait_for(
            lambda: row(asked).processed == RECORDS - 1, seconds=20, what="all but the last chunk is done"
        )
        worker.kill()
        holder.rollback()
    assert row(asked).status == "running"
    assert Record.objects.live().filter(stream=stream).count() == 1
    worker.start()

    def swept() -> bool:
        requeue_lost()
        return row(asked).status == "completed"

    wait_for(swept, seconds=30, what="another worker ended it")
    assert (row(asked).processed, row(asked).attempt) == (RECORDS, 2)
    assert not DataStream.objects.live().filter(pk=stream.pk).exists()
    assert not Record.objects.live().filter(stream=stream).exists()
    assert faults() == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("service", [stream_delete, stream_delete_request])
def test_what_comes_beside_a_deletion_is_in_the_stream_or_refused(service):
    feeds = Feeds(actor_with("admin"))
    stream, made = feeds.stream("a"), feeds.reconciliation()
    common = {"stream": stream, "by": feeds.by, "at": NOW}
    delete = performed(service, **common)
    wire = performed(stream_wire, reconciliation=made, side="a", **common)
    adds = [partial(feeds.add, stream, (f"R{number}", 100)) for number in range(4)]

    told = codes(at_once([delete, wire, *adds, delete]))

    assert sum(told.values()) == 7
    assert set(told) <= {
        "ok",
        "stream.linked",
        "stream.deleted",
        "stream.deleting",
        "stream.not_found",
        "stream.operation_running",
    }
    for asked in StreamOperation.objects.under_way():
        feeds.done(asked)
    stream.refresh_from_db()
    assert (stream.voided_at is None) == made.wiring.exists()
    if stream.voided_at is not None:
        assert not Record.objects.live().filter(stream=stream).exists()
    assert faults() == []


@pytest.mark.django_db(transaction=True)
def test_a_stream_is_deleted_and_reset_once_at_a_time():
    feeds = Feeds(actor_with("admin"))
    common = {"stream": filled(feeds), "by": feeds.by, "at": NOW}
    acts = [performed(each, **common) for each in (stream_delete_request, stream_reset, stream_delete) * 3]
    told = codes(at_once(acts))
    assert told["ok"] == 1
    assert set(told) <= {"ok", "stream.not_found", "stream.operation_running"}


@pytest.mark.django_db(transaction=True)
def test_an_account_is_deleted_or_gets_a_feed():
    feeds = Feeds(actor_with("admin"))
    account = BankAccountFactory(organization=feeds.organization)
    common = {"by": feeds.by, "at": NOW}
    delete = performed(bank_account_delete, bank_account=account, **common)
    feed = [
        performed(
            data_stream_create,
            organization_id=feeds.by.organization_id,
            key=f"feed-{number}",
            name="Feed",
            kind="bank_feed",
            bank_account=account,
            **common,
        )
        for number in range(3)
    ]
    told = codes(at_once([delete, *feed, delete]))
    assert set(told) <= {"ok", "bank_account.linked", "bank_account.not_found"}
    gone = BankAccount.objects.get(pk=account.pk).voided_at is not None
    assert gone != DataStream.objects.filter(bank_account=account).exists()
