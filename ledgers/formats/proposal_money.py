"""How the amounts of a file are written and what their signs mean, from whole columns; used by the proposal."""

import re
from dataclasses import dataclass, field
from decimal import Decimal

MARKS = ".,"
GROUPS = "'’\u00a0\u202f\ufffd "
SIGNS = re.compile(r"[^\d\s.,'’+\-−()\u00a0\u202f\ufffd]+")
NUMBER = re.compile(r"\d[\d.,'’\u00a0\u202f\ufffd ]*\d|\d|[.,]\d+")


@dataclass(slots=True)
class Writing:
    """What the amounts show. `decimal` is "" where they show neither mark, "?" where they contradict themselves."""

    decimal: str = ""
    thousands: set[str] = field(default_factory=set)
    ambiguous: list[str] = field(default_factory=list)  # 1,234: thousands, or three decimals
    against: list[str] = field(default_factory=list)  # amounts that show the other mark
    signs: set[str] = field(default_factory=set)
    other_signs: bool = False


def writing_of(texts: list[str]) -> Writing:
    """Looks at every amount. A mark is certain where one amount can be read in one way only."""
    found = Writing()
    shown: dict[str, str] = {}  # mark → an amount that shows it before its decimals
    unclear: list[tuple[str, str]] = []
    for text in dict.fromkeys(text.strip() for text in texts):
        number = NUMBER.search(text)
        if number is None:
            continue
        found.signs |= set(SIGNS.findall(text))
        found.other_signs |= bool(re.search(r"^\(.*\)$|[\d.][+-]$|−", text))
        digits = number[0]
        found.thousands |= {mark for mark in digits if mark in GROUPS}
        mark, kind = _mark(re.sub(rf"[{re.escape(GROUPS)}]", "", digits))
        if kind == "decimal":
            shown.setdefault(mark, text)
        elif kind == "thousands":
            found.thousands.add(mark)
        elif kind == "both":
            shown.setdefault(mark, text)
            found.thousands |= set(MARKS) - {mark}
        elif kind == "unclear":
            unclear.append((mark, text))
    _conclude(found, shown, unclear)
    return found


def _conclude(found: Writing, shown: dict[str, str], unclear: list[tuple[str, str]]) -> None:
    grouped = found.thousands & set(MARKS)
    if len(shown) == 2 or any(mark in grouped for mark in shown):
        found.decimal, found.against = "?", list(shown.values())
        return
    found.decimal = next(iter(shown), "")
    if not found.decimal and grouped:
        found.decimal = "," if "." in grouped else "."
    for mark, text in unclear:
        if not found.decimal:
            found.ambiguous.append(text)
        elif mark != found.decimal:
            found.thousands.add(mark)


def _mark(digits: str) -> tuple[str, str]:
    """The mark that matters, and what it is by itself: decimal, thousands, both, unclear or none."""
    marks = [mark for mark in digits if mark in MARKS]
    if not marks:
        return "", "none"
    if len(set(marks)) == 2:
        return marks[-1], "both"
    mark = marks[0]
    if len(marks) > 1:
        return mark, "thousands"
    before, after = digits.split(mark)
    if len(after) == 3 and 1 <= len(before) <= 3 and not before.startswith("0"):
        return mark, "unclear"
    return mark, "decimal"


def value_of(text: str, decimal: str) -> Decimal | None:
    """The amount as a number, for judging signs only; None where it is none."""
    number = NUMBER.search(text)
    if number is None:
        return None
    digits = "".join(sign for sign in number[0] if sign.isdigit() or sign == (decimal or "."))
    negative = bool(re.search(r"^\(.*\)$|[-−]", SIGNS.sub("", text.strip())))
    try:
        value = Decimal(digits.replace(",", "."))
    except ArithmeticError:
        return None
    return -value if negative else value
