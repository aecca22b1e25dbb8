"""OFX 1 and 2 read rightly: tags with and without their closing, dates as written, amounts, parties, encodings."""

import json
from datetime import date

import pytest

from ledgers.formats import Balance
from tests.ledgers.formats.reading import faults, read, refused

SGML = "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\nENCODING:USASCII\nCHARSET:1252\n\n"
XML = '<?xml version="1.0" encoding="UTF-8"?><?OFX OFXHEADER="200" VERSION="211"?>'
ACCOUNT = "<CURDEF>USD<BANKACCTFROM><BANKID>1<ACCTID>12-34<ACCTTYPE>CHECKING</BANKACCTFROM>"
BALANCE = "<LEDGERBAL><BALAMT>-10.5<DTASOF>20260331235959</LEDGERBAL>"


def ofx(
    *lines: str, head: str = SGML, account: str = ACCOUNT, balance: str = BALANCE, response: str = ""
) -> str:
    days = "<DTSTART>20260301<DTEND>20260331"
    transactions = "".join(f"<STMTTRN>{line}</STMTTRN>\n" for line in lines)
    statement = f"<STMTRS>{account}<BANKTRANLIST>{days}{transactions}</BANKTRANLIST>{balance}</STMTRS>"
    return f"{head}<OFX><BANKMSGSRSV1><STMTTRNRS>{response}{statement}</STMTTRNRS></BANKMSGSRSV1></OFX>\n"


def transaction(amount: str = "1.50", day: str = "20260302", **values: str) -> str:
    return f"<TRNTYPE>DEP<DTPOSTED>{day}<TRNAMT>{amount}" + "".join(
        f"<{name}>{text}" for name, text in values.items()
    )


def line_of(amount: str = "1.50", day: str = "20260302", **values: str) -> dict:
    return read(ofx(transaction(amount, day, **values)), currency=None).row


def test_a_statement_is_read_whole():
    got = read(
        ofx(transaction("-1.5", "20260302120000[-5:EST]", FITID="F1", CHECKNUM="77", NAME="Ada", MEMO="Rent"))
    )
    start = got.starts[0]
    assert (start.account, start.currency, start.number) == ("12-34", "USD", "")
    assert (start.from_date, start.to_date) == (date(2026, 3, 1), date(2026, 3, 31))
    assert got.row == {
        "line_no": 1,
        "date": date(2026, 3, 2),
        "value_date": None,
        "date_inferred": False,
        "amount": 150,
        "direction": "debit",
        "currency": "USD",
        "decimal_places": 2,
        "reference": "77",
        "description": "Rent",
        "counterparty": "Ada",
        "external_id": "F1",
        "end_to_end_id": "",
        "metadata": '{"transaction_type":"DEP","posted_at":"20260302120000[-5:EST]","cheque_number":"77"}',
    }
    assert (got.end.opening, got.end.closing) == (None, Balance(-1050, date(2026, 3, 31), "LEDGERBAL", "USD"))


@pytest.mark.parametrize(
    "written",
    [
        "20260302",
        "202603022359",
        "20260302235959",
        "20260302235959.999",
        "20260302235959[-8:PST]",
        "20260302000000.000[+9.5]",
    ],
)
def test_a_day_is_as_it_is_written(written):
    assert line_of(day=written)["date"] == date(2026, 3, 2)


@pytest.mark.parametrize("written", ["", "20260230", "2026", "02.03.2026", "20260302996060", "00000000"])
def test_a_date_that_cannot_be_read_is_an_error(written):
    assert [name for _, name in faults(ofx(transaction(day=written)))] == ["DTPOSTED"]


@pytest.mark.parametrize(
    ("written", "minor"),
    [("1.50", 150), ("+1.50", 150), ("-1,5", -150), ("7", 700), ("-.5", -50), ("1.50000", 150), ("0", 0)],
)
def test_amounts_have_a_point_or_a_comma_before_the_decimals(written, minor):
    row = line_of(written)
    assert (row["amount"], row["direction"]) == (abs(minor), "debit" if minor < 0 else "credit")


