"""Books for tests of the clearing: the worked example of the ledger-run surface, built through the services."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from ledgers.models import Ledger, Record, SourceFile
from ledgers.services.books import ledger_create
from ledgers.services.postings import EntryIn
from organizations.actors import Actor
from organizations.acts import perform
from reconciliation.models import Match, Pass, Run, RunSource
from reconciliation.selectors.items import item_rows
from reconciliation.selectors.matches import matches_of, members_of
from reconciliation.services.by_hand import match_manual
from reconciliation.services.execution import pass_execute
from reconciliation.services.groups import Made
from reconciliation.services.intake import entries_post
from reconciliation.services.items import item_close, item_reopen
from reconciliation.services.matches import match_accept, match_reject
from reconciliation.services.passes import pass_request
from reconciliation.services.records import VoidCounts, source_void
from reconciliation.services.runs import run_create
from reconciliation.services.sources import receive, source_add, source_import
from tests.clock import NOW
from tests.reconciliation.files import Line

T = TypeVar("T")

ENTRIES: list[Line] = [
    ("G1", "debit", 1250_00, 4, "INV-701"),
    ("G2", "debit", 480_50, 5, "INV-702"),
    ("G3", "credit", 19_90, 5, "FEE-02"),
    ("G4", "debit", 300_00, 7, "INV-703"),
    ("G5", "debit", 200_00, 7, "INV-703"),
    ("G6", "debit", 77_00, 11, "INV-799"),
    ("G7", "credit", 6_60, 12, "CARD-12"),
]
STATEMENT = """date,amount,direction,reference,description
2026-02-04,1250.00,credit,INV-701,S1
2026-02-06,480.50,credit,,S2
2026-02-05,19.90,debit,FEE-02,S3
2026-02-08,500.00,credit,INV-703,S4
2026-02-09,90.00,credit,INV-799,S5
2026-02-10,15.00,credit,,S6
"""


@dataclass
class Books:
    """A ledger with entries and a run; lines and entries by the names that the example gives them."""

    by: Actor
    ledger: Ledger
    run: Run
    entries: dict[str, UUID] = field(default_factory=dict)

    def upload(
        self, text: str | bytes, filename: str = "statement.csv", *, run: Run | None = None
    ) -> SourceFile:
        """Imported, or the refusal raised; the file's row stays either way."""
        source = self.add(text, filename, run=run)
        return source_import(source_file_id=source.source_file_id, at=NOW)

    def add(self, text: str | bytes, filename: str = "statement.csv", *, run: Run | None = None) -> RunSource:
        """The file's row in the run, not read yet."""
        received = receive(io.BytesIO(text.encode() if isinstance(text, str) else text))
        source, _made = self.act(source_add, run=run or self.run, received=received, filename=filename)
        return source

    def act(self, service: Callable[..., T], **arguments: Any) -> T:
        """One act of the books' operator at the one instant."""
        return perform(partial(service, **arguments, by=self.by, at=NOW))

    def another_run(self, note: str = "") -> Run:
        run, _made = self.act(
            run_create, organization_id=self.by.organization_id, ledger=self.ledger, note=note
        )
        return run

    def post(self, *entries: Line) -> list[Record]:
        """Entries of the ledger, named by their description."""
        posted = self.act(
            entries_post, organization_id=self.by.organization_id, entries=self.wanted(*entries)
        )
        self.entries |= {name: record.uuid for (name, *_), record in zip(entries, posted, strict=True)}
        return posted

    def wanted(self, *entries: Line) -> list[EntryIn]:
        return [
            EntryIn(
                self.ledger,
                minor,
                direction,
                reference=reference,
                description=reference,
                occurred_at=datetime(2026, 2, day, 12, tzinfo=UTC),
                value_date=date(2026, 2, day),
            )
            for _name, direction, minor, day, reference in entries
        ]

    def request(self, *, run: Run | None = None) -> Pass:
        run = run or self.run
        return self.act(pass_request, reconciliation=run.reconciliation, run=run)

    def auto_match(self, *, run: Run | None = None) -> Pass:
        asked = self.request(run=run)
        pass_execute(pass_id=asked.pk, clock=lambda: NOW)
        asked.refresh_from_db()
        self.run.refresh_from_db()
        assert not asked.error, asked.error
        return asked

    def accept(self, name: str) -> Match:
        return self.act(match_accept, match_id=self.match_with(name).pk)

    def reject(self, name: str) -> Match:
        return self.act(match_reject, match_id=self.match_with(name).pk)

    def close(self, name: str, **more: Any) -> Record:
        ids = {"organization_id": self.by.organization_id, "item_id": self.item(name)}
        return self.act(item_close, **ids, **{"ledger_id": self.ledger.uuid, **more})

    def reopen(self, name: str) -> Record:
        return self.act(item_reopen, organization_id=self.by.organization_id, item_id=self.item(name))

    def manual(self, items: Iterable[str], entries: Iterable[str], *, run: Run | None = None) -> Match:
        return self.made(items, entries, run=run).match

    def made(self, items: Iterable[str], entries: Iterable[str], *, run: Run | None = None) -> Made:
        return self.act(
            match_manual,
            run=run or self.run,
            item_ids=[self.item(name, run=run) for name in items],
            entry_ids=[self.entries[name] for name in entries],
        )

    def void(self, source: SourceFile, *, run: Run | None = None) -> VoidCounts:
        return self.act(source_void, run=run or self.run, source_file=source)

    def item(self, name: str, *, run: Run | None = None) -> UUID:
        return self.row(name, run=run).record.uuid

    def row(self, name: str, *, run: Run | None = None) -> Any:
        """The item as lists show it."""
        return item_rows(run or self.run).get(record__description=name)

    def status(self, name: str, *, run: Run | None = None) -> str:
        return self.row(name, run=run).match_status

    def statuses(self, *, run: Run | None = None) -> dict[str, str]:
        return {row.record.description: row.match_status for row in item_rows(run or self.run)}

    def match_with(self, name: str) -> Match:
        """The live match of an item."""
        return Match.objects.get(uuid=self.row(name).match_uuid)

    def groups(self) -> set[tuple[frozenset[str], frozenset[str]]]:
        """The run's live matches by names."""
        names = {uuid: name for name, uuid in self.entries.items()}
        live = [match for match in matches_of(self.run) if match.is_live]
        found = members_of([match.pk for match in live]).values()
        return {(frozenset(r.description for r in m.a), frozenset(names[r.uuid] for r in m.b)) for m in found}


def books(
    by: Actor, *, type: str = "asset", entries: Sequence[Line] = ENTRIES, code: str = "1000", **more: Any
) -> Books:
    ledger = perform(
        partial(
            ledger_create,
            organization_id=by.organization_id,
            code=code,
            type=type,
            **{"currency": "EUR", "description": "Bank", **more},
            by=by,
            at=NOW,
        )
    )
    run, _made = perform(
        partial(run_create, organization_id=by.organization_id, ledger=ledger, by=by, at=NOW)
    )
    made = Books(by, ledger, run)
    if entries:
        made.post(*entries)
    return made
