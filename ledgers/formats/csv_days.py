"""Days as banks write them: a declared format such as DD.MM.YYYY to whole columns of dates; used by the CSV readers."""

import re

import polars as pl

from ledgers.formats.declaration import ISO_FORMAT
from ledgers.formats.typed import Row, day, shown

FORMAT_MAX = 32

_TOKENS = re.compile("YYYY|YY|MMM|MM|M|DD|D")
_PARTS = {
    "YYYY": "(?P<year>[12][0-9]{3})",
    "YY": "(?P<year>[0-9]{2})",
    "MMM": r"(?P<month>\pL{3,12}\.?)",
    "MM": "(?P<month>[0-9]{2})",
    "M": "(?P<month>[0-9]{1,2})",
    "DD": "(?P<day>[0-9]{2})",
    "D": "(?P<day>[0-9]{1,2})",
}
_BETWEEN = set("./- ,_年月日")
_CLOCK = r"[T ,\-]+[0-9]{1,2}[:.h][0-9]{2}.*|[0-9]{6}(?:\.[0-9]+)?(?:\[[^\]]*\])?"
"""A time behind the day: 14:30, 14:30:00.0 +0100, also written together with the day as in 20091224120000[0:GMT]."""

YEARS_FROM = 80
"""Years of two digits from here on are of the last century."""

_MONTHS = (
    "jan januar january janvier janv gennaio gen enero ene janeiro januari",
    "feb februar february fevrier février fev fév févr febbraio febrero fevereiro februari",
    "mar mär märz mrz march mars marzo março maart mrt maa",
    "apr april avril avr aprile abril abr",
    "may mai maggio mag mayo maio mei maj",
    "jun juni june juin giugno giu junio junho",
    "jul juli july juillet juil luglio lug julio julho",
    "aug august août aout aoû agosto ago augustus augusti",
    "sep sept september septembre settembre set septiembre setembro",
    "oct okt oktober october octobre ottobre ott octubre outubro out",
    "nov november novembre noviembre novembro",
    "dec dez dezember december décembre déc dicembre dic diciembre dezembro desember des",
)
MONTHS = {name: f"{number:02d}" for number, names in enumerate(_MONTHS, start=1) for name in names.split()}


class DateFormatError(ValueError):
    """The text is not a date format."""


def date_pattern(date_format: str) -> str:
    """The regular expression of a format, with groups year, month and day. Raises DateFormatError."""
    if len(date_format) > FORMAT_MAX:
        raise DateFormatError("too long")
    pattern, place, seen = "", 0, []
    for token in _TOKENS.finditer(date_format):
        pattern += _literal(date_format[place : token.start()]) + _PARTS[token[0]]
        seen.append(token[0][0])
        place = token.end()
    pattern += _literal(date_format[place:])
    if sorted(seen) != ["D", "M", "Y"]:
        raise DateFormatError("day, month and year must each occur once")
    return f"^{pattern}(?:{_CLOCK})?$"


def _literal(text: str) -> str:
    if not set(text) <= _BETWEEN:
        raise DateFormatError(f"{text!r} cannot stand in a date")
    return re.escape(text).replace(r"\ ", " ").replace("/", "/")


def day_in(column: str, date_format: str) -> pl.Expr:
    """The calendar day that the text writes in this format, null where it does not. No time zone moves it."""
    if date_format == ISO_FORMAT:
        return day(column)
    parts = pl.col(column).str.strip_chars().str.extract_groups(date_pattern(date_format))
    year, month, number = (parts.struct.field(name) for name in ("year", "month", "day"))
    if "YYYY" not in date_format:
        century = pl.when(year.cast(pl.Int16, strict=False) >= YEARS_FROM).then(pl.lit("19"))
        year = century.otherwise(pl.lit("20")) + year
    if "MMM" in date_format:
        name = month.str.to_lowercase().str.strip_chars_end(".")
        month = name.replace_strict(MONTHS, default=None, return_dtype=pl.String)
    text = year + "-" + month.str.zfill(2) + "-" + number.str.zfill(2)
    return text.str.to_date("%Y-%m-%d", strict=False)


def bad_day_in(row: Row, column: str, date_format: str) -> str:
    if not (row[column] or "").strip():
        return "the date is missing"
    return f"{shown(row[column])} is not a date of the form {date_format}; correct it, or the declared date format"
