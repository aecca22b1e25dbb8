"""The records of an exception's slice, a page at a time: the longest overdue first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from exceptions_app.models import ReconciliationException
from exceptions_app.selectors.filters import ExceptionFilter
from exceptions_app.selectors.slices import pairs_of, slice_params, slice_parts, slice_sql
from ledgers.models import Record

PAGE = """
SELECT record_id, amount, overdue_at, overdue_seen_at FROM ({part}) AS slice
WHERE {condition} ORDER BY overdue_at, record_id LIMIT %(limit)s
"""
# Each part brings its first ones along an index; only these are sorted.
PAGES = "SELECT * FROM ({pages}) AS page ORDER BY overdue_at, record_id LIMIT %(limit)s"
BEHIND = "(overdue_at, record_id) > (%(after_overdue_at)s, %(after_record_id)s)"


@dataclass(frozen=True, slots=True)
class Place:
    """Behind this record a page begins."""

    overdue_at: datetime
    record_id: int


@dataclass(frozen=True, slots=True)
class SliceRecord:
    """`amount`: what of the record is overdue, signed minor units. `overdue_seen_at`: when a sweep first saw it past due."""

    record: Record
    amount: int
    overdue_at: datetime
    overdue_seen_at: datetime | None

    @property
    def place(self) -> Place:
        return Place(self.overdue_at, self.record.pk)


def exception_records(
    exception: ReconciliationException,
    *,
    filters: ExceptionFilter | None = None,
    behind: Place | None = None,
    limit: int,
    at: datetime,
) -> list[SliceRecord]:
    """With their streams at hand. Two queries."""
    pairs, params = pairs_of([exception])
    asked = filters or ExceptionFilter()
    condition, more = asked.sql(at)
    if behind is not None:
        condition = f"{BEHIND} AND {condition}"
        more |= {"after_overdue_at": behind.overdue_at, "after_record_id": behind.record_id}
    parts = slice_parts(pairs, record_columns="r.date" + asked.columns)
    pages = (f"({PAGE.format(part=part, condition=condition)})" for part in parts)
    sql = PAGES.format(pages=" UNION ALL ".join(pages))
    with connection.cursor() as cursor:
        cursor.execute(sql, {**slice_params(at), **params, **more, "limit": limit})
        rows = cursor.fetchall()
    records = Record.objects.select_related("stream").in_bulk([row[0] for row in rows])
    return [SliceRecord(records[row[0]], *row[1:]) for row in rows if row[0] in records]


def has_records(exception: ReconciliationException, *, at: datetime) -> bool:
    """Whether anything is overdue in it. One query."""
    pairs, params = pairs_of([exception])
    sql = f"SELECT EXISTS ({slice_sql(pairs, record_columns='r.date')})"
    with connection.cursor() as cursor:
        cursor.execute(sql, {**slice_params(at), **params})
        (found,) = cursor.fetchone()
    return bool(found)
