"""MT940 and MT942 read rightly: marks, dates without a year, pages, envelopes, totals."""

import json
from datetime import date

import pytest

from ledgers.formats import Balance
from tests.ledgers.formats.mt_messages import CLOSING, HEAD, line_of, mt940
from tests.ledgers.formats.reading import faults, read, refused


def test_a_statement_is_read_whole():
    got = read(
        mt940(
            ":61:2603020303D12,5NTRFOWN-1//BANK-1",
            "more of it",
            ":86:Rent",
            closing=":62F:C260331EUR87,50\r\n",
        )
    )
    start = got.starts[0]
    assert (start.account, start.currency) == ("DE02120300000000202051", "EUR")
    assert (start.number, start.sequence) == ("REF-1", "7")
    assert got.row == {
        "line_no": 5,
        "date": date(2026, 3, 3),
        "value_date": date(2026, 3, 2),
        "date_inferred": False,
        "amount": 1250,
        "direction": "debit",
        "currency": "EUR",
        "decimal_places": 2,
        "reference": "OWN-1",
        "description": "Rent",
        "counterparty": "",
        "external_id": "BANK-1",
        "end_to_end_id": "",
        "metadata": '{"transaction_type":"NTRF","customer_reference":"OWN-1","supplementary":"more of it"}',
    }
    assert got.end.opening == Balance(10000, date(2026, 3, 1), "60F", "EUR")
    assert got.end.closing == Balance(8750, date(2026, 3, 31), "62F", "EUR")


@pytest.mark.parametrize(
    ("mark", "direction"),
    [
        ("C", "credit"),
        ("D", "debit"),
        ("RC", "debit"),
        ("RD", "credit"),
        ("CR", "credit"),
        ("DR", "debit"),
        ("RCR", "debit"),
    ],
)
def test_a_reversed_credit_is_a_debit_and_a_funds_letter_changes_nothing(mark, direction):
    row = line_of(f":61:2603020302{mark}10,NTRFNONREF")
    assert (row["direction"], row["amount"]) == (direction, 1000)
    assert ("reversal" in json.loads(row["metadata"])) is (mark[0] == "R")


def test_expected_lines_are_counted_and_passed_over():
    end = read(
        mt940(":61:2603020302EC10,NTRFNONREF", ":61:2603020302ED10,NTRFNONREF", ":61:2603020302C5,NTRFNONREF")
    ).end
    assert (end.lines, end.credit_sum, end.pending) == (1, 500, 2)


@pytest.mark.parametrize(
    ("written", "booked", "value"),
    [
        ("2512310102", date(2026, 1, 2), date(2025, 12, 31)),
        ("2601021231", date(2025, 12, 31), date(2026, 1, 2)),
        ("2402280229", date(2024, 2, 29), date(2024, 2, 28)),
        ("260302", date(2026, 3, 2), date(2026, 3, 2)),
        ("260302    ", date(2026, 3, 2), date(2026, 3, 2)),
        ("7912311231", date(2079, 12, 31), date(2079, 12, 31)),
        ("8001010101", date(1980, 1, 1), date(1980, 1, 1)),
        ("1602300301", date(2016, 3, 1), None),
    ],
    ids=[
        "turn of the year",
        "back over it",
        "leap day",
        "no entry date",
        "blanks",
        "2079",
        "1980",
        "30 February",
    ],
)
def test_the_entry_date_takes_its_year_from_the_value_date(written, booked, value):
    row = line_of(f":61:{written}C1,NTRFNONREF")
    assert (row["date"], row["value_date"]) == (booked, value)


def test_a_value_date_of_interest_reckoning_is_kept_as_it_is_stated():
    assert (
        json.loads(line_of(":61:1602300301C1,NTRFNONREF")["metadata"])["value_date_as_stated"] == "2016-02-30"
    )


@pytest.mark.parametrize(
    "line",
    [
        "2302290229C1,NTRFNONREF",
        "2602300230C1,NTRFNONREF",
        "2613010101C1,NTRFNONREF",
        "2603020915C1,NTRFNONREF",
        "2603020302X1,NTRFNONREF",
        "2603020302C1.00NTRFNONREF",
        "2603020302C,50NTRFNONREF",
        "2603020302C-1,NTRFNONREF",
        "2603020302C1,",
        "2603020302C1,001NTRFNONREF",
        "2603020302C99999999999999999999,NTRFNONREF",
        "260302C1,0,0NTRFNONREF",
    ],
)
def test_a_line_that_cannot_be_read_is_an_error_that_names_it(line):
    assert set(faults(mt940(f":61:{line}"))) == {(5, ":61:")}


