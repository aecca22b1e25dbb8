"""CSV statements, column by column as contracts/corebanq.md B.9 says."""

from datetime import date

import pytest

from ledgers.formats import BATCH_ROWS, CurrencySums
from tests.ledgers.formats.reading import faults, read, refused

PLAIN = """booking_date,amount,currency,value_date,reference,description,counterparty,external_id
2026-03-02,1250.00,EUR,2026-03-03,INV-701,Invoice 701,Ada Ltd,B-1
2026-03-05,-19.90,EUR,,FEE-02,Card fee,,B-2
"""


def test_a_plain_file_is_read_whole():
    got = read(PLAIN)
    assert got.starts[0].index == 0
    assert got.starts[0].account is None
    assert got.starts[0].currency == "EUR"
    assert got.rows[0] == {
        "line_no": 2,
        "date": date(2026, 3, 2),
        "value_date": date(2026, 3, 3),
        "date_inferred": False,
        "amount": 125000,
        "direction": "credit",
        "currency": "EUR",
        "decimal_places": 2,
        "reference": "INV-701",
        "description": "Invoice 701",
        "counterparty": "Ada Ltd",
        "external_id": "B-1",
        "end_to_end_id": "",
        "metadata": "{}",
    }
    assert got.rows[1]["direction"] == "debit"
    assert got.rows[1]["amount"] == 1990
    assert got.rows[1]["value_date"] is None
    assert (got.end.lines, got.end.credit_sum, got.end.debit_sum) == (2, 125000, 1990)
    assert (got.end.opening, got.end.closing, got.end.pending) == (None, None, 0)
    assert got.end.sums == (CurrencySums("EUR", 2, 125000, 1990),)


@pytest.mark.parametrize(
    "name", ["booking_date", "date", "transaction_date", "posted_at", "Posted At", "BOOKING DATE"]
)
def test_booking_date_goes_by_its_names(name):
    assert read(f"{name},amount\n2026-03-02,1\n").row["date"] == date(2026, 3, 2)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-03-02", date(2026, 3, 2)),
        ("2026-03-02T23:59:59Z", date(2026, 3, 2)),
        ("2026-03-02 00:10", date(2026, 3, 2)),
        ("2026-03-02T10:11:12.123+02:00", date(2026, 3, 2)),
        ("2026-03-02T24:00:00+01:00", date(2026, 3, 2)),
        (" 2026-03-02 ", date(2026, 3, 2)),
        ("2024-02-29", date(2024, 2, 29)),
    ],
)
def test_a_date_is_the_day_that_is_written(text, day):
    assert read(f"date,amount\n{text},1\n").row["date"] == day


@pytest.mark.parametrize(
    "text",
    ["", "2026-02-29", "2026-13-01", "0000-00-00", "0000-01-01", "2026-3-2", "20260302", "02.03.2026", "03/02/2026", "45293",
     "today", "2026-03-02T25:00", "2026-03-02T10:61", "2026-03-02x", "2026-03-02T", "２026-03-02"],
)  # fmt: skip
def test_anything_but_an_iso_date_is_a_row_error(text):
    assert faults(f"date,amount\n{text},1\n") == [(2, "date")]


def test_value_date_is_optional_and_read_like_the_booking_date():
    assert read("date,amount,Value Date\n2026-03-02,1,2026-03-04T10:00:00Z\n").row["value_date"] == date(
        2026, 3, 4
    )
    assert read("date,amount,value_date\n2026-03-02,1, \n").row["value_date"] is None
    assert faults("date,amount,value_date\n2026-03-02,1,soon\n") == [(2, "value_date")]


@pytest.mark.parametrize(
    ("currency", "text", "minor"), [("EUR", "12.5", 1250), ("JPY", "1200", 1200), ("KWD", "1.234", 1234)]
)
def test_amounts_are_major_units_of_the_currency(currency, text, minor):
    row = read(f"date,amount\n2026-03-02,{text}\n", currency=currency).row
    assert (row["amount"], row["currency"]) == (minor, currency)


@pytest.mark.parametrize(
    ("currency", "text"), [("EUR", "12.345"), ("EUR", "12.340"), ("JPY", "1.5"), ("KWD", "1.2345")]
)
def test_more_decimals_than_the_currency_has_are_a_row_error(currency, text):
    refusal = refused(f"date,amount\n2026-03-02,{text}\n", currency=currency)
    assert [(row.line, row.field) for row in refusal.rows] == [(2, "amount")]
    assert f"more decimals than {currency} has" in refusal.rows[0].message


