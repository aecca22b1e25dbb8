"""MT940, BAI2, OFX and QIF readers take memory for a batch, not for the file, and stop at what never ends."""

import tracemalloc
from itertools import chain, repeat

import pytest

from ledgers.formats import FileRefused, Lines, StatementEnd, StatementStart, read_statements
from ledgers.formats import gathering as gathering_module
from tests.ledgers.formats.reading import LazyFile

MIB = 1 << 20

MT = ":20:X\n:25:DE1\n:28C:1/1\n:60F:C260301EUR0,\n"
OFX = "<OFX><STMTTRNRS><STMTRS><CURDEF>EUR<BANKTRANLIST>"
BAI2 = "01,B,U,260401,0600,1,,,2/\n02,U,B,1,260331,,EUR,2/\n03,1,,,,,/\n"

LINE = {
    "mt940": ":61:2603020302C1,NTRFNONREF\n:86:Rent\n",
    "bai2": "16,195,100,,,,Rent/\n",
    "ofx": "<STMTTRN><DTPOSTED>20260302<TRNAMT>1.00<MEMO>Rent</STMTTRN>\n",
    "qif": "D2026-03-02\nT1.00\nPRent\n^\n",
}
START = {"mt940": MT, "bai2": BAI2, "ofx": OFX, "qif": "!Type:Bank\n"}


def end_of(format_: str, lines: int) -> str:
    return {
        "mt940": f":62F:C260331EUR{lines},\n",
        "bai2": f"49,{lines * 100},{lines + 2}/\n98,{lines * 100},1,{lines + 4}/\n99,{lines * 100},1,{lines + 6}/\n",
        "ofx": "</BANKTRANLIST></STMTRS></STMTTRNRS></OFX>",
        "qif": "",
    }[format_]


def long_file(format_: str, lines: int) -> LazyFile:
    pieces = chain([START[format_]], repeat(LINE[format_], lines), [end_of(format_, lines)])
    return LazyFile(piece.encode() for piece in pieces)


@pytest.mark.parametrize("format_", LINE)
def test_lines_come_in_batches(format_, monkeypatch):
    monkeypatch.setattr(gathering_module, "BATCH_ROWS", 100)
    events = list(read_statements(long_file(format_, 450), format=format_, currency="EUR"))
    assert [event.frame.height for event in events if isinstance(event, Lines)] == [100, 100, 100, 100, 50]
    (end,) = [event for event in events if isinstance(event, StatementEnd)]
    assert (end.lines, end.credit_sum) == (450, 45_000)


def test_each_statement_begins_and_ends_once_however_batches_fall(monkeypatch):
    monkeypatch.setattr(gathering_module, "BATCH_ROWS", 7)
    monkeypatch.setattr(gathering_module, "STATEMENTS_TOGETHER", 3)
    sizes = [0, 5, 0, 0, 0, 20, 1, 7, 0]
    content = "".join(START["mt940"] + LINE["mt940"] * size + end_of("mt940", size) for size in sizes)
    events = list(read_statements(LazyFile([content.encode()]), format="mt940", currency="EUR"))
    assert [event.index for event in events if isinstance(event, StatementStart)] == list(range(9))
    assert [(event.index, event.lines) for event in events if isinstance(event, StatementEnd)] == list(
        enumerate(sizes)
    )


@pytest.mark.parametrize("format_", LINE)
def test_memory_does_not_grow_with_the_file(format_, monkeypatch):
    monkeypatch.setattr(gathering_module, "BATCH_ROWS", 100)
    peaks = []
    for lines in (300, 1_200):
        tracemalloc.start()
        for _ in read_statements(long_file(format_, lines), format=format_, currency="EUR"):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.5 + MIB / 2


ENDLESS = {
    "mt940 line": ("mt940", MT + ":61:2603020302C1,NTRFNONREF\n:86:", "x" * 1_000),
    "mt940 field": ("mt940", MT + ":61:2603020302C1,NTRFNONREF\n:86:", "x" * 64 + "\n"),
    "bai2 continuations": ("bai2", BAI2 + "16,195,1,,,,", "text\n88,"),
    "ofx value": ("ofx", OFX + "<STMTTRN><MEMO>", "x" * 1_000),
    "ofx comment": ("ofx", OFX + "<!-- ", "<x" * 500),
    "ofx depth": ("ofx", OFX, "<A><B>"),
    "ofx no tag": ("ofx", "OFXHEADER:100\n", "x" * 1_000),
    "qif record": ("qif", "!Type:Bank\n", "Ax\n"),
    "qif dates": ("qif", "!Type:Bank\n", "D1/2/2026\nT1\n^\n"),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_what_never_ends_is_refused(name):
    format_, start, piece = ENDLESS[name]
    file = LazyFile(chain([start.encode()], repeat(piece.encode() * 100)))
    with pytest.raises(FileRefused) as caught:
        list(read_statements(file, format=format_, currency="EUR"))
    assert caught.value.code in {
        "file.line_too_long",
        "file.element_too_long",
        "file.structure",
        "file.ambiguous",
    }
    assert file.given < 4 * MIB
