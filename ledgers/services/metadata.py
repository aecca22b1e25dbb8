"""Holds a record's metadata against the property definitions of its stream. Every way in calls it before it writes."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from ledgers.models import PropertyDefinition
from ledgers.states import PropertyType

SHOWN_MAX = 40

# What rules can read of each type (rules/engine/fields.py): a value in another form would be missing to them.
NUMBER_FORM = re.compile(r"[+-]?[0-9]{1,20}(?:\.[0-9]{1,18})?", re.ASCII)
DATE_FORM = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
INSTANT_FORM = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[Tt ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?"
    r"(?:Z|z|[+-][0-9]{2}:?[0-9]{2})?)?",
    re.ASCII,
)
FRACTION = re.compile(r"(\.[0-9]{1,6})[0-9]*")


def definitions_of(stream_ids: Iterable[int]) -> dict[int, list[PropertyDefinition]]:
    """The live definitions of each of these streams, in one query; a stream without any has an empty list."""
    found: defaultdict[int, list[PropertyDefinition]] = defaultdict(list)
    ids = set(stream_ids)
    for row in PropertyDefinition.objects.live().filter(stream__in=ids).order_by("key"):
        found[row.stream_id].append(row)
    return {pk: found[pk] for pk in ids}


def metadata_faults(
    definitions: Iterable[PropertyDefinition], metadata: Mapping[str, Any]
) -> list[tuple[str, str]]:
    """Each key that is at fault, with what would be right. A key that is there has to be of its type; one that is not
    optional has to be there, and not null. Keys without a definition pass."""
    found = []
    for row in definitions:
        value = metadata.get(row.key)
        if value is None:
            if not row.optional:
                found.append((row.key, _("Every record of this stream has it. %(right)s") % _words(row)))
        elif not FITS[PropertyType(row.type)](value):
            words = {"value": _shown(value), **_words(row)}
            found.append((row.key, _("%(value)s does not fit. %(right)s") % words))
    return found


def metadata_issues(definitions: Iterable[PropertyDefinition], metadata: Mapping[str, Any]) -> list[str]:
    """The same as sentences that name the key: "metadata.fee: abc does not fit. Write a number, like 12.5."."""
    return [f"metadata.{key}: {message}" for key, message in metadata_faults(definitions, metadata)]


def _words(row: PropertyDefinition) -> dict[str, str]:
    right = {
        PropertyType.NUMBER: _("Write a number, like 12.5."),
        PropertyType.DATE: _("Write a date, like 2026-03-31."),
        PropertyType.DATETIME: _("Write a date and time, like 2026-03-31T09:00:00Z."),
        PropertyType.STRING: _("Write a text."),
        PropertyType.BOOLEAN: _("Write true or false."),
    }
    return {"right": right[PropertyType(row.type)]}


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else str(value)
    return f'"{text}"' if len(text) <= SHOWN_MAX else f'"{text[:SHOWN_MAX]}…"'


def _is_number(value: object) -> bool:
    """A JSON number, or a text plainly written as one: files have nothing but texts, and a text keeps every decimal."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return False
    if isinstance(value, str):
        return bool(NUMBER_FORM.fullmatch(value))
    # Compared before anything else: a whole number of hundreds of digits becomes no float, nor any text that counts.
    return abs(value) < 1e20 and bool(NUMBER_FORM.fullmatch(f"{Decimal(str(value)):f}"))


def _is_date(value: object) -> bool:
    return isinstance(value, str) and bool(DATE_FORM.fullmatch(value)) and _is_real(date, value)


def _is_instant(value: object) -> bool:
    if not isinstance(value, str) or not INSTANT_FORM.fullmatch(value):
        return False
    return _is_real(datetime, FRACTION.sub(r"\1", value.upper()))  # Python reads microseconds, no finer


def _is_real(kind: type[date], text: str) -> bool:
    """A day that there is: not the 31st of June."""
    try:
        kind.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_boolean(value: object) -> bool:
    return isinstance(value, bool) or (isinstance(value, str) and value.lower() in ("true", "false"))


FITS: dict[PropertyType, Callable[[object], bool]] = {
    PropertyType.NUMBER: _is_number,
    PropertyType.DATE: _is_date,
    PropertyType.DATETIME: _is_instant,
    PropertyType.STRING: _is_text,
    PropertyType.BOOLEAN: _is_boolean,
}
