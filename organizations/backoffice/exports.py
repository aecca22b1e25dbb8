"""Lists as CSV and XLSX, with formulas neutralised. Used by the admin base; pure but for reading the rows it is given."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, tzinfo
from decimal import Decimal
from tempfile import TemporaryFile
from typing import Any, BinaryIO

import xlsxwriter
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import strip_tags
from django.utils.safestring import SafeString

Column = tuple[str, Callable[[Any], Any]]

CSV_ROWS_MAX = 1_000_000
XLSX_ROWS_MAX = 100_000
# What a spreadsheet takes as the start of a formula, in half and full width; also behind blanks, tabs and line ends.
FORMULA = re.compile(r"^\s*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]|^[\t\r\n]")
NUMBER = re.compile(r"-?\d+(\.\d+)?")
UNFIT_FOR_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def safe_text(text: str) -> str:
    """The text with a leading ' where a spreadsheet would compute it. A plain number stays as it is."""
    return f"'{text}" if FORMULA.match(text) and not NUMBER.fullmatch(text) else text


def plain(value: Any) -> Any:
    """A cell: numbers, dates and yes/no as they are, all else as safe text without markup."""
    if value is None or isinstance(value, bool | int | float | Decimal | datetime | date):
        return value
    if isinstance(value, Promise):
        value = str(value)
    if isinstance(value, list | tuple | set | frozenset):
        value = ", ".join(str(part) for part in value)
    text = html.unescape(strip_tags(value)) if isinstance(value, SafeString) else str(value)
    return safe_text(text)


def csv_rows(columns: Sequence[Column], rows: Iterable[Any]) -> Iterator[bytes]:
    """UTF-8 with a byte order mark (else Excel takes it for Latin-1), every text quoted, so that ; splits nothing.

    Instants are written in the time zone of the moment of the call, though the rows are read later.
    """
    return _csv_rows(columns, rows, timezone.get_current_timezone())


def _csv_rows(columns: Sequence[Column], rows: Iterable[Any], zone: tzinfo) -> Iterator[bytes]:
    yield "\ufeff".encode()
    yield _csv_line([safe_text(str(title)) for title, _value in columns])
    for row in rows:
        yield _csv_line([_csv_cell(plain(value(row)), zone) for _title, value in columns])


def _csv_cell(value: Any, zone: tzinfo) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(zone).isoformat(timespec="seconds")
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else value


def _csv_line(cells: Sequence[Any]) -> bytes:
    line = io.StringIO()
    csv.writer(line, quoting=csv.QUOTE_NONNUMERIC).writerow(cells)
    return line.getvalue().encode()


def xlsx_file(columns: Sequence[Column], rows: Iterable[Any], *, sheet: str) -> BinaryIO:
    """A temporary file with one sheet, at its start. Row by row, so memory stays flat. Texts are never formulas."""
    file = TemporaryFile()  # noqa: SIM115 - the answer that sends it closes it
    book = xlsxwriter.Workbook(
        file,
        {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        },
    )
    table = book.add_worksheet(re.sub(r"[\[\]:*?/\\']", " ", sheet)[:31].strip() or "list")
    formats = {
        "head": book.add_format({"bold": True}),
        "date": book.add_format({"num_format": "yyyy-mm-dd"}),
        "datetime": book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
    }
    for place, (title, _value) in enumerate(columns):
        table.write_string(0, place, safe_text(str(title)), formats["head"])
    for number, row in enumerate(rows, start=1):
        for place, (_title, value) in enumerate(columns):
            _xlsx_cell(table, number, place, plain(value(row)), formats)
    book.close()
    file.seek(0)
    return file


def _xlsx_cell(table: Any, row: int, column: int, value: Any, formats: dict[str, Any]) -> None:
    if value is None:
        return
    if isinstance(value, bool):
        table.write_boolean(row, column, value)
    elif isinstance(value, datetime):
        table.write_datetime(row, column, timezone.make_naive(value), formats["datetime"])
    elif isinstance(value, date):
        table.write_datetime(row, column, value, formats["date"])
    elif isinstance(value, int | float | Decimal) and abs(float(value)) < 10**15:
        table.write_number(row, column, value)
    else:  # a number beyond 15 digits would be rounded by a spreadsheet: keep it as text
        table.write_string(row, column, UNFIT_FOR_XML.sub(" ", str(value))[:32_767])