@pytest.mark.parametrize(
    "written", ["", "1,234.50", "1.234,50", "1,234", "1.005", "1,2,3", "x", "1e3", "NaN", "$1"]
)
def test_an_amount_that_is_none_is_an_error_and_thousands_are_never_guessed(written):
    assert [name for _, name in faults(ofx(transaction(written)))] == ["TRNAMT"]


def test_without_a_tag_it_is_an_error_too():
    assert faults(ofx("<TRNTYPE>DEP<DTPOSTED>20260302")) == [(7, "TRNAMT")]
    assert faults(ofx("<TRNTYPE>DEP<TRNAMT>1")) == [(7, "DTPOSTED")]


@pytest.mark.parametrize("name", ["TRNAMT", "DTPOSTED", "FITID"])
def test_what_a_transaction_says_twice_is_an_error(name):
    assert faults(ofx(transaction(FITID="F") + f"<{name}>20260302")) == [(7, name)]


def test_values_without_closing_tags_and_empty_ones_are_read():
    row = read(ofx("<NAME>\n<TRNTYPE>DEP\n<CHECKNUM>\n<DTPOSTED>20260302\n<MEMO>\n<TRNAMT>1\n<FITID>F")).row
    assert (row["amount"], row["external_id"], row["counterparty"], row["reference"]) == (100, "F", "", "")


def test_aggregates_of_others_give_nothing_to_the_transaction():
    inner = "<IMAGEDATA><NAME>No</NAME><TRNAMT>99</TRNAMT></IMAGEDATA>"
    row = read(ofx(inner + transaction(MEMO="Yes"))).row
    assert (row["amount"], row["counterparty"], row["description"]) == (150, "", "Yes")


def test_the_payee_is_a_name_or_an_aggregate_with_one():
    row = read(ofx(transaction() + "<PAYEE><NAME>Ada<CITY>X</PAYEE><BANKACCTTO><ACCTID>99</BANKACCTTO>")).row
    assert (row["counterparty"], json.loads(row["metadata"])["counterparty_account"]) == ("Ada", "99")


def test_a_transaction_in_another_currency_says_so():
    own = "<CURRENCY><CURRATE>1.1<CURSYM>EUR</CURRENCY>"
    assert read(ofx(transaction() + own)).row["currency"] == "EUR"
    row = read(ofx(transaction() + own.replace("CURRENCY", "ORIGCURRENCY"))).row
    assert (row["currency"], json.loads(row["metadata"])["original_currency"]) == ("USD", "EUR")


def test_value_day_and_reference_number():
    row = line_of(DTAVAIL="20260304", REFNUM="R-1", CHECKNUM="7")
    assert (row["value_date"], row["reference"]) == (date(2026, 3, 4), "R-1")


@pytest.mark.parametrize(
    ("written", "text"),
    [("A &amp; B", "A & B"), ("A & B", "A & B"), ("&#233;&lt;&#x41;", "é<A"), ("&bad;&#0;", "&bad;&#0;")],
)
def test_only_known_entities_stand_for_signs(written, text):
    assert line_of(MEMO=written)["description"] == text


def test_xml_reads_the_same_with_comments_and_cdata():
    content = ofx(
        "<!-- <TRNAMT>9 --><TRNTYPE>DEP</TRNTYPE><DTPOSTED>20260302</DTPOSTED><TRNAMT>1.50</TRNAMT>"
        "<MEMO><![CDATA[A <b> & c]]></MEMO><NAME/>",
        head=XML,
    )
    row = read(content).row
    assert (row["amount"], row["description"], row["counterparty"]) == (150, "A <b> & c", "")


