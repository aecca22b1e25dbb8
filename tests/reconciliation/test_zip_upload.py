"""An archive of statements is one file of a run: its members are the statements in it, all of them or nothing."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from django.core.files.storage import default_storage

from ledgers.models import Record, SourceFile, Statement
from organizations.refusals import Unreadable
from reconciliation.selectors.integrity import faults
from tests.factories.organizations import actor_with
from tests.ledgers.formats.test_zip_archive import packed
from tests.reconciliation.books import Books, books
from tests.reconciliation.files import Stmt, camt, csv

pytestmark = pytest.mark.django_db


@pytest.fixture
def made() -> Books:
    return books(actor_with(), entries=[])


def day(number: int, opening: int, amount: int) -> bytes:
    """One day's statement of the account: one line in."""
    line = (f"S{number}", "credit", amount, number, f"R{number}")
    when = date(2026, 2, number)
    stmt = Stmt((line,), opening=opening, closing=opening + amount, first=when, last=when)
    return camt(stmt).encode()


DAYS = {f"2026-02-{number:02}.xml": day(number, number * 100, 100) for number in range(3, 8)}


def test_the_members_are_the_statements_of_one_file(made: Books):
    source = made.upload(packed(*DAYS.items()), "february.zip")
    assert (source.format, source.imported_count, source.already_known_count) == ("zip", 5, 0)
    statements = Statement.objects.filter(source_file=source).order_by("position")
    assert [row.position for row in statements] == [0, 1, 2, 3, 4]
    assert [(row.opening_amount, row.balance_gap) for row in statements] == [
        (n * 100, 0) for n in range(3, 8)
    ]
    assert (source.statement_from, source.statement_to) == (date(2026, 2, 3), date(2026, 2, 7))
    assert faults() == []


def test_a_member_that_came_by_itself_is_known(made: Books):
    made.upload(DAYS["2026-02-04.xml"], "a.xml")
    source = made.upload(packed(*DAYS.items()), "february.zip")
    assert (source.imported_count, source.already_known_count) == (4, 1)


def test_members_that_say_the_same_lines_add_them_once(made: Books):
    content = csv(("S1", "credit", 1_00, 3, "R1"), ("S1", "credit", 1_00, 3, "R1")).encode()
    source = made.upload(packed(("a.csv", content), ("b.csv", content)), "a.zip")
    assert (source.imported_count, source.already_known_count) == (2, 2)


def test_a_faulty_member_refuses_all_and_nothing_is_left_beside_the_original(made: Books):
    before = {path for path in Path(default_storage.location).rglob("*") if path.is_file()}
    members = {**DAYS, "../../bad.csv": b"date,amount\n2026-02-03,x\n"}
    with pytest.raises(Unreadable) as caught:
        made.upload(packed(*members.items()), "february.zip")
    assert "'bad.csv'" in caught.value.message
    failed = SourceFile.objects.get()
    assert (failed.status, failed.format, failed.error_code) == ("failed", "zip", "file.rows")
    assert [(row["line"], row["field"]) for row in failed.error_rows] == [(2, "amount")]
    assert not Record.objects.filter(stream__kind="statement").exists()
    after = {path for path in Path(default_storage.location).rglob("*") if path.is_file()}
    assert [path.name for path in after - before] == [failed.checksum_sha256]
