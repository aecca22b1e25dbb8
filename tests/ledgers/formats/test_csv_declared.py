"""CSV files read as declared: rows, days, amounts, signs, currencies and accounts; each rule by an example."""

from datetime import date

import pytest

from ledgers.formats.declaration_json import declaration_from_json
from tests.ledgers.formats.reading import faults, read, refused

SIMPLE = {"booking_date": "Day", "amount": "Amount"}
TWO = {"booking_date": "Day", "debit": "Out", "credit": "In"}


def told(columns=None, **more):
    return declaration_from_json({"columns": columns or SIMPLE, "delimiter": ";", **more})


def got(content, columns=None, *, currency="EUR", **more):
    return read(content, format="csv", currency=currency, declaration=told(columns, **more))


def wrong(content, columns=None, *, currency="EUR", **more):
    return faults(content, format="csv", currency=currency, declaration=told(columns, **more))


def not_read(content, columns=None, *, currency="EUR", **more):
    return refused(content, format="csv", currency=currency, declaration=told(columns, **more))


def signed(reading):
    return [row["amount"] if row["direction"] == "credit" else -row["amount"] for row in reading.rows]


# --- columns and rows ------------------------------------------------------------------------------------------------


def test_columns_are_found_by_name_or_place_and_texts_are_put_together():
    columns = {
        "booking_date": "Day",
        "amount": "#3",
        "description": ["Text", "More"],
        "reference": ["Ref", "Order"],
        "counterparty": "Who",
    }
    line = got("Day;Text;X;More;Ref;Order;Who;Rest\n2026-03-02; a ;1;b;;O-7;Eve;r\n", columns).row
    assert (line["description"], line["reference"], line["counterparty"]) == ("a b", "O-7", "Eve")
    assert line["metadata"] == '{"Rest":"r"}'


def test_metadata_can_be_left_out():
    assert got("Day;Amount;Rest\n2026-03-02;1;r\n", metadata=False).row["metadata"] == "{}"


def test_a_declared_column_that_lacks_is_refused_by_name():
    refusal = not_read("Date;Amount\n2026-03-02;1\n")
    assert refusal.code == "file.columns"
    assert "lacks 'Day'" in refusal.message
    assert "It holds: 'Date', 'Amount'" in refusal.message


def test_a_name_that_two_columns_have_is_refused_and_its_place_is_taken():
    content = "Day;Amount;Amount\n2026-03-02;1;2\n"
    assert "more than once" in not_read(content).message
    assert got(content, {"booking_date": "Day", "amount": "#3"}).column("amount") == [200]


def test_lines_above_the_header_are_passed_over_and_counted():
    content = "Bank;of\n\nPeriod;x\nDay;Amount\n2026-03-02;1\nx;2\n"
    assert wrong(content, rows_to_skip=3) == [(6, "Day")]


def test_a_table_without_header_is_read_by_places():
    reading = got("2026-03-02;x;1\n2026-03-03;y;2\n", {"booking_date": "#1", "amount": "#3"}, header=False)
    assert (reading.column("line_no"), reading.column("amount")) == ([1, 2], [100, 200])


@pytest.mark.parametrize("footer", ["Total;;3\n", "Total\n", '"Total\nof";;3;4;5\n'])
def test_a_footer_ends_the_table(footer):
    content = f"Day;Amount;T\n2026-03-02;1;\n{footer}anything;goes\n;;\n"
    assert got(content, footer_pattern="^Total").column("amount") == [100]


def test_a_line_below_the_footer_is_an_error():
    content = "Day;Amount\n2026-03-02;1\nTotal;1\n2026-03-03;2\n"
    assert wrong(content, footer_pattern="^Total") == [(4, "")]


def test_a_footer_that_could_be_a_line_is_an_error():
    content = "Day;Amount;T\n2026-03-02;1;rent\n2026-03-03;-50;Total Energies\n"
    columns = {**SIMPLE, "description": "T"}
    assert wrong(content, columns, footer_pattern="Total") == [(3, "")]
    assert got(content, columns, footer_pattern="^Total").column("amount") == [100, 5000]


