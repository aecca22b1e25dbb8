"""The table in a CSV file that nobody has declared: encoding, delimiter, header line and rows; the first step of a proposal."""

import csv
import re
from collections import Counter
from dataclasses import dataclass, field
from io import BytesIO, StringIO
from typing import Any, BinaryIO

from ledgers.formats.csv_bytes import UTF16_MARKS, UTF32_LE
from ledgers.formats.csv_table import SEP_LINE
from ledgers.formats.declaration import DELIMITERS
from ledgers.formats.events import FileRefused
from ledgers.formats.proposal_dates import looks_like_day
from ledgers.formats.proposal_words import roles_of
from ledgers.formats.text_lines import physical_lines

HEAD_MAX = 4 << 20
"""Bytes of a file that a proposal looks at."""

ROWS_MAX = 20_000
LINES_TRIED = 1_000
"""Lines on which the delimiters are tried."""

HEADER_WITHIN = 60
"""The header is looked for in so many rows."""

CODE_PAGES = ("windows-1252", "iso-8859-15", "windows-1250", "iso-8859-2", "windows-1251", "windows-1253", "windows-1254", "cp850")  # fmt: skip

_NUMBER = r"(?:\d{1,3}(?:[\u00a0\u202f\ufffd ]\d{3})+(?:[.,]\d*)?|\d[\d.,'’]*|[.,]\d+)"
_AFFIX = r"[^\d\s.,+\-−()]{0,4}"
AMOUNT = re.compile(rf"[(+\-−]?\s*{_AFFIX}\s*[+\-−]?{_NUMBER}\s*{_AFFIX}\s*[+\-−)]?")
"""What may be an amount, however it is written."""


@dataclass(slots=True)
class Row:
    line: int  # physical, from 1
    cells: list[str]

    @property
    def blank(self) -> bool:
        return not any(cell.strip() for cell in self.cells)


@dataclass(slots=True)
class Dialect:
    """One way to cut the text into cells, and how well it does."""

    delimiter: str
    quotes: bool
    rows: list[Row] = field(default_factory=list)
    known: int = 0  # header words in the best row
    even: int = 0  # rows of the most frequent width, where it is more than one
    width: int = 1

    @property
    def score(self) -> tuple[int, int, int, int]:
        return min(self.known, 3), self.even, self.known, self.width


@dataclass(slots=True)
class Found:
    """The table as it seems to be. `names` are None where it has no header."""

    encoding: str
    encoding_certain: bool
    encoding_sample: str
    padding: bool
    dialect: Dialect
    rivals: list[Dialect]
    names: list[str] | None
    header_line: int
    header_certain: bool
    body: list[Row]
    complete: bool  # whether the whole file was looked at
    space_before_cells: bool = False
    above: list[str] = field(default_factory=list)
    """The lines above the header."""


def find_table(file: BinaryIO) -> Found:
    """Raises FileRefused for what is no text, or no table."""
    data = file.read(HEAD_MAX + 1)
    complete = len(data) <= HEAD_MAX
    if not complete:
        data = data[: data.rfind(b"\n", 0, HEAD_MAX) + 1] or data[:HEAD_MAX]
    bare = data.rstrip(b"\0\r\n")
    padding = complete and bool(bare) and b"\0" in data[len(bare) :] and b"\0" not in bare
    if padding:
        data = bare + b"\n"
    encoding, certain = _encoding(data)
    lines = _lines(data, encoding)
    dialect, rivals = _dialect(lines)
    spaced = any(cell.startswith(' "') for row in dialect.rows[:HEADER_WITHIN] for cell in row.cells)
    if spaced:
        dialect = _cut(lines, dialect.delimiter, quotes=True, spaced=True)
    complete = complete and len(dialect.rows) < ROWS_MAX
    names, header_line, header_certain = _header(dialect)
    body = [
        row for row in dialect.rows if row.line > header_line or (names is None and row.line >= header_line)
    ]
    sample = "" if certain else _non_ascii(data)
    return Found(
        encoding, certain, sample, padding, dialect, rivals, names, header_line, header_certain, body, complete, spaced,
        [line.rstrip("\r\n") for line in lines[: header_line - 1]],
    )  # fmt: skip


def _encoding(data: bytes) -> tuple[str, bool]:
    if data.startswith(UTF16_MARKS) and not data.startswith(UTF32_LE):
        return "utf-16", True
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        if len(data) - error.start < 4 and error.reason == "unexpected end of data":
            return "utf-8", True
        for page in CODE_PAGES:
            try:
                data.decode(page)
            except UnicodeDecodeError:
                continue
            return page, False
    return "utf-8", True


