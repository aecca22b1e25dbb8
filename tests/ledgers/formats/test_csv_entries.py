"""The user's books in CSV: columns of the ledger surface's entry bodies (decisions 15 and 31)."""

from datetime import UTC, date, datetime

import polars as pl
import pytest

from ledgers.formats import BATCH_ROWS, ENTRY_SCHEMA, FileRefused, read_entries
from tests.ledgers.formats.reading import LazyFile, entries, entry_faults


def refusal_of(content: str, **options) -> FileRefused:
    with pytest.raises(FileRefused) as caught:
        entries(content, **options)
    return caught.value


def test_a_journal_is_read_with_all_that_is_needed_to_see_whether_it_foots():
    rows = entries(
        "timestamp,journal_id,ledger_code,amount,type,reference_id,description,value_date,event,currency,cost centre\n"
        "2026-03-02T09:00:00Z,J1,1000,1250.00,debit,INV-701,Invoice,2026-03-04,payment.received,EUR,K9\n"
        "2026-03-02T09:00:00Z,J1,2000,1250.00,credit,INV-701,Invoice,,,,\n"
    )
    assert rows[0] == {
        "line_no": 2,
        "journal_key": "J1",
        "ledger_code": "1000",
        "date": date(2026, 3, 2),
        "value_date": date(2026, 3, 4),
        "timestamp": datetime(2026, 3, 2, 9, tzinfo=UTC),
        "amount": 125000,
        "direction": "debit",
        "currency": "EUR",
        "decimal_places": 2,
        "reference": "INV-701",
        "description": "Invoice",
        "event": "payment.received",
        "metadata": '{"cost centre":"K9"}',
    }
    assert (rows[1]["journal_key"], rows[1]["direction"], rows[1]["currency"]) == ("J1", "credit", "EUR")
    assert rows[1]["value_date"] is None


def test_frames_have_the_schema_and_come_in_batches():
    content = b"date,amount,type\n" + b"2026-03-02,1,D\n" * (BATCH_ROWS + 1)
    frames = list(read_entries(LazyFile([content]), currency="EUR", ledger_code="1000"))
    assert [frame.height for frame in frames] == [BATCH_ROWS, 1]
    assert all(frame.schema == pl.Schema(ENTRY_SCHEMA) for frame in frames)


@pytest.mark.parametrize("name", ["date", "booking_date", "Booking Date", "transaction_date", "timestamp"])
def test_the_date_goes_by_its_names(name):
    (row,) = entries(f"{name},amount,type\n2026-03-02,1,debit\n")
    assert (row["date"], row["timestamp"]) == (date(2026, 3, 2), None)


@pytest.mark.parametrize("name", ["journal", "journal_id", "transaction_id"])
def test_the_journal_goes_by_its_names(name):
    assert entries(f"date,amount,type,{name}\n2026-03-02,1,debit, J 7 \n")[0]["journal_key"] == "J 7"
    assert entries("date,amount,type\n2026-03-02,1,debit\n")[0]["journal_key"] == ""


@pytest.mark.parametrize("name", ["ledger_code", "ledger", "account"])
def test_a_rows_ledger_stands_before_the_files(name):
    rows = entries(f"date,amount,type,{name}\n2026-03-02,1,debit,2000\n2026-03-02,1,debit,\n")
    assert [row["ledger_code"] for row in rows] == ["2000", "1000"]
    assert entry_faults(f"date,amount,type,{name}\n2026-03-02,1,debit,\n", ledger_code="") == [(2, name)]


@pytest.mark.parametrize("name", ["reference_id", "reference", "ref"])
def test_the_reference_goes_by_its_names(name):
    assert entries(f"date,amount,type,{name}\n2026-03-02,1,debit, R1 \n")[0]["reference"] == "R1"


def test_debit_and_credit_columns_say_the_type():
    rows = entries("date,debit,credit\n2026-03-02,1.50,\n2026-03-02,,2.50\n")
    assert [(row["direction"], row["amount"]) for row in rows] == [("debit", 150), ("credit", 250)]


