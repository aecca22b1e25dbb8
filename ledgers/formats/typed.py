"""Whole text columns to typed columns, and what cannot be read to named row errors; shared by all readers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from ledgers.formats.events import CurrencySums, FileRefused, RowError, RowErrors
from ledgers.money import MINOR_MAX, OUT_OF_RANGE, TOO_PRECISE, exponent

DIRECTIONS = {
    "credit": "credit",
    "crdt": "credit",
    "c": "credit",
    "debit": "debit",
    "dbit": "debit",
    "d": "debit",
}
"""Words for a direction, in small letters. Credit is money in, as the bank sees it."""

SHOWN_MAX = 60

_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]+)?)?"
_ZONE = r"(?:Z|[+-](?:0[0-9]|1[0-4])(?::?[0-5][0-9])?)"
_MIDNIGHT = r"24:00(?::00(?:[.,]0+)?)?"
_DAY = r"[12][0-9]{3}-[0-9]{2}-[0-9]{2}"
ISO_DAY = rf"^{_DAY}(?:[Tt ](?:{_CLOCK}|{_MIDNIGHT}) ?{_ZONE}?|{_ZONE})?$"
"""2026-03-31, also with a time and an offset behind it (ISO 8601; xs:date and xs:dateTime). Years 1000 to 2999.

24:00 is the end of the day that it is written with."""

ISO_MOMENT = rf"^(?P<day>{_DAY})[Tt ](?P<clock>{_CLOCK}) ?(?P<zone>{_ZONE})?$"

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Check:
    """What must not be in a column: where `failed` is true the line has an error in `field`."""

    field: str
    failed: pl.Expr
    message: Callable[[Row], str]


def report(frame: pl.DataFrame, checks: Sequence[Check], errors: RowErrors, *, line: str = "line_no") -> None:
    """Add an error for each line and check that failed, in the order of lines. `line` is the column with the line in the file."""
    failed = frame.select(
        check.failed.fill_null(False).alias(str(place)) for place, check in enumerate(checks)
    )
    counts = failed.sum().row(0) if checks else ()
    if not any(counts):
        return
    found: list[RowError] = []
    for place, check in enumerate(checks):
        if counts[place]:
            rows = frame.filter(failed[str(place)]).head(errors.room)
            found += [
                RowError(row[line], check.field, check.message(row)) for row in rows.iter_rows(named=True)
            ]
    errors.add(sorted(found, key=lambda error: error.line), total=sum(counts))


def shown(text: object) -> str:
    """A value for an error message: quoted, and cut where it is long."""
    whole = "" if text is None else str(text)
    return repr(whole if len(whole) <= SHOWN_MAX else whole[: SHOWN_MAX - 1] + "…")


def filled(column: str) -> pl.Expr:
    return pl.col(column).str.strip_chars() != ""


def day(column: str) -> pl.Expr:
    """The calendar day that an ISO date or date-time writes, null where it is none. No time zone moves it."""
    text = pl.col(column).str.strip_chars()
    iso = pl.when(text.str.contains(ISO_DAY)).then(text.str.slice(0, 10))
    return iso.str.to_date("%Y-%m-%d", strict=False)


def instant(column: str, zone: ZoneInfo) -> pl.Expr:
    """The instant (UTC) that an ISO date-time writes; null where it is a day only, or none. No offset: a time in `zone`.

    An hour that a change of clocks repeats is the first one; one that it skips is null, and so is 24:00.
    """
    parts = pl.col(column).str.strip_chars().str.extract_groups(ISO_MOMENT)
    clock = parts.struct.field("clock").str.replace(",", ".", literal=True)
    clock = pl.when(clock.str.len_bytes() == 5).then(clock + ":00").otherwise(clock)
    text = parts.struct.field("day") + "T" + clock
    local = text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False)
    offset = (
        parts.struct.field("zone")
        .str.replace("Z", "+00:00")
        .str.replace(":", "", literal=True)
        .str.pad_end(5, "0")
    )
    hours, minutes = offset.str.slice(1, 2).cast(pl.Int64), offset.str.slice(3, 2).cast(pl.Int64)
    east = pl.duration(
        minutes=(hours * 60 + minutes) * pl.when(offset.str.starts_with("-")).then(-1).otherwise(1)
    )
    there = local.dt.replace_time_zone(zone.key, ambiguous="earliest", non_existent="null")
    return (
        pl.when(parts.struct.field("zone").is_not_null())
        .then((local - east).dt.replace_time_zone("UTC"))
        .otherwise(there.dt.convert_time_zone("UTC"))
    )


def direction(column: str, words: Mapping[str, str] = DIRECTIONS) -> pl.Expr:
    """credit or debit for each of the words, which are in small letters; null for any other."""
    word = pl.col(column).str.strip_chars().str.to_lowercase()
    return word.replace_strict(words, default=None, return_dtype=pl.String)


def bad_day(row: Row, column: str) -> str:
    if not (row[column] or "").strip():
        return "the date is missing"
    return f"{shown(row[column])} is not a date; write it as 2026-03-31"


def bad_amount(row: Row) -> str:
    """Why `parse_major` did not take `amount_text`, from the columns `problem` and `currency`."""
    text, currency = row["amount_text"], row["currency"]
    if not (text or "").strip():
        return "the amount is missing"
    if row["problem"] == TOO_PRECISE:
        return f"{shown(text)} has more decimals than {currency} has ({exponent(currency)})"
    if row["problem"] == OUT_OF_RANGE:
        return f"{shown(text)} is larger than can be kept"
    return f"{shown(text)} is not an amount; write digits with '.' before the decimals, as in -1234.50"


def bad_direction(row: Row, column: str) -> str:
    return f"{shown(row[column])} is not a direction; write credit or debit (or CRDT, DBIT, C, D)"


def json_of(columns: Mapping[str, str]) -> pl.Expr:
    """A JSON object as text for each row: key → the column's text, keys with empty text left out."""
    parts = []
    for key, column in columns.items():
        pair = (
            pl.struct(pl.col(column).alias(key))
            .struct.json_encode()
            .str.strip_prefix("{")
            .str.strip_suffix("}")
        )
        parts.append(pl.when(filled(column)).then("," + pair).otherwise(pl.lit("")))
    if not parts:
        return pl.lit("{}")
    return pl.concat_str(pl.lit("{"), pl.concat_str(parts).str.strip_prefix(","), pl.lit("}"))


