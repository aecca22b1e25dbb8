"""The page styles of the surfaces' contracts: what each reads from the query, and the envelope that it answers with."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from math import ceil
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from organizations.refusals import Invalid

COUNT_MAX = 100_000
"""Totals are exact up to here; a count beyond it would read more rows than a page is worth."""
OFFSET_MAX = 100_000
"""The database reads and drops every row before an offset; deeper pages go by cursor."""
PAGE_MAX = 1_000_000


def bad_query(name: str, message: str) -> Invalid:
    return Invalid(f"{name}: {message}", issues=[{"path": [name], "message": message}])


def whole_number(query: QueryDict, name: str, *, default: int, at_least: int, at_most: int) -> int:
    """A whole number of the query; raises Invalid where it is none or out of range."""
    text = query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 18 and at_least <= int(text) <= at_most):
        limits = {"least": at_least, "most": at_most}
        raise bad_query(name, _("Write a whole number from %(least)d to %(most)d.") % limits)
    return int(text)


@dataclass(frozen=True, slots=True)
class Window:
    """Which rows are asked for."""

    limit: int
    offset: int = 0
    cursor: list[Any] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """What was found: the rows of the window, whether more follow, and totals where the style shows them."""

    rows: list[Any]
    window: Window
    more: bool
    total: int = 0
    total_unfiltered: int = 0
    total_is_lower_bound: bool = False
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Style:
    """Limits of one list, and whether it reads `offset` or `cursor`."""

    default: int
    cap: int
    offsets: bool = True
    cursors: bool = False

    def window(self, query: QueryDict) -> Window:
        limit = whole_number(query, "limit", default=self.default, at_least=1, at_most=self.cap)
        cursor = read_cursor(query.get("cursor", "")) if self.cursors and "cursor" in query else None
        if not self.offsets:
            return Window(limit, 0, cursor)
        if cursor is not None and "offset" in query:
            raise bad_query("cursor", _("Send offset or cursor, not both."))
        return Window(limit, _offset(query, self.cursors), cursor)

    def envelope(self, page: Page, data: list[Any]) -> Any:
        raise NotImplementedError


def _offset(query: QueryDict, cursors: bool) -> int:
    text = query.get("offset", "0")
    if text.isascii() and text.isdigit() and len(text) <= 18 and int(text) > OFFSET_MAX:
        instead = _("follow next_cursor with ?cursor=") if cursors else _("narrow the list with a filter")
        message = _("Offsets end at %(most)d: beyond that, %(instead)s.") % {
            "most": OFFSET_MAX,
            "instead": instead,
        }
        raise Invalid(message, code="page.too_deep", issues=[{"path": ["offset"], "message": message}])
    return whole_number(query, "offset", default=0, at_least=0, at_most=OFFSET_MAX)


class GetAll(Style):
    """{data, total, total_unfiltered, has_more}, with `next_cursor` as our addition."""

    __slots__ = ()

    def envelope(self, page: Page, data: list[Any]) -> dict[str, Any]:
        body: dict[str, Any] = {
            "data": data,
            "total": page.total,
            "total_unfiltered": page.total_unfiltered,
            "has_more": page.more,
            "next_cursor": page.next_cursor,
        }
        if page.total_is_lower_bound:
            body["total_is_lower_bound"] = True
        return body


class Cursor(Style):
    """{data, next_cursor, limit}; next_cursor is null at the end."""

    __slots__ = ()

    def envelope(self, page: Page, data: list[Any]) -> dict[str, Any]:
        return {"data": data, "next_cursor": page.next_cursor, "limit": page.window.limit}


class HasMore(Style):
    """{data, has_more, offset}."""

    __slots__ = ()

    def envelope(self, page: Page, data: list[Any]) -> dict[str, Any]:
        return {"data": data, "has_more": page.more, "offset": page.window.offset}


class ItemsTotal(Style):
    """{items, total, limit, offset}."""

    __slots__ = ()

    def envelope(self, page: Page, data: list[Any]) -> dict[str, Any]:
        return {"items": data, "total": page.total, "limit": page.window.limit, "offset": page.window.offset}


class PageNumber(Style):
    """{items, page, total_pages, total_count, has_previous_page, has_next_page}, asked by `page` and `page_size`."""

    __slots__ = ()

    def window(self, query: QueryDict) -> Window:
        size = whole_number(query, "page_size", default=self.default, at_least=1, at_most=self.cap)
        page = whole_number(query, "page", default=1, at_least=1, at_most=PAGE_MAX)
        offset = (page - 1) * size
        if offset > OFFSET_MAX:
            raise Invalid(
                _("Pages this deep are not read; narrow the list with a filter."), code="page.too_deep"
            )
        return Window(size, offset)

    def envelope(self, page: Page, data: list[Any]) -> dict[str, Any]:
        size, number = page.window.limit, page.window.offset // page.window.limit + 1
        return {
            "items": data,
            "page": number,
            "total_pages": ceil(page.total / size),
            "total_count": page.total,
            "has_previous_page": number > 1,
            "has_next_page": page.more,
        }


class Bare(Style):
    """The rows alone."""

    __slots__ = ()

    def envelope(self, page: Page, data: list[Any]) -> list[Any]:
        return data


# --- cursors: opaque to callers; the values of the last row's sort keys ------------------------------------------------


def make_cursor(values: list[str]) -> str:
    text = json.dumps(values)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(text: str) -> list[Any]:
    """The values back, as text; raises Invalid where we did not make it."""
    try:
        values = json.loads(base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)))
    except (ValueError, binascii.Error, UnicodeError, RecursionError):
        values = None
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise bad_query("cursor", _("This cursor was not made here; begin again without one."))
    return values
