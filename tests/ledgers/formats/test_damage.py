"""However a file is damaged, it is read or refused with a named reason: never a traceback, never half of it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledgers.formats import FileRefused
from tests.ledgers.formats.camt_files import as_message, balance, detail, entry, one
from tests.ledgers.formats.reading import assert_helpful, entries, read

CSV = 'date,amount,type,description,currency\n2026-03-02,12.50,credit,"a ""b""\nc",EUR\n2026-03-03,1.00,D,é,\n'.encode()
CAMT = one(
    balance("OPBD", "1.00")
    + entry(details=detail(refs="<EndToEndId>E</EndToEndId>", texts=("é & b",)))
    + entry(booked=None, status=None, value="<DtTm>2026-03-02T10:00:00Z</DtTm>")
    + balance("CLBD", "11.00"),
    prolog="<?xml version='1.0' encoding='UTF-8'?>\n",
).encode()

PARTS = "".join(
    detail(refs=f"<EndToEndId>E{n}</EndToEndId>", more='<Amt Ccy="EUR">5.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>')
    for n in range(2)
)
BATCHES = one(entry(details=PARTS) + entry("7.00"))
REPORT, NOTIFICATION = as_message(BATCHES, "camt.052").encode(), as_message(BATCHES, "camt.054").encode()

damages = st.lists(
    st.tuples(
        st.sampled_from(["put", "drop", "add"]),
        st.integers(0, 2_000),
        st.binary(min_size=1, max_size=3)
        | st.sampled_from([b'"', b",", b"\r", b"\0", b"-", b"<", b">", b"&", b"<!DOCTYPE "]),
    ),
    min_size=1,
    max_size=4,
)


def damaged(content: bytes, changes) -> bytes:
    for kind, place, piece in changes:
        place %= len(content) + 1
        rest = content[place:] if kind == "add" else content[place + len(piece) :]
        content = content[:place] + (b"" if kind == "drop" else piece) + rest
    return content


@pytest.mark.parametrize(
    "content", [CSV, CAMT, REPORT, NOTIFICATION], ids=["csv", "camt.053", "camt.052", "camt.054"]
)
@given(changes=damages, currency=st.sampled_from(["EUR", None]))
@settings(max_examples=150, deadline=None)
def test_a_damaged_statement_is_read_or_refused(content, changes, currency):
    try:
        got = read(damaged(content, changes), currency=currency)
    except FileRefused as refusal:
        assert_helpful(refusal)
    else:
        assert len(got.starts) == len(got.ends)
        assert sum(end.lines for end in got.ends) == len(got.rows)
        assert all(row["amount"] >= 0 and row["date"] is not None for row in got.rows)
        assert all(row["amount"] >= 0 and row["direction"] in {"credit", "debit"} for row in got.details)


@pytest.mark.parametrize("content", [CAMT, REPORT, NOTIFICATION], ids=["camt.053", "camt.052", "camt.054"])
def test_xml_that_was_cut_off_is_never_read_as_a_whole(content):
    for length in range(0, len(content), 7):
        with pytest.raises(FileRefused) as caught:
            read(content[:length])
        assert_helpful(caught.value)


@given(changes=damages)
@settings(max_examples=100, deadline=None)
def test_damaged_books_are_read_or_refused(changes):
    try:
        rows = entries(damaged(CSV, changes))
    except FileRefused as refusal:
        assert_helpful(refusal)
    else:
        assert all(row["amount"] >= 0 and row["date"] is not None for row in rows)


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_read_or_refused(content):
    try:
        read(content)
    except FileRefused as refusal:
        assert_helpful(refusal)
