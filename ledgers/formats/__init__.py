"""File formats: bytes in, statements, lines and entries out. Pure: no Django, no database. Called by the import services.

A format is one line in `READERS` and one module with a `read` of the same signature.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import BinaryIO

import polars as pl

from ledgers.formats import bai2, camt, csv_entries, csv_statement, mt, ofx, qif, zip_archive
from ledgers.formats.declaration import Declaration
from ledgers.formats.detection import (
    BAI2,
    CAMT052,
    CAMT053,
    CAMT054,
    CSV,
    HEAD_BYTES,
    MT940,
    MT942,
    OFX,
    QIF,
    ZIP,
    detect,
)
from ledgers.formats.events import (
    BALANCE_COLUMN,
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
    "BAI2",
    "BALANCE_COLUMN",
    "BATCH_ROWS",
    "CAMT052",
    "CAMT053",
    "CAMT054",
    "CSV",
    "DETAIL_SCHEMA",
    "ENTRY_SCHEMA",
    "HEAD_BYTES",
    "LINE_SCHEMA",
    "MT940",
    "MT942",
    "OFX",
    "QIF",
    "READERS",
    "ZIP",
    "Balance",
    "CurrencySums",
    "Declaration",
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

READERS: dict[str, Callable[..., Iterator[Event]]] = {
    CSV: csv_statement.read,
    CAMT052: camt.read,
    CAMT053: camt.read,
    CAMT054: camt.read,
    MT940: mt.read,
    MT942: mt.read,
    BAI2: bai2.read,
    OFX: ofx.read,
    QIF: qif.read,
}
"""Statement formats: the stored word → its reader (file, currency=…, and what can be declared for the format)."""

DECLARABLE = {
    CSV: {"declaration"},
    MT940: {"encoding"},
    MT942: {"encoding"},
    BAI2: {"encoding"},
    OFX: {"encoding"},
    QIF: {"encoding", "date_order", "decimal_mark"},
}
"""What can be declared for a format, since its files do not say it."""


def read_statements(
    file: BinaryIO, *, format: str, currency: str | None, **declared: str | Declaration | None
) -> Iterator[Event]:
    """Statements and lines of a file of a format in `READERS`, or of all files in a `ZIP`. `currency` is the ledger's, None
    where it isn't known yet.

    `declared` is what the file does not say itself, by `DECLARABLE`; a format passes over what is not its own.
    Lines come in frames of `LINE_SCHEMA`, in the order of the file. Raises FileRefused; row errors are collected over
    the whole file and raised at its end, so that what was given before must be written in one transaction with the end.
    """
    if format == ZIP:
        return zip_archive.read(file, partial(_read_member, currency=currency, declared=declared))
    names = DECLARABLE.get(format, set())
    known = {name: value for name, value in declared.items() if name in names and value is not None}
    return READERS[format](file, currency=currency, **known)


def _read_member(
    file: BinaryIO, head: bytes, *, currency: str | None, declared: dict[str, str | Declaration | None]
) -> Iterator[Event]:
    return read_statements(file, format=detect(head), currency=currency, **declared)


def read_entries(
    file: BinaryIO, *, currency: str | None, ledger_code: str = "", time_zone: str = "UTC"
) -> Iterator[pl.DataFrame]:
    """Entries of the user's books in CSV, in frames of `ENTRY_SCHEMA`; see `csv_entries.read`."""
    return csv_entries.read(file, currency=currency, ledger_code=ledger_code, time_zone=time_zone)
