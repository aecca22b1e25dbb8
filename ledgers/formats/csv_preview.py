"""What a declaration makes of a CSV file, before anything is kept: the first lines, sums, days, faults; for the import pages."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any, BinaryIO

import polars as pl

from ledgers.formats.csv_header import stated_account
from ledgers.formats.csv_lines import LineReader
from ledgers.formats.csv_rows import RowRules, Tally
from ledgers.formats.csv_table import CsvTable
from ledgers.formats.declaration import Declaration
from ledgers.formats.events import CurrencySums, FileRefused, RowError, RowErrors
from ledgers.formats.running import Order, RunningBalance
from ledgers.formats.typed import Sums, add_up

ROWS_SHOWN = 20
ERRORS_SHOWN = 100


@dataclass(slots=True)
class Preview:
    """A file as it would be read. Where it is `refused`, nothing of it would be kept; what could be read is shown all the same."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    """The first lines, keys as in LINE_SCHEMA, with `account` and perhaps `balance`."""
    header: tuple[str, ...] = ()
    mapping: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    """(role, its columns as the file names them)."""
    unused: tuple[str, ...] = ()
    """Columns without a role: they go to the line's metadata, or nowhere if the declaration says so."""
    lines: int = 0
    sums: tuple[CurrencySums, ...] = ()
    first_date: date | None = None
    last_date: date | None = None
    running_order: Order = "unstated"
    opening: int | None = None  # as the running balance implies; minor units
    closing: int | None = None
    tally: Tally = field(default_factory=Tally)
    refused: FileRefused | None = None
    errors: list[RowError] = field(default_factory=list)
    error_count: int = 0

    @property
    def balance_gap(self) -> int | None:
        """Closing − opening − movements by the running balance: 0 where it agrees with the amounts."""
        if self.opening is None or self.closing is None or len(self.sums) != 1:
            return None
        return self.closing - self.opening - (self.sums[0].credit_sum - self.sums[0].debit_sum)


def preview(
    file: BinaryIO, declaration: Declaration, *, currency: str | None = None, rows: int = ROWS_SHOWN
) -> Preview:
    """Reads the whole file as declared, in flat memory; never raises FileRefused: that is in the answer."""
    found, errors = Preview(), RowErrors()
    try:
        _read(file, declaration, currency, rows, found, errors)
        errors.refuse_if_any()
    except FileRefused as refused:
        found.refused = refused
        found.errors, found.error_count = refused.rows[:ERRORS_SHOWN], refused.row_errors
    return found


def _read(
    file: BinaryIO,
    declaration: Declaration,
    currency: str | None,
    rows: int,
    found: Preview,
    errors: RowErrors,
) -> None:
    table = CsvTable.declared(file, declaration)
    found.header = table.header.names
    found.unused = tuple(table.header.others())
    for role, place in table.header.roles.items():
        places = (place, *table.header.further.get(role, ()))
        found.mapping.append((role, tuple(table.header.names[each] for each in places)))
    account = stated_account(declaration, table.above)
    reader = LineReader(declaration, table.header, currency, errors, found.tally, account=account)
    sums, running = Sums(), RunningBalance()
    for batch in table.batches(errors, RowRules.of(declaration, found.tally)):
        _add(reader.typed(batch), found, sums, running, rows)
    if (rest := reader.rest()) is not None:
        _add(rest, found, sums, running, rows)
    found.sums = sums.all()
    found.running_order = running.order
    if len(found.sums) == 1:
        found.opening, found.closing = running.opening, running.closing


def _add(frame: pl.DataFrame, found: Preview, sums: Sums, running: RunningBalance, rows: int) -> None:
    frame = frame.drop_nulls(["date", "amount", "direction", "currency"])
    if frame.is_empty():
        return
    found.rows += frame.head(rows - len(found.rows)).to_dicts()
    found.lines += frame.height
    for each in add_up(frame, ["currency"]).iter_rows():
        sums.add(*each)
    days = [day for day in (found.first_date, frame["date"].min()) if isinstance(day, date)]
    found.first_date = min(days)
    days = [day for day in (found.last_date, frame["date"].max()) if isinstance(day, date)]
    found.last_date = max(days)
    running.add(frame)
