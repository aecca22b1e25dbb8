"""Overdue records with a cause to be found, in a reconciliation of streams and in one of a ledger, for tests of
investigations. Everything comes in by the services; a worker's part is done at once."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from exceptions_app.models import Finding, Investigation, ReconciliationException
from exceptions_app.services.investigation_execution import investigation_execute
from exceptions_app.services.investigations import investigation_request
from ledgers.models import DataStream, Record
from organizations.actors import Actor
from organizations.acts import perform
from reconciliation.models import MatchMember, OpenItem
from reconciliation.services.stream_records import RecordIn, records_add
from rules.models import Reconciliation
from tests.clock import NOW
from tests.factories.exceptions_app import ReconciliationExceptionFactory
from tests.factories.organizations import actor_with
from tests.reconciliation.books import Books, books
from tests.reconciliation.streams import Feeds

DUE = NOW - timedelta(days=3)


class Looked:
    """A reconciliation with overdue records, and what investigations say of it."""

    by: Actor
    reconciliation: Reconciliation
    stream: DataStream

    def make_due(self, *records: Record, at: datetime = DUE) -> None:
        """As an overdue policy would have it, also where an undecided suggestion has the record."""
        for rows in (OpenItem, MatchMember):
            rows.objects.filter(
                reconciliation=self.reconciliation, record_id__in=[record.pk for record in records]
            ).update(overdue_at=at)

    @property
    def exception(self) -> ReconciliationException:
        found = ReconciliationException.objects.filter(
            reconciliation=self.reconciliation, stream=self.stream
        ).first()
        return found or ReconciliationExceptionFactory(
            reconciliation=self.reconciliation, stream=self.stream, slice_changed_at=NOW
        )

    def ask(self, *, at: datetime = NOW, **more: Any) -> Investigation:
        asked = partial(investigation_request, exception=self.exception, by=self.by, at=at, **more)
        return perform(asked)

    def investigate(self, *, at: datetime = NOW, **more: Any) -> Investigation:
        asked = self.ask(at=at, **more)
        investigation_execute(investigation_id=asked.pk, clock=lambda: at)
        asked.refresh_from_db()
        assert not asked.error, asked.error
        return asked

    def findings(self, investigation: Investigation, record: Record) -> list[Finding]:
        rows = investigation.findings.filter(record_id=record.pk)
        return list(rows.select_related("investigation__exception__reconciliation").order_by("rank"))


class Acquirer(Looked):
    """An acquirer's records (Side A, the ones that are overdue) against the bank's."""

    def __init__(self) -> None:
        self.feeds = Feeds(actor_with("admin"))
        self.by = self.feeds.by
        self.stream, self.bank = self.feeds.stream("acquirer"), self.feeds.stream("bank")
        self.reconciliation = self.feeds.reconciliation(self.stream, self.bank)

    def add(self, stream: DataStream, minor: int, day: date, **more: Any) -> Record:
        direction = "credit" if minor >= 0 else "debit"
        wanted = RecordIn(day, abs(minor), direction, more.pop("currency", "EUR"), **more)
        [record] = self.feeds.act(records_add, stream=stream, records=[wanted])
        return record

    def overdue(self, minor: int, day: date, **more: Any) -> Record:
        record = self.add(self.stream, minor, day, **more)
        self.make_due(record)
        return record

    def paid(self, minor: int, day: date, **more: Any) -> Record:
        return self.add(self.bank, minor, day, **more)


class Account(Looked):
    """A bank account's statement lines (Side A) against its ledger; an asset's, so that money in is a debit there."""

    def __init__(self) -> None:
        self.by = actor_with("admin")
        self.books: Books = books(self.by, entries=[])
        self.reconciliation = self.books.run.reconciliation

    def upload(self, *rows: str) -> list[Record]:
        """CSV lines "2026-02-04,1250.00,credit,INV-701,S1"."""
        header = "date,amount,direction,reference,description\n"
        source = self.books.upload(header + "".join(f"{row}\n" for row in rows))
        lines = Record.objects.filter(source_file_id=source.pk).order_by("pk")
        self.stream = lines[0].stream
        self.make_due(*lines)
        return list(lines)