def _non_ascii(data: bytes) -> str:
    """The first line that tells code pages apart, as bytes in Latin-1."""
    for line in data.splitlines():
        if not line.isascii():
            return line[:200].decode("latin-1")
    return ""


def _lines(data: bytes, encoding: str) -> list[str]:
    if encoding == "utf-16":
        data, encoding = data.decode("utf-16", errors="ignore").encode(), "utf-8"
    return list(physical_lines(BytesIO(data), encoding=None if encoding == "utf-8" else encoding))


def _dialect(lines: list[str]) -> tuple[Dialect, list[Dialect]]:
    said = SEP_LINE.fullmatch(lines[0]) if lines else None
    if said and said[1] in DELIMITERS:
        return _cut(lines, said[1], quotes=True), []
    head = lines[:LINES_TRIED]
    tried = [_cut(head, delimiter, quotes=True) for delimiter in DELIMITERS]
    tried.sort(key=lambda each: each.score, reverse=True)
    best, rivals = tried[0], [each for each in tried[1:] if each.width > 1 and each.even]
    if best.width < 2:
        raise FileRefused(
            "file.columns",
            "No delimiter cuts the file into columns. Export it as CSV with commas, semicolons or tabs.",
        )
    rivals = [
        each
        for each in rivals
        if (each.known >= 2 and each.known >= best.known) or (best.known < 2 and each.even >= best.even)
    ]
    best = _cut(lines, best.delimiter, quotes=best.quotes)
    swallows = any("\n" in cell and best.delimiter in cell for row in best.rows for cell in row.cells)
    if swallows:  # perhaps a quote is opened and never closed
        plain = _cut(lines, best.delimiter, quotes=False)
        if plain.width == best.width and plain.even > best.even:
            best = plain
    return best, rivals


def _cut(lines: list[str], delimiter: str, *, quotes: bool, spaced: bool = False) -> Dialect:
    found = Dialect(delimiter, quotes)
    quoting: Any = csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE
    reader = csv.reader(
        StringIO("".join(lines), newline=""), delimiter=delimiter, quoting=quoting, skipinitialspace=spaced
    )
    start = 1
    try:
        for cells in reader:
            if cells:
                found.rows.append(Row(start, cells))
            start = reader.line_num + 1
            if len(found.rows) >= ROWS_MAX:
                break
    except csv.Error:
        return found if quotes is False else _cut(lines, delimiter, quotes=False)
    widths = Counter(len(row.cells) for row in found.rows if not row.blank)
    width, even = max(widths.items(), key=lambda each: (each[1], each[0]), default=(1, 0))
    found.width, found.even = (width, even) if width > 1 else (1, 0)
    if found.even == 0 and any(each > 1 for each in widths):
        found.width, found.even = max(((w, n) for w, n in widths.items() if w > 1), key=lambda each: each[1])
    found.known = max((len(_known(row)) for row in found.rows[:HEADER_WITHIN]), default=0)
    return found


def _known(row: Row) -> set[str]:
    return {roles[0] for cell in row.cells if (roles := roles_of(cell))}


def _header(dialect: Dialect) -> tuple[list[str] | None, int, bool]:
    """Names, the physical line (of the first row where there are no names), and whether that is certain."""
    rows = [row for row in dialect.rows[:HEADER_WITHIN] if not row.blank]
    best = max(rows, key=lambda row: (len(_known(row)), -row.line), default=None)
    if best is None:
        raise FileRefused(
            "file.empty", "The file holds only blank lines. Export it again and check that it holds rows."
        )
    if len(_known(best)) >= 2 and not any(looks_like_day(cell) for cell in best.cells):
        return [cell.strip() for cell in best.cells], best.line, len(_known(best)) >= 3
    for row in rows:
        days = sum(looks_like_day(cell) for cell in row.cells)
        amounts = sum(bool(AMOUNT.fullmatch(cell.strip())) for cell in row.cells)
        if days and amounts:  # the first row that is a line: the one above it may name its columns
            above = [each for each in rows if each.line < row.line]
            if above and len(above[-1].cells) == len(row.cells) and _is_names(above[-1]):
                return [cell.strip() for cell in above[-1].cells], above[-1].line, False
            return None, row.line, row.line == rows[0].line
    return [cell.strip() for cell in rows[0].cells], rows[0].line, False


def _is_names(row: Row) -> bool:
    filled = [cell for cell in row.cells if cell.strip()]
    return len(filled) >= 2 and not any(
        AMOUNT.fullmatch(cell.strip()) or looks_like_day(cell) for cell in filled
    )
