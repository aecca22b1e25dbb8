"""CSV statements: a table of lines in our own layout, found by the names in its header, or in one that is declared."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import polars as pl

from ledgers.formats.csv_header import ColumnNames, Header, missing_columns, stated_account
from ledgers.formats.csv_lines import LineReader
from ledgers.formats.csv_money import TWO_COLUMNS, layout_of
from ledgers.formats.csv_rows import RowRules, Tally
from ledgers.formats.csv_table import CsvTable
from ledgers.formats.declaration import CREDIT_POSITIVE, UNSIGNED, Declaration
from ledgers.formats.events import (
    Event,
    Lines,
    RowErrors,
    StatementEnd,
    StatementStart,
)
from ledgers.formats.typed import Sums, add_up

COLUMNS: ColumnNames = {
    "booking_date": ("booking_date", "date", "transaction_date", "posted_at"),
    "amount": ("amount",),
    "direction": ("direction", "type", "credit_debit", "cdtdbtind"),
    "debit": ("debit",),
    "credit": ("credit",),
    "currency": ("currency", "ccy"),
    "value_date": ("value_date",),
    "balance": ("balance", "running_balance"),
    "reference": ("reference", "ref"),
    "end_to_end_id": ("end_to_end_id",),  # also the reference, where no other column is
    "description": ("description", "narrative", "details"),
    "counterparty": ("counterparty",),
    "external_id": ("external_id", "id", "transaction_id"),
}


def read(
    file: BinaryIO,
    *,
    currency: str | None = None,
    declaration: Declaration | None = None,
    tally: Tally | None = None,
) -> Iterator[Event]:
    """The file's statements: one, or as many as it has accounts and declared currencies. `currency` is the ledger's; None
    takes the file's own, if it has one. Without a `declaration` the columns are found by the names of our own layout.

    `tally`, if given, is filled with what became no line. Raises FileRefused, at the end for rows that cannot be taken
    (`file.rows`), else at once. Lines given before are of a file that turned out to be wrong: take them back.
    """
    errors, tally = RowErrors(), tally or Tally()
    if declaration is None:
        table = CsvTable(file, COLUMNS)
        header = _settled(table.header)
        declaration = _own_layout(header)
        reader = LineReader(declaration, header, currency, errors, tally, own_layout=True)
    else:
        table = CsvTable.declared(file, declaration)
        header = table.header
        account = stated_account(declaration, table.above)
        reader = LineReader(declaration, header, currency, errors, tally, account=account)
    parts = _Parts(reader)
    for batch in table.batches(errors, RowRules.of(declaration, tally)):
        yield from parts.events(reader.typed(batch))
    if (rest := reader.rest()) is not None:
        yield from parts.events(rest)
    errors.refuse_if_any()
    yield from parts.ends()


@dataclass(slots=True)
class _Part:
    """The lines of one account in one currency: a statement."""

    index: int
    account: str | None
    currency: str | None
    sums: Sums = field(default_factory=Sums)

    def start(self) -> StatementStart:
        return StatementStart(index=self.index, account=self.account, currency=self.currency)


class _Parts:
    """Puts lines into the statements of their accounts and currencies."""

    def __init__(self, reader: LineReader):
        self._reader = reader
        self._parts: dict[tuple[str, str], _Part] = {}

    def events(self, frame: pl.DataFrame) -> Iterator[Event]:
        if self._reader.errors or frame.is_empty():  # nothing will be kept; only its faults are still of use
            return
        for (account, currency), lines in self._split(frame).items():
            part = self._parts.get((account, currency))
            if part is None:
                part = self._parts[account, currency] = _Part(len(self._parts), account or None, currency)
                yield part.start()
            for found in add_up(lines, ["currency"]).iter_rows():
                part.sums.add(*found)
            yield Lines(part.index, lines.drop("account"))

    def _split(self, frame: pl.DataFrame) -> dict[tuple[str, str], pl.DataFrame]:
        """The lines by account and currency; without looking at each where only one of either can be."""
        told = self._reader.declaration
        if not told.has("account") and not told.several_currencies:
            return {(frame["account"][0], frame["currency"][0]): frame}
        return frame.partition_by("account", "currency", as_dict=True, maintain_order=True)

    def ends(self) -> Iterator[Event]:
        reader = self._reader
        if not self._parts:
            currency = reader.declaration.currency or reader.currency
            part = self._parts["", ""] = _Part(0, reader.account or None, currency)
            yield part.start()
        for part in self._parts.values():
            total, pending = part.sums.of(part.currency), reader.tally.pending if part.index == 0 else 0
            yield StatementEnd(
                part.index,
                None,  # a running balance goes with its lines
                None,
                part.sums.lines,
                total.credit_sum,
                total.debit_sum,
                pending,
                part.sums.all(),
            )


def _settled(header: Header) -> Header:
    """The header with everything that a line needs, else FileRefused `file.columns` naming what lacks."""
    layout = layout_of(header)
    missing = [] if "booking_date" in header.roles else ["booking_date"]
    if layout is None:
        missing.append("amount (or both debit and credit)")
    if missing:
        raise missing_columns(header, " and ".join(missing))
    return header.without("direction") if layout == TWO_COLUMNS else header


def _own_layout(header: Header) -> Declaration:
    """The declaration of our own layout for this header."""
    signed = "direction" not in header.roles and "amount" in header.roles
    columns = {role: (f"#{place + 1}",) for role, place in header.roles.items()}
    return Declaration(columns=columns, sign_convention=CREDIT_POSITIVE if signed else UNSIGNED)
