"""The user's own files in the demo organization: a ledger for each account, the same table, clear refusals."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from ledgers.models import Ledger
from organizations.refusals import Unreadable
from reconciliation.demo import camt, loading, own_files
from reconciliation.demo.camt import StatedDays
from reconciliation.demo.happenings import Account, BankLine
from reconciliation.demo.maker import TRANSFER_IN
from reconciliation.demo.months import EUR
from tests.clock import NOW

pytestmark = pytest.mark.django_db(transaction=True)

MINE = replace(EUR, iban="DE96999911110000000123")
USD = replace(MINE, currency="USD")
DAY = date(2026, 2, 2)


def clock():
    return NOW


def line(number: int, amount: int, reference: str = "") -> BankLine:
    return BankLine(f"B{number}", DAY, DAY, amount, reference, f"Line {number}", "Somebody", TRANSFER_IN)


def statement(account: Account, lines: Iterable[BankLine], *, opening: int = 0, lost: int = 0) -> bytes:
    lines = list(lines)
    closing = opening + sum(line.amount for line in lines) + lost
    return camt.version_02(account, [StatedDays(DAY, DAY, 1, opening, closing, lines)])


def take_in(folder: Path, files: dict[str, bytes], books: str = "") -> own_files.Own:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    if books:
        (folder / "books.csv").write_text(books)
    return own_files.take_in(
        [folder / name for name in files],
        folder / "books.csv" if books else None,
        wait=0,
        by=loading.tenant(clock=clock).by,
        clock=clock,
        say=lambda line: None,
    )


def test_an_account_gets_its_own_ledger_and_books_without_a_ledger_go_there(tmp_path: Path):
    books = "date,type,amount,currency,reference_id,description\n2026-02-02,debit,12.50,EUR,R-1,My entry\n"
    own = take_in(tmp_path, {"mine.xml": statement(MINE, [line(1, 12_50, "R-1"), line(2, 7_00)])}, books)

    told = own_files.text(own)
    assert Ledger.objects.get(code=MINE.iban).currency == "EUR"
    assert "Reference and amount                         1      1        1             12.50" in told
    assert "Lines without an entry: 1" in told
    assert not own.failed


def test_the_same_file_again_is_refused_and_the_table_is_printed_again(tmp_path: Path):
    content = {"mine.xml": statement(MINE, [line(1, 12_50)])}
    take_in(tmp_path, content)
    again = take_in(tmp_path, content)
    assert again.failed
    assert "in the run already" in own_files.text(again)
    assert "Lines without an entry: 1" in own_files.text(again)


def test_a_later_file_of_the_account_is_matched_too(tmp_path: Path):
    books = "date,type,amount,currency,reference_id\n2026-02-02,debit,7.00,EUR,R-2\n2026-02-02,debit,9.00,EUR,R-3\n"
    take_in(tmp_path, {"1.xml": statement(MINE, [line(1, 7_00, "R-2")])}, books)
    own = take_in(tmp_path, {"2.xml": statement(MINE, [line(2, 9_00, "R-3")], opening=7_00)})
    assert "Reference and amount                         2      2        2" in own_files.text(own)


def test_a_file_of_two_currencies_goes_to_two_ledgers(tmp_path: Path):
    euros, dollars = statement(MINE, [line(1, 12_50)]).decode(), statement(USD, [line(2, 99_00)]).decode()
    second = dollars[dollars.index("<Stmt>") : dollars.index("</Stmt>") + len("</Stmt>")]
    both = euros.replace("</Stmt>", "</Stmt>" + second).encode()
    own = take_in(tmp_path, {"both.xml": both})

    assert not own.failed, own_files.text(own)
    assert set(Ledger.objects.values_list("code", "currency")) == {
        (MINE.iban, "EUR"),
        (f"{MINE.iban}-USD", "USD"),
    }
    assert {
        result.source and result.source.imported_count for one in own.filled.values() for result in one.files
    } == {1}


def test_csv_goes_to_the_ledger_own_in_its_currency(tmp_path: Path):
    own = take_in(
        tmp_path,
        {
            "plain.csv": b"date,amount,description\n2026-02-02,5.00,A\n",
            "swiss.csv": b"date,amount,ccy\n2026-02-02,5.00,CHF\n",
        },
    )
    assert not own.failed, own_files.text(own)
    assert set(Ledger.objects.values_list("code", "currency")) == {("own", "EUR"), ("own-CHF", "CHF")}


def test_what_the_statements_leave_out_is_named_with_the_day(tmp_path: Path):
    later = replace(line(3, 1_00), day=date(2026, 2, 9), value_day=date(2026, 2, 9))
    next_week = camt.version_02(MINE, [StatedDays(later.day, later.day, 2, 50_00, 51_00, [later])])
    own = take_in(tmp_path, {"1.xml": statement(MINE, [line(1, 12_50)], lost=7_50), "2.xml": next_week})

    told = own_files.text(own)
    assert "7.50 on 2026-02-02: statement 2026-02-02" in told
    assert "30.00 on 2026-02-09: no statement between 2026-02-02 and 2026-02-09" in told


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_taken(tmp_path: Path):
    bad = b"date,amount\n2026-02-02,12.345\nyesterday,1.00\n"
    own = take_in(tmp_path, {"bad.csv": bad, "mine.xml": statement(MINE, [line(1, 12_50)])})
    assert own.failed
    told = own_files.text(own)
    assert "line 2, amount" in told
    assert "line 3, date" in told
    assert "Lines without an entry: 1" in told


def test_books_that_name_an_unknown_ledger_are_refused_whole(tmp_path: Path):
    books = "date,ledger,type,amount,currency\n2026-02-02,4711,debit,12.50,EUR\n"
    with pytest.raises(Unreadable, match="4711"):
        take_in(tmp_path, {}, books)


def test_a_refused_file_ends_the_command_with_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "notes.txt").write_text("not a statement\n")
    with pytest.raises(CommandError, match="Not every file"):
        call_command("demo", "--wait", "0", "--import", str(tmp_path / "notes.txt"))
    assert "notes.txt: The header lacks" in capsys.readouterr().out
