"""A small organization with a bit of everything, so that generated requests meet rows and not only 404."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from celery import current_app
from django.db import connection

from exceptions_app.models import Investigation, ReconciliationException
from ledgers.models import (
    BankAccount,
    BulkRequest,
    DataStream,
    ImportBatch,
    Journal,
    Ledger,
    PropertyDefinition,
    Record,
    SourceFile,
)
from ledgers.states import BULK_UNDER_WAY, BulkStatus
from organizations.models import ApiKey, Membership, Organization
from reconciliation.models import Discrepancy, Match, OpenItem, Pass, RuleJob, Run, Story, StreamOperation
from rules.models import Reconciliation, Rule
from rules.services.rules import revision_write
from tests.api.callers import client_with_key
from tests.api.ledger_runs.desk import BOOKS, ROOT, STATEMENT, Desk, entry_body
from tests.api.rules.feeding import Shop, shop_of
from tests.clock import NOW
from tests.factories.exceptions_app import (
    AssigneeFactory,
    CommentFactory,
    InvestigationFactory,
    ReconciliationExceptionFactory,
)
from tests.factories.ledgers import (
    BankAccountFactory,
    BulkContentFactory,
    BulkRequestFactory,
    DataStreamFactory,
    ImportBatchFactory,
    PropertyDefinitionFactory,
    RecordFactory,
)
from tests.factories.organizations import ApiKeyFactory, MembershipFactory
from tests.factories.reconciliation import RuleJobFactory, StoryFactory, StreamOperationFactory
from tests.factories.rules import RuleFactory

KNOWN_MAX = 40  # values of one kind that are told


def build(*, ledgers: int = 3, shops: int = 3) -> ApiKey:
    """The rows; answers with a key that may all that keys may."""
    key = ApiKeyFactory()
    with tasks_at_once():
        for number in range(ledgers):
            _ledger(Desk(client_with_key(key)), code=f"120{number}")
    for number in range(shops):
        _streams(key.organization, number)
    return key


@contextmanager
def tasks_at_once() -> Iterator[None]:
    before = current_app.conf.task_always_eager
    current_app.conf.task_always_eager = True
    try:
        yield
    finally:
        current_app.conf.task_always_eager = before


@contextmanager
def numbers_from(first: int) -> Iterator[None]:
    """Sequences of our tables go on from there, and afterwards from where they were: so no other figure of an answer is
    taken for an id of rows that are made meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sequencename, coalesce(last_value, 1) FROM pg_sequences WHERE data_type = 'bigint'::regtype"
        )
        before = cursor.fetchall()
        for place, (name, _last) in enumerate(before):
            cursor.execute("SELECT setval(%s, %s)", [name, first + place * 10_000])
    yield
    with connection.cursor() as cursor:
        for name, last_value in before:
            cursor.execute("SELECT setval(%s, %s)", [name, last_value])


def _ledger(desk: Desk, code: str) -> None:
    """The contract's worked example: a run with a file, suggestions, discrepancies; and one without."""
    ledger = desk.ledger(code=code)
    entries = [entry_body(ledger, *entry) for _name, *entry in BOOKS]
    assert desk.post(f"{ROOT}/entries/bulk", {"entries": entries}).status_code == 201
    run = desk.run(ledger)
    assert desk.upload(run, STATEMENT, name=f"{code}.csv").status_code in {200, 201, 202}
    assert desk.auto_match(run).status_code == 200
    desk.run(ledger)


def _streams(organization: Organization, number: int) -> None:
    shop = shop_of(organization, number=str(number))
    proposed = RuleFactory(
        reconciliation=shop.reconciliation, status="proposed", source="ai", rating="high", priority=20
    )
    revision_write(proposed, by="system:propose", at=NOW)
    RuleJobFactory(reconciliation=shop.reconciliation)
    RuleJobFactory(reconciliation=shop.reconciliation, kind="proposal")
    StoryFactory(organization=organization)
    PropertyDefinitionFactory(stream=shop.a)
    StreamOperationFactory(stream=shop.a, status="completed", finished_at=NOW)
    RecordFactory.create_batch(3, stream=DataStreamFactory(organization=organization))
    for status in BulkStatus:
        ended = None if status in BULK_UNDER_WAY else NOW
        asked = BulkRequestFactory(organization=organization, status=status, finished_at=ended)
        BulkContentFactory(bulk_request=asked)
    ImportBatchFactory(stream=shop.a, bulk_request=asked)
    BankAccountFactory(organization=organization)
    _exceptions(organization, shop)


def _exceptions(organization: Organization, shop: Shop) -> None:
    OpenItem.objects.filter(reconciliation=shop.reconciliation).update(overdue_at=NOW, overdue_seen_at=NOW)
    member = MembershipFactory(organization=organization)
    for stream, closed_at in ((shop.a, NOW), (shop.a, None), (shop.b, None)):
        row = ReconciliationExceptionFactory(
            reconciliation=shop.reconciliation,
            stream=stream,
            status="dismissed" if closed_at else "open",
            closed_at=closed_at,
        )
        AssigneeFactory(exception=row, user=member.user)
        CommentFactory(exception=row, author=member.user).mentions.add(member.user)
        done = {"status": "completed", "outcome": "no_match", "finished_at": NOW}
        InvestigationFactory(exception=row, **done)


