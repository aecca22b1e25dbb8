"""Which date formats fit the days of a file, all of them; used by the proposal."""

import re
from datetime import date
from functools import cache, lru_cache

from ledgers.formats.csv_days import MONTHS, YEARS_FROM, date_pattern

FORMATS = (
    "YYYY-MM-DD", "YYYY/MM/DD", "YYYY.MM.DD", "YYYYMMDD", "DD.MM.YYYY", "DD.MM.YY", "D.M.YYYY", "D.M.YY",
    "DD/MM/YYYY", "MM/DD/YYYY", "DD/MM/YY", "MM/DD/YY", "D/M/YYYY", "M/D/YYYY", "D/M/YY", "M/D/YY",
    "DD-MM-YYYY", "MM-DD-YYYY", "DD-MM-YY", "MM-DD-YY", "D-M-YYYY", "M-D-YYYY", "YYYY-M-D", "YYYY/M/D",
    "DD MMM YYYY", "D MMM YYYY", "DD-MMM-YYYY", "D-MMM-YYYY", "DD MMM YY", "DD-MMM-YY", "MMM D, YYYY", "MMM DD, YYYY",
)  # fmt: skip
"""In the order of preference among those that read every day the same. With points the day comes first, everywhere."""


@cache
def _compiled(date_format: str) -> re.Pattern[str]:
    return re.compile(date_pattern(date_format).replace(r"\pL", r"[^\W\d_]"))


def day_of(text: str, date_format: str) -> date | None:
    match = _compiled(date_format).match(text.strip())
    if match is None:
        return None
    year, month, number = match["year"], match["month"], match["day"]
    if len(year) == 2:
        year = ("19" if int(year) >= YEARS_FROM else "20") + year
    month = month if month.isdigit() else MONTHS.get(month.lower().rstrip("."), "0")
    try:
        return date(int(year), int(month), int(number))
    except ValueError:
        return None


@lru_cache(maxsize=50_000)
def _formats_of(text: str) -> frozenset[str]:
    return frozenset(each for each in FORMATS if day_of(text, each) is not None)


def formats_of(text: str) -> frozenset[str]:
    """The formats in which the text is a day."""
    text = text.strip()
    return _formats_of(text) if 6 <= len(text) <= 40 and any(sign.isdigit() for sign in text) else frozenset()


def looks_like_day(text: str) -> bool:
    return bool(formats_of(text) - {"YYYYMMDD"}) or (
        bool(formats_of(text)) and text.strip()[:2] in ("19", "20")
    )


def fitting(texts: list[str]) -> list[str]:
    """Formats that read the most texts as days; more than one only where they differ on a day: then it must be asked."""
    counts = {each: sum(each in formats_of(text) for text in set(texts)) for each in FORMATS}
    most = max(counts.values(), default=0)
    if not most:
        return []
    best = [each for each in FORMATS if counts[each] == most]
    kept: list[str] = []
    readings: set[tuple[date | None, ...]] = set()
    distinct = sorted(set(texts))
    for each in best:
        reading = tuple(day_of(text, each) for text in distinct)
        if reading not in readings:
            readings.add(reading)
            kept.append(each)
    return kept
