"""QIF read rightly: what the format leaves open is certain from the file, declared, or asked; never guessed."""

import json
from datetime import date

import pytest

from ledgers.formats import Balance
from tests.ledgers.formats.reading import faults, read, refused


def qif(*records: str, head: str = "!Type:Bank\n") -> str:
    """Records with their lines parted by blanks: `D2026-03-02 T1 PAda`."""
    return head + "".join("\n".join(record.split(" ")) + "\n^\n" for record in records)


def test_a_register_is_a_statement():
    head = "!Account\nNChecking\nDMine\nTBank\n^\n!Type:Bank\n"
    got = read(
        head
        + "D2026-03-02\nT-1,250.50\nU-1,250.50\nN77\nPAda Ltd\nMRent\nAStreet\nACity\nLHome:Rent\nC*\n^\n"
    )
    assert (got.starts[0].account, got.starts[0].currency) == ("Checking", "EUR")
    assert got.row == {
        "line_no": 7,
        "date": date(2026, 3, 2),
        "value_date": None,
        "date_inferred": False,
        "amount": 125050,
        "direction": "debit",
        "currency": "EUR",
        "decimal_places": 2,
        "reference": "77",
        "description": "Rent",
        "counterparty": "Ada Ltd",
        "external_id": "",
        "end_to_end_id": "",
        "metadata": '{"category":"Home:Rent","cleared":"*","address":"Street, City"}',
    }
    assert (got.end.opening, got.end.closing) == (None, None)


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2026-03-02", date(2026, 3, 2)),
        ("2026/3/2", date(2026, 3, 2)),
        ("03/25/2026", date(2026, 3, 25)),
        ("25.03.2026", date(2026, 3, 25)),
        ("25/03/26", date(2026, 3, 25)),
        ("12/31/98", date(1998, 12, 31)),
        ("1/15'26", date(2026, 1, 15)),
        ("1/15' 4", date(2004, 1, 15)),
        ("1/15'2004", date(2004, 1, 15)),
        ("3/3/2026", date(2026, 3, 3)),
    ],
)
def test_a_date_that_can_only_be_one_day_is_read(written, day):
    assert read("!Type:Bank\nD" + written + "\nT1\n^\n").row["date"] == day


def test_a_date_that_can_be_two_days_is_refused_naming_what_to_declare():
    content = qif("D3/3/2026 T1", "D03/04/2026 T1")
    refusal = refused(content)
    assert refusal.code == "file.ambiguous"
    assert "date_order" in refusal.message
    assert "2026-04-03 or 2026-03-04" in refusal.message
    assert read(content, date_order="dmy").column("date")[1] == date(2026, 4, 3)
    assert read(content, date_order="mdy").column("date")[1] == date(2026, 3, 4)


def test_one_date_that_shows_the_order_shows_it_for_the_whole_file():
    head = "!Type:CCard\n"
    got = read(qif("D03/04/2026 T1") + qif("D12/31/2026 T2", head=head) + qif("D05/06/2026 T3", head=head))
    assert got.column("date") == [date(2026, 3, 4), date(2026, 12, 31), date(2026, 5, 6)]
    assert [end.lines for end in got.ends] == [1, 1, 1]


def test_dates_that_show_both_orders_are_errors():
    assert faults(qif("D12/31/2026 T1", "D31/12/2026 T1")) == [(5, "D")]
    assert faults(qif("D12/31/2026 T1"), date_order="dmy") == [(2, "D")]


@pytest.mark.parametrize(
    "written", ["", "31/31/2026", "2026-02-30", "3/4", "1/15'99", "1-2/2026", "soon", "13/00/2026"]
)
def test_a_date_that_is_none_is_an_error(written):
    assert faults("!Type:Bank\nD" + written + "\nT1\n^\n") == [(2, "D")]


