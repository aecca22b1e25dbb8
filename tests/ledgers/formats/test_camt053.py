"""camt.053 read rightly: statuses, days, balances, currencies, statements, as decision 13 says."""

from datetime import date

import pytest

from ledgers.formats import BATCH_ROWS, Balance, CurrencySums
from tests.ledgers.formats.camt_files import (
    VERSION_2,
    VERSION_8,
    balance,
    detail,
    document,
    entry,
    one,
    statement,
)
from tests.ledgers.formats.reading import faults, read


def line_of(*parts: str, **options):
    """The only line of a document with one entry."""
    return read(one(entry(*parts, **options))).row


def test_a_statement_is_read_whole():
    got = read(
        document(
            statement(
                "<FrToDt><FrDtTm>2026-03-01T00:00:00</FrDtTm><ToDtTm>2026-03-31T24:00:00+01:00</ToDtTm></FrToDt>",
                balance("OPBD", "100.00", "2026-03-01"),
                balance("CLBD", "40.50", "2026-03-31", indicator="DBIT"),
                entry(
                    "1250.00",
                    value="<Dt>2026-03-03</Dt>",
                    before="<NtryRef>N-1</NtryRef>",
                    after="<AcctSvcrRef>A-1</AcctSvcrRef>",
                    details=detail(
                        refs="<EndToEndId>E-1</EndToEndId><TxId>T-1</TxId>",
                        parties="<Dbtr><Pty><Nm>Ada Ltd</Nm></Pty></Dbtr><Cdtr><Pty><Nm>Us</Nm></Pty></Cdtr>",
                        texts=("Invoice", "701 & more"),
                    ),
                ),
                entry("1390.50", indicator="DBIT"),
            )
        )
    )
    start = got.starts[0]
    assert (start.index, start.account, start.currency) == (0, "DE02120300000000202051", "EUR")
    assert (start.number, start.sequence) == ("S-1", "7")
    assert (start.from_date, start.to_date) == (date(2026, 3, 1), date(2026, 3, 31))
    assert got.rows[0] == {
        "line_no": 1,
        "date": date(2026, 3, 2),
        "value_date": date(2026, 3, 3),
        "date_inferred": False,
        "amount": 125000,
        "direction": "credit",
        "currency": "EUR",
        "decimal_places": 2,
        "reference": "E-1",
        "description": "Invoice 701 & more",
        "counterparty": "Ada Ltd",
        "external_id": "A-1",
        "end_to_end_id": "E-1",
        "metadata": '{"entry_reference":"N-1","transaction_id":"T-1"}',
    }
    assert got.rows[1]["direction"] == "debit"
    assert got.end.opening == Balance(10000, date(2026, 3, 1), "OPBD", "EUR")
    assert got.end.closing == Balance(-4050, date(2026, 3, 31), "CLBD", "EUR")
    assert (got.end.lines, got.end.credit_sum, got.end.debit_sum, got.end.pending) == (2, 125000, 139050, 0)


@pytest.mark.parametrize(
    "namespace", [None, VERSION_2, VERSION_8, "urn:iso:std:iso:20022:tech:xsd:camt.053.001.14"]
)
def test_any_version_of_camt053_or_none_is_read(namespace):
    assert read(one(entry(), namespace=namespace)).end.credit_sum == 1000


def test_a_prefix_changes_nothing():
    content = one(entry(details=detail(texts=("text",)))).replace("<", "<c:").replace("<c:/", "</c:")
    assert read(content.replace("xmlns=", "xmlns:c=")).row["description"] == "text"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1", "windows-1252"])
def test_the_declared_encoding_is_read(encoding):
    prolog = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>\n'
    content = one(entry(details=detail(texts=("Gebühr",))), prolog=prolog)
    assert read(content.encode(encoding)).row["description"] == "Gebühr"


@pytest.mark.parametrize("status", ["<Sts>BOOK</Sts>", "<Sts><Cd>BOOK</Cd></Sts>", "<Sts>\n BOOK\n</Sts>"])
def test_status_book_is_booked_in_both_spellings(status):
    assert read(one(entry(status=status))).end.lines == 1


