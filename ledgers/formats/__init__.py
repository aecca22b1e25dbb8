"""File formats: bytes in, statements, lines and entries out. Pure: no Django, no database. Called by the import services.

A format is one line in `READERS` and one module with a `read` of the same signature.
"""

from collections.abc import Callable, Iterator
from typing import BinaryIO

import polars as pl

from ledgers.formats import bai2, camt053, csv_entries, csv_statement, mt, ofx, qif
from ledgers.formats.detection import BAI2, CAMT053, CSV, HEAD_BYTES, MT940, MT942, OFX, QIF, detect
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
    "BAI2",
    "BATCH_ROWS",
    "CAMT053",
    "CSV",
    "ENTRY_SCHEMA",
    "HEAD_BYTES",
    "LINE_SCHEMA",
    "MT940",
    "MT942",
    "OFX",
    "QIF",
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

READERS: dict[str, Callable[..., Iterator[Event]]] = {
    CSV: csv_statement.read,
    CAMT053: camt053.read,
    MT940: mt.read,
    MT942: mt.read,
    BAI2: bai2.read,
    OFX: ofx.read,
    QIF: qif.read,
}
"""Statement formats: the stored word → its reader (file, currency=…, and what can be declared for the format)."""


def read_statements(
    file: BinaryIO, *, format: str, currency: str | None, **declared: str | None
) -> Iterator[Event]:
    """Statements and lines of a file of a format in `READERS`. `currency` is the ledger's, None where it isn't known yet.

    `declared` is what the file does not say itself: `encoding` (mt940, mt942, bai2, ofx, qif), `date_order` and
    `decimal_mark` (qif).
    Lines come in frames of `LINE_SCHEMA`, in the order of the file. Raises FileRefused; row errors are collected over
    the whole file and raised at its end, so that what was given before must be written in one transaction with the end.
    """
    known = {name: value for name, value in declared.items() if value is not None}
    return READERS[format](file, currency=currency, **known)


def read_entries(
    file: BinaryIO, *, currency: str | None, ledger_code: str = "", time_zone: str = "UTC"
) -> Iterator[pl.DataFrame]:
    """Entries of the user's books in CSV, in frames of `ENTRY_SCHEMA`; see `csv_entries.read`."""
    return csv_entries.read(file, currency=currency, ledger_code=ledger_code, time_zone=time_zone)
