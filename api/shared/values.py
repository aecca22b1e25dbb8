"""Reads single values of queries (a date, an id, a whole number), typed and within what the database can compare."""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import Enum
from typing import Any
from uuid import UUID

from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _

NUMBER_MAX = 2**63 - 1


def is_storable(text: str) -> bool:
    """PostgreSQL keeps neither NUL nor lone surrogates in text."""
    return "\x00" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


class Unfit(ValueError):
    """This is not a value of that kind; the text says what would be."""


class Kind(Enum):
    TEXT = "text"
    NUMBER = "number"
    UUID = "uuid"
    DATE = "date"
    INSTANT = "instant"
    FLAG = "flag"
    CHOICE = "choice"


def read(kind: Kind, value: Any, choices: tuple[str, ...] = ()) -> Any:
    """`value` (of a query string, or of JSON) as what the column holds; raises Unfit."""
    if kind is Kind.NUMBER:
        return read_number(value)
    if kind is Kind.FLAG:
        return read_flag(value)
    if not isinstance(value, str):
        if kind is Kind.TEXT and isinstance(value, (int, float)) and not isinstance(value, bool):
            return str(value)
        raise Unfit(_("Write a text."))
    if not is_storable(value):
        raise Unfit(_("A text with a NUL or half a surrogate pair is in no row."))
    if kind is Kind.UUID:
        return read_uuid(value)
    if kind is Kind.DATE:
        return read_date(value)
    if kind is Kind.INSTANT:
        return read_instant(value)
    if kind is Kind.CHOICE and value not in choices:
        raise Unfit(_("Write one of %(choices)s.") % {"choices": ", ".join(choices)})
    return value


def read_number(value: Any) -> int:
    if isinstance(value, str) and value.removeprefix("-").isascii() and value.removeprefix("-").isdigit():
        value = int(value) if len(value) <= 20 else NUMBER_MAX + 1
    if type(value) is not int:
        raise Unfit(_("Write a whole number; amounts are in minor units."))
    if abs(value) > NUMBER_MAX:
        raise Unfit(_("This number is too large."))
    return value


def read_flag(value: Any) -> bool:
    if value is True or value == "true":
        return True
    if value is False or value == "false":
        return False
    raise Unfit(_("Write true or false."))


def read_uuid(value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError:
        raise Unfit(_("Write an id as it was given to you: a UUID.")) from None


def read_date(value: str) -> date:
    try:
        found = parse_date(value)
    except ValueError:
        found = None
    if found is None:
        raise Unfit(_("Write a date like 2026-03-31."))
    return found


def read_instant(value: str) -> datetime:
    """Needs its offset from UTC: an hour without one could be any of 26."""
    try:
        found = parse_datetime(value)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise Unfit(_("Write an instant like 2026-03-31T09:00:00Z."))
    try:
        return found.astimezone(UTC)
    except OverflowError:
        raise Unfit(_("This instant is before the year 1 or after 9999.")) from None


def spoken(value: Any) -> str:
    """A stored value as the text that `read` takes."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else str(value)