@pytest.mark.parametrize(
    ("header", "missing"),
    [
        ("date,amount", "type (debit or credit)"),
        ("amount,type", "date"),
        ("date,type", "amount and type"),
        ("date,debit,description", "amount and type (or both debit and credit)"),
    ],
)
def test_a_header_without_the_required_columns_is_refused_naming_them(header, missing):
    refusal = refusal_of(f"{header}\n")
    assert refusal.code == "file.columns"
    assert missing in refusal.message


def test_without_a_ledger_or_currency_for_the_file_it_must_have_the_column():
    assert "ledger_code" in refusal_of("date,amount,type\n", ledger_code="").message
    assert "currency" in refusal_of("date,amount,type\n", currency=None).message


def test_each_row_is_read_with_its_own_currencys_decimals():
    rows = entries(
        "date,amount,type,ledger,currency\n2026-03-02,1200,debit,J,JPY\n2026-03-02,1.5,debit,K,KWD\n",
        currency=None,
    )
    assert [(row["amount"], row["decimal_places"]) for row in rows] == [(1200, 0), (1500, 3)]
    assert entry_faults("date,amount,type,ledger,currency\n2026-03-02,1.5,debit,J,JPY\n") == [(2, "amount")]


def test_a_file_that_names_no_ledgers_is_in_the_ledgers_currency():
    assert entry_faults("date,amount,type,currency\n2026-03-02,1,debit,USD\n2026-03-02,1,debit,\n") == [
        (2, "currency")
    ]


@pytest.mark.parametrize("code", ["", "E", "EURO", "12A"])
def test_a_currency_that_is_no_code_is_a_row_error(code):
    content = f"date,amount,type,ledger,currency\n2026-03-02,1,debit,A,{code}\n"
    assert entry_faults(content, currency=None) == [(2, "currency")]


@pytest.mark.parametrize(
    ("text", "instant", "day"),
    [
        ("2026-03-02T09:00:00Z", datetime(2026, 3, 2, 9, tzinfo=UTC), date(2026, 3, 2)),
        ("2026-03-02T23:30:00-02:00", datetime(2026, 3, 3, 1, 30, tzinfo=UTC), date(2026, 3, 3)),
        ("2026-03-02 23:30:00.25Z", datetime(2026, 3, 2, 23, 30, 0, 250000, tzinfo=UTC), date(2026, 3, 3)),
        ("2026-03-02 00:30", datetime(2026, 3, 1, 23, 30, tzinfo=UTC), date(2026, 3, 2)),
        ("2026-03-02T00:30:00+0530", datetime(2026, 3, 1, 19, tzinfo=UTC), date(2026, 3, 1)),
        ("2026-10-25 02:30", datetime(2026, 10, 25, 0, 30, tzinfo=UTC), date(2026, 10, 25)),
        ("2026-03-02", None, date(2026, 3, 2)),
    ],
)
@pytest.mark.parametrize("name", ["timestamp", "date"])
def test_a_date_is_the_day_of_the_instant_in_the_organizations_zone(name, text, instant, day):
    (row,) = entries(f"{name},amount,type\n{text},1,debit\n", time_zone="Europe/Berlin")
    assert (row["timestamp"], row["date"]) == (instant, day)


def test_a_date_column_beside_a_timestamp_is_the_booking_date():
    (row,) = entries("date,timestamp,amount,type\n2026-03-31,2026-03-02T09:00:00Z,1,debit\n")
    assert (row["date"], row["timestamp"]) == (date(2026, 3, 31), datetime(2026, 3, 2, 9, tzinfo=UTC))


@pytest.mark.parametrize("text", ["", "soon", "2026-02-30T10:00", "2026-03-29 02:30", "2026-03-02T24:00"])
def test_a_time_that_never_was_is_a_row_error(text):
    """On 29 March 2026 clocks in Berlin went from 02:00 to 03:00."""
    content = f"timestamp,amount,type\n{text},1,debit\n"
    assert entry_faults(content, time_zone="Europe/Berlin") == [(2, "timestamp")]


def test_every_fault_is_named_with_line_and_field():
    content = "date,amount,type,value_date\n2026-03-02,1.234,in,soon\n2026-03-02,-1,debit,\n2026-03-02,1\n"
    assert entry_faults(content) == [(2, "value_date"), (2, "amount"), (2, "type"), (3, "amount"), (4, "")]
