"""What a month is made of: lines as the bank states them, entries as the books have them, and what should come of both."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

BY_REFERENCE = "Reference and amount"
ONE_LINE = "One line, entries with its reference"
ONE_ENTRY = "Lines with one reference, one entry"
BY_DAY = "Amount within three days"
IN_PART = "Reference, amounts differ"
"""Names of the built-in rules that the month is made for (rules.defaults)."""


class Plant(StrEnum):
    """What was planted. `PLAIN` is the ordinary business around it."""

    PLAIN = "plain"
    BATCH = "batch"
    RETURN = "return"
    TWIN = "twin"
    FEE = "fee without entry"
    MISSING_LINE = "missing line"
    WRONG_SIDE = "wrong direction"
    AMOUNT_OFF = "amount off"
    OUTSTANDING = "outstanding item"


@dataclass(frozen=True, slots=True)
class Part:
    """One payment inside a collective line: minor units, + money in."""

    end_to_end_id: str
    amount: int
    party: str


@dataclass(frozen=True, slots=True)
class BankLine:
    """A line as the bank books it. `amount` in minor units, + is money in for the account's owner.

    Not `stated`: the bank moved the money and counted it in its balances, but its file lacks the line.
    """

    id: str
    day: date
    value_day: date
    amount: int
    reference: str
    text: str
    party: str
    code: tuple[
        str, str, str
    ]  # bank transaction code: domain, family, sub-family (ISO 20022 external code set)
    stated: bool = True
    return_reason: str = ""
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class BookEntry:
    """An entry as it was posted, the wrong way round if it was. `amount` in minor units, + is money in."""

    document: str
    day: date
    amount: int
    reference: str
    text: str
    event: str


@dataclass(frozen=True, slots=True)
class Group:
    """Lines and entries that a rule should put together."""

    rule: str
    lines: tuple[BankLine, ...]
    entries: tuple[BookEntry, ...]


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened: the groups that should come of it, and what should stay open."""

    plant: Plant
    title: str
    groups: tuple[Group, ...] = ()
    open_lines: tuple[BankLine, ...] = ()
    open_entries: tuple[BookEntry, ...] = ()

    @property
    def lines(self) -> list[BankLine]:
        return [line for group in self.groups for line in group.lines] + list(self.open_lines)

    @property
    def entries(self) -> list[BookEntry]:
        return [entry for group in self.groups for entry in group.entries] + list(self.open_entries)


@dataclass(frozen=True, slots=True)
class Account:
    """A ledger of the demo and the account at the bank that it mirrors. `opening` in minor units."""

    code: str
    name: str
    currency: str
    iban: str
    bank: str
    bic: str
    opening: int


@dataclass(frozen=True, slots=True)
class Month:
    """Everything that happened on one account in the month."""

    account: Account
    happenings: tuple[Happening, ...]

    @property
    def lines(self) -> list[BankLine]:
        """Every line in the bank's order, the one that its file lacks among them."""
        lines = [line for happening in self.happenings for line in happening.lines]
        return sorted(lines, key=lambda line: (line.day, line.id))

    @property
    def entries(self) -> list[BookEntry]:
        entries = [entry for happening in self.happenings for entry in happening.entries]
        return sorted(entries, key=lambda entry: (entry.day, entry.document))

    def planted(self, plant: Plant) -> list[Happening]:
        return [happening for happening in self.happenings if happening.plant == plant]
