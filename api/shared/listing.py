"""Lists by the getAll convention: sort, order, filter, search, search.<field>, .in, .like, named fields, limit, offset.

A view declares its fields once (`Listing`) and calls `find` with the rows that the caller may see.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import BooleanField, F, Func, Q, QuerySet, Value
from django.http import QueryDict
from django.utils.translation import gettext as _

from api.shared.pagination import COUNT_MAX, GetAll, Page, Style, Window, bad_query, make_cursor
from api.shared.values import Kind, Unfit, read, spoken

LIST_VALUES_MAX = 1_000
FILTER_TEXT_MAX = 20_000
PAGING = frozenset({"limit", "offset", "cursor"})
STANDARD = PAGING | {"sort", "order", "filter", "search"}
GET_ALL = GetAll(default=100, cap=1000, cursors=True)

LOOKUPS = {"eq": "exact", "gt": "gt", "gte": "gte", "lt": "lt", "lte": "lte", "in": "in", "like": "icontains"}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a list: where it stands in the query, and what may be asked of it."""

    path: str
    kind: Kind = Kind.TEXT
    choices: tuple[str, ...] = ()
    searched: bool = False
    sortable: bool = True
    nullable: bool = False
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Where a word of the contract stands for several stored ones."""
    equal: Callable[[list[Any]], Q] | None = None
    """How to find equal values where the column itself would be slow to compare."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What a list can be asked. `sort` is its default order; `key` breaks ties, so that pages never overlap."""

    fields: Mapping[str, Field]
    sort: str = "-created_at"
    key: str = "id"
    named: tuple[str, ...] = ()
    """Fields that may be asked by their bare name, one value or several with commas between."""
    comparisons: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Parameters that compare a field: name → (field, operator of the filter grammar)."""
    others: tuple[str, ...] = ()
    """Parameters that the view reads by itself."""
    style: Style = GET_ALL


def find(
    listing: Listing,
    query: QueryDict,
    rows: QuerySet[Any],
    *,
    count_all: Callable[[], int] | None = None,
    fetch: QuerySet[Any] | None = None,
) -> Page:
    """The asked page of `rows`, in a constant number of queries; raises Invalid where the question can't be understood.

    `count_all` gives the number of rows before filters where a counter knows it. `fetch`: where the rows of the page are
    taken from, when what they are sorted and filtered by is dear.
    """
    _known_names(listing, query)
    window = listing.style.window(query)
    order = _order(listing, query)
    condition = _condition(listing, query)
    found = rows.filter(condition) if condition else rows
    total, bound = _count(found, count_all if not condition else None)
    total_unfiltered = total if not condition else _count(rows, count_all)[0]
    shown = _ordered(listing, order, _after(listing, order, window.cursor, found))
    picked = list(shown.values_list("pk", flat=True)[window.offset : window.offset + window.limit + 1])
    more = len(picked) > window.limit
    page = _fetched(rows if fetch is None else fetch, picked[: window.limit])
    cursor = _next_cursor(listing, order, page[-1]) if more else None
    return Page(page, window, more, total, total_unfiltered, bound, cursor)


def _fetched(rows: QuerySet[Any], keys: list[Any]) -> list[Any]:
    """The rows of one page. In a step of their own, so that what they show is worked out for a page and not for all."""
    found = {row.pk: row for row in rows.filter(pk__in=keys).order_by()} if keys else {}
    return [found[key] for key in keys if key in found]


def select(listing: Listing, query: QueryDict, rows: QuerySet[Any]) -> QuerySet[Any]:
    """All rows that the question asks for, in its order: for exports, which have no pages."""
    _known_names(listing, query)
    for name in PAGING & set(query):
        raise bad_query(name, _("An export has no pages; it holds every row of the filter."))
    return _ordered(listing, _order(listing, query), rows.filter(_condition(listing, query)))


def _count(rows: QuerySet[Any], known: Callable[[], int] | None) -> tuple[int, bool]:
    """How many, exact up to COUNT_MAX; beyond that from a counter, else COUNT_MAX as a lower bound."""
    counted = rows.order_by().values("pk")[: COUNT_MAX + 1].count()
    if counted <= COUNT_MAX:
        return counted, False
    return (known(), False) if known else (COUNT_MAX, True)


def _known_names(listing: Listing, query: QueryDict) -> None:
    plain = {*STANDARD, *listing.named, *listing.comparisons, *listing.others}
    for name in query:
        if name not in plain and not name.startswith("search."):
            raise bad_query(name, _("This list has no such parameter."))


# --- sort ------------------------------------------------------------------------------------------------------------

Order = list[tuple[str, bool]]


def _order(listing: Listing, query: QueryDict) -> Order:
    """Fields with whether they descend. `-` before a field wins; `order` turns the others; the key comes last."""
    turned = query.get("order", "asc")
    if turned not in ("asc", "desc"):
        raise bad_query("order", _("Write asc or desc."))
    asked: Order = []
    for name in (query.get("sort") or listing.sort).split(","):
        bare = name.strip().removeprefix("-")
        _sortable(listing, bare)
        if bare not in dict(asked):
            asked.append((bare, name.strip().startswith("-") or (turned == "desc" and "sort" in query)))
    if listing.key not in dict(asked):
        asked.append((listing.key, False))
    return asked


def _sortable(listing: Listing, name: str) -> None:
    known = listing.fields.get(name)
    if known is None or not known.sortable:
        choices = ", ".join(sorted(each for each, one in listing.fields.items() if one.sortable))
        raise bad_query(
            "sort", _("%(name)s cannot be sorted by. Known: %(known)s.") % {"name": name, "known": choices}
        )


def _ordered(listing: Listing, order: Order, rows: QuerySet[Any]) -> QuerySet[Any]:
    paths = [(F(listing.fields[name].path), descending) for name, descending in order]
    return rows.order_by(*[path.desc() if descending else path.asc() for path, descending in paths])


# --- cursor ------------------------------------------------------------------------------------------------------------


def _sort_text(order: Order) -> str:
    return ",".join(f"-{name}" if descending else name for name, descending in order)


def _next_cursor(listing: Listing, order: Order, row: Any) -> str | None:
    """None where a sort key may be empty: rows cannot be found again after nothing."""
    if any(listing.fields[name].nullable for name, _descending in order):
        return None
    values = [spoken(_value_of(row, listing.fields[name].path)) for name, _descending in order]
    return make_cursor([_sort_text(order), *values])


def _value_of(row: Any, path: str) -> Any:
    return reduce(getattr, path.split("__"), row)


def _after(listing: Listing, order: Order, cursor: list[Any] | None, rows: QuerySet[Any]) -> QuerySet[Any]:
    if cursor is None:
        return rows
    if len(cursor) != len(order) + 1 or cursor[0] != _sort_text(order):
        raise bad_query("cursor", _("This cursor belongs to another sort order; begin again without one."))
    fields = [listing.fields[name] for name, _descending in order]
    values = [_read("cursor", known, text) for known, text in zip(fields, cursor[1:], strict=True)]
    if len({descending for _name, descending in order}) == 1:
        sign = "<" if order[0][1] else ">"
        return rows.filter(RowCompare(sign, [F(known.path) for known in fields], values))
    condition, equal = Q(pk__in=[]), Q()
    for known, (_name, descending), value in zip(fields, order, values, strict=True):
        condition |= equal & Q(**{f"{known.path}__{'lt' if descending else 'gt'}": value})
        equal &= Q(**{known.path: value})
    return rows.filter(condition)


class RowCompare(Func):
    """(a, b) > (x, y): PostgreSQL answers this from an index over (a, b), which the same in ORs and ANDs it does not."""

    output_field = BooleanField()
    conditional = True

    def __init__(self, sign: str, columns: Sequence[Any], values: Sequence[Any]) -> None:
        marks = ", ".join(["{}"] * len(columns))
        self.template_of_rows = f"({marks}) {sign} ({marks})"
        super().__init__(*columns, *[Value(value) for value in values])

    def as_sql(self, compiler: Any, connection: Any, **_context: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        parts = [compiler.compile(each) for each in self.source_expressions]
        sql = self.template_of_rows.format(*[text for text, _params in parts])
        return sql, [param for _text, params in parts for param in params]


# --- filters -----------------------------------------------------------------------------------------------------------


def _condition(listing: Listing, query: QueryDict) -> Q:
    condition = Q()
    for each in _conditions(listing, query):
        condition &= each
    return condition


def _conditions(listing: Listing, query: QueryDict) -> Iterator[Q]:
    if text := query.get("search"):
        yield _free_text(listing, text)
    if text := query.get("filter"):
        yield from _structured(listing, text)
    for name in query:
        value = query.get(name, "")
        if name.startswith("search."):
            yield _by_parameter(listing, name, value)
        elif name in listing.named:
            yield _equal(name, listing.fields[name], _several(name, value))
        elif name in listing.comparisons:
            of, operator = listing.comparisons[name]
            yield _compare(listing.fields[of], operator, value, name)


def _free_text(listing: Listing, text: str) -> Q:
    searched = [
        Q(**{f"{known.path}__icontains": text}) for known in listing.fields.values() if known.searched
    ]
    if not searched:
        raise bad_query("search", _("This list has no text to search in."))
    return reduce(or_, searched)


def _by_parameter(listing: Listing, parameter: str, text: str) -> Q:
    """`search.<field>`, `search.<field>.in` and `search.<field>.like`."""
    name, _dot, operator = parameter.removeprefix("search.").partition(".")
    known = listing.fields.get(name)
    if known is None or operator not in ("", "in", "like"):
        raise bad_query(parameter, _("Known: search.<field>, search.<field>.in, search.<field>.like."))
    if operator == "like":
        return _like(parameter, known, text)
    return _equal(parameter, known, _several(parameter, text) if operator else [text])


def _structured(listing: Listing, text: str) -> Iterator[Q]:
    """{"field": value} or {"field": {"eq"|"ne"|"gt"|"gte"|"lt"|"lte"|"in"|"like": value}}, all of which must hold."""
    try:
        asked = json.loads(text) if len(text) <= FILTER_TEXT_MAX else None
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict):
        raise bad_query("filter", _('Write a JSON object, like {"status": "open", "amount": {"gte": 100}}.'))
    for name, wanted in asked.items():
        known = listing.fields.get(name)
        if known is None:
            raise bad_query("filter", _("%(name)s is no field of this list.") % {"name": name})
        for operator, value in wanted.items() if isinstance(wanted, dict) else [("eq", wanted)]:
            yield _compare(known, operator, value)


def _compare(known: Field, operator: str, value: Any, parameter: str = "filter") -> Q:
    if operator == "ne":
        return ~_compare(known, "eq", value)
    if operator not in LOOKUPS:
        message = _("%(operator)s is no comparison. Known: eq, ne, gt, gte, lt, lte, in, like.")
        raise bad_query(parameter, message % {"operator": operator})
    if operator == "like":
        return _like(parameter, known, value)
    if operator == "in":
        if not isinstance(value, list) or len(value) > LIST_VALUES_MAX:
            raise bad_query(
                parameter, _("in takes a list of at most %(most)d values.") % {"most": LIST_VALUES_MAX}
            )
        return _equal(parameter, known, value)
    if operator == "eq":
        return Q(**{f"{known.path}__isnull": True}) if value is None else _equal(parameter, known, [value])
    return Q(**{f"{known.path}__{LOOKUPS[operator]}": _read(parameter, known, value)})


def _several(parameter: str, text: str) -> list[str]:
    values = [part.strip() for part in text.split(",")]
    if len(values) > LIST_VALUES_MAX:
        raise bad_query(parameter, _("At most %(most)d values.") % {"most": LIST_VALUES_MAX})
    return values


def _equal(parameter: str, known: Field, values: list[Any]) -> Q:
    stored: list[Any] = []
    for value in values:
        one = _read(parameter, known, value)
        stored.extend(known.values.get(one, (one,)) if known.values else [one])
    if known.equal is not None:
        return known.equal(stored)
    return Q(**{known.path: stored[0]}) if len(stored) == 1 else Q(**{f"{known.path}__in": stored})


def _like(parameter: str, known: Field, value: Any) -> Q:
    if known.kind is not Kind.TEXT or not isinstance(value, str):
        raise bad_query(parameter, _("like compares texts only."))
    return Q(**{f"{known.path}__icontains": _read(parameter, known, value)})


def _read(parameter: str, known: Field, value: Any) -> Any:
    try:
        return read(known.kind, value, known.choices)
    except Unfit as unfit:
        raise bad_query(parameter, str(unfit)) from None


__all__ = ["GET_ALL", "Field", "Kind", "Listing", "Page", "Window", "find"]
