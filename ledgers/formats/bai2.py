"""BAI2 balance reports: own reader, as a stream; every control total is checked (docs/adr/0010-own-bai2-reader.md)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import BinaryIO

from ledgers.formats.bai2_records import Faulty, Record, Transaction, day, records, summaries, transaction
from ledgers.formats.events import Balance, Event, FileRefused
from ledgers.formats.gathering import Gathering, Statement, cut_off, no_currency
from ledgers.formats.raw_lines import FieldNames, RawLine, json_text
from ledgers.money import format_minor

NAMES = FieldNames(amount="16 amount", date="02 as-of date", value_date="16 value date")

OPENING, CLOSING = "010", "015"
"""Opening and closing ledger balance."""

UPDATE, CORRECTION = "1", "3"
"""Group statuses that are read; 2 deletes and 4 is a test."""

NO_MONEY = "890"
"""A detail that holds text only."""


def read(file: BinaryIO, *, currency: str | None = None, encoding: str | None = None) -> Iterator[Event]:
    """A statement for each account of each group. `currency` is taken where neither account nor group states one.

    Raises FileRefused: `file.totals` where a control total or a count does not agree, `file.cut_off` without a trailer, at the
    end `file.rows`; take back the lines that came before.
    """
    reader = _Reader(currency)
    for record in records(file, reader.gathering.errors, encoding=encoding):
        reader.take(record)
        yield from reader.gathering.due()
    yield from reader.finish()


@dataclass(slots=True)
class _Level:
    """A file, a group or an account under way: what its trailer must agree with."""

    name: str
    line: int
    total: int = 0
    parts: int = 0  # groups of a file, accounts of a group
    records: int = 0


class _Reader:
    def __init__(self, currency: str | None):
        self.gathering = Gathering(NAMES)
        self._default_currency = currency
        self._file: _Level | None = None
        self._group: _Level | None = None
        self._account: _Level | None = None
        self._statement: Statement | None = None
        self._as_of = ""
        self._group_currency = ""
        self._handlers = {
            "01": self._file_begins,
            "02": self._group_begins,
            "03": self._account_begins,
            "16": self._transaction,
            "49": self._account_ends,
            "98": self._group_ends,
            "99": self._file_ends,
        }

    def take(self, record: Record) -> None:
        try:
            self._handlers[record.code](record)
        except Faulty as why:
            self.gathering.errors.add_one(record.line, record.code, str(why))

    def finish(self) -> Iterator[Event]:
        self.gathering.errors.refuse_if_any()
        if self._file is not None:
            raise cut_off(f"The BAI2 file that begins in line {self._file.line:,} has no trailer (99).")
        yield from self.gathering.finish(what="account (a record 03)")

    def _file_begins(self, record: Record) -> None:
        if self._file is not None:
            raise _misplaced(record, "before the trailer (99) of the file before it")
        fields = record.fields()
        if len(fields) < 8 or fields[7] != "2":
            version = fields[7] if len(fields) > 7 else ""
            message = (
                f"Line {record.line:,}: the file is BAI version {version or 'unknown'}; version 2 is read."
            )
            raise FileRefused("file.structure", f"{message} Ask the bank for BAI2.")
        self._file = _Level("file", record.line, records=record.lines)

    def _group_begins(self, record: Record) -> None:
        if self._file is None or self._group is not None:
            raise _misplaced(record, "outside of a file or within another group")
        self._group = _Level("group", record.line, records=record.lines)
        self._file.parts += 1
        fields = [*record.fields(), *[""] * 7]
        if fields[2] not in {UPDATE, CORRECTION}:
            message = (
                f"Line {record.line:,}: the group has status {fields[2] or 'none'}; 1 (update) and 3 (correction) are read,"
                " 2 (deletion) and 4 (test) are not. Ask the bank for the report without them."
            )
            raise FileRefused("file.structure", message)
        self._group_currency = fields[5]
        self._as_of = day(fields[3])
        _calendar(self._as_of)

    def _account_begins(self, record: Record) -> None:
        if self._group is None or self._account is not None:
            raise _misplaced(record, "outside of a group or within another account")
        self._account = _Level("account", record.line, records=record.lines)
        self._group.parts += 1
        account, currency, *rest = [*record.fields(), ""]
        known = currency or self._group_currency or self._default_currency
        if not known:
            raise no_currency(f"account in line {record.line:,}")
        on = _calendar(self._as_of)
        self._statement = self.gathering.begin(
            currency=known, account=account or None, from_date=on, to_date=on
        )
        for code, amount in summaries(rest):
            if amount:
                self._account.total += int(amount)
                self._balance(code, Balance(int(amount), on, code, known))

    def _balance(self, code: str, stated: Balance) -> None:
        statement = self._statement
        assert statement is not None
        if code in {OPENING, CLOSING}:
            old = statement.opening if code == OPENING else statement.closing
            if old is not None and old != stated:
                raise Faulty(f"the balance {code} is stated twice, with different amounts")
            if code == OPENING:
                statement.opening = stated
            else:
                statement.closing = stated

    def _transaction(self, record: Record) -> None:
        if self._account is None:
            raise _misplaced(record, "outside of an account")
        self._account.records += record.lines
        found = transaction(record)
        self._account.total += int(found.amount)
        if self._statement is not None and not (found.type_code == NO_MONEY and int(found.amount) == 0):
            self.gathering.add(_raw(record, found, self._statement, self._as_of))

    def _account_ends(self, record: Record) -> None:
        if self._account is None or self._group is None:
            raise _misplaced(record, "outside of an account")
        level, self._account = self._account, None
        self._check(record, level, [*record.fields(), "", ""], parts=None)
        self._group.total += level.total
        self._group.records += level.records
        if self._statement is not None:
            self._statement.ended = True
        self._statement = None

    def _group_ends(self, record: Record) -> None:
        if self._group is None or self._account is not None or self._file is None:
            raise _misplaced(record, "outside of a group or within an account")
        level, self._group = self._group, None
        self._check(record, level, [*record.fields(), "", "", ""], parts="accounts")
        self._file.total += level.total
        self._file.records += level.records

    def _file_ends(self, record: Record) -> None:
        if self._file is None or self._group is not None:
            raise _misplaced(record, "outside of a file or within a group")
        level, self._file = self._file, None
        self._check(record, level, [*record.fields(), "", "", ""], parts="groups")

    def _check(self, record: Record, level: _Level, stated: list[str], *, parts: str | None) -> None:
        """The trailer's total and counts against what was read. A total may be left out only where nothing was to be added."""
        level.records += record.lines
        total, *counts = stated
        wanted = [(total or ("0" if level.total == 0 else ""), level.total, "control total")]
        if parts is not None:
            wanted.append((counts.pop(0), level.parts, f"number of {parts}"))
        wanted.append((counts[0], level.records, "number of records"))
        for text, found, what in wanted:
            if not _same(text, found):
                self.gathering.errors.refuse_if_any()
                message = (
                    f"Line {record.line:,}: the {what} of the {level.name} that begins in line {level.line:,} is stated as"
                    f" {text or 'nothing'}, but is {found}. Lines are missing or were changed: ask the bank for the file again."
                )
                raise FileRefused("file.totals", message)


