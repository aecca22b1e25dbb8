"""What every reader of a file format gives: statements, lines and entries as events, and one refusal for the whole file.

The readers in this package make them; the import services write them to the database.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

import polars as pl

BATCH_ROWS = 20_000
"""Rows in one frame at most, so that memory stays flat however long the file is."""

ROW_ERRORS_KEPT = 1_000
"""Row errors that are kept with their text; all are counted."""

LINE_SCHEMA: dict[str, pl.DataType] = {
    "line_no": pl.Int64(),  # CSV: physical line where the row starts; camt: number of the entry in the file, from 1
    "date": pl.Date(),
    "value_date": pl.Date(),  # the only column that may be null
    "date_inferred": pl.Boolean(),
    "amount": pl.Int64(),  # minor units, never below zero
    "direction": pl.String(),  # credit or debit, as the bank sees it: credit is money in
    "currency": pl.String(),
    "decimal_places": pl.Int16(),
    "reference": pl.String(),
    "description": pl.String(),
    "counterparty": pl.String(),
    "external_id": pl.String(),  # the bank's own id of the line, or empty
    "end_to_end_id": pl.String(),
    "metadata": pl.String(),  # a JSON object as text, "{}" where there is nothing
}

BALANCE_COLUMN = "balance"
"""Int64, credit +, null where the line states none. Only in frames of files that state what the account held behind a line."""

DETAIL_SCHEMA: dict[str, pl.DataType] = {
    "line_no": pl.Int64(),  # that of the line it is a part of, whose days are its days
    "number": pl.Int64(),  # place among the details of its line, from 1
    "amount": pl.Int64(),  # minor units, never below zero; in its own currency and direction
    "direction": pl.String(),
    "currency": pl.String(),
    "decimal_places": pl.Int16(),
    "reference": pl.String(),
    "description": pl.String(),
    "counterparty": pl.String(),
    "external_id": pl.String(),
    "end_to_end_id": pl.String(),
    "metadata": pl.String(),
}

ENTRY_SCHEMA: dict[str, pl.DataType] = {
    "line_no": pl.Int64(),
    "journal_key": pl.String(),  # lines with the same key are one journal; empty: an entry by itself
    "ledger_code": pl.String(),
    "date": pl.Date(),
    "value_date": pl.Date(),  # may be null
    "timestamp": pl.Datetime("us", "UTC"),  # may be null: the file states days only
    "amount": pl.Int64(),
    "direction": pl.String(),  # the entry's type: debit or credit in the books
    "currency": pl.String(),
    "decimal_places": pl.Int16(),
    "reference": pl.String(),
    "description": pl.String(),
    "event": pl.String(),
    "metadata": pl.String(),
}


@dataclass(frozen=True, slots=True)
class StatementStart:
    """A statement begins: of which account, over which days, as far as the file says."""

    index: int  # place of the statement in the file, from 0
    account: str | None = None  # IBAN without blanks, or the bank's other id
    currency: str | None = None
    number: str = ""  # how the bank names this statement
    sequence: str = ""  # the count that shows gaps: ElctrncSeqNb or LglSeqNb in camt
    from_date: date | None = None
    to_date: date | None = None


@dataclass(frozen=True, slots=True)
class Lines:
    """The next lines of a statement: at most `BATCH_ROWS`, columns as in `LINE_SCHEMA`, and perhaps `BALANCE_COLUMN` behind them."""

    index: int
    frame: pl.DataFrame


@dataclass(frozen=True, slots=True)
class DetailLines:
    """Of lines that a bank booked as one: the movements in it, columns as in `DETAIL_SCHEMA`, at most `BATCH_ROWS`.

    They are in no sum. They come before or after the line that they are of; what is of a line that never comes (the bank had
    not booked it) is to be dropped.
    """

    index: int
    frame: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Balance:
    """A balance as the bank states it, in minor units of `currency`, credit +."""

    amount_signed_minor: int
    date: date | None
    kind: str  # the file's own word: OPBD, PRCD, CLBD
    currency: str = ""


@dataclass(frozen=True, slots=True)
class CurrencySums:
    """What a statement's lines sum to in one currency, in minor units."""

    currency: str
    lines: int
    credit_sum: int
    debit_sum: int


@dataclass(frozen=True, slots=True)
class StatementEnd:
    """A statement is over: its stated balances, and what its booked lines sum to in the statement's currency."""

    index: int
    opening: Balance | None
    closing: Balance | None
    lines: int  # booked lines, all currencies
    credit_sum: int
    debit_sum: int
    pending: int = 0  # entries not booked yet: counted, not read
    sums: tuple[CurrencySums, ...] = ()  # every currency that occurs, in alphabetical order


Event = StatementStart | Lines | DetailLines | StatementEnd


@dataclass(frozen=True, slots=True)
class RowError:
    """One field of one line that cannot be taken. `line` is the line in the file, counted from 1; `field` as the file names it."""

    line: int
    field: str
    message: str


class FileRefused(Exception):
    """The file cannot be read as it is, so nothing of it may be kept. The texts are for the person who sent it."""

    def __init__(
        self, code: str, message: str, *, rows: Iterable[RowError] = (), row_errors: int | None = None
    ):
        super().__init__(message)
        self.code = code
        self.message = message
        self.rows = list(rows)
        self.row_errors = len(self.rows) if row_errors is None else row_errors


@dataclass(slots=True)
class RowErrors:
    """Collects row errors over a whole file: the first `ROW_ERRORS_KEPT` in full, the others as a number."""

    total: int = 0
    kept: list[RowError] = field(default_factory=list)

    def __bool__(self) -> bool:
        return self.total > 0

    @property
    def room(self) -> int:
        return ROW_ERRORS_KEPT - len(self.kept)

    def add(self, errors: Iterable[RowError], *, total: int) -> None:
        """Take errors of `total` faults, of which only as many need be given as there is room for."""
        self.total += total
        for error in errors:
            if not self.room:
                break
            self.kept.append(error)

    def add_one(self, line: int, name: str, message: str) -> None:
        self.add([RowError(line, name, message)], total=1)

    def refuse_if_any(self) -> None:
        """Raises FileRefused `file.rows` when at least one row could not be taken."""
        if self.total:
            raise self.refusal()

    def refusal(self) -> FileRefused:
        rows = sorted(self.kept, key=lambda error: error.line)
        first = rows[0]
        where = f"{first.field.removesuffix(':')}: " if first.field else ""  # MT calls its fields :61:
        others = f" There are {self.total:,} faults in all." if self.total > 1 else ""
        message = (
            f"Nothing was imported. Line {first.line:,}: {where}{first.message}.{others}"
            " Correct the file, or ask its sender for a new one, and upload it again."
        )
        return FileRefused("file.rows", message, rows=rows, row_errors=self.total)