@pytest.mark.parametrize("code", ["PDNG", "INFO", "FUTR"])
def test_entries_not_booked_yet_are_counted_and_passed_over(code):
    got = read(one(entry() + entry("7.00", status=f"<Sts><Cd>{code}</Cd></Sts>") + entry()))
    assert (got.end.lines, got.end.credit_sum, got.end.pending) == (2, 2000, 1)
    assert got.column("line_no") == [1, 3]


def test_three_entries_one_pending_gives_two():
    got = read(one(entry() + entry() + entry(status="<Sts>PDNG</Sts>")))
    assert got.end.lines == 2


def test_where_no_entry_has_a_status_all_are_booked():
    assert read(one(entry(status=None) + entry(status=None))).end.lines == 2


@pytest.mark.parametrize("stated", ["<Sts>BOOK</Sts>", "<Sts>PDNG</Sts>"])
def test_an_entry_without_status_among_others_is_an_error_wherever_it_stands(stated):
    silent, said = entry(status=None), entry(status=stated)
    assert faults(document(statement(silent, said))) == [(3, "Sts")]
    assert faults(document(statement(said), statement(said, silent))) == [(6, "Sts")]


@pytest.mark.parametrize("status", ["<Sts>BOOKED</Sts>", "<Sts><Prtry>X</Prtry></Sts>", "<Sts>book</Sts>"])
def test_an_unknown_status_is_an_error(status):
    assert faults(one(entry(status=status))) == [(3, "Sts")]


def test_the_day_is_the_booking_date_else_the_value_date_else_one_of_the_details():
    value, dates = "<Dt>2026-03-03</Dt>", "<IntrBkSttlmDt>2026-03-04</IntrBkSttlmDt>"
    assert line_of(value=value, details=detail(dates=dates))["date"] == date(2026, 3, 2)
    assert line_of(booked=None, value=value, details=detail(dates=dates))["date"] == date(2026, 3, 3)
    row = line_of(booked=None, details=detail() + detail(dates=dates))
    assert (row["date"], row["value_date"], row["date_inferred"]) == (date(2026, 3, 4), None, False)


@pytest.mark.parametrize(
    "booked", ["<DtTm>2026-03-02T23:59:59+01:00</DtTm>", "<Dt>2026-03-02Z</Dt>", "<Dt>2026-03-02+02:00</Dt>"]
)
def test_a_day_is_as_it_is_written(booked):
    assert line_of(booked=booked)["date"] == date(2026, 3, 2)


def test_without_any_date_the_statements_one_day_stands_in_and_is_marked():
    balances = balance("OPBD", "0") + balance("CLBD", "10")
    row = read(one(balances + entry(booked=None))).row
    assert (row["date"], row["date_inferred"]) == (date(2026, 3, 31), True)


@pytest.mark.parametrize(
    "balances",
    [
        "",
        balance("CLBD", "10"),
        balance("OPBD", "0", "2026-03-30") + balance("CLBD", "10"),
        balance("OPBD", "0", None) + balance("CLBD", "10", None),
    ],
)
def test_without_any_date_and_one_day_it_is_an_error(balances):
    assert faults(one(balances + entry(booked=None))) == [(3, "BookgDt")]


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"booked": "<Dt>2026-02-30</Dt>", "value": "<Dt>2026-03-03</Dt>"}, "BookgDt"),
        ({"booked": None, "value": "<Dt>soon</Dt>"}, "ValDt"),
        ({"value": "<Dt>02.03.2026</Dt>"}, "ValDt"),
    ],
)
def test_a_date_that_cannot_be_read_is_an_error_and_nothing_stands_in(options, field):
    assert field in [name for _, name in faults(one(entry(**options)))]


