"""Books for tests of the clearing: the worked example of the ledger-run surface, built through the services."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from uuid import UUID

from ledgers.models import Ledger, Record
from ledgers.services.books import ledger_create
from ledgers.services.postings import EntryIn
from organizations.actors import Actor
from organizations.acts import perform
from reconciliation.models import Match, Pass, Run
from reconciliation.selectors.items import item_rows
from reconciliation.selectors.matches import matches_of, members_of
from reconciliation.services.execution import pass_execute
from reconciliation.services.intake import entries_post
from reconciliation.services.passes import pass_request
from reconciliation.services.runs import run_create
from reconciliation.services.sources import receive, source_add, source_import
from tests.clock import NOW

ENTRIES = [
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

    def upload(self, text: str | bytes, filename: str = "statement.csv"):
        data = text.encode() if isinstance(text, str) else text
        received = receive(io.BytesIO(data))
        source, _made = perform(
            partial(source_add, run=self.run, received=received, filename=filename, by=self.by, at=NOW)
        )
        return source_import(source_file_id=source.source_file_id, at=NOW)

    def auto_match(self) -> Pass:
        asked = perform(
            partial(pass_request, reconciliation=self.run.reconciliation, run=self.run, by=self.by, at=NOW)
        )
        pass_execute(pass_id=asked.pk, clock=lambda: NOW)
        asked.refresh_from_db()
        self.run.refresh_from_db()
        assert not asked.error, asked.error
        return asked

    def item(self, name: str) -> UUID:
        return item_rows(self.run).get(record__description=name).record.uuid

    def status(self, name: str) -> str:
        return item_rows(self.run).get(record__description=name).match_status

    def match_with(self, name: str) -> Match:
        """The live match of an item."""
        return Match.objects.get(uuid=item_rows(self.run).get(record__description=name).match_uuid)

    def groups(self) -> set[tuple[frozenset[str], frozenset[str]]]:
        """The run's live matches by names."""
        names = {uuid: name for name, uuid in self.entries.items()}
        live = [match for match in matches_of(self.run) if match.is_live]
        found = members_of([match.pk for match in live]).values()
        return {
            (frozenset(r.description for r in m.a), frozenset(names[r.uuid] for r in m.b)) for m in found
        }


def books(by: Actor, *, type: str = "asset", entries=ENTRIES, code: str = "1000") -> Books:
    ledger = perform(
        partial(
            ledger_create,
            organization_id=by.organization_id,
            code=code,
            type=type,
            currency="EUR",
            description="Bank",
            by=by,
            at=NOW,
        )
    )
    posted: list[Record] = []
    if entries:
        wanted = [
            EntryIn(
                ledger,
                amount,
                direction,
                reference=reference,
                description=reference,
                occurred_at=datetime(2026, 2, day, 12, tzinfo=UTC),
                value_date=date(2026, 2, day),
            )
            for _name, direction, amount, day, reference in entries
        ]
        posted = perform(
            partial(entries_post, organization_id=by.organization_id, entries=wanted, by=by, at=NOW)
        )
    run, _made = perform(
        partial(run_create, organization_id=by.organization_id, ledger=ledger, by=by, at=NOW)
    )
    names = [name for name, *_ in entries]
    return Books(by, ledger, run, {name: record.uuid for name, record in zip(names, posted, strict=True)})
