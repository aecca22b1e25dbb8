"""Statements under way and their lines, typed in batches and given out as events; shared by the readers of MT, BAI2, OFX and QIF."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from ledgers.formats.events import (
    BATCH_ROWS,
    Balance,
    Event,
    FileRefused,
    Lines,
    RowErrors,
    StatementEnd,
    StatementStart,
)
from ledgers.formats.raw_lines import FieldNames, RawLine, typed
from ledgers.formats.typed import Sums, add_up

STATEMENTS_TOGETHER = 1_000
"""Short statements are typed together, up to so many: a frame for each would cost more than its lines."""

BATCH_CHARACTERS = 8_000_000
"""A batch ends early at this many characters, so that memory stays flat where texts are long."""

TEXT_MAX = 64
"""Characters of a statement's name that are kept."""


@dataclass(slots=True)
class Statement:
    """One statement while it is read. What is said of it before its first line is in its start."""

    index: int
    currency: str
    account: str | None = None
    number: str = ""
    sequence: str = ""
    from_date: date | None = None
    to_date: date | None = None
    opening: Balance | None = None
    closing: Balance | None = None
    pending: int = 0
    started: bool = False
    ended: bool = False
    sums: Sums = field(default_factory=Sums)

    def start(self) -> StatementStart:
        return StatementStart(
            self.index,
            self.account,
            self.currency,
            self.number[:TEXT_MAX],
            self.sequence[:TEXT_MAX],
            self.from_date,
            self.to_date,
        )

    def end(self) -> StatementEnd:
        total = self.sums.of(self.currency)
        return StatementEnd(
            self.index,
            self.opening,
            self.closing,
            self.sums.lines,
            total.credit_sum,
            total.debit_sum,
            self.pending,
            self.sums.all(),
        )

    def adds_up(self) -> bool:
        """Whether opening + movements = closing. Right only once its lines were given out."""
        if self.opening is None or self.closing is None:
            return False
        total = self.sums.of(self.currency)
        moved = total.credit_sum - total.debit_sum
        return self.opening.amount_signed_minor + moved == self.closing.amount_signed_minor


class Gathering:
    """Takes statements and their raw lines in the order of the file, and gives events in the same order."""

    def __init__(self, names: FieldNames):
        self.errors = RowErrors()
        self.count = 0  # statements begun
        self._names = names
        self._waiting: list[Statement] = []  # statements of which not everything was given yet
        self._rows: list[RawLine] = []
        self._size = 0

    def begin(self, **said: object) -> Statement:
        """A new statement; `said` are fields of `Statement`."""
        statement = Statement(index=self.count, **said)  # type: ignore[arg-type]
        self.count += 1
        self._waiting.append(statement)
        return statement

    def add(self, row: RawLine) -> None:
        self._rows.append(row)
        self._size += len(row.description) + len(row.metadata)

    def due(self) -> Iterator[Event]:
        """Events, once enough was gathered; to be called after each line and each statement."""
        if (
            len(self._rows) >= BATCH_ROWS
            or self._size >= BATCH_CHARACTERS
            or (len(self._waiting) >= STATEMENTS_TOGETHER and self._waiting[0].ended)
        ):
            yield from self.flush()

    def flush(self) -> Iterator[Event]:
        """Type what was gathered, over the borders of statements, and give it out statement by statement."""
        rows, self._rows, self._size = self._rows, [], 0
        waiting = self._waiting
        self._waiting = [statement for statement in waiting if not statement.ended]
        frame = typed(rows, self._names, self.errors)
        if self.errors:  # nothing of the file will be kept; only its faults are still of use
            return
        by_index = {statement.index: statement for statement in waiting}
        for index, *sums in add_up(frame, ["statement", "currency"]).iter_rows():
            by_index[index].sums.add(*sums)
        parts = frame.partition_by("statement", as_dict=True, include_key=False)
        for statement in waiting:
            if not statement.started:
                statement.started = True
                yield statement.start()
            if (statement.index,) in parts:
                yield Lines(statement.index, parts[statement.index,])
            if statement.ended:
                yield statement.end()

    def finish(self, *, what: str) -> Iterator[Event]:
        """The rest of the events; raises FileRefused for rows that cannot be taken, or where no statement was found.

        `what` is what a person would look for in the file.
        """
        for statement in self._waiting:
            statement.ended = True
        yield from self.flush()
        self.errors.refuse_if_any()
        if not self.count:
            message = f"The file holds no {what}. Ask the bank for the statement of these days again."
            raise FileRefused("file.empty", message)


def cut_off(message: str) -> FileRefused:
    """The file lacks its end, so lines may be missing."""
    return FileRefused(
        "file.cut_off", f"{message} Perhaps it was cut off on its way: download it from the bank again."
    )


def no_currency(what: str) -> FileRefused:
    message = (
        f"The {what} names no currency, and the file belongs to no ledger yet that would say it."
        " Upload it to a ledger, or declare the currency."
    )
    return FileRefused("file.currency", message)
