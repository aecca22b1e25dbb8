"""Amounts as people read and write them: with the currency's decimals and code. Used by the back office's pages."""

from __future__ import annotations

import re
from decimal import Decimal

from django.utils.formats import number_format

from ledgers.money import parse_one

MINUS = "\u2212"
SPACE = "\u00a0"
"""Between number and code: no line break there."""


def major(minor: int, places: int) -> Decimal:
    """Minor units as a number for spreadsheets: 1250 with 2 places is 12.50."""
    return Decimal(minor).scaleb(-places)


def shown(minor: int | None, places: int, currency: str = "", *, plus: bool = False) -> str:
    """ "1,250.00 EUR", "−5 JPY"; a dash where there is none. `plus`: money in says so with a sign."""
    if minor is None:
        return "–"
    text = number_format(major(abs(minor), places), decimal_pos=places, force_grouping=True)
    sign = MINUS if minor < 0 else "+" if plus and minor > 0 else ""
    return f"{sign}{text}{SPACE}{currency}" if currency else f"{sign}{text}"


GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d*)?")


def read(text: str, places: int) -> int | None:
    """What a person typed into a search box as minor units without its sign; None where it is not surely an amount."""
    plain = re.sub(r"\s", "", text).lstrip(f"+-{MINUS}")
    found = parse_one(plain.replace(",", "") if GROUPED.fullmatch(plain) else plain, places)
    return found if isinstance(found, int) else None
