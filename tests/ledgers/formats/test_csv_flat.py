"""Declared CSV takes memory for a batch, not for the file, and stops at what never ends; so do proposal and preview."""

import tracemalloc
from itertools import chain, repeat

import pytest

from ledgers.formats import FileRefused, StatementEnd, read_statements
from ledgers.formats.csv_preview import preview
from ledgers.formats.declaration_json import declaration_from_json
from ledgers.formats.proposal import propose
from ledgers.formats.proposal_table import HEAD_MAX
from tests.ledgers.formats.reading import LazyFile

MIB = 1 << 20
DECLARED = {
    "columns": {"booking_date": ["Tag"], "amount": ["Betrag"], "description": ["Text"], "balance": ["Saldo"]},
    "delimiter": ";",
    "date_format": "DD.MM.YYYY",
    "decimal_mark": ",",
    "thousands": ".",
    "undated_rows": "join",
    "footer_pattern": "^Summe",
    "skip_pattern": "^Anfang",
}
HEAD = "Tag;Betrag;Text;Saldo\n"
LINE = "13.04.2026;1.234,50;Miete;1.234,50\n;;mehr davon;\n"


def long_file(lines: int, *, end: str = "Summe;;;\n") -> LazyFile:
    return LazyFile(piece.encode() for piece in chain([HEAD], repeat(LINE * 100, lines // 100), [end]))


def peak(act) -> int:
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def told():
    return declaration_from_json(DECLARED)


def read_all(file: LazyFile) -> StatementEnd:
    events = read_statements(file, format="csv", currency="EUR", declaration=told())
    return [event for event in events if isinstance(event, StatementEnd)][-1]


def test_six_times_the_lines_take_the_same_memory():
    assert read_all(long_file(20_000)).lines == 20_000
    short, long = peak(lambda: read_all(long_file(10_000))), peak(lambda: read_all(long_file(60_000)))
    assert long < short * 1.5 + MIB


def test_a_preview_takes_the_same_memory_too():
    assert preview(long_file(20_000), told(), currency="EUR").lines == 20_000
    short = peak(lambda: preview(long_file(10_000), told(), currency="EUR"))
    long = peak(lambda: preview(long_file(60_000), told(), currency="EUR"))
    assert long < short * 1.5 + MIB


def test_a_proposal_looks_at_the_head_only():
    file = long_file(2_000_000)
    assert propose(file).declaration["columns"]["amount"] == ["Betrag"]
    assert file.given <= HEAD_MAX + MIB


ENDLESS = {
    "a line": "x" * 3 * MIB,
    "a cell": '13.04.2026;"' + "x\n" * 3 * MIB,
    "columns": ";" * 3 * MIB,
}


@pytest.mark.parametrize("end", ENDLESS.values(), ids=ENDLESS)
def test_what_never_ends_is_refused_early(end):
    file = LazyFile(chain([HEAD.encode()], repeat(end.encode(), 100)))
    with pytest.raises(FileRefused):
        read_all(file)
    assert file.given < 10 * MIB


def test_rows_that_no_line_begins_are_refused_before_they_fill_the_memory():
    file = LazyFile(chain([HEAD.encode(), LINE.encode()], repeat(b";;mehr;\n" * 10_000, 1_000)))
    with pytest.raises(FileRefused) as caught:
        read_all(file)
    assert "no date" in caught.value.message
    assert file.given < 10 * MIB