def test_opening_is_opbd_else_prcd_else_not_stated():
    opening, previous, closing = balance("OPBD", "1"), balance("PRCD", "2"), balance("CLBD", "3")
    assert read(one(previous + opening + closing)).end.opening.kind == "OPBD"
    assert read(one(previous + closing)).end.opening == Balance(200, date(2026, 3, 31), "PRCD", "EUR")
    end = read(one(balance("OPAV", "1") + balance("CLAV", "9") + entry())).end
    assert (end.opening, end.closing) == (None, None)


def test_a_balance_without_indicator_has_the_sign_of_its_amount():
    assert read(one(balance("CLBD", "-5.00", indicator=None))).end.closing.amount_signed_minor == -500
    assert read(one(balance("CLBD", "5.00", indicator=None))).end.closing.amount_signed_minor == 500


@pytest.mark.parametrize(
    "wrong",
    [
        balance("CLBD", "abc"),
        balance("CLBD", "5.001"),
        balance("CLBD", "-5.00"),
        balance("CLBD", "5.00", indicator="C"),
        balance("CLBD", "5.00", "31.03.2026"),
        balance("CLBD", "5.00", currency="Euro"),
        balance("CLBD", "5.00") + balance("CLBD", "6.00"),
    ],
)
def test_a_balance_that_cannot_be_read_is_an_error(wrong):
    assert faults(one(wrong + entry())) == [(3, "Bal")]


def test_of_two_balances_the_one_in_the_accounts_currency_counts():
    got = read(
        one(
            balance("CLBD", "9", currency="USD") + balance("CLBD", "5") + balance("CLBD", "8", currency="SEK")
        )
    )
    assert got.end.closing == Balance(500, date(2026, 3, 31), "CLBD", "EUR")


def test_balances_and_account_are_found_in_any_place_of_the_statement():
    account = "<Acct><Id><Othr><Id> 4711 </Id></Othr></Id><Ccy>EUR</Ccy></Acct>"
    got = read(
        document(
            f"<Stmt>{entry()}{balance('OPBD', '1')}{entry()}{account}{entry()}{balance('CLBD', '31')}</Stmt>"
        )
    )
    assert (got.starts[0].account, got.end.lines) == ("4711", 3)
    assert (got.end.opening.amount_signed_minor, got.end.closing.amount_signed_minor) == (100, 3100)


@pytest.mark.parametrize(
    ("currency", "amount", "minor"), [("EUR", "8.85", 885), ("JPY", "1200", 1200), ("KWD", "1.5", 1500)]
)
def test_amounts_are_exact_in_the_entrys_currency(currency, amount, minor):
    row = line_of(amount, currency=currency)
    assert (row["amount"], row["currency"]) == (minor, currency)


def test_zeros_that_a_bank_pads_are_no_decimals():
    assert line_of("8.85000")["amount"] == 885
    assert line_of("1200.00", currency="JPY")["amount"] == 1200


def test_a_zero_amount_is_a_line():
    assert line_of("0")["amount"] == 0


@pytest.mark.parametrize("amount", ["", "abc", "-5.00", "8.855", "1e3", "NaN", "1,000.00", "9" * 30])
def test_an_amount_that_cannot_be_read_is_an_error_with_the_line(amount):
    assert faults(one("\n\n" + entry(amount))) == [(5, "Amt")]


def test_an_error_names_the_entry_too_for_a_file_may_be_one_line():
    content = document(statement(entry() + entry(status="<Sts>PDNG</Sts>") + entry("x"))).replace("\n", "")
    with pytest.raises(Exception, match="entry 3: 'x' is not an amount"):
        read(content)


def test_lines_beyond_65535_are_counted_rightly():
    assert faults(one("\n" * 70_000 + entry("x"))) == [(70_003, "Amt")]


@pytest.mark.parametrize("indicator", ["", "CREDIT", "C"])
def test_a_direction_is_crdt_or_dbit(indicator):
    assert faults(one(entry(indicator=indicator))) == [(3, "CdtDbtInd")]