@pytest.mark.parametrize(
    "line", ["2603020302C5NTRFNONREF", "2603020302C000000000005,00NONREF", "2603020302C5,N012NONREF"]
)
def test_what_banks_write_otherwise_is_read(line):
    assert line_of(f":61:{line}")["amount"] == 500


def test_the_currency_says_how_many_decimals_an_amount_has():
    yen = mt940(
        ":61:2603020302C1250,NTRFNONREF",
        opening=":60F:C260301JPY1000,\r\n",
        closing=":62F:C260331JPY2250,\r\n",
    )
    assert read(yen, currency=None).row["amount"] == 1250
    assert faults(yen.replace("C1250,", "C1250,5"), currency=None) == [(5, ":61:")]


def test_pages_of_one_statement_are_joined():
    page = ":20:REF-2\r\n:25:DE02120300000000202051\r\n:28C:7/2\r\n"
    got = read(
        mt940(":61:2603020302C1,NTRFNONREF", closing=":62M:C260331EUR101,00\r\n")
        + mt940(
            ":61:2603020302C2,NTRFNONREF",
            head=page,
            opening=":60M:C260331EUR101,\r\n",
            closing=":62F:C260331EUR103,\r\n",
        )
    )
    assert (len(got.starts), got.end.lines) == (1, 2)
    assert (got.end.opening.kind, got.end.closing.kind) == ("60F", "62F")
    assert got.end.closing.amount_signed_minor == 10300


@pytest.mark.parametrize(
    ("head", "opening"),
    [
        (HEAD.replace("7/1", "7/3"), ":60M:C260331EUR101,\r\n"),
        (HEAD.replace("7/1", "8/2"), ":60M:C260331EUR101,\r\n"),
        (HEAD.replace("7/1", "7/2").replace("DE02", "DE03"), ":60M:C260331EUR101,\r\n"),
        (HEAD.replace("7/1", "7/2"), ":60M:C260331EUR101,01\r\n"),
        (HEAD.replace("7/1", "7/2"), ":60F:C260331EUR101,\r\n"),
    ],
    ids=["page missing", "other number", "other account", "other balance", "not a page"],
)
def test_what_is_not_the_next_page_is_a_statement_of_its_own(head, opening):
    first = mt940(closing=":62M:C260331EUR101,00\r\n")
    assert [end.closing.kind for end in read(first + mt940(head=head, opening=opening)).ends] == [
        "62M",
        "62F",
    ]


@pytest.mark.parametrize(
    "content",
    [
        "{1:F01B}{2:I940BN}{3:{108:X}}{4:\r\n"
        + mt940(":61:2603020302C1,NTRFNONREF")[:-3]
        + "-}{5:{MAC:0}{CHK:0}}\x03",
        "\x01{1:F01B}\n{2:O940N}\n{4:\n" + mt940(":61:2603020302C1,NTRFNONREF")[:-3] + "-}",
        mt940(":61:2603020302C1,NTRFNONREF").replace("\r\n", "\r"),
        mt940(":61:2603020302C1,NTRFNONREF").replace("\r\n", "\n\n"),
        "BANK\r\n940\r\nBANK\r\n" + mt940(":61:2603020302C1,NTRFNONREF")[:-3],
    ],
    ids=["envelope", "envelope over lines", "CR", "blank lines", "lines before"],
)
def test_envelopes_and_line_ends_change_nothing(content):
    got = read(content)
    assert (got.end.lines, got.end.credit_sum) == (1, 100)


def test_messages_one_behind_the_other_in_envelopes_are_apart():
    one = "{1:F01B}{2:I940BN}{4:\r\n" + mt940()[:-3] + "-}"
    assert len(read(one + one.replace("7/1", "8/1")).ends) == 2


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (mt940(closing=""), "file.cut_off"),
        (mt940(opening=""), "file.cut_off"),
        (HEAD, "file.cut_off"),
        ("{1:F01B}{2:I940BN}{4:\r\n" + mt940()[:-3], "file.cut_off"),
        (mt940(":61:2603020302C1,NTRFNONREF", closing=":62F:C260331EUR10")[:-3], "file.cut_off"),
        (mt940(closing=":62F:C261399EUR1,\r\n"), "file.rows"),
        (mt940(closing=":62F:C260331USD100,\r\n"), "file.rows"),
        (mt940(closing=CLOSING + CLOSING), "file.rows"),
        (mt940(head=HEAD + ":25:DE9\r\n"), "file.rows"),
        (mt940("no field"), "file.rows"),
        (mt940(closing=CLOSING + ":61:2603020302C1,NTRFNONREF\r\n"), "file.rows"),
        (mt940() + ":61:2603020302C1,NTRFNONREF\r\n", "file.rows"),
    ],
)
def test_a_message_that_is_not_whole_is_refused(content, code):
    assert refused(content).code == code


