"""Writes the month as CSV: the books, and statements in the dialects of two portals of one bank."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from ledgers.money import format_minor
from reconciliation.demo.happenings import Account, BankLine, Month

BOOKS_HEADER = (
    "document",
    "ledger_code",
    "date",
    "type",
    "amount",
    "currency",
    "reference_id",
    "description",
    "event",
)


def books(months: Iterable[Month]) -> bytes:
    """Every entry of the months, oldest first. The ledgers are assets: money in is a debit."""
    rows = [
        (
            entry.document,
            month.account.code,
            entry.day,
            "debit" if entry.amount > 0 else "credit",
            format_minor(abs(entry.amount), month.account.currency),
            month.account.currency,
            entry.reference,
            entry.text,
            entry.event,
        )
        for month in months
        for entry in month.entries
    ]
    return _written(BOOKS_HEADER, rows, delimiter=",", newline="\n").encode()


def with_direction(account: Account, lines: Sequence[BankLine]) -> bytes:
    """Commas, one amount with a direction beside it."""
    header = (
        "id",
        "booking_date",
        "value_date",
        "amount",
        "direction",
        "currency",
        "reference",
        "description",
        "counterparty",
    )
    rows = [
        (
            line.id,
            line.day,
            line.value_day,
            format_minor(abs(line.amount), account.currency),
            "CRDT" if line.amount > 0 else "DBIT",
            account.currency,
            line.reference,
            line.text,
            line.party,
        )
        for line in lines
    ]
    return _written(header, rows, delimiter=",", newline="\n").encode()


def debit_and_credit(account: Account, lines: Sequence[BankLine]) -> bytes:
    """Semicolons, a debit and a credit column, a byte order mark and CRLF: what a portal makes for spreadsheets."""
    header = (
        "Booking Date",
        "Value Date",
        "Details",
        "Counterparty",
        "Ref",
        "Debit",
        "Credit",
        "Ccy",
        "Transaction ID",
    )
    rows = [
        (
            line.day,
            line.value_day,
            line.text,
            line.party,
            line.reference,
            format_minor(-line.amount, account.currency) if line.amount < 0 else "",
            format_minor(line.amount, account.currency) if line.amount > 0 else "",
            account.currency,
            line.id,
        )
        for line in lines
    ]
    return _written(header, rows, delimiter=";", newline="\r\n").encode("utf-8-sig")


def _written(header: Sequence[str], rows: Iterable[Sequence[object]], *, delimiter: str, newline: str) -> str:
    text = io.StringIO()
    table = csv.writer(text, delimiter=delimiter, lineterminator=newline)
    table.writerow(header)
    table.writerows(rows)
    return text.getvalue()
