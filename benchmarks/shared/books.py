"""Books of any size, made through the project's own services: an account, entries in its ledger, lines in a file.

Nine tenths of the lines have an entry of their reference and amount, booked up to 4 days away; one in a hundred has one
that is a cent off, and the others have none, as those entries have no line.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from io import BytesIO

import numpy as np
import polars as pl

from ledgers.models import Ledger, SourceFile
from ledgers.services.books import ledger_create
from ledgers.services.postings import ENTRY_SCHEMA, single_journals
from organizations.actors import Actor, user_actor
from organizations.acts import perform
from organizations.management.commands.create_organization import organization_with_owner
from reconciliation.models import Run
from reconciliation.services.intake import entries_write
from reconciliation.services.runs import run_create
from reconciliation.services.sources import ReceivedFile, receive, source_add, source_import

NOW = datetime(2026, 3, 31, 9, tzinfo=UTC)
DAY_0, DAYS = date(2026, 1, 1), 90
POSTED_AT_ONCE = 100_000


@dataclass(frozen=True)
class Books:
    """One ledger of an organization of its own, and who works in it."""

    by: Actor
    ledger: Ledger

    def new_run(self) -> Run:
        open_run = partial(run_create, organization_id=self.by.organization_id, ledger=self.ledger)
        run, _made = perform(partial(open_run, by=self.by, at=NOW))
        return run

    def add(self, run: Run, received: ReceivedFile) -> SourceFile:
        """The file's row in the run, not read yet."""
        add = partial(source_add, run=run, received=received, filename="lines.csv")
        source, _made = perform(partial(add, by=self.by, at=NOW))
        return source.source_file

    def import_lines(self, count: int) -> Run:
        """A run with `count` statement lines, imported by the service."""
        run = self.new_run()
        source_import(source_file_id=self.add(run, receive(BytesIO(csv_of(payments(count))))).pk, at=NOW)
        return run

    def post_entries(self, count: int) -> None:
        """`count` entries, each a journal of its own, in the order in which a bookkeeper would never post them."""
        entries = _entries(payments(count), self.ledger)
        for start in range(0, count, POSTED_AT_ONCE):
            part = entries.slice(start, POSTED_AT_ONCE)
            write = partial(entries_write, part, single_journals(part), ledgers={self.ledger.pk: self.ledger})
            perform(partial(write, organization_id=self.by.organization_id, by=self.by, at=NOW))


def open_books() -> Books:
    password = secrets.token_urlsafe(12)
    _organization, owner = perform(
        partial(organization_with_owner, "Bench", "bench@example.com", "UTC", password)
    )
    by = user_actor(owner.user, owner)
    create = partial(ledger_create, organization_id=by.organization_id, code="1200", type="asset")
    ledger = perform(partial(create, currency="EUR", description="Bank", by=by, at=NOW))
    return Books(by, ledger)


def payments(count: int) -> pl.DataFrame:
    """One row for each pair of line and entry: what the bank says, and how the books differ from it. Always the same."""
    rng = np.random.default_rng(1)
    days = rng.integers(0, DAYS, count)
    minor = rng.integers(1_00, 5_000_00, count)
    number = pl.int_range(count, eager=True).cast(pl.String).str.zfill(7)
    fate = rng.random(count)
    lonely = pl.Series(fate >= 0.91)
    return pl.DataFrame(
        {
            "reference": "INV-" + number,
            "date": _dates(days),
            "minor": minor,
            "credit": rng.random(count) < 0.7,
            "entry_date": _dates(days + rng.integers(-3, 5, count)),
            "entry_minor": np.where(fate < 0.9, minor, minor + 1) + np.where(fate < 0.91, 0, 10_000_00),
            "entry_reference": pl.select(
                pl.when(lonely).then("B-" + number).otherwise("INV-" + number)
            ).to_series(),
        }
    )


def _dates(days: np.ndarray) -> pl.Series:
    return pl.Series((days + (DAY_0 - date(1970, 1, 1)).days).astype(np.int32)).cast(pl.Date)


def csv_of(rows: pl.DataFrame) -> bytes:
    """The lines as a bank's CSV, about 100 bytes each."""
    major = pl.col("minor").cast(pl.String).str.zfill(3)
    lines = rows.select(
        "date",
        pl.col("date").alias("value_date"),
        pl.concat_str(major.str.head(-2), pl.lit("."), major.str.tail(2)).alias("amount"),
        pl.when("credit").then(pl.lit("credit")).otherwise(pl.lit("debit")).alias("direction"),
        "reference",
        ("Transfer " + pl.col("reference") + ", with our thanks").alias("description"),
        ("Customer " + pl.col("reference").str.tail(4)).alias("counterparty"),
    )
    return lines.write_csv().encode()


def _entries(rows: pl.DataFrame, ledger: Ledger) -> pl.DataFrame:
    shuffled = rows.sample(fraction=1.0, shuffle=True, seed=2).with_row_index("journal_no")
    wanted = shuffled.select(
        "journal_no",
        pl.lit(ledger.pk).alias("ledger_id"),
        pl.col("entry_date").alias("date"),
        pl.col("entry_date").alias("value_date"),
        pl.col("entry_date").cast(pl.Datetime("us", "UTC")).alias("occurred_at"),
        pl.col("entry_minor").alias("amount"),
        pl.when("credit").then(pl.lit("debit")).otherwise(pl.lit("credit")).alias("direction"),
        pl.lit(ledger.currency).alias("currency"),
        pl.lit(ledger.decimal_places).alias("decimal_places"),
        pl.col("entry_reference").alias("reference"),
        ("Invoice " + pl.col("entry_reference")).alias("description"),
        pl.lit("").alias("event"),
        pl.lit("{}").alias("metadata"),
    )
    return wanted.select(pl.col(name).cast(kind) for name, kind in ENTRY_SCHEMA.items())
