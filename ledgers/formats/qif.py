"""QIF registers of bank, card and cash accounts: own reader. What the format leaves open is certain from the file, or declared."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any, BinaryIO

from ledgers.formats.events import BATCH_ROWS, Balance, Event, FileRefused, RowErrors
from ledgers.formats.gathering import Gathering, Statement, cut_off, no_currency
from ledgers.formats.qif_values import ORDERS, Day, day_of, mark_of, plain
from ledgers.formats.raw_lines import FieldNames, RawLine, json_text
from ledgers.formats.text_lines import physical_lines
from ledgers.formats.typed import shown
from ledgers.money import exponent, parse_one

NAMES = FieldNames(amount="T", date="D", value_date="D")

REGISTERS = frozenset({"bank", "ccard", "cash", "oth a", "oth l"})
LISTS = dict.fromkeys(("cat", "class", "tag"), frozenset("NDTIEBR")) | dict.fromkeys(
    ("memorized", "security", "prices", "budget", "template", "tax")
)
"""Lists that Quicken writes beside the registers: they hold no movements and are passed over. With the letters of the short ones."""

ACCOUNT_CODES = frozenset("NTDLBXR/$")
CODES = frozenset("DTUCNPMLF")
REPEATED = frozenset("ASE$%X")

RECORD_MAX = 500_000
"""Characters of one record at most."""

HELD_MAX = 8_000_000
"""Characters of records that wait until the order of dates shows."""

OPENING = "opening balance"


def read(
    file: BinaryIO,
    *,
    currency: str | None = None,
    encoding: str | None = None,
    date_order: str | None = None,
    decimal_mark: str | None = None,
) -> Iterator[Event]:
    """A statement for each register. The file names no currency, so `currency` is needed.

    `date_order` (dmy or mdy) and `decimal_mark` (. or ,) are taken where they are given; else they must show in the file.
    Raises FileRefused: file.ambiguous where the order of dates does not show; at the end `file.rows`.
    """
    reader = _Reader(currency, date_order, decimal_mark)
    for number, raw in enumerate(physical_lines(file, encoding=encoding), start=1):
        reader.take(number, raw.rstrip("\r\n"))
        yield from reader.gathering.due()
    yield from reader.finish()


@dataclass(slots=True)
class _Record:
    """A record: its lines by their first character."""

    line: int
    values: dict[str, str] = field(default_factory=dict)
    repeated: list[tuple[str, str]] = field(default_factory=list)
    size: int = 0


@dataclass(slots=True)
class _Held:
    """A record whose date is waiting for the order to show."""

    record: _Record
    day: Day
    statement: Statement


class _Reader:
    def __init__(self, currency: str | None, date_order: str | None, decimal_mark: str | None):
        if date_order not in {None, *ORDERS} or decimal_mark not in {None, ".", ","}:
            raise ValueError(
                f"date_order is dmy or mdy, decimal_mark . or ,: {date_order!r}, {decimal_mark!r}"
            )
        self.gathering = Gathering(NAMES)
        self._errors: RowErrors = self.gathering.errors
        self._currency = currency
        self._order = date_order or ""
        self._order_declared = bool(date_order)
        self._mark = decimal_mark or ""
        self._mark_declared = bool(decimal_mark)
        self._section = ""  # register, account, list, or nothing yet
        self._list_codes: frozenset[str] | None = None
        self._account = ""
        self._statement: Statement | None = None
        self._record: _Record | None = None
        self._held: list[_Held] = []
        self._held_size = 0

    def take(self, number: int, line: str) -> None:
        if not line.strip():
            return
        if line.startswith("!"):
            self._header(number, line[1:].strip())
        elif not self._section:
            if not line.startswith("#"):
                self._errors.add_one(number, "", f"{shown(line)} stands before any !Type: line")
        elif line.rstrip() == "^":
            self._record_over()
        elif self._section != "list":
            self._field(number, line[0], line[1:].strip())
        elif self._list_codes is not None and line[0] not in self._list_codes:
            self._unknown(number, line)

    def finish(self) -> Iterator[Event]:
        if self._record is not None:
            self._errors.refuse_if_any()
            raise cut_off(f"The record that begins in line {self._record.line:,} has no end (^).")
        self._close_statement()
        self._errors.refuse_if_any()
        self._refuse_unclear()
        self._settle()
        yield from self.gathering.finish(what="register of a bank, card or cash account (!Type:Bank)")

    def _header(self, number: int, name: str) -> None:
        if self._record is not None:
            self._errors.add_one(self._record.line, "^", f"the record has no end (^) before line {number:,}")
            self._record = None
        word, _, kind = name.partition(":")
        kind = kind.strip().lower()
        self._close_statement()
        if word.lower() in {"option", "clear"}:
            self._section = self._section or "list"
        elif word.lower() == "account":
            self._section, self._account = "account", ""
        elif word.lower() == "type" and kind in REGISTERS:
            self._section = "register"
            self._begin(number)
        elif word.lower() == "type" and kind in LISTS:
            self._section, self._list_codes = "list", LISTS[kind]
        else:
            message = (
                f"Line {number:,}: !{name[:40]} is not a register of a bank, card or cash account; securities are no bank lines."
                " Export the bank account by itself."
            )
            raise FileRefused("file.investment" if kind == "invst" else "file.structure", message)

    def _begin(self, number: int) -> None:
        if self._currency is None:
            raise no_currency(f"QIF register in line {number:,}")
        self._statement = self.gathering.begin(currency=self._currency, account=self._account or None)

    def _close_statement(self) -> None:
        if self._statement is not None:
            if self._held:  # its lines are waiting: it ends when they are given
                self._settle_if_clear()
            self._statement.ended = not self._held
        self._statement = None

    def _field(self, number: int, code: str, text: str) -> None:
        if self._record is None:
            self._record = _Record(number)
        record = self._record
        record.size += len(text) + 1
        if record.size > RECORD_MAX:
            message = (
                f"The record that begins in line {record.line:,} goes on and on, so this is no QIF file."
            )
            raise FileRefused("file.line_too_long", f"{message} Export it again.")
        if self._section == "account" and code == "N":
            self._account = text
        if code in REPEATED and self._section == "register":
            record.repeated.append((code, text))
        elif code not in (CODES if self._section == "register" else ACCOUNT_CODES):
            self._unknown(number, code + text)
        elif code in record.values:
            self._errors.add_one(
                number, code, "the record states it twice; an end of record (^) is missing before it"
            )
        else:
            record.values[code] = text

    def _unknown(self, number: int, line: str) -> None:
        self._errors.add_one(number, line[0], f"{shown(line)} begins with no letter that QIF knows there")

    def _record_over(self) -> None:
        record, self._record = self._record, None
        if record is None or self._statement is None:
            return
        day = day_of(record.values.get("D", ""))
        if day is None:
            why = (
                f"{shown(record.values['D'])} is not a date"
                if record.values.get("D")
                else "the date is missing"
            )
            self._errors.add_one(record.line, "D", why)
            return
        self._learn(record, day)
        self._held.append(_Held(record, day, self._statement))
        self._settle_if_clear()
        self._held_size = self._held_size + record.size if self._held else 0
        if len(self._held) > BATCH_ROWS or self._held_size > HELD_MAX:
            self._refuse_unclear()

    def _learn(self, record: _Record, day: Day) -> None:
        """What this record shows of the order of dates and of the decimal mark; what contradicts is an error."""
        if day.order in ORDERS:
            if self._order and self._order != day.order:
                why = f"{shown(record.values['D'])} is not written {ORDERS[self._order]}, as other dates of the file are"
                self._errors.add_one(
                    record.line, "D", why if not self._order_declared else f"{why}, as was declared"
                )
            self._order = self._order or day.order
        mark = mark_of(_amount(record))
        if mark and self._mark and mark != self._mark:
            why = f"{shown(_amount(record))} has another decimal mark than '{self._mark}', that of the file"
            self._errors.add_one(record.line, "T", why)
        self._mark = self._mark or mark

    def _settle_if_clear(self) -> None:
        """At once where the order of dates is known, or the only date that waits is clear by itself."""
        if self._order or (len(self._held) == 1 and self._held[0].day.is_clear):
            self._settle()

    def _refuse_unclear(self) -> None:
        unclear = next((held for held in self._held if not held.day.is_clear), None)
        if self._order or unclear is None:
            return
        readings = " or ".join(unclear.day.iso(order) for order in ORDERS)
        message = (
            f"Line {unclear.record.line:,}: the date {unclear.record.values['D']} can be {readings}, and no date of the file shows"
            " which. Declare the order of its dates (date_order: dmy or mdy)."
        )
        raise FileRefused("file.ambiguous", message)

    def _settle(self) -> None:
        """Make lines of what was held. The order is known, or makes no difference."""
        held, self._held = self._held, []
        for one in held:
            self._line(one)
            if one.statement is not self._statement:
                one.statement.ended = True

    def _line(self, held: _Held) -> None:
        record, statement = held.record, held.statement
        amount = self._plain(record)
        if amount is None:
            return
        day = held.day.iso(self._order)
        if _is_opening(record) and statement.opening is None:
            self._opening(record, statement, amount, day)
        else:
            self.gathering.add(_raw(record, statement, amount, day))

    def _plain(self, record: _Record) -> str | None:
        """The record's amount, its parts added up against it; None where it was named as an error."""
        text = _amount(record)
        if "T" in record.values and record.values.get("U", text) != text:
            self._errors.add_one(
                record.line, "U", f"{shown(record.values['U'])} is another amount than {shown(text)}"
            )
        amount = plain(text, self._mark)
        if not amount:
            ask = "; declare its decimal mark (decimal_mark: . or ,)" if amount == "" else ""
            why = (
                f"{shown(text)} is {'unclear' if ask else 'not an amount'}{ask}"
                if text
                else "the amount is missing"
            )
            self._errors.add_one(record.line, "T", why)
            return None
        parts = [plain(part, self._mark) for code, part in record.repeated if code == "$" and part]
        places = exponent(self._currency or "")
        minors = [parse_one(part or "", places, spare_zeros=True) for part in parts]
        whole = parse_one(amount, places, spare_zeros=True)
        if parts and sum(minor for minor in minors if isinstance(minor, int)) != whole:
            self._errors.add_one(record.line, "$", f"the parts do not add up to {shown(text)}")
        return amount

    def _opening(self, record: _Record, statement: Statement, amount: str, day: str) -> None:
        minor = parse_one(amount, exponent(statement.currency), spare_zeros=True)
        try:
            on = date.fromisoformat(day)
        except ValueError:
            self._errors.add_one(record.line, "D", f"{day} is not a day of the calendar")
            return
        if isinstance(minor, str):
            self._errors.add_one(
                record.line, "T", f"{shown(amount)} is not an amount in {statement.currency}"
            )
            return
        statement.opening = Balance(minor, on, "Opening Balance", statement.currency)