@pytest.mark.parametrize("text", ["", "abc", "1e5", "NaN", '"1,000.00"', "1 000", "(5)", "--5", "9" * 30])
def test_an_unreadable_amount_is_a_row_error_and_never_nought(text):
    assert faults(f"date,amount\n2026-03-02,{text}\n") == [(2, "amount")]


def test_a_zero_amount_is_a_line():
    got = read("date,amount\n2026-03-02,0.00\n2026-03-02,-0.00\n")
    assert got.column("amount") == [0, 0]
    assert got.column("direction") == ["credit", "credit"]


@pytest.mark.parametrize("name", ["direction", "type", "credit_debit", "Credit Debit", "CdtDbtInd"])
@pytest.mark.parametrize(
    ("word", "direction"),
    [
        ("credit", "credit"),
        ("CRDT", "credit"),
        ("C", "credit"),
        ("Debit", "debit"),
        ("dbit", "debit"),
        (" d ", "debit"),
    ],
)
def test_direction_words(name, word, direction):
    row = read(f"date,amount,{name}\n2026-03-02,5.00,{word}\n").row
    assert (row["amount"], row["direction"]) == (500, direction)


@pytest.mark.parametrize("word", ["", "in", "CR", "1", "credit debit"])
def test_an_unknown_direction_is_a_row_error(word):
    assert faults(f"date,amount,direction\n2026-03-02,5.00,{word}\n") == [(2, "direction")]


def test_an_amount_below_zero_beside_a_direction_is_a_row_error():
    assert faults("date,amount,direction\n2026-03-02,-5.00,debit\n") == [(2, "amount")]


def test_debit_and_credit_columns():
    got = read("date,debit,credit\n2026-03-02,5.00,\n2026-03-02, ,7.25\n2026-03-02,0.00,\n")
    assert got.column("direction") == ["debit", "credit", "debit"]
    assert got.column("amount") == [500, 725, 0]


@pytest.mark.parametrize("cells", ["5.00,7.00", ",", "5.00,0.00", "-5.00,", ",abc", ",1.234"])
def test_exactly_one_of_debit_and_credit_is_filled_with_an_amount(cells):
    assert faults(f"date,Debit,Credit\n2026-03-02,{cells}\n") == [(2, "Debit/Credit")]


def test_beside_debit_and_credit_a_type_column_is_only_kept():
    row = read("date,debit,credit,type\n2026-03-02,5.00,,POS\n").row
    assert (row["direction"], row["metadata"]) == ("debit", '{"type":"POS"}')


@pytest.mark.parametrize("header", ["date,amount,debit", "date,amount,debit,credit"])
def test_an_amount_beside_debit_or_credit_is_refused_not_guessed(header):
    refusal = refused(f"{header}\n")
    assert refusal.code == "file.columns"
    assert "'amount' and 'debit'" in refusal.message


@pytest.mark.parametrize("name", ["currency", "ccy", "Currency"])
def test_currency_is_the_ledgers_unless_the_row_says_another(name):
    got = read(f"date,amount,{name}\n2026-03-02,1,EUR\n2026-03-02,1,\n2026-03-02,1, eur\n")
    assert got.column("currency") == ["EUR"] * 3
    assert faults(f"date,amount,{name}\n2026-03-02,1,USD\n2026-03-02,1,EUR\n2026-03-02,1,Euro\n") == [
        (2, name),
        (4, name),
    ]


def test_without_a_ledgers_currency_the_file_names_one():
    got = read("date,amount,currency\n2026-03-02,120,\n2026-03-02,1,JPY\n", currency=None)
    assert got.starts[0].currency == "JPY"
    assert got.column("amount") == [120, 1]
    assert faults("date,amount,ccy\n2026-03-02,1,JPY\n2026-03-02,1,EUR\n", currency=None) == [(3, "ccy")]
    assert refused("date,amount,ccy\n2026-03-02,1,\n", currency=None).code == "file.columns"
    assert "currency" in refused("date,amount\n2026-03-02,1\n", currency=None).message


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("reference", "reference"),
        ("ref", "reference"),
        ("end_to_end_id", "reference"),
        ("description", "description"),
        ("narrative", "description"),
        ("Details", "description"),
        ("counterparty", "counterparty"),
        ("external_id", "external_id"),
        ("id", "external_id"),
        ("Transaction ID", "external_id"),
    ],
)
def test_optional_columns_go_by_their_names(name, field):
    row = read(f"date,amount,{name}\n2026-03-02,1,Text\n").row
    assert row[field] == "Text"