class Sums:
    """Adds up lines by currency over many frames; no sum mixes currencies, none wraps round."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[int, int, int]] = {}

    def add(self, currency: str, lines: int, credit: int, debit: int) -> None:
        """Raises FileRefused `file.out_of_range` where a sum could not be kept."""
        old = self._found.get(currency, (0, 0, 0))
        new = (old[0] + lines, old[1] + int(credit), old[2] + int(debit))
        if max(new) > MINOR_MAX:
            message = "The amounts add up to more than can be kept. Check the file's amounts and their decimal marks."
            raise FileRefused("file.out_of_range", message)
        self._found[currency] = new

    @property
    def lines(self) -> int:
        return sum(lines for lines, _, _ in self._found.values())

    def of(self, currency: str | None) -> CurrencySums:
        """The sums in one currency, zeros where no line is in it."""
        return CurrencySums(currency or "", *self._found.get(currency or "", (0, 0, 0)))

    def all(self) -> tuple[CurrencySums, ...]:
        return tuple(self.of(currency) for currency in sorted(self._found))


def add_up(frame: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Number of lines, credit and debit sum (Int128) for each group of a frame with `amount` and `direction`."""
    wide = pl.col("amount").cast(pl.Int128)  # a batch of large amounts would overflow Int64 in silence
    return frame.group_by(by).agg(
        lines=pl.len(),
        credit=wide.filter(pl.col("direction") == "credit").sum(),
        debit=wide.filter(pl.col("direction") == "debit").sum(),
    )
