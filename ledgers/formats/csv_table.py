"""A CSV file as batches of text columns, each row with the physical line where it starts; read by the CSV readers."""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO

import polars as pl

from ledgers.formats.events import BATCH_ROWS, FileRefused, RowErrors
from ledgers.formats.text_lines import LINE_MAX, physical_lines, too_long
from ledgers.formats.typed import shown

DELIMITERS = (",", ";", "\t")

COLUMNS_MAX = 1_000

BATCH_CHARACTERS = 16_000_000
"""A batch ends early at this many characters, so that memory stays flat where cells are long."""

ROW_ROOM = LINE_MAX + 2
"""Characters for one row: as many as for one line, with its line break."""

ColumnNames = Mapping[str, tuple[str, ...]]
"""What a reader looks for: role → the names of its column, its own name first."""


@dataclass(frozen=True, slots=True)
class Header:
    """The header row: its names as written, and which of them plays which role."""

    names: tuple[str, ...]
    roles: Mapping[str, int]

    def name(self, role: str) -> str:
        """The column's name as the file writes it: what its owner looks for."""
        return self.names[self.roles[role]] if role in self.roles else role

    def without(self, role: str) -> "Header":
        """The same header where a column does not play that role after all."""
        return Header(self.names, {known: place for known, place in self.roles.items() if known != role})

    def others(self) -> dict[str, int]:
        """Columns without a role, by a name of their own."""
        found: dict[str, int] = {}
        for place, name in enumerate(self.names):
            if place not in self.roles.values():
                own = name or f"column_{place + 1}"
                found[own if own not in found else f"{own}_{place + 1}"] = place
        return found


class CsvTable:
    """A CSV table: `,` `;` or tab as its header shows, quotes by RFC 4180, UTF-8, one header row."""

    def __init__(self, file: BinaryIO, columns: ColumnNames):
        """Reads as far as the header. Raises FileRefused: file.columns and those of `physical_lines`."""
        self._room = ROW_ROOM
        self._before = 0  # physical lines before the csv reader's first
        self._start = 1  # physical line where the row under way starts
        lines = self._bounded(physical_lines(file))
        first = self._first_filled(lines)
        self._rows = csv.reader(chain([first], lines), delimiter=delimiter_of(first, columns), strict=True)
        self.header = self._read_header(columns)

    def batches(self, errors: RowErrors) -> Iterator[pl.DataFrame]:
        """Text columns "0", "1", … in the header's order, and `line_no`. Rows that aren't well formed go to `errors`."""
        width = len(self.header.names)
        cells: list[str] = []
        numbers: list[int] = []
        size = 0
        for number, row in self._numbered(errors):
            if len(row) == width:
                cells += row
                numbers.append(number)
            elif len(row) > 1 or (row and row[0].strip()):  # else a blank line
                errors.add_one(
                    number, "", f"the row has {len(row):,} cells, the header has {width:,} columns"
                )
            size += ROW_ROOM - self._room
            self._room = ROW_ROOM
            if len(numbers) == BATCH_ROWS or size > BATCH_CHARACTERS:
                yield _frame(cells, numbers, width)
                cells, numbers, size = [], [], 0
        if numbers:
            yield _frame(cells, numbers, width)

    def _numbered(self, errors: RowErrors) -> Iterator[tuple[int, list[str]]]:
        """Each row with the line that it starts on; blank lines are empty rows."""
        rows = self._rows
        while True:
            self._start = self._before + rows.line_num + 1
            try:
                for row in rows:
                    yield self._start, row
                    self._start = self._before + rows.line_num + 1
            except csv.Error as error:
                errors.add_one(self._start, "", _what_is_wrong(error))
                if _is_endless(error):  # what follows would be read from the middle of a cell
                    raise errors.refusal() from None
                continue
            return

    def _bounded(self, lines: Iterator[str]) -> Iterator[str]:
        """Bounds a row, which may be of many lines in quotes. Whoever takes a row gives the room back."""
        for line in lines:
            self._room -= len(line)
            if self._room < 0:
                raise too_long(self._start)
            yield line

    def _first_filled(self, lines: Iterator[str]) -> str:
        for line in lines:
            if line.strip():
                return line
            self._room = ROW_ROOM
            self._before += 1
            self._start += 1
        raise FileRefused(
            "file.empty", "The file holds only blank lines. Export it again and check that it holds rows."
        )

    def _read_header(self, columns: ColumnNames) -> Header:
        try:
            names = tuple(name.strip() for name in next(self._rows))
        except csv.Error as error:
            raise unclear_header(f"cannot be read: {_what_is_wrong(error)}") from None
        self._room = ROW_ROOM
        if len(names) > COLUMNS_MAX:
            raise unclear_header(f"names {len(names):,} columns; {COLUMNS_MAX:,} are the most")
        return Header(names, _roles(names, columns))


def delimiter_of(line: str, columns: ColumnNames) -> str:
    """The delimiter under which the header line names the most columns that the reader knows."""
    known = {name for names in columns.values() for name in names}

    def score(delimiter: str) -> tuple[int, int]:
        try:
            cells = next(csv.reader([line], delimiter=delimiter))
        except csv.Error:
            return 0, 0
        return sum(_plain(cell) in known for cell in cells), len(cells)

    return max(DELIMITERS, key=score)


def missing_columns(header: Header, missing: str) -> FileRefused:
    """The refusal for a table that lacks columns; `missing` names them."""
    found = ", ".join(shown(name) for name in header.names[:20])
    message = (
        f"The header lacks {missing}. It names: {found}."
        " Name the columns so in the first row, separated by comma, semicolon or tab, and upload the file again."
    )
    return FileRefused("file.columns", message)


def unclear_header(what: str) -> FileRefused:
    """The refusal for a header that cannot be understood; `what` goes on from "The header row"."""
    return FileRefused("file.columns", f"The header row {what}. Correct it and upload the file again.")


def _roles(names: tuple[str, ...], columns: ColumnNames) -> dict[str, int]:
    """Which column plays which role. Its own name outranks the others; two of equal rank are refused, never guessed."""
    plain = [_plain(name) for name in names]
    roles: dict[str, int] = {}
    for role, accepted in columns.items():
        wanted = accepted[:1] if accepted[0] in plain else accepted
        places = [place for place, name in enumerate(plain) if name in wanted]
        if len(places) > 1:
            named = " and ".join(shown(names[place]) for place in places)
            raise unclear_header(
                f"has {named}, which could each be the {role}: call only one of them {role!r}"
            )
        if places:
            roles[role] = places[0]
    return roles


def _plain(name: str) -> str:
    """Upper and lower case, blank and underscore are the same in a header."""
    return re.sub(r"[_\s]+", "_", name.strip()).casefold()


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