# --- what of it can be named in a request --------------------------------------------------------------------------------

Rows = Callable[[int], Any]
BY_SURFACE: dict[str, dict[str, tuple[Rows, str]]] = {
    "^/v1/ledgers": {
        "ledger_id": (lambda o: Ledger.objects.filter(organization=o), "uuid"),
        "journal_id": (lambda o: Journal.objects.filter(organization=o), "uuid"),
        "run_id": (lambda o: Run.objects.filter(organization=o), "uuid"),
        "file_id": (lambda o: SourceFile.objects.filter(organization=o), "uuid"),
        "match_id": (lambda o: Match.objects.filter(reconciliation__organization=o), "uuid"),
        "pass_id": (lambda o: Pass.objects.filter(reconciliation__organization=o), "uuid"),
        "discrepancy_id": (lambda o: Discrepancy.objects.filter(reconciliation__organization=o), "uuid"),
        "item_id": (lambda o: records(o).filter(stream__kind="statement"), "uuid"),
        "entry_id": (lambda o: records(o).filter(stream__kind="ledger"), "uuid"),
    },
    "^/v1/(?!ledgers)": {
        "account_id": (lambda o: BankAccount.objects.filter(organization=o), "pk"),
        "bank_account_id": (lambda o: BankAccount.objects.filter(organization=o), "pk"),
        "key": (lambda o: DataStream.objects.filter(organization=o), "key"),
        "stream_key": (lambda o: DataStream.objects.filter(organization=o), "key"),
        "data_stream_key": (lambda o: DataStream.objects.filter(organization=o), "key"),
        "data_stream_id": (lambda o: DataStream.objects.filter(organization=o), "pk"),
        "definition_id": (lambda o: PropertyDefinition.objects.filter(stream__organization=o), "pk"),
        "operation_id": (lambda o: StreamOperation.objects.filter(stream__organization=o), "pk"),
        "record_id": (lambda o: records(o), "pk"),
        "record_a": (lambda o: open_items(o).filter(side="a"), "record_id"),
        "record_b": (lambda o: open_items(o).filter(side="b"), "record_id"),
        "bulk_request_id": (lambda o: BulkRequest.objects.filter(organization=o), "pk"),
        "import_batch_id": (lambda o: ImportBatch.objects.filter(stream__organization=o), "pk"),
        "batch_id": (lambda o: ImportBatch.objects.filter(stream__organization=o), "pk"),
        "reconciliation_id": (lambda o: Reconciliation.objects.filter(organization=o), "pk"),
        "match_id": (lambda o: Match.objects.filter(reconciliation__organization=o), "pk"),
        "reconciliation_match_id": (lambda o: Match.objects.filter(reconciliation__organization=o), "pk"),
        "rule_id": (lambda o: Rule.objects.filter(organization=o), "pk"),
        "run_id": (lambda o: Pass.objects.filter(reconciliation__organization=o), "pk"),
        "pass_id": (lambda o: Pass.objects.filter(reconciliation__organization=o), "pk"),
        "job_id": (lambda o: RuleJob.objects.filter(reconciliation__organization=o), "pk"),
        "story_id": (lambda o: Story.objects.filter(organization=o), "pk"),
        "exception_id": (lambda o: exceptions(o), "pk"),
        "investigation_id": (lambda o: Investigation.objects.filter(exception__in=exceptions(o)), "pk"),
        "user_id": (lambda o: Membership.objects.filter(organization=o), "user_id"),
    },
}
"""By a pattern of paths and the parameter's name: the rows that it may name, and the column that names them."""

IN_LISTS = {
    "assignee_ids": "user_id",
    "mentions": "user_id",
    "record_ids": "record_id",
    "side_a_stream_ids": "data_stream_id",
    "side_b_stream_ids": "data_stream_id",
    "source_entry_ids": "item_id",
    "ledger_entry_ids": "entry_id",
    "side_a": "record_a",
    "side_b": "record_b",
}
"""Lists of ids in bodies, by the parameter whose values they hold."""


def records(organization_id: int) -> Any:
    return Record.objects.filter(stream__organization=organization_id)


def exceptions(organization_id: int) -> Any:
    return ReconciliationException.objects.filter(reconciliation__organization=organization_id)


def open_items(organization_id: int) -> Any:
    of_streams = OpenItem.objects.filter(reconciliation__organization=organization_id, held_by=None)
    return of_streams.exclude(reconciliation__kind="ledger")


def known_values(organization_id: int) -> dict[str, dict[str, list[str]]]:
    """Of each surface and parameter, the texts that name a row now."""
    return {
        surface: {
            name: [
                str(value) for value in rows(organization_id).order_by("pk").values_list(column, flat=True)
            ][:KNOWN_MAX]
            for name, (rows, column) in named.items()
        }
        for surface, named in BY_SURFACE.items()
    }
