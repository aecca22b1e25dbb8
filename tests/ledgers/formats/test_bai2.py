"""BAI2 read rightly: levels, directions, funds types, continuations, and control totals that must agree."""

import json
from datetime import date

import pytest

from ledgers.formats import Balance
from tests.ledgers.formats.reading import faults, read, refused


def bai2(
    *lines: str,
    total: int,
    status: str = "1",
    currency: str = "USD",
    records: int | None = None,
    version: str = "2",
):
    """A file of one group with one account whose lines are these."""
    count = (len(lines) if records is None else records) + 2
    return "\n".join(
        [
            f"01,BANK,US,260401,0600,1,,,{version}/",
            f"02,US,BANK,{status},260331,2359,{currency},2/",
            "03,123 456,,010,1000,,,015,1500,,/",
            *lines,
            f"49,{total + 2500},{count}/",
            f"98,{total + 2500},1,{count + 2}/",
            f"99,{total + 2500},1,{count + 4}/",
        ]
    )


def line_of(*lines: str, total: int) -> dict:
    return read(bai2(*lines, total=total), currency=None).row


def test_an_account_is_a_statement():
    got = read(bai2("16,195,500,,BANK-1,OWN-1,Wire in/", total=500), currency=None)
    start = got.starts[0]
    assert (start.account, start.currency) == ("123 456", "USD")
    assert start.from_date == start.to_date == date(2026, 3, 31)
    assert got.end.opening == Balance(1000, date(2026, 3, 31), "010", "USD")
    assert got.end.closing == Balance(1500, date(2026, 3, 31), "015", "USD")
    assert got.row == {
        "line_no": 4,
        "date": date(2026, 3, 31),
        "value_date": None,
        "date_inferred": False,
        "amount": 500,
        "direction": "credit",
        "currency": "USD",
        "decimal_places": 2,
        "reference": "OWN-1",
        "description": "Wire in",
        "counterparty": "",
        "external_id": "BANK-1",
        "end_to_end_id": "",
        "metadata": '{"type_code":"195"}',
    }


@pytest.mark.parametrize(
    ("code", "direction"),
    [
        ("101", "credit"),
        ("399", "credit"),
        ("401", "debit"),
        ("699", "debit"),
        ("920", "credit"),
        ("960", "debit"),
    ],
)
def test_the_type_code_says_the_direction(code, direction):
    assert line_of(f"16,{code},500,,,,/", total=500)["direction"] == direction


@pytest.mark.parametrize("code", ["100", "400", "010", "720", "900"])
def test_a_type_code_without_direction_is_an_error(code):
    assert faults(bai2(f"16,{code},500,,,,/", total=500)) == [(4, "16")]


def test_text_without_money_is_no_line():
    assert read(bai2("16,890,0,,,,Note/", total=0)).rows == []


@pytest.mark.parametrize(
    ("funds", "value"),
    [("", None), ("0", None), ("1", None), ("Z", None), ("S,100,200,200", None), ("V,260402,1200", date(2026, 4, 2)),
     ("V,260402,", date(2026, 4, 2)), ("D,2,0,300,1,200", None)],
)  # fmt: skip
def test_funds_types_have_their_fields(funds, value):
    row = line_of(f"16,195,500,{funds},BANK,OWN,a, text/", total=500)
    assert (row["value_date"], row["external_id"], row["reference"]) == (value, "BANK", "OWN")
    assert row["description"] == "a, text"
    assert json.loads(row["metadata"]).get("funds_type", "") == funds[:1]


def test_a_record_goes_on_in_continuations():
    row = line_of("16,115,500,S,100,200/", "88,200,BANK/", "88,OWN,LOCK/", "88,BOX, NO. 7", total=500)
    assert (row["external_id"], row["reference"], row["description"]) == ("BANK", "OWN", "LOCK BOX, NO. 7")


def test_summaries_go_on_in_continuations_wherever_the_line_ends():
    content = bai2("88,100,200,1,0,400/", "88,-300,,,,/", "88,190,70,4,D,2,0,20,1,50/", total=-30)
    assert read(content).rows == []


