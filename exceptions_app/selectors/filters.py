"""The seven filters of an exception's records: read from a query or from JSON, kept with investigations, and told as SQL."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _

from exceptions_app.states import AGE_BOUNDS, AgeBucket
from organizations.refusals import Invalid

DEBIT, CREDIT = "debit", "credit"
AMOUNT_MAX = 2**63 - 1
TEXT_MAX = 1_000
WHOLE = re.compile(r"-?[0-9]{1,19}", re.ASCII)
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
NAMES = ("amount_min", "amount_max", "date_from", "date_to", "direction", "counterparty", "age_bucket")


@dataclass(frozen=True, slots=True)
class ExceptionFilter:
    """All that is given must hold. Amounts are signed minor units (debits below zero), bounds are in; dates are the
    records' own; `counterparty` is a part of description or counterparty, whatever its case."""

    amount_min: int | None = None
    amount_max: int | None = None
    date_from: date | None = None
    date_to: date | None = None
    direction: str | None = None
    counterparty: str | None = None
    age_bucket: AgeBucket | None = None

    def __bool__(self) -> bool:
        return any(getattr(self, name) is not None for name in NAMES)

    def as_json(self) -> dict[str, Any]:
        """What was given, as `read_filter` takes it."""
        given = {name: getattr(self, name) for name in NAMES if getattr(self, name) is not None}
        return {
            name: value.isoformat() if isinstance(value, date) else value for name, value in given.items()
        }

    @property
    def columns(self) -> str:
        """Columns of the record that the condition reads beside date, with a comma before each."""
        return ", r.description, r.counterparty" if self.counterparty is not None else ""

    def sql(self, at: datetime) -> tuple[str, dict[str, Any]]:
        """The condition over a slice's columns amount, date, overdue_at (description, counterparty), with its parameters."""
        conditions: list[str] = []
        params: dict[str, Any] = {}
        for name, condition in _PLAIN.items():
            if (value := getattr(self, name)) is not None:
                conditions.append(condition)
                params[f"filter_{name}"] = value
        if self.direction is not None:
            conditions.append("amount < 0" if self.direction == DEBIT else "amount > 0")
        if self.counterparty is not None:
            conditions.append(_TEXT)
            params["filter_counterparty"] = f"%{_literal(self.counterparty)}%"
        if self.age_bucket is not None:
            from_days, to_days = AGE_BOUNDS[self.age_bucket]
            conditions.append("overdue_at <= %(filter_youngest)s")
            params["filter_youngest"] = at - timedelta(days=from_days)
            if to_days is not None:
                conditions.append("overdue_at > %(filter_oldest)s")
                params["filter_oldest"] = at - timedelta(days=to_days)
        return " AND ".join(f"({each})" for each in conditions) or "true", params


_PLAIN = {
    "amount_min": "amount >= %(filter_amount_min)s",
    "amount_max": "amount <= %(filter_amount_max)s",
    "date_from": "date >= %(filter_date_from)s",
    "date_to": "date <= %(filter_date_to)s",
}
_TEXT = "upper(description) LIKE upper(%(filter_counterparty)s) OR upper(counterparty) LIKE upper(%(filter_counterparty)s)"


def read_filter(given: Mapping[str, Any], *, within: tuple[str, ...] = ()) -> ExceptionFilter:
    """The filters of a query string or a JSON object; what is left out, null or blank restricts nothing. Invalid
    "filter.invalid" names each that cannot be used; `within`: where they stand in the body."""
    values: dict[str, Any] = {}
    issues: list[dict[str, Any]] = []
    for name, value in given.items():
        try:
            values[name] = _read(str(name), value)
        except ValueError as unfit:
            issues.append({"path": [*within, str(name)], "message": str(unfit)})
    if issues:
        first = issues[0]
        raise Invalid(f"{'.'.join(first['path'])}: {first['message']}", code="filter.invalid", issues=issues)
    return ExceptionFilter(**values)


def _read(name: str, value: Any) -> Any:
    if name not in NAMES:
        raise ValueError(_("There is no such filter. Known: %(names)s.") % {"names": ", ".join(NAMES)})
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if name.startswith("amount"):
        return _amount(value)
    if not isinstance(value, str):
        raise ValueError(_("Write a text."))
    if name.startswith("date"):
        return _day(value.strip())
    if name == "counterparty":
        return _text(value)
    choices = (DEBIT, CREDIT) if name == "direction" else tuple(AgeBucket.values)
    if value.strip() not in choices:
        raise ValueError(_("Write one of %(choices)s.") % {"choices": ", ".join(choices)})
    return AgeBucket(value.strip()) if name == "age_bucket" else value.strip()


def _amount(value: Any) -> int:
    if isinstance(value, str) and WHOLE.fullmatch(value.strip()):
        value = int(value)
    if type(value) is not int:
        raise ValueError(
            _("Write whole minor units, like -125000 for a debit of 1,250.00: no fraction and no text.")
        )
    if abs(value) > AMOUNT_MAX:
        raise ValueError(_("This amount is too large."))
    return value


def _day(value: str) -> date:
    try:
        if DAY.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise ValueError(_("Write a date like 2026-03-31."))


def _text(value: str) -> str:
    if len(value) > TEXT_MAX:
        raise ValueError(_("At most %(most)s characters.") % {"most": TEXT_MAX})
    if "\x00" in value or any("\ud800" <= char <= "\udfff" for char in value):
        raise ValueError(_("A text with a NUL or half a surrogate pair is in no row."))
    return value


def _literal(text: str) -> str:
    """LIKE's own signs as what they are."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