def _amount(record: _Record) -> str:
    return record.values.get("T", "") or record.values.get("U", "")


def _is_opening(record: _Record) -> bool:
    """Quicken writes the balance with which a register begins as a record that points to the register itself."""
    category = record.values.get("L", "")
    return (
        record.values.get("P", "").lower() == OPENING and category.startswith("[") and category.endswith("]")
    )


def _raw(record: _Record, statement: Statement, amount: str, day: str) -> RawLine:
    """The line, as docs/files.md says."""
    get = record.values.get
    kept: dict[str, Any] = {"category": get("L"), "cleared": get("C"), "splits": _splits(record)}
    kept["address"] = ", ".join(text for code, text in record.repeated if code == "A" and text)
    return RawLine(
        statement.index,
        record.line,
        record.line,
        amount,
        statement.currency,
        "",
        day,
        "",
        get("N", ""),
        get("M") or get("P", ""),
        get("P", ""),
        "",
        "",
        json_text({name: value for name, value in kept.items() if value}),
    )


def _splits(record: _Record) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    for code, text in record.repeated:
        if code == "S":
            found.append({"category": text})
        elif found and code in _SPLIT_NAMES and text:
            found[-1][_SPLIT_NAMES[code]] = text
    return found


_SPLIT_NAMES = {"E": "memo", "$": "amount", "%": "percent"}