def _same(text: str, found: int) -> bool:
    try:
        return int(text) == found and text.isascii()
    except ValueError:
        return False


def _calendar(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Faulty(f"the as-of date {text} is not a day of the calendar") from None


def _misplaced(record: Record, where: str) -> FileRefused:
    message = f"Line {record.line:,}: a record {record.code} stands {where}. Ask the bank for the file again."
    return FileRefused("file.structure", message)


def _direction(code: str) -> str:
    """credit or debit by the range of the type code. Raises Faulty for codes that say neither."""
    number = int(code)
    if number in {100, 400}:
        raise Faulty(f"the type code {code} is a total, not a transaction")
    if 100 < number < 400 or 920 <= number < 960:
        return "credit"
    if 400 < number < 700 or number >= 960:
        return "debit"
    raise Faulty(
        f"the type code {code} is neither a credit (101 to 399, 920 to 959) nor a debit (401 to 699, 960 to 999)"
    )


def _raw(record: Record, found: Transaction, statement: Statement, as_of: str) -> RawLine:
    kept = {"type_code": found.type_code, "funds_type": found.funds_type}
    return RawLine(
        statement.index,
        record.line,
        record.line,
        format_minor(int(found.amount), statement.currency),
        statement.currency,
        _direction(found.type_code),
        as_of,
        found.value_text,
        found.customer_reference,
        found.text,
        "",
        found.bank_reference,
        "",
        json_text({name: text for name, text in kept.items() if text}),
    )
