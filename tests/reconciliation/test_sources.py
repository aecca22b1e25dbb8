"""Statement files in a run: whole or not at all, kept when they fail, once per run."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path

import pytest
from django.core.files.storage import default_storage

from ledgers.models import Record, SourceFile, Statement
from ledgers.states import SOURCE_FILE_MOVES, SourceFileStatus
from organizations.models import AuditEvent
from organizations.refusals import Conflict, TooLarge, Unreadable
from reconciliation.models import OpenItem, RunSource
from reconciliation.selectors.integrity import faults
from reconciliation.services.sources import ReceivedFile, receive, source_add, source_import, storage_name
from tests.clock import NOW
from tests.factories.ledgers import SourceFileFactory
from tests.factories.organizations import actor_with
from tests.reconciliation.books import Books, books
from tests.reconciliation.files import Line, Stmt, camt, csv

pytestmark = pytest.mark.django_db

LINES: tuple[Line, ...] = (("S1", "credit", 10_00, 3, "R1"), ("S2", "debit", 4_00, 4, "R2"))


@pytest.fixture
def made() -> Books:
    return books(actor_with(), entries=[])


def counts(source: SourceFile) -> tuple[int | None, int | None]:
    return source.imported_count, source.already_known_count


def test_bytes_are_kept_by_their_hash_and_read_back_whole():
    received = receive(io.BytesIO(b"some bytes"))
    assert received == receive(io.BytesIO(b"some bytes"))
    assert received.size == 10
    with default_storage.open(storage_name(received.checksum)) as kept:
        assert kept.read() == b"some bytes"


def test_a_part_that_a_crash_left_under_the_name_is_replaced():
    received = receive(io.BytesIO(b"the whole of these bytes"))
    place = Path(default_storage.path(storage_name(received.checksum)))
    place.write_bytes(b"the whole")
    receive(io.BytesIO(b"the whole of these bytes"))
    assert place.read_bytes() == b"the whole of these bytes"
    assert [path.name for path in place.parent.iterdir() if path.name.startswith("part-")] == []


def test_too_many_bytes_are_refused_while_they_come(settings):
    settings.UPLOAD_MAX_BYTES = 10
    assert receive(io.BytesIO(b"0123456789")).size == 10
    with pytest.raises(TooLarge):
        receive(io.BytesIO(b"0123456789a"))


def test_an_imported_file_says_what_came_of_it(made: Books):
    stmt = Stmt(LINES, opening=1_00, closing=7_00, first=date(2026, 2, 1), last=date(2026, 2, 28))
    source = made.upload(camt(stmt), "s.xml")
    assert (source.status, source.format, source.target) == ("completed", "camt.053", "statement")
    assert (source.imported_count, source.already_known_count, source.suspect_count) == (2, 0, 0)
    assert (source.statement_from, source.statement_to) == (date(2026, 2, 1), date(2026, 2, 28))
    statement = Statement.objects.get()
    assert (statement.opening_amount, statement.closing_amount, statement.balance_gap) == (1_00, 7_00, 0)
    assert (statement.credit_sum, statement.debit_sum, statement.line_count) == (10_00, 4_00, 2)
    event = AuditEvent.objects.get(action="source_file.imported")
    assert (event.data["imported"], event.data["already_known"]) == (2, 0)
    assert OpenItem.objects.free().filter(side="a").count() == 2
    assert faults() == []


def test_the_same_bytes_are_in_a_run_once(made: Books):
    first = made.upload(csv(*LINES), "first.csv")
    with pytest.raises(Conflict) as refused:
        made.upload(csv(*LINES), "second.csv")
    assert (refused.value.code, refused.value.word) == ("file.duplicate", "duplicate_file")
    assert refused.value.details == {"source_file_id": str(first.uuid), "filename": "first.csv"}
    assert SourceFile.objects.count() == 1


def test_in_another_run_the_same_bytes_add_nothing_and_say_so(made: Books):
    made.upload(csv(*LINES))
    again = made.upload(csv(*LINES), run=made.another_run())
    assert counts(again) == (0, 2)
    assert Record.objects.count() == 2
    assert faults() == []


def test_a_deleted_or_failed_file_may_come_again(made: Books):
    first = made.upload(csv(*LINES))
    made.void(first)
    assert counts(made.upload(csv(*LINES))) == (2, 0)
    broken = csv(("S9", "credit", 1, 1, "")).replace("0.01", "0.012")
    for _time in range(2):
        with pytest.raises(Unreadable):
            made.upload(broken)
    assert SourceFile.objects.filter(status="failed").count() == 2
    assert faults() == []


def test_the_same_key_and_bytes_give_the_first_file_other_bytes_are_refused(made: Books):
    def add(text: str, key: str = "k1") -> tuple[RunSource, bool]:
        received = receive(io.BytesIO(text.encode()))
        return made.act(source_add, run=made.run, received=received, filename="f", idempotency_key=key)

    first, new = add(csv(*LINES))
    assert new
    assert add(csv(*LINES)) == (first, False)
    with pytest.raises(Conflict) as refused:
        add(csv(LINES[0]))
    assert (refused.value.code, refused.value.word) == ("file.idempotency_conflict", "idempotency_conflict")
    with pytest.raises(Conflict) as refused:
        add(csv(*LINES), key="k2")
    assert refused.value.code == "file.duplicate"
    source_import(source_file_id=first.source_file_id, at=NOW)
    made.void(first.source_file)
    assert add(csv(LINES[0]))[1]  # a deleted file's key is free
    assert AuditEvent.objects.filter(action="source_file.uploaded").count() == 2


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "file.empty"),
        ("<Document", "file.not_xml"),
        ("date,amount\n2026-02-03,1.00\n2026-02-04,12.345\n2026-02-30,1\n", "file.rows"),
        ("date,amount,currency\n2026-02-03,1.00,USD\n", "file.rows"),
        ("\0", "file.binary"),
    ],
)
def test_a_file_that_cannot_be_read_is_kept_as_failed_and_nothing_of_it_is_imported(made: Books, text, code):
    with pytest.raises(Unreadable) as refused:
        made.upload(text)
    source = SourceFile.objects.get()
    assert refused.value.word == "invalid_file"
    assert (source.status, source.error_code, refused.value.code) == ("failed", code, code)
    assert source.error_message == refused.value.message != ""
    assert source.error_rows == refused.value.details["rows"]
    assert source.error_row_count == refused.value.details["row_errors"]
    assert counts(source) == (0, 0)
    assert not RunSource.objects.get().live
    assert [model.objects.count() for model in (Record, Statement, OpenItem)] == [0, 0, 0]
    assert AuditEvent.objects.filter(action="source_file.failed").count() == 1
    assert made.statuses() == {}


def test_bad_rows_are_named_with_line_and_field(made: Books):
    with pytest.raises(Unreadable) as refused:
        made.upload("date,amount\n2026-02-03,1.00\n2026-02-04,12.345\n2026-02-30,1\n")
    assert [(row["line"], row["field"]) for row in refused.value.details["rows"]] == [
        (3, "amount"),
        (4, "date"),
    ]
    assert refused.value.details["row_errors"] == 2


def test_a_file_is_imported_once_however_often_it_is_asked_for(made: Books):
    source = made.add(csv(*LINES))
    for _time in range(2):
        assert counts(source_import(source_file_id=source.source_file_id, at=NOW)) == (2, 0)
    assert Record.objects.count() == 2


def test_bytes_that_are_gone_fail_the_file_and_say_so(made: Books):
    source = made.act(source_add, run=made.run, received=ReceivedFile("0" * 64, 5), filename="gone.csv")[0]
    with pytest.raises(FileNotFoundError):
        source_import(source_file_id=source.source_file_id, at=NOW)
    file = SourceFile.objects.get()
    assert (file.status, file.error_code) == ("failed", "file.broke_off")
    assert "FileNotFoundError" in file.error_message


@pytest.mark.parametrize("start", SourceFileStatus)
def test_a_file_moves_only_as_its_table_says(start: SourceFileStatus):
    for to in SourceFileStatus:
        source = SourceFileFactory(status=start, imported_count=0)
        if to in SOURCE_FILE_MOVES[start]:
            source.move(to)
            assert source.status == to
        else:
            with pytest.raises(Conflict) as refusal:
                source.move(to)
            assert refusal.value.code == "file.move_refused"
    assert set(SOURCE_FILE_MOVES) == set(SourceFileStatus)


def test_a_file_that_somebody_moved_meanwhile_is_not_moved_again():
    source = SourceFileFactory(status="processing")
    SourceFile.objects.filter(pk=source.pk).update(status="failed")
    with pytest.raises(Conflict, match="someone else"):
        source.move("completed", imported_count=0)
