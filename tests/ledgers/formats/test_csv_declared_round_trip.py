"""Any lines written under any declaration read back the same; damaged, they are read rightly or refused by name."""

from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from ledgers.formats import FileRefused
from ledgers.formats.csv_preview import preview
from ledgers.formats.declaration_json import declaration_from_json
from ledgers.formats.proposal import propose
from tests.ledgers.formats.csv_writer import declarations, written
from tests.ledgers.formats.reading import LazyFile, assert_helpful, read
from tests.ledgers.formats.test_damage import damaged, damages

# Letters that every encoding that is declared here can write.
texts = st.text(st.sampled_from("abcXYZ 0189.,;:|^'\"\t\r\n\x1f-ßéñ"), max_size=20)
ids = texts.map(str.strip)
days = st.dates(date(1980, 1, 1), date(2079, 12, 31))

rows = st.lists(
    st.fixed_dictionaries(
        {
            "date": days,
            "value_date": st.none() | days,
            "amount": st.integers(0, 10**15),
            "direction": st.sampled_from(["credit", "debit"]),
            "reference": ids,
            "description": texts,
            "counterparty": texts,
            "external_id": ids,
        }
    ),
    min_size=1,
    max_size=6,
)
SAME = ("date", "value_date", "amount", "reference", "description", "counterparty", "external_id")


@given(rows=rows, told=declarations(), line_break=st.sampled_from(["\n", "\r\n", "\r"]))
@settings(max_examples=100, deadline=None)
def test_lines_written_under_any_declaration_read_back_the_same(rows, told, line_break):
    got = read(written(rows, told, line_break=line_break), format="csv", declaration=told)
    assert [{name: row[name] for name in SAME} for row in got.rows] == [
        {name: row[name] for name in SAME} for row in rows
    ]
    zero = {"credit", "debit"}  # nothing moved either way
    for read_row, row in zip(got.rows, rows, strict=True):
        assert read_row["direction"] in (zero if not row["amount"] else {row["direction"]})


@given(told=declarations())
@settings(max_examples=80, deadline=None)
def test_any_declaration_reads_back_from_its_json(told):
    assert declaration_from_json(told.as_json()) == told


@given(rows=rows, told=declarations(), changes=damages)
@settings(max_examples=100, deadline=None)
def test_a_damaged_file_is_read_or_refused(rows, told, changes):
    content = damaged(written(rows, told), changes)
    try:
        got = read(content, format="csv", declaration=told)
    except FileRefused as refusal:
        assert_helpful(refusal)
    else:
        assert sum(end.lines for end in got.ends) == len(got.rows)
        assert all(row["amount"] >= 0 and row["date"] is not None for row in got.rows)


@given(rows=rows, told=declarations(), cut=st.integers(0, 2_000))
@settings(max_examples=80, deadline=None)
def test_a_file_that_is_cut_off_gives_its_first_lines_or_is_refused(rows, told, cut):
    """A cut behind a whole row cannot be seen in CSV. A last cell cut short could be read, so it is in the text column's quotes."""
    content = written(rows, told)
    try:
        got = read(content[: cut % len(content)], format="csv", declaration=told)
    except FileRefused as refusal:
        assert_helpful(refusal)
    else:
        assert len(got.rows) <= len(rows)
        for read_row, row in zip(got.rows, rows, strict=False):
            assert {name: read_row[name] for name in SAME} == {name: row[name] for name in SAME}


@given(rows=rows, told=declarations(), changes=st.just([]) | damages)
@settings(max_examples=60, deadline=None)
def test_a_proposal_and_a_preview_of_anything_end_without_a_traceback(rows, told, changes):
    content = damaged(written(rows, told), changes)
    found = preview(LazyFile([content]), told, currency="EUR")
    assert found.refused is not None or found.lines >= len(found.rows)
    if found.refused is not None:
        assert_helpful(found.refused)
    try:
        proposal = propose(LazyFile([content]))
    except FileRefused as refusal:
        assert_helpful(refusal)
    else:
        if not proposal.lacking:
            declaration_from_json(proposal.declaration)