def test_what_stands_below_the_footer_is_joined_to_no_line():
    content = "Day;Amount;T\n2026-03-02;1;rent\n;;of March\nTotal;;of all\n;;Kind regards\n"
    columns = {**SIMPLE, "description": "T"}
    found = got(content, columns, footer_pattern="^Total", undated_rows="join")
    assert found.column("description") == ["rent of March"]


def test_rows_that_are_no_lines_are_passed_over_where_declared():
    content = "Day;Amount\nOpening;5\n2026-03-02;1\na row;that;is;too;long\n"
    assert wrong(content) == [(2, "Day"), (4, "")]
    assert got(content, skip_pattern="^(Opening|a row)").column("amount") == [100]


def test_patterns_are_linear_in_the_text():
    content = "Day;Amount;T\n2026-03-02;1;" + "a" * 5_000 + "!\n"
    assert got(content, skip_pattern="(a+)+$").column("amount") == [100]


def test_undated_rows_are_errors_or_passed_over_or_joined():
    columns = {**SIMPLE, "description": "Text"}
    content = "Day;Amount;Text\n2026-03-02;1;a\n;;b\n;;c\n2026-03-03;2;d\n"
    assert wrong(content, columns) == [(3, "Day"), (3, "Amount"), (4, "Day"), (4, "Amount")]
    assert got(content, columns, undated_rows="skip").column("description") == ["a", "d"]
    assert got(content, columns, undated_rows="join").column("description") == ["a b c", "d"]


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_joined_rows_find_their_line_however_batches_fall(batch, monkeypatch):
    monkeypatch.setattr("ledgers.formats.csv_table.BATCH_ROWS", batch)
    content = "Day;Amount;Text\n2026-03-02;1;a\n;;b\n;;c\n2026-03-03;2;d\n;;e\n"
    reading = got(content, {**SIMPLE, "description": "Text"}, undated_rows="join")
    assert reading.column("description") == ["a b c", "d e"]
    assert (reading.end.lines, reading.end.credit_sum) == (2, 300)


def test_an_undated_row_with_an_amount_is_always_an_error():
    assert wrong("Day;Amount\n2026-03-02;1\n;2\n", undated_rows="skip") == [(3, "Day")]


def test_dated_rows_without_amount_are_errors_unless_declared():
    content = "Day;Out;In\n2026-03-02;1;\n2026-03-02;;\n"
    assert wrong(content, TWO, sign_convention="unsigned") == [(3, "Out/In")]
    assert signed(got(content, TWO, sign_convention="unsigned", rows_without_amount="skip")) == [-100]


def test_short_rows_are_errors_unless_declared():
    content = "Day;Amount;Text;More\n2026-03-02;1\n"
    assert wrong(content) == [(2, "")]
    assert got(content, short_rows=True).column("amount") == [100]


def test_quotes_can_be_plain_characters():
    content = 'Day;Amount;Text\n2026-03-02;1;"a\n2026-03-03;2;b"\n'
    assert got(content, quotes=False).column("amount") == [100, 200]


def test_nul_bytes_at_the_end_are_filling_only_where_declared():
    content = b"Day;Amount\n2026-03-02;1\n\0\0\0\r\n\0"
    assert not_read(content).code == "file.binary"
    assert got(content, padding=True).column("amount") == [100]
    assert not_read(b"Day;Amount\n\0\n2026-03-02;1\n\0", padding=True).code == "file.binary"


@pytest.mark.parametrize("encoding", ["windows-1252", "iso-8859-2", "utf-8", "utf-16"])
def test_a_declared_encoding_is_read(encoding):
    content = "Day;Amount;Text\n2026-03-02;1;é\n".encode(encoding)
    assert got(content, {**SIMPLE, "description": "Text"}, encoding=encoding).row["description"] == "é"


