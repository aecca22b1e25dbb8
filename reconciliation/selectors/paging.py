"""Pages of long lists by key: the next and the previous 25 rows cost the same at the end as at the beginning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce
from typing import Any

from django.db.models import Q, QuerySet

PAGE_ROWS = 25


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in order, and the places to ask for next and before; empty where there is no more."""

    rows: list[Any]
    after: str = ""
    before: str = ""


def page_of(
    rows: QuerySet[Any],
    keys: Sequence[str],
    place: str = "",
    *,
    newest_first: bool = False,
    size: int = PAGE_ROWS,
) -> Page:
    """The rows behind a place, ordered by `keys` (dates or whole numbers, together unique).

    `place` is one that an earlier Page gave; what cannot be read, or has nothing behind it any more, is the first page.
    """
    backwards, values = place[:1] == "<", _read(place[1:], keys)
    falling = backwards != newest_first
    wanted = rows.filter(_beyond(keys, values, "lt" if falling else "gt")) if values else rows
    if not values:
        backwards, falling = False, newest_first
    found = list(wanted.order_by(*(f"-{key}" if falling else key for key in keys))[: size + 1])
    more, found = len(found) > size, found[:size]
    if not values:
        return Page(found, after=_place(">", keys, found[-1]) if more else "")
    if not found:
        return page_of(rows, keys, newest_first=newest_first, size=size)
    if backwards:
        found.reverse()
    after, before = (True, more) if backwards else (more, True)
    return Page(
        found,
        after=_place(">", keys, found[-1]) if after else "",
        before=_place("<", keys, found[0]) if before else "",
    )


def _place(sign: str, keys: Sequence[str], row: Any) -> str:
    return sign + "_".join(str(reduce(getattr, key.split("__"), row)) for key in keys)


def _read(text: str, keys: Sequence[str]) -> list[date | int]:
    """One value for each key; none at all where one is not of its kind."""
    parts = text.split("_")
    if len(parts) != len(keys):
        return []
    try:
        return [
            date.fromisoformat(part) if key.endswith("date") else int(part)
            for key, part in zip(keys, parts, strict=True)
        ]
    except ValueError:
        return []


def _beyond(keys: Sequence[str], values: Sequence[Any], lookup: str) -> Q:
    """Row comparison: the first key beyond, or equal and the next beyond, and so on."""
    condition = Q()
    for place, (key, value) in enumerate(zip(keys, values, strict=True)):
        equal = Q(**dict(zip(keys[:place], values[:place], strict=True)))
        condition |= equal & Q(**{f"{key}__{lookup}": value})
    return condition
