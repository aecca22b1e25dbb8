"""Every list of the API takes the same number of queries whether it shows one row, five or thirty. A new list needs its
line in ROWS: how to put that many rows behind it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from exceptions_app.models import ReconciliationException
from ledgers.models import DataStream, ImportBatch
from organizations.models import ApiKey, Organization
from reconciliation.models import Run
from rules.models import Reconciliation
from tests.api.callers import client_with_key
from tests.api.document import operations
from tests.api.ledger_runs.desk import HEADER, ROOT, RUNS, Desk, entry_body
from tests.clock import NOW, TODAY
from tests.factories import exceptions_app, ledgers, organizations, reconciliation, rules
from tests.fuzz.world import tasks_at_once

COUNTS = (1, 5, 30)

Say = Callable[["Owner", int], str]
"""Puts so many rows behind a list, for an organization that has none, and answers with the list's address."""


@dataclass(frozen=True)
class Owner:
    key: ApiKey

    @property
    def organization(self) -> Organization:
        return self.key.organization

    @property
    def desk(self) -> Desk:
        return Desk(client_with_key(self.key))


# --- the ledger surface ------------------------------------------------------------------------------------------------


def ledgers_of(owner: Owner, count: int) -> str:
    for ledger in ledgers.LedgerFactory.create_batch(count, organization=owner.organization):
        ledgers.BankAccountFactory(organization=owner.organization, ledger=ledger)
        ledgers.LedgerDeltaFactory(ledger=ledger)
    return ROOT


def accounts(owner: Owner, count: int) -> str:
    """Those that have entries or lines."""
    desk = owner.desk
    made = [desk.ledger(code=f"L{place}") for place in range(count)]
    posted = [entry_body(ledger, "debit", "10.00", "2026-02-04") for ledger in made]
    assert desk.post(f"{ROOT}/entries/bulk", {"entries": posted}).status_code == 201
    return f"{ROOT}/accounts"


def entries(owner: Owner, count: int) -> str:
    books(owner, count)
    return f"{ROOT}/entries"


def books(owner: Owner, count: int, *, lines: int = 0) -> str:
    """A ledger with entries of equal amounts and references of their own, and a run with lines like the first of them."""
    desk = owner.desk
    ledger = desk.ledger()
    posted = [entry_body(ledger, "debit", "10.00", "2026-02-04", f"INV-{place:03}") for place in range(count)]
    assert desk.post(f"{ROOT}/entries/bulk", {"entries": posted}).status_code == 201
    run = desk.run(ledger)
    if lines:
        rows = [f"2026-02-04,10.00,credit,INV-{place:03},line {place}\n" for place in range(lines)]
        assert desk.upload(run, HEADER + "".join(rows)).status_code in {201, 202}
    return run


def matched(name: str) -> Say:
    """As many entries as lines, matched: each line, entry and match is one row."""

    def say(owner: Owner, count: int) -> str:
        run = books(owner, count, lines=count)
        assert owner.desk.auto_match(run).status_code == 200
        return f"{RUNS}/{run}/{name}"

    return say


def unmatched(name: str) -> Say:
    """Lines without entries, or entries without lines, and what is said about them."""

    def say(owner: Owner, count: int) -> str:
        run = (
            books(owner, 1, lines=1 + count) if name == "discrepancies" else books(owner, 1 + count, lines=1)
        )
        assert owner.desk.auto_match(run).status_code == 200
        return f"{RUNS}/{run}/{name}"

    return say


def runs(owner: Owner, count: int) -> str:
    for _place in range(count):
        run = reconciliation.RunFactory(reconciliation__ledger__organization=owner.organization)
        reconciliation.RunSourceFactory(run=run)
        reconciliation.PassFactory(run=run, reconciliation=run.reconciliation)
    return RUNS


def sources(owner: Owner, count: int) -> str:
    run = Run.objects.get(uuid=books(owner, 1))
    for _place in range(count):
        source = reconciliation.RunSourceFactory(run=run)
        ledgers.StatementFactory(source_file=source.source_file)
    return f"{RUNS}/{run.uuid}/sources"


# --- streams and rules ---------------------------------------------------------------------------------------------------


def streams_of(owner: Owner, count: int) -> list[DataStream]:
    return ledgers.DataStreamFactory.create_batch(count, organization=owner.organization)


def wired(owner: Owner) -> Reconciliation:
    """A reconciliation with a stream on each side."""
    made = rules.ReconciliationFactory(
        ledger=None,
        organization=owner.organization,
        kind="streams",
        sign_mode="magnitude",
        own_rules=True,
    )
    for side, stream in zip("ab", streams_of(owner, 2), strict=True):
        rules.ReconciliationStreamFactory(reconciliation=made, stream=stream, side=side)
    return made