def test_end_to_end_id_beside_a_reference_is_kept_as_itself():
    row = read("date,amount,ref,end_to_end_id\n2026-03-02,1,R1,E1\n").row
    assert (row["reference"], row["end_to_end_id"]) == ("R1", "E1")


def test_ids_lose_blanks_around_and_texts_keep_them():
    row = read("date,amount,reference,id,description\n2026-03-02,1, R1 , X ,  padded \n").row
    assert (row["reference"], row["external_id"], row["description"]) == ("R1", "X", "  padded ")


def test_its_own_name_outranks_an_alias_which_is_then_kept():
    row = read("date,booking_date,amount\n2026-03-01,2026-03-02,1\n").row
    assert (row["date"], row["metadata"]) == (date(2026, 3, 2), '{"date":"2026-03-01"}')


@pytest.mark.parametrize(
    "header", ["date,transaction_date,amount", "date,date,amount", "date,amount,id,transaction_id"]
)
def test_two_columns_of_equal_rank_are_refused_not_guessed(header):
    refusal = refused(f"{header}\n")
    assert refusal.code == "file.columns"
    assert "could each be the" in refusal.message


@pytest.mark.parametrize(
    ("header", "missing"),
    [
        ("amount,currency", "booking_date"),
        ("date,debit", "amount (or both debit and credit)"),
        ("a,b", "booking_date and amount (or both debit and credit)"),
        ("2026-03-02,5.00", "booking_date and amount"),
    ],
)
def test_a_header_without_the_required_columns_is_refused_naming_them(header, missing):
    refusal = refused(f"{header}\n1,2\n")
    assert refusal.code == "file.columns"
    assert missing in refusal.message


def test_columns_that_are_not_known_go_to_metadata_under_their_own_names():
    row = read('date,amount,Saldo,"a ""b""",,Saldo\n2026-03-02,1,10.00,"x\ny",z,\n').row
    assert row["metadata"] == '{"Saldo":"10.00","a \\"b\\"":"x\\ny","column_5":"z"}'


def test_a_header_without_rows_is_a_statement_without_lines():
    got = read("date,amount\n")
    assert (len(got.starts), got.rows, got.end.lines, got.end.sums) == (1, [], 0, ())


def test_every_fault_is_named_with_line_field_and_reason():
    refusal = refused(
        "date,amount,direction,currency\n"
        "2026-03-02,5.00,credit,EUR\n"
        "soon,x,up,USD\n"
        "2026-03-02,5.00\n"
        "2026-03-02,5.00,credit,EUR,more\n"
    )
    assert [(row.line, row.field) for row in refusal.rows] == [
        (3, "date"), (3, "amount"), (3, "direction"), (3, "currency"), (4, ""), (5, "")
    ]  # fmt: skip
    assert refusal.row_errors == 6
    assert "2 cells" in refusal.rows[4].message
    assert "Line 3: date: 'soon' is not a date" in refusal.message


def test_a_long_value_is_cut_in_the_message():
    assert len(refused(f"date,amount\n2026-03-02,{'x' * 5000}\n").rows[0].message) < 200


def test_the_first_thousand_faults_are_kept_and_all_counted():
    refusal = refused("date,amount\n" + "x,y\n" * 30_000)
    assert refusal.row_errors == 60_000
    assert len(refusal.rows) == 1_000
    assert [row.line for row in refusal.rows[:3]] == [2, 2, 3]


def test_after_a_fault_no_more_lines_are_given():
    content = "date,amount\n" + "2026-03-02,1\n" * BATCH_ROWS + "x,1\n" + "2026-03-02,1\n" * BATCH_ROWS
    assert refused(content).row_errors == 1


def test_lines_come_in_batches():
    got = read("date,amount\n" + "2026-03-02,0.01\n" * (BATCH_ROWS + 1))
    assert [frame.height for _, frame in got.frames] == [BATCH_ROWS, 1]
    assert got.frames[1][1]["line_no"].to_list() == [BATCH_ROWS + 2]
    assert got.end.credit_sum == BATCH_ROWS + 1


def test_a_sum_beyond_bigint_is_refused_not_wrapped():
    rows = "2026-03-02,92233720368547758.07\n" * 3
    assert refused("date,amount\n" + rows).code == "file.out_of_range"


def test_formulas_are_text():
    row = read("date,amount,description\n2026-03-02,1,\"=cmd|' /C calc'!A0\"\n").row
    assert row["description"] == "=cmd|' /C calc'!A0"