def test_the_last_balance_without_a_line_break_is_taken_where_it_is_sure():
    assert read(mt940()[:-5]).end.closing.amount_signed_minor == 10000
    assert (
        read(mt940(closing=":62F:C260331EUR100")[:-3]).end.closing.amount_signed_minor == 10000
    )  # it adds up


@pytest.mark.parametrize(
    ("written", "account"),
    [
        ("NL92 KNAB 0123 4567 89", "NL92KNAB0123456789"),
        ("NL47INGB0001212121EUR", "NL47INGB0001212121"),
        ("2121.21.211 EUR", "2121.21.211"),
        ("45050050/76198810", "45050050/76198810"),
        ("NEUR", "NEUR"),
    ],
)
def test_the_account_stands_without_blanks_and_without_its_currency(written, account):
    assert read(mt940(head=HEAD.replace("DE02120300000000202051", written))).starts[0].account == account


def test_a_bank_that_does_not_number_states_no_number():
    assert read(mt940(head=HEAD.replace("7/1", "00000/00"))).starts[0].sequence == ""


def test_text_that_looks_like_an_unknown_tag_or_an_end_is_text():
    text = line_of(":61:2603020302C1,NTRFNONREF", ":86:at 13", ":12:11", "-ID: 7", ":86:more")["description"]
    assert text == "at 13 :12:11 -ID: 7 more"


def test_information_about_the_statement_is_no_lines():
    got = read(
        mt940(
            ":61:2603020302C1,NTRFNONREF",
            closing=CLOSING + ":64:C260331EUR9,\r\n:65:C260401EUR9,\r\n:86:hello\r\n",
        )
    )
    assert got.row["description"] == ""


MT942 = HEAD + ":34F:EUR0,\r\n:13D:2603311200+0100\r\n"


def test_an_interim_report_has_lines_and_no_balances():
    got = read(
        MT942 + ":61:2603020302C1,NTRFNONREF\r\n:86:Rent\r\n:90D:0EUR0,\r\n:90C:1EUR1,\r\n", currency=None
    )
    assert (got.end.opening, got.end.closing, got.end.lines) == (None, None, 1)
    assert (got.row["currency"], got.row["description"]) == ("EUR", "Rent")


@pytest.mark.parametrize("total", [":90C:2EUR1,", ":90C:1EUR1,01", ":90D:1EUR1,"])
def test_an_interim_report_whose_totals_disagree_is_refused(total):
    assert refused(MT942 + f":61:2603020302C1,NTRFNONREF\r\n{total}\r\n").code == "file.totals"


def test_totals_may_count_what_is_expected_or_not():
    lines = ":61:2603020302C1,NTRFNONREF\r\n:61:2603020302EC5,NTRFNONREF\r\n"
    assert (
        read(MT942 + lines + ":90C:1EUR1,\r\n").end.pending
        == read(MT942 + lines + ":90C:2EUR6,\r\n").end.pending
        == 1
    )


def test_an_interim_report_without_totals_must_show_its_end():
    line = ":61:2603020302C1,NTRFNONREF\r\n"
    assert refused(MT942 + line).code == "file.cut_off"
    assert read(MT942 + line + "-\r\n").end.lines == 1


def test_a_report_that_names_no_currency_takes_the_ledgers_or_is_refused():
    content = HEAD + ":13D:2603311200+0100\r\n:61:2603020302C1,NTRFNONREF\r\n-\r\n"
    assert read(content, currency="CHF", format="mt942").row["currency"] == "CHF"
    assert refused(content, currency=None, format="mt942").code == "file.currency"


def test_an_encoding_that_is_not_utf8_is_declared():
    content = mt940(":61:2603020302C1,NTRFNONREF", ":86:Miete für Łódź")
    assert read(content).row["description"] == "Miete für Łódź"
    assert refused(content.encode("iso-8859-2")).code == "file.encoding"
    assert read(content.encode("iso-8859-2"), encoding="iso-8859-2").row["description"] == "Miete für Łódź"
    assert read(content, encoding="iso-8859-2").row["description"] == "Miete für Łódź"  # UTF-8 after all
    assert refused(content.encode() + "ü".encode("latin-1"), encoding="latin-1").code == "file.encoding"
    assert refused(content, encoding="utf-7").code == "file.encoding"