def test_a_currency_is_the_entrys_else_the_accounts_else_the_ledgers():
    without = "<Acct><Id><IBAN>DE1</IBAN></Id></Acct>"
    assert line_of("1", currency=None)["currency"] == "EUR"
    assert (
        read(document(statement(entry("1", currency=None), account=without)), currency="JPY").row["amount"]
        == 1
    )
    content = document(statement(entry("1", currency=None), account=without))
    assert faults(content, currency=None) == [(3, "Amt")]
    assert faults(one(entry("1", currency="eur"))) == [(3, "Amt")]


def test_an_account_or_a_period_that_cannot_be_read_is_an_error():
    assert faults(document(statement(account="<Acct><Id><IBAN>DE1</IBAN></Id><Ccy>Euro</Ccy></Acct>"))) == [
        (2, "Acct")
    ]
    assert faults(one("<FrToDt><FrDtTm>soon</FrDtTm></FrToDt>")) == [(3, "FrToDt")]


def test_sums_never_mix_currencies():
    end = read(one(entry("1.00") + entry("150", currency="JPY") + entry("2.00", indicator="DBIT"))).end
    assert (end.lines, end.credit_sum, end.debit_sum) == (3, 100, 200)
    assert end.sums == (CurrencySums("EUR", 2, 100, 200), CurrencySums("JPY", 1, 150, 0))


def test_without_an_accounts_currency_the_statements_is_that_of_its_balances_else_of_its_lines():
    bare = "<Acct><Id><IBAN>DE1</IBAN></Id></Acct>"
    by_balance = read(document(statement(balance("OPBD", "1", currency="SEK"), entry(), account=bare)))
    assert by_balance.starts[0].currency == "SEK"
    by_lines = read(document(statement(entry("5", currency="JPY"), account=bare)))
    assert (by_lines.starts[0].currency, by_lines.end.credit_sum) == ("JPY", 5)


def test_several_statements_of_several_accounts():
    other = "<Acct><Id><Othr><Id>4711</Id></Othr></Id><Ccy>JPY</Ccy></Acct>"
    got = read(
        document(
            statement(balance("CLBD", "10"), entry()),
            statement(account=other, number="S-2", sequence="8"),
            statement(
                entry("5", currency="JPY"), entry(status="<Sts>PDNG</Sts>"), account=other, number="S-3"
            ),
        )
    )
    assert [(start.index, start.account, start.number) for start in got.starts] == [
        (0, "DE02120300000000202051", "S-1"),
        (1, "4711", "S-2"),
        (2, "4711", "S-3"),
    ]
    assert [(end.index, end.lines, end.credit_sum, end.pending) for end in got.ends] == [
        (0, 1, 1000, 0),
        (1, 0, 0, 0),
        (2, 1, 5, 1),
    ]
    assert got.column("line_no") == [1, 2]


def test_events_come_statement_by_statement(monkeypatch):
    """However lines are gathered, a statement's start, its lines and its end follow each other."""
    monkeypatch.setattr("ledgers.formats.camt.BATCH_ROWS", 3)
    monkeypatch.setattr("ledgers.formats.camt.STATEMENTS_TOGETHER", 2)
    got = read(document(*(statement(entry() * lines, number=str(lines)) for lines in (1, 7, 0, 2, 3, 1))))
    assert [end.lines for end in got.ends] == [1, 7, 0, 2, 3, 1]
    assert [index for index, _ in got.frames] == sorted(index for index, _ in got.frames)
    assert got.column("line_no") == list(range(1, 15))
    assert max(frame.height for _, frame in got.frames) <= 3


def test_lines_come_in_batches():
    got = read(one(entry("0.01") * (BATCH_ROWS + 1)))
    assert [frame.height for _, frame in got.frames] == [BATCH_ROWS, 1]
    assert got.end.credit_sum == BATCH_ROWS + 1


def test_an_account_that_is_named_after_the_first_batch_is_refused(monkeypatch):
    monkeypatch.setattr("ledgers.formats.camt.BATCH_ROWS", 1)
    account = "<Acct><Id><IBAN>DE1</IBAN></Id></Acct>"
    with pytest.raises(Exception, match="names its account after its entries"):
        read(document(f"<Stmt>{entry() * 2}{account}</Stmt>"))
