"""A CSV file as batches of text columns, each row with the physical line where it starts; read by the CSV readers."""

import csv
import re
from collections.abc import Iterator
from itertools import chain
from typing import Any, BinaryIO

import polars as pl

from ledgers.formats.csv_bytes import as_utf8
from ledgers.formats.csv_header import (
    ColumnNames,
    Header,
    declared_header,
    named_header,
    plain,
    unclear_header,
)
from ledgers.formats.csv_rows import OddRow, RowRules
from ledgers.formats.declaration import DELIMITERS, Declaration
from ledgers.formats.events import BATCH_ROWS, FileRefused, RowError, RowErrors
from ledgers.formats.text_lines import LINE_MAX, physical_lines, too_long
from ledgers.formats.typed import shown

COLUMNS_MAX = 1_000

BATCH_CHARACTERS = 16_000_000
"""A batch ends early at this many characters, so that memory stays flat where cells are long."""

ODD_TEXT_MAX = 10_000
"""Characters of a row that is not well formed that patterns see."""

ROW_ROOM = LINE_MAX + 2
"""Characters for one row: as many as for one line, with its line break."""

SEP_LINE = re.compile(r'"?sep=(.)"?[ ;,\t]*[\r\n]*')
"""What Excel takes as the delimiter, in the first line."""


class CsvTable:
    """A CSV table: one of `DELIMITERS`, quotes by RFC 4180, UTF-8 or UTF-16 with a mark, or as declared."""

    header: Header

    def __init__(self, file: BinaryIO, columns: ColumnNames):
        """The table that shows itself: delimiter and header in its first filled row, or behind a `sep=` line.

        Reads as far as the header. Raises FileRefused: file.columns and those of `physical_lines`.
        """
        lines = self._lines(file)
        first = self._first_filled(lines)
        said = SEP_LINE.fullmatch(first)
        if said and said[1] in DELIMITERS:
            self._pass_line()
            first = self._first_filled(lines)
        delimiter = said[1] if said and said[1] in DELIMITERS else delimiter_of(first, columns)
        self._rows = csv.reader(chain([first], lines), delimiter=delimiter, strict=True)
        self.delimiter = delimiter
        self.header = named_header(self._read_names(), columns)

    @classmethod
    def declared(cls, file: BinaryIO, declaration: Declaration) -> "CsvTable":
        """The table as it was declared. Raises FileRefused likewise."""
        table = cls.__new__(cls)
        encoding = None if declaration.encoding.casefold() in ("utf-16", "utf16") else declaration.encoding
        lines = table._lines(file, encoding=encoding, padding=declaration.padding)
        for _ in range(declaration.rows_to_skip):
            line = next(lines, None)
            if line is None:
                break
            table.above.append(line.rstrip("\r\n")[:ODD_TEXT_MAX])
            table._pass_line()
        first = table._first_filled(lines, declaration.delimiter)
        table.delimiter = declaration.delimiter
        quoting: Any = {} if declaration.quotes else {"quoting": csv.QUOTE_NONE}
        table._rows = csv.reader(
            chain([first], lines),
            delimiter=declaration.delimiter,
            skipinitialspace=declaration.space_before_cells,
            strict=True,
            **quoting,
        )
        names = table._read_names() if declaration.header else table._places(declaration)
        table.header = declared_header(names, declaration)
        return table

    def _lines(self, file: BinaryIO, *, encoding: str | None = None, padding: bool = False) -> Iterator[str]:
        self.above: list[str] = []  # lines above the table, as far as they were declared
        self._room = ROW_ROOM
        self._before = 0  # physical lines before the csv reader's first
        self._start = 1  # physical line where the row under way starts
        self._ahead: list[tuple[int, list[str]]] = []  # a row read to see how wide the table is
        return self._bounded(physical_lines(as_utf8(file, padding=padding), encoding=encoding))

    def _pass_line(self) -> None:
        self._room = ROW_ROOM
        self._before += 1
        self._start += 1

    def batches(self, errors: RowErrors, rules: RowRules | None = None) -> Iterator[pl.DataFrame]:
        """Text columns "0", "1", … in the header's order, `line_no`, and `below` where a footer is declared. Rows that aren't well
        formed go to `errors`, unless `rules` pass them over."""
        rules, width = rules or RowRules(), len(self.header.names)
        cells: list[str] = []
        numbers: list[int] = []
        odd: list[OddRow] = []
        size = 0
        for number, row in self._numbered(odd, rules, errors):
            if len(row) == width:
                cells += row
                numbers.append(number)
            elif (fitted := rules.fitted(row, width)) is not None:
                cells += fitted
                numbers.append(number)
            elif any(cell.strip() for cell in row):  # else a blank line
                odd.append(self._odd(number, row, width))
            size += ROW_ROOM - self._room
            self._room = ROW_ROOM
            if len(numbers) == BATCH_ROWS or size > BATCH_CHARACTERS or len(odd) == BATCH_ROWS:
                yield rules.sift(_frame(cells, numbers, width), odd, errors)
                cells, numbers, odd, size = [], [], [], 0
        if numbers or odd:
            yield rules.sift(_frame(cells, numbers, width), odd, errors)

    def _odd(self, number: int, row: list[str], width: int) -> OddRow:
        text = self.delimiter.join(row)[:ODD_TEXT_MAX]
        message = f"the row has {len(row):,} cells, the header has {width:,} columns: {shown(text)}"
        return OddRow(number, text, message)

    def _numbered(
        self, odd: list[OddRow], rules: RowRules, errors: RowErrors
    ) -> Iterator[tuple[int, list[str]]]:
        """Each row with the line that it starts on; blank lines are empty rows."""
        yield from self._ahead
        rows = self._rows
        while True:
            self._start = self._before + rows.line_num + 1
            try:
                for row in rows:
                    yield self._start, row
                    self._start = self._before + rows.line_num + 1
            except csv.Error as error:
                if _is_endless(error):  # what follows would be read from the middle of a cell
                    if rules.footer_line is not None:
                        return
                    errors.add((RowError(row.line, "", row.message) for row in odd), total=len(odd))
                    errors.add_one(self._start, "", _what_is_wrong(error))
                    raise errors.refusal() from None
                odd.append(OddRow(self._start, "", _what_is_wrong(error)))
                continue
            return

    def _bounded(self, lines: Iterator[str]) -> Iterator[str]:
        """Bounds a row, which may be of many lines in quotes. Whoever takes a row gives the room back."""
        for line in lines:
            self._room -= len(line)
            if self._room < 0:
                raise too_long(self._start)
            yield line

    def _first_filled(self, lines: Iterator[str], delimiters: str = "".join(DELIMITERS)) -> str:
        """The first line with more in it than blanks and delimiters."""
        for line in lines:
            if line.strip(delimiters + " \t\r\n"):
                return line
            self._pass_line()
        raise FileRefused(
            "file.empty", "The file holds only blank lines. Export it again and check that it holds rows."
        )

    def _read_names(self) -> tuple[str, ...]:
        try:
            names = tuple(name.strip() for name in next(self._rows))
        except csv.Error as error:
            raise unclear_header(f"cannot be read: {_what_is_wrong(error)}") from None
        self._room = ROW_ROOM
        if len(names) > COLUMNS_MAX:
            raise unclear_header(f"names {len(names):,} columns; {COLUMNS_MAX:,} are the most")
        return names

    def _places(self, declaration: Declaration) -> tuple[str, ...]:
        """Names by place, as many as the first row has, or as are declared where cells may lack."""
        number = self._before + 1
        try:
            first = next(self._rows)
        except csv.Error as error:
            raise unclear_header(f"cannot be read: {_what_is_wrong(error)}") from None
        self._room = ROW_ROOM
        self._ahead = [(number, first)]
        wide = len(first)
        if declaration.short_rows:
            wide = max(wide, *(int(name[1:]) for names in declaration.columns.values() for name in names))
        if wide > COLUMNS_MAX:
            raise unclear_header(f"has {wide:,} columns; {COLUMNS_MAX:,} are the most")
        return tuple(f"#{place}" for place in range(1, wide + 1))


