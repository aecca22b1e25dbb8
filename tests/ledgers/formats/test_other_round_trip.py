"""Any lines written as MT940, MT942, BAI2, OFX or QIF read back the same."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ledgers.formats.other_files import bai2, mt940, mt942, ofx, qif
from tests.ledgers.formats.other_rows import statements
from tests.ledgers.formats.reading import Reading, read

EXAMPLES = settings(max_examples=20, deadline=None)


def assert_same(wanted, got: Reading, *, without: tuple[str, ...] = ()) -> None:
    assert [end.lines for end in got.ends] == [len(rows) for rows in wanted]
    for row, line in zip([row for rows in wanted for row in rows], got.rows, strict=True):
        kept = {name: value for name, value in row.items() if name not in without}
        assert {name: line[name] for name in kept} == kept
        assert line["currency"] == "EUR"


@given(statements, st.integers(1, 5), st.booleans())
@EXAMPLES
def test_mt940_reads_back_the_same(wanted, page, envelope):
    got = read(mt940(wanted, page=page, envelope=envelope), format="mt940")
    assert_same(wanted, got)
    for end in got.ends:
        assert (
            end.opening.amount_signed_minor + end.credit_sum - end.debit_sum
            == end.closing.amount_signed_minor
        )


@given(statements, st.booleans())
@EXAMPLES
def test_mt942_reads_back_the_same(wanted, envelope):
    got = read(mt942(wanted, envelope=envelope), format="mt942")
    assert_same(wanted, got)
    assert all(end.opening is end.closing is None for end in got.ends)


@given(statements, st.dates())
@EXAMPLES
def test_bai2_reads_back_the_same(wanted, day):
    day = day.replace(year=1980 + day.year % 100)
    for rows in wanted:
        for row in rows:
            row["date"] = day
    got = read(bai2(wanted, day=f"{day:%y%m%d}"), format="bai2")
    assert_same(wanted, got, without=("counterparty",))


@given(statements, st.sampled_from([1, 2]), st.booleans())
@EXAMPLES
def test_ofx_reads_back_the_same(wanted, version, card):
    assert_same(wanted, read(ofx(wanted, version=version, card=card), format="ofx"))


@given(
    statements,
    st.sampled_from([("dmy", "%d/%m/%Y"), ("mdy", "%m/%d/%Y"), ("mdy", "%m-%d-%Y"), (None, "%Y-%m-%d")]),
)
@EXAMPLES
def test_qif_reads_back_the_same(wanted, written):
    order, day = written
    got = read(qif(wanted, day=day), format="qif", date_order=order)
    assert_same(wanted, got, without=("value_date", "external_id"))