def reconciliations(owner: Owner, count: int) -> str:
    for _place in range(count):
        reconciliation.PassFactory(reconciliation=wired(owner), status="completed", finished_at=NOW)
    return "/v1/reconciliations"


def rules_of(owner: Owner, count: int) -> str:
    made = wired(owner)
    for rule in rules.RuleFactory.create_batch(count, reconciliation=made):
        rules.RuleRevisionFactory(rule=rule)
    return f"/v1/reconciliation_rules?reconciliation_id={made.pk}"


def records_of(owner: Owner, count: int) -> ImportBatch:
    """Records of one import batch, in a stream of their own."""
    [stream] = streams_of(owner, 1)
    asked = ledgers.BulkRequestFactory(organization=owner.organization)
    batch = ledgers.ImportBatchFactory(stream=stream, bulk_request=asked, record_count=count)
    made = ledgers.RecordFactory.create_batch(count, stream=stream, import_batch_id=batch.pk)
    batch.first_record, batch.last_record = made[0].pk, made[-1].pk
    batch.save()
    return batch


def records(owner: Owner, count: int) -> str:
    return f"/v1/records?data_stream_key={records_of(owner, count).stream.key}"


def batch_records(owner: Owner, count: int) -> str:
    return f"/v1/import_batches/{records_of(owner, count).pk}/records?limit=100"


def batches(owner: Owner, count: int) -> str:
    [stream] = streams_of(owner, 1)
    for _place in range(count):
        asked = ledgers.BulkRequestFactory(organization=owner.organization)
        ledgers.ImportBatchFactory(stream=stream, bulk_request=asked)
    return f"/v1/data_streams/{stream.key}/import_batches"


def data_streams(owner: Owner, count: int) -> str:
    for _place in range(count):
        account = ledgers.BankAccountFactory(organization=owner.organization)
        ledgers.DataStreamFactory(organization=owner.organization, kind="bank_feed", bank_account=account)
    return "/v1/data_streams"


def definitions(owner: Owner, count: int) -> str:
    [stream] = streams_of(owner, 1)
    ledgers.PropertyDefinitionFactory.create_batch(count, stream=stream)
    return f"/v1/data_stream_property_definitions?data_stream_key={stream.key}"


def bulk_requests(owner: Owner, count: int) -> str:
    for _place in range(count):
        [stream] = streams_of(owner, 1)
        asked = ledgers.BulkRequestFactory(organization=owner.organization)
        ledgers.ImportBatchFactory(stream=stream, bulk_request=asked)
    return "/v1/bulk_requests"


def stream_matches(owner: Owner, count: int) -> str:
    made = wired(owner)
    revision = rules.RuleRevisionFactory(rule=rules.RuleFactory(reconciliation=made))
    for _place in range(count):
        match = reconciliation.MatchFactory(
            reconciliation=made, status="accepted", rule_revision=revision, decided_at=NOW
        )
        for side in "ab":
            member = ledgers.RecordFactory(stream__organization=owner.organization)
            reconciliation.MatchMemberFactory(match=match, record=member, side=side)
    return f"/v1/reconciliation_matches?reconciliation_id={made.pk}&limit=100"


def passes(owner: Owner, count: int) -> str:
    made = wired(owner)
    reconciliation.PassFactory.create_batch(count, reconciliation=made, status="completed", finished_at=NOW)
    return f"/v1/reconciliations/{made.pk}/runs"


def stories(owner: Owner, count: int) -> str:
    for _place in range(count):
        story = reconciliation.StoryFactory(organization=owner.organization)
        first, second = wired(owner), wired(owner)
        reconciliation.StoryLinkFactory(story=story, reconciliation=first)
        [shared] = streams_of(owner, 1)
        reconciliation.StoryLinkFactory(
            story=story, reconciliation=second, position=2, role="continuation", shared_stream=shared
        )
    return "/v1/reconciliation_stories"


def bank_accounts(owner: Owner, count: int) -> str:
    ledgers.BankAccountFactory.create_batch(count, organization=owner.organization)
    return "/v1/bank_accounts"


def balances(owner: Owner, count: int) -> str:
    account = ledgers.BankAccountFactory(organization=owner.organization)
    for place in range(count):
        ledgers.BankAccountBalanceFactory(bank_account=account, date=TODAY - timedelta(days=place))
    return f"/v1/bank_account_balances?bank_account_id={account.pk}"


