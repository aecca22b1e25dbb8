"""BAI2 records with their continuations, and the fields of summaries and transactions; read by the BAI2 reader.

Source: BAI Cash Management Balance Reporting Specifications, version 2.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from ledgers.formats.events import FileRefused, RowErrors
from ledgers.formats.mt_values import iso
from ledgers.formats.text_lines import physical_lines
from ledgers.formats.typed import shown

CODES = frozenset({"01", "02", "03", "16", "49", "98", "99"})

CONTINUATIONS_MAX, RECORD_MAX = 10_000, 1_000_000
"""Continuations and characters of one record at most."""

AMOUNT = re.compile(r"[+-]?[0-9]{1,18}")
_DAY = re.compile(r"[0-9]{6}")


class Faulty(ValueError):
    """A record that cannot be taken, and why."""


@dataclass(slots=True)
class Record:
    """A record and the lines that go on with it, without their codes and without the `/` that ends them."""

    code: str
    line: int
    bodies: list[str]
    size: int = 0

    def go_on(self, body: str) -> None:
        """Take a continuation. Raises FileRefused where the record never ends."""
        self.bodies.append(body)
        self.size += len(body)
        if len(self.bodies) > CONTINUATIONS_MAX or self.size > RECORD_MAX:
            message = (
                f"The record of line {self.line:,} goes on and on, so this is no BAI2 file as banks send it."
            )
            raise FileRefused("file.line_too_long", f"{message} Ask the bank for a new one.")

    @property
    def lines(self) -> int:
        return len(self.bodies)

    def fields(self) -> list[str]:
        """All fields. Where a line ends, a field ends."""
        return [field.strip() for body in self.bodies for field in body.split(",")]


class Transaction(NamedTuple):
    """A record 16. Amounts are whole minor units, as the file has them."""

    type_code: str
    amount: str
    funds_type: str
    value_text: str
    bank_reference: str
    customer_reference: str
    text: str


def records(file: BinaryIO, errors: RowErrors, *, encoding: str | None) -> Iterator[Record]:
    """Each record as soon as the next one begins. Lines that are none go to `errors`; raises FileRefused as `physical_lines`."""
    current: Record | None = None
    for number, raw in enumerate(physical_lines(file, encoding=encoding), start=1):
        line = raw.strip()
        if not line:
            continue
        code, _, body = line.partition(",")
        body = body.removesuffix("/")
        if code == "88" and current is not None:
            current.go_on(body)
        elif code in CODES:
            if current is not None:
                yield current
            current = Record(code, number, [body])
        else:
            errors.add_one(
                number, "", f"{shown(line)} begins with no record code (01, 02, 03, 16, 49, 88, 98, 99)"
            )
    if current is not None:
        yield current


def summaries(fields: list[str]) -> Iterator[tuple[str, str]]:
    """(type code, amount) of each summary behind a record 03's account and currency. Raises Faulty.

    Some banks write one comma more than the standard at a line's end, so empty fields before a type code mean nothing.
    """
    rest = list(fields)
    while rest:
        code = rest.pop(0)
        if not code:
            continue
        if not re.fullmatch(r"[0-9]{3}", code):
            raise Faulty(f"{shown(code)} is not a type code of three digits")
        amount = _next(rest)
        if amount and not AMOUNT.fullmatch(amount):
            raise Faulty(f"{shown(amount)} is not an amount in whole minor units")
        count, funds = _next(rest), _next(rest)
        if count and not re.fullmatch("[0-9]+", count):
            raise Faulty(f"{shown(count)} is not a number of items")
        for _ in range(_funds_fields(funds, rest)):
            _next(rest)
        yield code, amount


def transaction(record: Record) -> Transaction:
    """A record 16. Raises Faulty."""
    fields: list[str] = []
    texts: list[str] = []
    for body in record.bodies:
        wanted = _wanted(fields)
        if wanted is not None and len(fields) >= wanted:
            texts.append(body)
            continue
        fields += body.split(",")
        wanted = _wanted(fields)
        if wanted is not None and len(fields) > wanted:
            texts.append(",".join(fields[wanted:]))
            del fields[wanted:]
    fields = [field.strip() for field in fields] + [""] * 3
    type_code, amount, funds = fields[:3]
    if not re.fullmatch(r"[0-9]{3}", type_code):
        raise Faulty(f"{shown(type_code)} is not a type code of three digits")
    if not AMOUNT.fullmatch(amount):
        raise Faulty(
            f"{shown(amount)} is not an amount in whole minor units" if amount else "the amount is missing"
        )
    taken = 3 + _funds_fields(funds, fields[3:])
    value = fields[3] if funds == "V" else ""
    bank, customer = (*fields[taken : taken + 2], "", "")[:2]
    text = " ".join(part.strip() for part in texts if part.strip())
    return Transaction(type_code, amount, funds, day(value) if value else "", bank, customer, text)


def day(text: str) -> str:
    """YYMMDD as YYYY-MM-DD; it need not be a day of the calendar. Raises Faulty."""
    if not _DAY.fullmatch(text):
        raise Faulty(f"{shown(text)} is not a date of six digits (YYMMDD)")
    return iso(text)


def _wanted(fields: list[str]) -> int | None:
    """How many fields stand before the text, as far as that shows yet."""
    if len(fields) < 3 or (fields[2].strip() == "D" and len(fields) < 4):
        return None
    return 5 + _funds_fields(fields[2].strip(), fields[3:])


def _funds_fields(funds: str, behind: list[str]) -> int:
    """How many fields the funds type has behind it."""
    if funds in {"", "0", "1", "2", "Z"}:
        return 0
    if funds in {"S", "V"}:
        return 3 if funds == "S" else 2
    if funds == "D":
        count = behind[0].strip() if behind else ""
        if re.fullmatch(r"[0-9]{1,3}", count):
            return 1 + 2 * int(count)
        raise Faulty(f"{shown(count)} is not a number of availability days")
    raise Faulty(f"{shown(funds)} is not a funds type (0, 1, 2, V, S, D, Z)")


def _next(rest: list[str]) -> str:
    return rest.pop(0) if rest else ""