def test_several_statements_of_banks_and_cards_are_apart():
    one = ofx(transaction())
    card = (
        one.replace("STMTRS", "CCSTMTRS")
        .replace("STMTTRNRS", "CCSTMTTRNRS")
        .replace("BANKACCTFROM", "CCACCTFROM")
    )
    body = card[len(SGML) + 5 :].replace("12-34", "4111")
    got = read(one.replace("</OFX>\n", "") + body)
    assert [start.account for start in got.starts] == ["12-34", "4111"]
    assert [end.lines for end in got.ends] == [1, 1]


@pytest.mark.parametrize(
    ("header", "content", "text"),
    [
        ("CHARSET:1252", "caf\xe9".encode("cp1252"), "café"),
        ("CHARSET:1250", "Łódź".encode("cp1250"), "Łódź"),
        ("CHARSET:ISO-8859-1", "caf\xe9".encode("latin-1"), "café"),
        ("CHARSET:8859-1", "caf\xe9".encode("latin-1"), "café"),
        ("CHARSET:1252", "café".encode(), "café"),
        ("CHARSET:NONE", "café".encode(), "café"),
    ],
)
def test_the_declared_encoding_is_read_and_utf8_is_known(header, content, text):
    whole = ofx(transaction(MEMO="@"), head=SGML.replace("CHARSET:1252", header)).encode()
    assert read(whole.replace(b"@", content)).row["description"] == text


@pytest.mark.parametrize("charset", ["1259", "8859-99", "ZZ", "UTF-7"])
def test_a_header_that_names_an_unknown_encoding_is_refused(charset):
    whole = ofx(transaction(), head=SGML.replace("1252", charset))
    assert refused(whole).code == "file.encoding"


def test_an_encoding_that_is_not_declared_is_refused():
    whole = ofx(transaction(MEMO="@"), head="").encode().replace(b"@", b"caf\xe9")
    assert refused(whole).code == "file.encoding"
    assert read(whole, encoding="cp1252").row["description"] == "café"


def test_without_currency_the_ledgers_is_taken_or_the_file_refused():
    content = ofx(transaction(), account=ACCOUNT.replace("<CURDEF>USD", ""))
    assert read(content, currency="CHF").row["currency"] == "CHF"
    assert refused(content, currency=None).code == "file.currency"
    assert faults(content.replace("<STMTRS>", "<STMTRS><CURDEF>US$"))[0][1] == "CURDEF"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("</OFX>", "", "file.cut_off"),
        ("</OFX>", "</OFX><OFX></OFX>", "file.structure"),
        ("</STMTTRN>", "", "file.structure"),
        ("<STMTTRN>", "", "file.structure"),
        ("</STMTRS>", "", "file.structure"),
        ("<STMTRS>", "<STMTRS><STMTRS>", "file.structure"),
        ("<DTPOSTED>", "< DTPOSTED>", "file.structure"),
        ("<DTPOSTED>", "<%>", "file.structure"),
        ("<OFX>", "<!DOCTYPE OFX [<!ENTITY x 'y'>]><OFX>", "file.dtd"),
        ("<STMTRS>", "<INVSTMTRS>", "file.investment"),
        ("<BALAMT>-10.5", "<BALAMT>much", "file.rows"),
        ("20260331235959", "31/03/2026", "file.rows"),
        ("<DTSTART>20260301", "<DTSTART>March", "file.rows"),
        ("<TRNTYPE>DEP", "text", "file.rows"),
        (BALANCE, BALANCE + BALANCE, "file.rows"),
    ],
)
def test_what_is_broken_is_refused(old, new, code):
    content = ofx(transaction())
    assert old in content
    assert refused(content.replace(old, new, 1), format="ofx").code == code


def test_a_bank_that_answers_with_an_error_is_quoted():
    error = "<STATUS><CODE>2000<SEVERITY>ERROR<MESSAGE>Account closed</STATUS>"
    refusal = refused(ofx(response=error))
    assert refusal.code == "file.empty"
    assert "Account closed" in refusal.message


def test_a_file_without_statements_is_refused():
    assert refused(SGML + "<OFX><SIGNONMSGSRSV1></SIGNONMSGSRSV1></OFX>").code == "file.empty"