def exceptions(owner: Owner, count: int) -> str:
    for stream in streams_of(owner, count):
        exception = exceptions_app.ReconciliationExceptionFactory(reconciliation=wired(owner), stream=stream)
        overdue(exception, 2)
        exceptions_app.AssigneeFactory(exception=exception)
        comment = exceptions_app.CommentFactory(exception=exception)
        comment.mentions.add(comment.author)
        exceptions_app.InvestigationFactory(exception=exception)
    return "/v1/reconciliation_exceptions?limit=100"


def overdue(exception: ReconciliationException, count: int) -> None:
    for record in ledgers.RecordFactory.create_batch(count, stream=exception.stream):
        reconciliation.OpenItemFactory(reconciliation=exception.reconciliation, record=record, overdue_at=NOW)


def exception_of(owner: Owner) -> ReconciliationException:
    [stream] = streams_of(owner, 1)
    return exceptions_app.ReconciliationExceptionFactory(reconciliation=wired(owner), stream=stream)


def exception_records(owner: Owner, count: int) -> str:
    exception = exception_of(owner)
    overdue(exception, count)
    return f"/v1/reconciliation_exceptions/{exception.pk}/records"


def investigations(owner: Owner, count: int) -> str:
    exception = exception_of(owner)
    ended = {"status": "failed", "finished_at": NOW}
    exceptions_app.InvestigationFactory.create_batch(count, exception=exception, **ended)
    return f"/v1/reconciliation_exceptions/{exception.pk}/investigations"


def exception_history(owner: Owner, count: int) -> str:
    path = f"/v1/reconciliation_exceptions/{exception_of(owner).pk}"
    client = client_with_key(owner.key)
    for place in range(count):
        assert client.patch(path, {"title": f"Title {place}"}, format="json").status_code == 200
    return f"{path}/history"


ROWS: dict[str, Say] = {
    "/v1/ledgers": ledgers_of,
    "/v1/ledgers/accounts": accounts,
    "/v1/ledgers/entries": entries,
    "/v1/ledgers/reconciliation/runs": runs,
    "/v1/ledgers/reconciliation/runs/{}/discrepancies": unmatched("discrepancies"),
    "/v1/ledgers/reconciliation/runs/{}/gl-all": matched("gl-all"),
    "/v1/ledgers/reconciliation/runs/{}/gl-only": unmatched("gl-only"),
    "/v1/ledgers/reconciliation/runs/{}/items": matched("items"),
    "/v1/ledgers/reconciliation/runs/{}/matches": matched("matches"),
    "/v1/ledgers/reconciliation/runs/{}/sources": sources,
    "/v1/reconciliations": reconciliations,
    "/v1/reconciliations/{}/runs": passes,
    "/v1/reconciliation_rules": rules_of,
    "/v1/reconciliation_matches": stream_matches,
    "/v1/reconciliation_stories": stories,
    "/v1/reconciliation_exceptions": exceptions,
    "/v1/reconciliation_exceptions/{}/records": exception_records,
    "/v1/reconciliation_exceptions/{}/history": exception_history,
    "/v1/reconciliation_exceptions/{}/investigations": investigations,
    "/v1/records": records,
    "/v1/import_batches/{}/records": batch_records,
    "/v1/bulk_requests": bulk_requests,
    "/v1/data_streams": data_streams,
    "/v1/data_streams/{}/import_batches": batches,
    "/v1/data_stream_property_definitions": definitions,
    "/v1/bank_accounts": bank_accounts,
    "/v1/bank_account_balances": balances,
}
LISTS = sorted({re.sub(r"{\w+}", "{}", one.path) for one in operations() if one.shows_a_list()})


def test_every_list_is_counted_here():
    assert sorted(ROWS) == LISTS


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", LISTS)
def test_a_list_takes_the_same_number_of_queries_however_long(path):
    taken = {}
    for count in COUNTS:
        owner = Owner(organizations.ApiKeyFactory())
        with tasks_at_once():
            address = ROWS[path](owner, count)
        client = client_with_key(owner.key)
        client.get(address)  # warms up what is read once per process
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(address)
        assert answer.status_code == 200, answer.content
        assert len(rows_of(answer.json())) == count
        taken[count] = [query["sql"] for query in queries]
    numbers = {count: len(asked) for count, asked in taken.items()}
    assert len(set(numbers.values())) == 1, (numbers, taken[COUNTS[-1]])


def rows_of(body: Any) -> list[Any]:
    if isinstance(body, list):
        return body
    found = next(body[name] for name in ("data", "items", "results") if name in body)
    return found["data"] if isinstance(found, dict) else found