def delimiter_of(line: str, columns: ColumnNames) -> str:
    """The delimiter under which the header line names the most columns that the reader knows.

    Raises FileRefused `file.columns` where two cut it alike: which of them is meant is not ours to guess.
    """
    known = {name for names in columns.values() for name in names}

    def score(delimiter: str) -> tuple[int, int]:
        try:
            cells = next(csv.reader([line], delimiter=delimiter))
        except csv.Error:
            return 0, 0
        return sum(plain(cell) in known for cell in cells), len(cells)

    scores = {delimiter: score(delimiter) for delimiter in DELIMITERS}
    best = max(scores.values())
    alike = [delimiter for delimiter in DELIMITERS if scores[delimiter] == best]
    if len(alike) > 1 and best[1] > 1:
        named = " and ".join(repr(delimiter) for delimiter in alike)
        raise unclear_header(f"is cut alike by {named}; put the delimiter in a first line, as in `sep=;`")
    return alike[0]


def _what_is_wrong(error: csv.Error) -> str:
    text = str(error)
    if "end of data" in text:
        return "a quote is opened in this row and never closed"
    if _is_endless(error):
        return f"a cell is longer than {csv.field_size_limit():,} characters; perhaps a quote is never closed"
    if "expected after" in text:
        return "text follows a closing quote (within quotes, a quote is written twice)"
    return f"the row is not well-formed CSV ({text})"


def _is_endless(error: csv.Error) -> bool:
    """The csv module gave up on a cell: a quote is open and swallows the file."""
    return "field limit" in str(error)


def _frame(cells: list[str], numbers: list[int], width: int) -> pl.DataFrame:
    columns = [pl.Series(str(place), cells[place::width], dtype=pl.String) for place in range(width)]
    return pl.DataFrame([*columns, pl.Series("line_no", numbers, dtype=pl.Int64)])
