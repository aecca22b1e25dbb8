"""The values of MT fields: balances, statement lines, dates without a year or a century; read by the MT reader.

Source: SWIFT Standards, category 9 (MT940, MT942), fields 60a, 61, 62a, 90C, 90D.
"""

import re
from datetime import date
from typing import NamedTuple

from ledgers.formats.events import Balance
from ledgers.formats.typed import shown
from ledgers.money import exponent, parse_one

CENTURY_TURN = 79
"""Years up to 79 are 20YY, others 19YY, as FIN has it."""

YEAR_SURE_DAYS = 150
"""So far from the value date the year of an entry date is sure; beyond, the year before or after is nearly as near."""

_AMOUNT = r"[0-9]+(?:,[0-9]*)?"
_BALANCE = re.compile(rf"([CD])([0-9]{{6}})([A-Z]{{3}})({_AMOUNT})")
_TOTAL = re.compile(rf"([0-9]{{1,5}})([A-Z]{{3}})({_AMOUNT})")
_LINE = re.compile(
    rf"(?P<value>[0-9]{{6}})(?P<entry>[0-9]{{4}}| {{4}})?(?P<mark>R[CD]|E[CD]|[CDcd])(?P<funds>[A-Z])?(?P<amount>{_AMOUNT})"
    r"(?P<rest>.*)"
)
_TYPE = re.compile(r"(?P<kind>[A-Z][A-Z0-9 ]{3})(?P<references>.*)")

DIRECTIONS = {"C": "credit", "D": "debit", "RC": "debit", "RD": "credit"}
"""A reversed credit takes money away again, a reversed debit gives it back."""

CREDITS = frozenset({"C", "RD", "EC"})

EXPECTED = frozenset({"EC", "ED"})
"""Marks of what is expected and not booked yet (MT942)."""


class Entry(NamedTuple):
    """A field 61, read. `value` is empty where the value date is a day of interest reckoning only (30 February)."""

    date_text: str
    value_text: str
    mark: str
    amount: str
    kind: str  # NTRF
    customer: str  # the account owner's reference, or empty
    bank: str  # the bank's own reference, or empty
    rest: str  # what stands behind the reference where the bank fills it up to 16 characters
    stated_value: str  # the value date as written, where it is no day of the calendar


def balance(text: str, kind: str) -> Balance | str:
    """A field 60a or 62a, or why it cannot be taken."""
    found = _BALANCE.fullmatch(text)
    if not found:
        return f"{shown(text)} is not a balance; C260331EUR1234,50 would be one"
    minor = _minor(found[4], found[3])
    day = iso(found[2])
    if isinstance(minor, str):
        return f"{shown(text)}: {minor}"
    try:
        on = date.fromisoformat(day)
    except ValueError:
        return f"{shown(text)}: {day} is not a day of the calendar"
    return Balance(minor if found[1] == "C" else -minor, on, kind, found[3])


def has_all_decimals(text: str, read: Balance) -> bool:
    """Whether a balance that stands at a file's very end is surely whole: nothing can follow the last decimal."""
    _, comma, decimals = text.partition(",")
    return bool(comma) and len(decimals) >= exponent(read.currency)


def total(text: str) -> tuple[int, str, int] | str:
    """(number of entries, currency, sum in minor units) of a field 90C or 90D, or why it cannot be taken."""
    found = _TOTAL.fullmatch(text)
    if not found:
        return f"{shown(text)} is not a number and a sum; 2EUR186,33 would be one"
    minor = _minor(found[3], found[2])
    return f"{shown(text)}: {minor}" if isinstance(minor, str) else (int(found[1]), found[2], minor)


def entry(text: str) -> Entry | str:
    """The first line of a field 61, or why it cannot be taken."""
    found = _LINE.fullmatch(text)
    if not found:
        return f"{shown(text)} is not a statement line; 2603310331C12,50NTRFNONREF would be one"
    value = iso(found["value"])
    booked = _booked(value, (found["entry"] or "").strip())
    if booked is None:
        return f"{shown(text)}: the entry date {found['entry']} is no day near the value date {value}, so its year is not sure"
    stated = value if value[4:] == "-02-30" and booked != value else ""
    kind, customer, bank, rest = _references(found["rest"])
    if not kind and found["rest"].strip() != "NONREF":
        return f"{shown(text)}: no transaction type, such as NTRF, stands behind the amount"
    amount = found["amount"].replace(",", ".")
    return Entry(
        booked, "" if stated else value, found["mark"].upper(), amount, kind, customer, bank, rest, stated
    )


def iso(text: str) -> str:
    """YYMMDD with its century. It need not be a day of the calendar."""
    century = "20" if int(text[:2]) <= CENTURY_TURN else "19"
    return f"{century}{text[:2]}-{text[2:4]}-{text[4:]}"


def _booked(value: str, entry_date: str) -> str | None:
    """The entry date (MMDD) in the year in which it is nearest to the value date; the value date where there is none."""
    if not entry_date:
        return value
    year, month, day = int(value[:4]), int(value[5:7]), int(value[8:])
    if not 1 <= month <= 12:
        return value  # which is no date, and is named as such
    near = date(year, month, min(day, 28) or 1)
    found = []
    for candidate in (year - 1, year, year + 1):
        try:
            found.append(date(candidate, int(entry_date[:2]), int(entry_date[2:])))
        except ValueError:
            continue
    best = min(found, key=lambda day: abs(day - near), default=None)
    return best.isoformat() if best and abs((best - near).days) <= YEAR_SURE_DAYS else None


def _references(text: str) -> tuple[str, str, str, str]:
    """Transaction type, the owner's reference, the bank's, and what stands behind them."""
    if text.strip() == "NONREF" or not (found := _TYPE.fullmatch(text)):
        return "", "", "", ""
    customer, _, bank = found["references"].partition("//")
    customer, _, rest = customer.strip().partition("  ")
    return found["kind"].strip(), given(customer), given(bank.strip()), rest.strip()


def given(text: str) -> str:
    """Nothing, where the standard's words say that there is no reference."""
    return "" if text.upper() in {"NONREF", "NOTPROVIDED", "NOREF"} else text


def _minor(text: str, currency: str) -> int | str:
    minor = parse_one(text.replace(",", "."), exponent(currency), spare_zeros=True)
    return f"not an amount in {currency}" if isinstance(minor, str) else minor
