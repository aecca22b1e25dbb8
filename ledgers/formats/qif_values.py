"""QIF dates and amounts, whose order and marks the format leaves open: certain, declared, or asked; read by the QIF reader."""

import re
from typing import NamedTuple

from ledgers.formats.mt_values import CENTURY_TURN

ORDERS = {"dmy": "day before month", "mdy": "month before day"}
"""Words by which the order of dates is declared."""

MARKS = (".", ",")

_YEAR_FIRST = re.compile(r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})")
_YEAR_LAST = re.compile(r"([0-9]{1,2})\s*([-/.])\s*([0-9]{1,2})\s*(['/.-])\s*([0-9]{4}|[0-9]{1,2})")
_AMOUNT = re.compile(r"([+-]?)([0-9][0-9.,]*|[.,][0-9]+)")


class Day(NamedTuple):
    """A date as written: both numbers before its year, or all of it where the year stands first."""

    year: int
    first: int
    second: int
    order: str  # "ymd" where the year stands first; dmy or mdy where a number above 12 shows it; else empty

    @property
    def is_clear(self) -> bool:
        return bool(self.order) or self.first == self.second

    def iso(self, order: str) -> str:
        """YYYY-MM-DD in this order, or in its own; it need not be a day of the calendar."""
        month_first = (self.order or order) != "dmy"
        month, day = (self.first, self.second) if month_first else (self.second, self.first)
        return f"{self.year:04}-{month:02}-{day:02}"


def day_of(text: str) -> Day | None:
    """None where the text is no date. An apostrophe stands before years from 2000 on."""
    text = text.strip()
    if found := _YEAR_FIRST.fullmatch(text):
        return Day(int(found[1]), int(found[3]), int(found[4]), "ymd")
    found = _YEAR_LAST.fullmatch(text)
    if not found or found[4] not in {found[2], "'"}:
        return None
    year = _year(found[5], apostrophe=found[4] == "'")
    first, second = int(found[1]), int(found[3])
    if year is None or (first > 12 and second > 12):
        return None
    return Day(year, first, second, "dmy" if first > 12 else "mdy" if second > 12 else "")


def _year(text: str, *, apostrophe: bool) -> int | None:
    """The year of four digits, or of one or two: up to 79 it is 20YY."""
    year = int(text)
    if len(text) == 4:
        return year
    if year <= CENTURY_TURN:
        return 2000 + year
    return None if apostrophe else 1900 + year


def mark_of(text: str) -> str:
    """The decimal mark that an amount shows by itself; empty where it has none, or where it could be either."""
    marks = [character for character in text if character in MARKS]
    if not marks:
        return ""
    behind = len(text) - 1 - max(text.rfind("."), text.rfind(","))
    if len(set(marks)) == 2:
        return marks[-1] if marks.count(marks[-1]) == 1 else ""
    if len(marks) > 1:  # one mark, several times: thousands, so the decimals would have the other
        return "," if marks[0] == "." else "."
    return "" if behind == 3 else marks[0]


def plain(text: str, mark: str) -> str | None:
    """The amount with '.' before its decimals and no thousands marks; None where it is none, "" where its mark is not known."""
    text = text.strip()
    found = _AMOUNT.fullmatch(text)
    if not found:
        return None
    if not any(character in MARKS for character in text):
        return text
    if not mark:
        return ""
    grouping = "," if mark == "." else "."
    whole, _, decimals = found[2].partition(mark)
    groups = whole.split(grouping)
    if grouping in decimals or mark in decimals:
        return None
    if len(groups) > 1 and (not 1 <= len(groups[0]) <= 3 or any(len(group) != 3 for group in groups[1:])):
        return None
    return f"{found[1]}{''.join(groups)}.{decimals}"
