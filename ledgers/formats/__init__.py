"""File formats: bytes in, statements, lines and entries out. Pure: no Django, no database. Called by the import services.

A format is one line in `READERS` and one module with a `read` of the same signature.
"""

from collections.abc import Callable, Iterator
from typing import BinaryIO

import polars as pl

from ledgers.formats import camt053, csv_entries, csv_statement
from ledgers.formats.events import (
    BATCH_ROWS,
    ENTRY_SCHEMA,
    LINE_SCHEMA,
    Balance,
    CurrencySums,
    Event,
    FileRefused,
    Lines,
    RowError,
    StatementEnd,
    StatementStart,
)

__all__ = [
    "BATCH_ROWS",
    "ENTRY_SCHEMA",
    "HEAD_BYTES",
    "LINE_SCHEMA",
    "READERS",
    "Balance",
    "CurrencySums",
    "Event",
    "FileRefused",
    "Lines",
    "RowError",
    "StatementEnd",
    "StatementStart",
    "detect",
    "read_entries",
    "read_statements",
]

CSV, CAMT053 = "csv", "camt.053"

READERS: dict[str, Callable[..., Iterator[Event]]] = {
    CSV: csv_statement.read,
    CAMT053: camt053.read,
}
"""Statement formats: the stored word → its reader (file, currency=…)."""

HEAD_BYTES = 4_096
"""As much of a file as `detect` wants to see."""

_MARKS = (
    b"\xef\xbb\xbf",
    b"\xff\xfe\x00\x00",
    b"\x00\x00\xfe\xff",
    b"\xff\xfe",
    b"\xfe\xff",
)


def detect(head: bytes, filename: str = "") -> str:
    """The format that the first bytes show: XML is read as camt.053, all else as CSV. A file's name proves nothing."""
    for mark in _MARKS:
        head = head.removeprefix(mark)
    return CAMT053 if head.lstrip(b" \t\r\n\0").startswith(b"<") else CSV


def read_statements(file: BinaryIO, *, format: str, currency: str | None) -> Iterator[Event]:
    """Statements and lines of a file of a format in `READERS`. `currency` is the ledger's, None where it isn't known yet.

    Lines come in frames of `LINE_SCHEMA`, in the order of the file. Raises FileRefused; row errors are collected over
    the whole file and raised at its end, so that what was given before must be written in one transaction with the end.
    """
    return READERS[format](file, currency=currency)


def read_entries(
    file: BinaryIO, *, currency: str | None, ledger_code: str = "", time_zone: str = "UTC"
) -> Iterator[pl.DataFrame]:
    """Entries of the user's books in CSV, in frames of `ENTRY_SCHEMA`; see `csv_entries.read`."""
    return csv_entries.read(file, currency=currency, ledger_code=ledger_code, time_zone=time_zone)
