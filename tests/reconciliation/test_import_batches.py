"""Import batches of files: what each file added to each stream, and what becomes of them when it is undone."""

from __future__ import annotations

import io
from importlib import import_module

import pytest
from django.db import connection

from ledgers.models import ImportBatch, Record
from reconciliation.models import Run
from reconciliation.services.books import books_import
from tests.factories.ledgers import SourceFileFactory
from tests.factories.organizations import actor_with
from tests.reconciliation.books import Books, books
from tests.reconciliation.files import Line, csv

pytestmark = pytest.mark.django_db

LINES: tuple[Line, ...] = (("S1", "credit", 10_00, 3, "R1"), ("S2", "debit", 4_00, 5, "R2"))


@pytest.fixture
def made() -> Books:
    return books(actor_with(), entries=[])


def spans(batch: ImportBatch) -> tuple[int | None, int | None]:
    return batch.first_record, batch.last_record


def test_a_statement_file_makes_a_batch_of_its_new_lines(made: Books):
    made.upload(csv(*LINES))
    batch = ImportBatch.objects.get()
    records = Record.objects.order_by("pk")
    assert (batch.source, batch.filename, batch.record_count) == ("csv_upload", "statement.csv", 2)
    assert (batch.total_credits, batch.total_debits, batch.net_amount) == (10_00, 4_00, 6_00)
    assert (str(batch.date_range_start), str(batch.date_range_end)) == ("2026-02-03", "2026-02-05")
    assert [row.import_batch_id for row in records] == [batch.pk] * 2
    assert spans(batch) == (records[0].pk, records[1].pk)
    assert batch.by_currency == [
        {
            "currency": made.ledger.currency,
            "decimal_places": 2,
            "record_count": 2,
            "total_credits": 10_00,
            "total_debits": 4_00,
        }
    ]


def test_lines_that_are_known_already_are_in_no_second_batch(made: Books):
    made.upload(csv(*LINES))
    made.upload(csv(*LINES, ("S3", "credit", 1_00, 6, "")))
    made.upload(csv(*LINES[:1]), run=made.another_run())
    assert [batch.record_count for batch in ImportBatch.objects.order_by("pk")] == [2, 1]


def test_a_voided_file_voids_its_batch(made: Books):
    source = made.upload(csv(*LINES))
    made.void(source)
    batch = ImportBatch.objects.get()
    assert batch.voided_by == made.by.ref
    assert not ImportBatch.objects.live().exists()


def test_a_file_of_books_makes_a_batch_for_each_ledger(made: Books):
    books(made.by, code="4000", type="income", entries=[])
    source = SourceFileFactory(organization_id=made.by.organization_id, filename="books.csv")
    text = (
        "journal,ledger,date,amount,type,reference,description\n"
        "J1,1000,2026-02-03,98.00,debit,,\nJ1,1000,2026-02-03,2.00,debit,,\nJ1,4000,2026-02-03,100.00,credit,,\n"
    )
    made.act(
        books_import,
        organization_id=made.by.organization_id,
        file=io.BytesIO(text.encode()),
        filename="books.csv",
        ledger=made.ledger,
        source_file_id=source.pk,
    )
    batches = ImportBatch.objects.order_by("stream__ledger__code")
    assert [(row.record_count, row.net_amount, row.filename) for row in batches] == [
        (2, -100_00, "books.csv"),
        (1, 100_00, "books.csv"),
    ]
    assert not Record.objects.filter(import_batch_id=None).exists()


def test_entries_that_come_in_by_themselves_are_in_no_batch(made: Books):
    made.post(("G1", "debit", 10_00, 3, "R1"))
    assert not ImportBatch.objects.exists()
    assert Record.objects.get().import_batch_id is None


def test_files_that_were_here_before_get_their_batches(made: Books):
    """What the data migration does: the same rows that the imports would have made."""
    kept = made.upload(csv(*LINES))
    made.void(
        made.upload(csv(("S9", "credit", 1_00, 9, "")), run=made.another_run()), run=Run.objects.latest("pk")
    )
    facts = (
        "stream",
        "source_file",
        "record_count",
        "total_credits",
        "total_debits",
        "by_currency",
        "currency",
    )
    facts += ("first_record", "last_record", "date_range_start", "date_range_end", "filename", "source")
    before = list(ImportBatch.objects.live().values(*facts))
    Record.objects.update(import_batch_id=None)
    ImportBatch.objects.all().delete()
    migration = import_module("ledgers.migrations.0012_batches_of_files")
    for _twice in range(2):
        with connection.schema_editor(atomic=False) as editor:
            migration.batches_of_files(None, editor)
        assert list(ImportBatch.objects.values(*facts)) == before
    assert [row["source_file"] for row in before] == [kept.pk]
    assert set(Record.objects.live().values_list("import_batch_id", flat=True)) == {
        ImportBatch.objects.get().pk
    }