# --- days ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("date_format", "text"),
    [
        ("DD.MM.YYYY", "02.03.2026"),
        ("DD.MM.YYYY", "02.03.2026 14:30"),
        ("DD.MM.YY", "02.03.26"),
        ("D/M/YYYY", "2/3/2026"),
        ("D/M/YYYY", "02/03/2026"),
        ("MM/DD/YYYY", "03/02/2026"),
        ("YYYYMMDD", "20260302"),
        ("YYYYMMDD", "20260302120000[0:GMT]"),
        ("YYYY-MM-DD", "2026-03-02 23:59:59.0"),
        ("DD MMM YYYY", "02 Mar 2026"),
        ("D-MMM-YY", "2-März-26"),
        ("MMM D, YYYY", "March 2, 2026"),
    ],
)
def test_days_are_read_as_declared(date_format, text):
    assert got(f"Day;Amount\n{text};1\n", date_format=date_format).row["date"] == date(2026, 3, 2)


@pytest.mark.parametrize(
    ("date_format", "text"),
    [
        ("DD.MM.YYYY", "2026-03-02"),
        ("DD.MM.YYYY", "31.02.2026"),
        ("DD.MM.YYYY", "2.3.2026"),
        ("DD.MM.YYYY", "02.03.2026x"),
        ("MM/DD/YYYY", "13/02/2026"),
        ("DD MMM YYYY", "02 Foo 2026"),
        ("YYYYMMDD", "46000"),
    ],
)
def test_other_days_are_row_errors_that_name_the_format(date_format, text):
    refusal = not_read(f"Day;Amount\n{text};1\n", date_format=date_format)
    assert [(row.line, row.field) for row in refusal.rows] == [(2, "Day")]
    assert date_format in refusal.rows[0].message
    assert text in refusal.rows[0].message


def test_the_value_date_stands_in_where_there_is_no_booking_date():
    columns = {"booking_date": "Day", "value_date": "Value", "amount": "Amount"}
    reading = got("Day;Value;Amount\n;2026-03-05;1\n2026-03-02;;2\n", columns)
    assert reading.column("date") == [date(2026, 3, 5), date(2026, 3, 2)]
    assert reading.column("value_date") == [date(2026, 3, 5), None]
    only = got("Value;Amount\n2026-03-05;1\n", {"value_date": "Value", "amount": "Amount"})
    assert only.row["date"] == date(2026, 3, 5)


# --- amounts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "minor", "more"),
    [
        ("1.234,50", 123450, {"decimal_mark": ",", "thousands": "."}),
        ("-1'234.5", -123450, {"thousands": "'"}),
        ("1 234 567,00", 123456700, {"decimal_mark": ",", "thousands": " "}),
        ("53.100", 5310, {}),
        ("$1,750.06", 175006, {"currency_signs": ["$"], "thousands": ","}),
        ("-$76.00", -7600, {"currency_signs": ["$"]}),
        ("$ -76.00", -7600, {"currency_signs": ["$"]}),
        ("1234,37 EUR", 123437, {"decimal_mark": ",", "currency_signs": ["EUR"]}),
        ("40,00-", -4000, {"decimal_mark": ",", "other_signs": True}),
        ("−40.00", -4000, {"other_signs": True}),
        ("(1,234.50)", -123450, {"thousands": ",", "other_signs": True}),
        ("+5", 500, {}),
        ("0", 0, {}),
    ],
)
def test_amounts_are_read_as_declared(text, minor, more):
    assert signed(got(f'Day;Amount\n2026-03-02;"{text}"\n', **more)) == [minor]


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("1.234,50", {}),
        ("1,234", {}),
        ("12.50", {"decimal_mark": ","}),
        ("1.23,45", {"decimal_mark": ",", "thousands": "."}),
        ("12,34.50", {"thousands": ","}),
        ("1'23.00", {"thousands": "'"}),
        ("$5", {}),
        ("5-", {}),
        ("(5)", {}),
        ("(-5)", {"other_signs": True}),
        ("-5-", {"other_signs": True}),
        ("5.001", {}),
        ("abc", {"decimal_mark": ","}),
        ("1e3", {}),
    ],
)
def test_amounts_that_are_not_written_so_are_row_errors_with_their_text(text, more):
    refusal = not_read(f'Day;Amount\n2026-03-02;"{text}"\n', **more)
    assert [(row.line, row.field) for row in refusal.rows] == [(2, "Amount")]
    assert text in refusal.rows[0].message


