"""Reads one record as a program sends it: every field checked by itself, each mistake with what would be right. Knows no
database; used for single records, for the rows of bulk requests, and for changes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from ledgers.money import MINOR_MAX
from ledgers.states import Direction

Day = date  # a field of that name hides the type
TEXT_MAX = 10_000
ID_MAX = 1_000
KEY_MAX = 128
DEFAULT_CURRENCY = "USD"
DAY_FORM = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
CURRENCY_FORM = re.compile(r"[A-Za-z]{3}")


@dataclass(frozen=True, slots=True)
class RecordIn:
    """One record to add. `amount` in minor units; below zero it takes back what its direction says."""

    date: Day
    amount: int
    direction: str
    currency: str
    description: str = ""
    reference: str = ""
    counterparty: str = ""
    external_id: str = ""
    value_date: Day | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FieldIssue:
    """What is wrong with a field, and what would be right; `field` is empty where it is the row as a whole."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class _Unfit(ValueError):
    """This is no value of that field; the text says what would be."""


def read_row(row: Any) -> tuple[str, RecordIn | None, list[FieldIssue]]:
    """The key of its stream, and the record, or everything that is wrong with it."""
    if not isinstance(row, Mapping):
        return "", None, [FieldIssue("", _("A record is an object with fields, like date and amount."))]
    facts, issues = read_facts(row, known={STREAM: _stream_key, **READERS})
    issues += [
        FieldIssue(name, _("This field is required."))
        for name in REQUIRED
        if row.get(name) is None and name not in {issue.field for issue in issues}
    ]
    key = facts.pop(STREAM, "")
    if issues:
        return key, None, issues
    facts.setdefault("currency", DEFAULT_CURRENCY)
    return key, RecordIn(**facts), []


def read_changes(changes: Mapping[str, Any]) -> tuple[dict[str, Any], list[FieldIssue]]:
    """What is said of a record that is there already. Null empties a field that may be empty."""
    known = {name: reader for name, reader in READERS.items() if name not in FIXED}
    named = {name: value for name, value in changes.items() if name not in FIXED}
    facts, issues = read_facts(named, known=known)
    fixed = _("It cannot be changed: delete the record and add another.")
    issues += [FieldIssue(name, fixed) for name in changes if name in FIXED]
    for name, value in changes.items():
        if value is None and name in known:
            if name in REQUIRED:
                issues.append(FieldIssue(name, _("This field cannot be emptied.")))
            else:
                facts[name] = EMPTY.get(name, "")
    return facts, issues


def read_facts(
    row: Mapping[str, Any], *, known: Mapping[str, Callable[[Any], Any]]
) -> tuple[dict[str, Any], list[FieldIssue]]:
    """The fields that are not null, as their columns hold them."""
    facts: dict[str, Any] = {}
    issues = []
    for name, value in row.items():
        reader = known.get(name)
        if reader is None:
            message = NEVER_SENT.get(name) or _("A record has no such field.")
            issues.append(FieldIssue(str(name)[:KEY_MAX], str(message)))
        elif value is not None:
            try:
                facts[name] = reader(value)
            except _Unfit as unfit:
                issues.append(FieldIssue(name, str(unfit)))
    return facts, issues


def _stream_key(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise _Unfit(_("Write the key of a data stream."))
    return value


def _day(value: Any) -> date:
    if isinstance(value, str) and DAY_FORM.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise _Unfit(_("Write a date like 2026-03-31."))


def _amount(value: Any) -> int:
    if type(value) is not int:
        raise _Unfit(_("Write whole minor units, like 125000 for 1,250.00: no fraction and no text."))
    if abs(value) > MINOR_MAX:
        raise _Unfit(_("Write an amount from -%(most)d to %(most)d minor units.") % {"most": MINOR_MAX})
    return value


def _direction(value: Any) -> str:
    if value not in Direction.values:
        raise _Unfit(_("Write credit or debit."))
    return str(value)


def _currency(value: Any) -> str:
    if not isinstance(value, str) or not CURRENCY_FORM.fullmatch(value):
        raise _Unfit(_("Write a currency of three letters, like USD."))
    return value.upper()


def _text(most: int) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise _Unfit(_("Write a text."))
        if len(value) > most:
            raise _Unfit(_("Write at most %(most)d characters.") % {"most": most})
        return value

    return read


def _metadata(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Unfit(_('Write an object of keys and values, like {"invoice": "INV-7"}.'))
    return value


STREAM = "data_stream_key"
READERS: Mapping[str, Callable[[Any], Any]] = {
    "date": _day,
    "amount": _amount,
    "direction": _direction,
    "currency": _currency,
    "value_date": _day,
    "reference": _text(TEXT_MAX),
    "description": _text(TEXT_MAX),
    "counterparty": _text(TEXT_MAX),
    "external_id": _text(ID_MAX),
    "metadata": _metadata,
}
REQUIRED = (STREAM, "date", "amount", "direction")
FIXED = frozenset({STREAM, "currency"})
"""What a record keeps for ever."""
EMPTY: Mapping[str, Any] = {"value_date": None, "metadata": {}}
NEVER_SENT = {
    "decimal_places": "It follows from the currency and is never sent.",
    "id": "Ids are given by us.",
}