@pytest.mark.parametrize("funds", ["X", "D,x", "D"])
def test_an_unknown_funds_type_is_an_error(funds):
    assert faults(bai2(f"16,195,500,{funds},,,/", total=500))[0] == (4, "16")


@pytest.mark.parametrize("amount", ["", "5.00", "x", "١"])
def test_an_amount_that_is_none_is_an_error(amount):
    assert faults(bai2(f"16,195,{amount},,,,/", total=0))[0] == (4, "16")


def test_an_amount_below_zero_beside_a_direction_is_an_error():
    assert faults(bai2("16,195,-500,,,,/", total=-500)) == [(4, "16 amount")]


@pytest.mark.parametrize(
    "changed",
    [("49,3000", "49,3001"), ("98,3000", "98,3001"), ("99,3000", "99,3001"), (",3/\n98", ",4/\n98"), (",1,5/", ",2,5/"),
     (",1,5/", ",1,6/"), (",1,7/", ",2,7/"), (",1,7/", ",1,8/"), ("16,195,500", "16,195,501"), ("49,3000", "49,"), ("010,1000", "010,1001")],
)  # fmt: skip
def test_totals_and_counts_that_disagree_are_refused(changed):
    content = bai2("16,195,500,,,,/", total=500)
    assert changed[0] in content
    refusal = refused(content.replace(*changed, 1))
    assert refusal.code == "file.totals"


def test_a_total_may_be_left_out_where_nothing_is_added():
    content = bai2(total=0).replace(",010,1000,,,015,1500,,", ",").replace("2500", "0").replace("49,0", "49,")
    assert read(content).end.lines == 0


def test_several_groups_and_accounts_are_statements_of_their_own():
    content = "\n".join(
        [
            "01,B,U,260401,0600,1,,,2/",
            *("02,U,B,1,260330,,EUR,2/", "03,1,,,,,/", "16,195,1,,,,a/", "49,1,3/"),
            *("03,2,USD,,,,/", "16,495,2,,,,b/", "49,2,3/", "98,3,2,8/"),
            *("02,U,B,1,260331,,EUR,2/", "03,1,,,,,/", "16,195,4,,,,c/", "49,4,3/", "98,4,1,5/"),
            "99,7,2,15/",
        ]
    )
    got = read(content)
    assert [(start.account, start.currency, start.from_date.day) for start in got.starts] == [
        ("1", "EUR", 30),
        ("2", "USD", 30),
        ("1", "EUR", 31),
    ]
    assert [row["date"].day for row in got.rows] == [30, 30, 31]


def test_the_currency_is_the_accounts_else_the_groups_else_the_ledgers_and_never_guessed():
    content = bai2("16,195,500,,,,/", total=500, currency="")
    assert read(content, currency="CAD").starts[0].currency == "CAD"
    assert refused(content, currency=None).code == "file.currency"
    yen = read(content.replace("03,123 456,,", "03,123 456,JPY,"), currency=None)
    assert (yen.row["amount"], yen.row["decimal_places"]) == (500, 0)


@pytest.mark.parametrize("status", ["2", "4", ""])
def test_deleted_and_test_groups_are_refused(status):
    assert refused(bai2(total=0, status=status)).code == "file.structure"


def test_another_version_is_refused():
    assert refused(bai2(total=0, version="1")).code == "file.structure"


@pytest.mark.parametrize("place", range(1, 8))
def test_a_file_without_its_last_records_is_refused(place):
    content = bai2("16,195,500,,,,a/", total=500).split("\n")
    assert refused("\n".join(content[:-place]), format="bai2").code in {"file.cut_off", "file.empty"}


@pytest.mark.parametrize("missing", range(7))
def test_a_record_that_is_missing_is_noticed(missing):
    content = bai2("16,195,500,,,,a/", total=500).split("\n")
    del content[missing]
    assert refused("\n".join(content), format="bai2").code in {
        "file.structure",
        "file.totals",
        "file.cut_off",
    }


def test_a_line_without_a_record_code_is_an_error():
    assert (4, "") in faults(bai2("what is this", total=0, records=0))


def test_an_as_of_date_that_is_none_is_an_error():
    assert faults(bai2(total=0).replace("260331", "260231"))[0] == (2, "02")