@pytest.mark.parametrize(
    ("convention", "amounts"),
    [("credit_positive", [-100, 200]), ("debit_positive", [100, -200])],
)
def test_what_a_sign_means_is_declared(convention, amounts):
    content = "Day;Amount\n2026-03-02;-1\n2026-03-02;2\n"
    assert signed(got(content, sign_convention=convention)) == amounts


def test_debit_and_credit_columns_have_signs_only_where_declared():
    content = "Day;Out;In\n2026-03-02;-1;\n2026-03-02;;2\n"
    assert wrong(content, TWO, sign_convention="unsigned") == [(2, "Out/In")]
    assert signed(got(content, TWO, sign_convention="credit_positive")) == [-100, 200]
    assert signed(got(content, TWO, sign_convention="unsigned_reversals")) == [100, 200]


def test_debits_without_a_sign_are_never_taken_as_money_in():
    content = "Day;Out;In\n2026-03-02;1;\n2026-03-02;-1;\n2026-03-02;;-2\n2026-03-02;0;\n"
    assert wrong(content, TWO) == [(2, "Out")]
    assert wrong(content, TWO, sign_convention="credit_positive") == [(2, "Out")]
    assert signed(got(content, TWO, sign_convention="unsigned_reversals")) == [-100, 100, -200, 0]


@pytest.mark.parametrize(
    ("text", "currency", "fits"),
    [
        ("12 USD", "EUR", False),
        ("USD 12", "USD", True),
        ("-€12", "USD", False),
        ("€12", "EUR", True),
        ("$12", "CAD", True),
    ],
)
@pytest.mark.parametrize("columns", [SIMPLE, TWO], ids=["one column", "two"])
def test_an_amount_with_another_currencys_sign_is_an_error(columns, text, currency, fits):
    content = f"Day;Amount;Out;In\n2026-03-02;{text};;{text}\n"
    more = {"currency_signs": ["USD", "EUR", "€", "$", "£"], "currency": currency}
    if fits:
        assert got(content, columns, **more).column("amount") == [1200]
    else:
        assert wrong(content, columns, **more) == [(2, "Amount" if columns is SIMPLE else "Out/In")]


def test_zero_stands_for_nothing_only_where_declared():
    content = "Day;Out;In\n2026-03-02;0;2.00\n2026-03-02;1.50;0.00\n"
    assert wrong(content, TWO, sign_convention="unsigned") == [(2, "Out/In"), (3, "Out/In")]
    assert signed(got(content, TWO, sign_convention="unsigned", zero_is_empty=True)) == [200, -150]


def test_a_direction_is_read_by_its_declared_words():
    columns = {**SIMPLE, "direction": "Way"}
    words = {"direction": {"Af": "debit", "Bij": "credit"}}
    content = "Day;Amount;Way\n2026-03-02;1;AF\n2026-03-02;2;bij\n"
    assert signed(got(content, columns, sign_convention="unsigned", value_maps=words)) == [-100, 200]
    assert wrong(content, columns, sign_convention="unsigned") == [(2, "Way"), (3, "Way")]
    back = content.replace(";1;", ";-1;")
    assert wrong(back, columns, sign_convention="unsigned", value_maps=words) == [(2, "Amount")]
    assert signed(got(back, columns, sign_convention="unsigned_reversals", value_maps=words)) == [100, 200]