@pytest.mark.parametrize(
    ("written", "minor"),
    [
        ("1", 100),
        ("-1.5", -150),
        ("+1.50", 150),
        ("1,50", 150),
        ("1,234.50", 123450),
        ("1.234,50", 123450),
        ("1,234,567.00", 123456700),
        ("1.234.567", 123456700),
        (".50", 50),
    ],
)
def test_an_amount_whose_marks_can_mean_one_thing_is_read(written, minor):
    row = read(qif(f"D2026-03-02 T{written}")).row
    assert (row["amount"], row["direction"]) == (abs(minor), "debit" if minor < 0 else "credit")


@pytest.mark.parametrize(
    "written", ["1,234", "1.234", "", "1,23,4.5", "1.2.3,4,5", "--1", "$5", "1e5", "1 000", "1.005"]
)
def test_an_amount_that_is_none_or_can_be_two_is_an_error(written):
    assert faults("!Type:Bank\nD2026-03-02\nT" + written + "\n^\n") == [(2, "T")]


def test_a_decimal_mark_is_declared_or_shown_by_another_amount():
    content = qif("D2026-03-02 T1,234")
    assert read(content, decimal_mark=".").row["amount"] == 123400
    assert faults(content, decimal_mark=",") == [(2, "T")]  # 1.234 EUR
    assert read(qif("D2026-03-02 T5.10") + qif("D2026-03-02 T1,234", head="")).column("amount") == [
        510,
        123400,
    ]
    assert faults(qif("D2026-03-02 T5.10", "D2026-03-02 T5,10"))[0] == (5, "T")


def test_parts_add_up_to_their_transaction():
    record = "D2026-03-02 T-10.00 SFood $-9.00 EBread SHome $-1.00"
    splits = json.loads(read(qif(record)).row["metadata"])["splits"]
    assert splits == [
        {"category": "Food", "amount": "-9.00", "memo": "Bread"},
        {"category": "Home", "amount": "-1.00"},
    ]
    assert faults(qif(record.replace("-9.00", "-8.00"))) == [(2, "$")]


def test_the_balance_with_which_a_register_begins_is_no_line():
    opening = "D2026-03-01\nT100.00\nPOpening Balance\nL[Checking]\n^\n"
    end = read("!Type:Bank\n" + opening + "D2026-03-02\nT1.00\n^\n").end
    assert (end.opening, end.lines) == (Balance(10000, date(2026, 3, 1), "Opening Balance", "EUR"), 1)


def test_lists_and_options_beside_the_registers_are_passed_over():
    lists = "!Option:AutoSwitch\n!Account\nNA\nTBank\n^\n!Clear:AutoSwitch\n!Type:Cat\nNFood\nE\n^\n!Type:Security\nNX\nPanything\n^\n"
    got = read("# by hand\n\n" + lists + "!Account\nNA\nTBank\n^\n" + qif("D2026-03-02 T1"))
    assert (len(got.starts), got.starts[0].account) == (1, "A")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("!Type:Invst\nD1/1/2026\n^\n", "file.investment"),
        ("!Type:Other\nD1/1/2026\n^\n", "file.structure"),
        ("!Type:Cat\nNFood\n^\n", "file.empty"),
        ("!Type:Bank\nD2026-03-02\nT1\n", "file.cut_off"),
        ("!Type:Bank\nD2026-03-02\nT1\n!Type:Bank\n", "file.rows"),
        ("D2026-03-02\nT1\n^\n!Type:Bank\n", "file.rows"),
        ("!Type:Bank\nD2026-03-02\nT1\nD2026-03-02\nT1\n^\n", "file.rows"),
        ("!Type:Bank\nD2026-03-02\nT1\nU2\n^\n", "file.rows"),
        ("!Type:Bank\nD2026-03-02\nT1\nwhat\n^\n", "file.rows"),
        ("!Type:Cat\nNFood\n^\nPType:Bank\n", "file.rows"),
    ],
)
def test_what_is_not_whole_or_no_register_is_refused(content, code):
    assert refused(content, format="qif").code == code


def test_a_file_that_names_no_currency_needs_the_ledgers():
    assert refused(qif("D2026-03-02 T1"), currency=None).code == "file.currency"


def test_an_unknown_declaration_is_our_own_fault():
    with pytest.raises(ValueError, match="date_order"):
        read(qif("D2026-03-02 T1"), date_order="ymd")
