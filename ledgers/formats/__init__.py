"""File formats: bytes in, statements, lines and entries out. Pure: no Django, no database. Called by the import services.

A format is one line in `READERS` and one module with a `read` of the same signature.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import BinaryIO

import polars as pl

from ledgers.formats import camt, csv_entries, csv_statement, zip_archive
from ledgers.formats.events import (
    BATCH_ROWS,
    DETAIL_SCHEMA,
    ENTRY_SCHEMA,
    LINE_SCHEMA,
    Balance,
    CurrencySums,
    DetailLines,
    Event,
    FileRefused,
    Lines,
    RowError,
    StatementEnd,
    StatementStart,
)

__all__ = [
    "BATCH_ROWS",
    "DETAIL_SCHEMA",
    "ENTRY_SCHEMA",
    "HEAD_BYTES",
    "LINE_SCHEMA",
    "READERS",
    "ZIP",
    "Balance",
    "CurrencySums",
    "DetailLines",
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

CSV, CAMT052, CAMT053, CAMT054 = "csv", "camt.052", "camt.053", "camt.054"

ZIP = "zip"
"""The word of an archive of statement files, each of a format of its own."""

READERS: dict[str, Callable[..., Iterator[Event]]] = {
    CSV: csv_statement.read,
    CAMT052: camt.read,
    CAMT053: camt.read,
    CAMT054: camt.read,
}
"""Statement formats: the stored word → its reader (file, currency=…)."""

HEAD_BYTES = 1 << 16
"""As much of a file as `detect` wants to see."""

_MARKS = (
    b"\xef\xbb\xbf",
    b"\xff\xfe\x00\x00",
    b"\x00\x00\xfe\xff",
    b"\xff\xfe",
    b"\xfe\xff",
)


def detect(head: bytes, filename: str = "") -> str:
    """The format that the first bytes show: an archive, a message of camt, else CSV. A file's name proves nothing.

    XML without a message of ours is camt.053, whose reader says what it is instead.
    """
    if head.startswith(zip_archive.MAGIC):
        return ZIP
    bare = head
    for mark in _MARKS:
        bare = bare.removeprefix(mark)
    if not bare.lstrip(b" \t\r\n\0").startswith(b"<"):
        return CSV
    return camt.word(head) or CAMT053


def read_statements(file: BinaryIO, *, format: str, currency: str | None) -> Iterator[Event]:
    """Statements and lines of a file of a format in `READERS`, or of all files in a `ZIP`. `currency` is the ledger's, None
    where it isn't known yet.

    Lines come in frames of `LINE_SCHEMA`, in the order of the file. Raises FileRefused; row errors are collected over
    the whole file and raised at its end, so that what was given before must be written in one transaction with the end.
    """
    if format == ZIP:
        return zip_archive.read(file, partial(_read_member, currency=currency))
    return READERS[format](file, currency=currency)


def _read_member(file: BinaryIO, head: bytes, *, currency: str | None) -> Iterator[Event]:
    return READERS[detect(head)](file, currency=currency)


def read_entries(
    file: BinaryIO, *, currency: str | None, ledger_code: str = "", time_zone: str = "UTC"
) -> Iterator[pl.DataFrame]:
    """Entries of the user's books in CSV, in frames of `ENTRY_SCHEMA`; see `csv_entries.read`."""
    return csv_entries.read(file, currency=currency, ledger_code=ledger_code, time_zone=time_zone)