def test_a_state_says_what_is_booked():
    columns = {**SIMPLE, "status": "State"}
    words = {"status": {"Posted": "booked", "Waiting": "pending", "Failed": "void"}}
    content = "Day;Amount;State\n2026-03-02;1;posted\n2026-03-02;2;Waiting\n2026-03-02;3;failed\n"
    reading = got(content, columns, value_maps=words)
    assert (reading.column("amount"), reading.end.pending) == ([100], 1)
    assert wrong(content + "2026-03-02;4;New\n", columns, value_maps=words) == [(5, "State")]
    unfinished = content + "2026-03-05;;Waiting\nsoon;x;Failed\n"
    more = {"value_maps": words, "rows_without_amount": "refuse"}
    assert (
        got(unfinished, columns, **more).end.pending == 2
    )  # what is not booked may lack what it has not got yet


# --- currencies, accounts, balances ----------------------------------------------------------------------------------


def test_a_declared_currency_is_that_of_the_lines():
    in_yen = told(currency="JPY")
    reading = read("Day;Amount\n2026-03-02;5\n", format="csv", currency="EUR", declaration=in_yen)
    assert (reading.row["currency"], reading.row["amount"], reading.starts[0].currency) == ("JPY", 5, "JPY")


def test_without_any_currency_the_file_is_refused():
    assert "currency" in not_read("Day;Amount\n2026-03-02;5\n", currency=None).message


def test_several_currencies_are_statements_of_their_own_where_declared():
    columns = {**SIMPLE, "currency": "Money"}
    content = "Day;Amount;Money\n2026-03-02;1;EUR\n2026-03-02;2;usd\n2026-03-03;3;EUR\n"
    assert wrong(content, columns) == [(3, "Money")]
    reading = got(content, columns, several_currencies=True)
    assert [(start.index, start.currency) for start in reading.starts] == [(0, "EUR"), (1, "USD")]
    assert [(end.lines, end.credit_sum) for end in reading.ends] == [(2, 400), (1, 200)]
    assert [(index, frame["line_no"].to_list()) for index, frame in reading.frames] == [(0, [2, 4]), (1, [3])]
    assert wrong(content + "2026-03-03;3;\n", columns, several_currencies=True) == [(5, "Money")]


def test_words_become_currencies_where_declared():
    columns = {**SIMPLE, "currency": "Money"}
    content = "Day;Amount;Money\n2026-03-02;1;Euro\n"
    assert wrong(content, columns) == [(2, "Money")]
    assert got(content, columns, value_maps={"currency": {"euro": "EUR"}}).row["currency"] == "EUR"


def test_a_file_of_several_accounts_is_split():
    content = "Day;Amount;IBAN\n2026-03-02;1;DE89 3704\n2026-03-02;2;FR76\n2026-03-02;3;DE893704\n"
    reading = got(content, {**SIMPLE, "account": "IBAN"})
    assert [start.account for start in reading.starts] == ["DE893704", "FR76"]
    assert [end.credit_sum for end in reading.ends] == [400, 200]
    assert wrong(content + "2026-03-02;4;\n", {**SIMPLE, "account": "IBAN"}) == [(5, "IBAN")]
    assert got("Day;Amount\n2026-03-02;1\n", account="DE893704").starts[0].account == "DE893704"


def test_a_line_above_the_table_names_the_account_where_declared():
    pattern = {"rows_to_skip": 2, "account_pattern": r"^IBAN:;([A-Z0-9 ]+)"}
    content = "IBAN:;DE89 3704 0044;\nPeriod;March\nDay;Amount\n2026-03-02;1\n"
    assert got(content, **pattern).starts[0].account == "DE8937040044"
    assert not_read(content.replace("IBAN", "BBAN"), **pattern).code == "file.columns"
    assert not_read(content.replace("Period", "IBAN:;DE1;"), **pattern).code == "file.columns"


def test_a_running_balance_goes_with_its_lines():
    columns = {**SIMPLE, "balance": "Saldo"}
    reading = got("Day;Amount;Saldo\n2026-03-02;1;11\n2026-03-02;2;\n", columns)
    assert reading.column("balance") == [1100, None]
    assert wrong("Day;Amount;Saldo\n2026-03-02;1;much\n", columns) == [(2, "Saldo")]
