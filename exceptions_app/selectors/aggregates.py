"""What the slices of exceptions add up to at an instant: counts, sums, ages, per currency and age bucket. One query however
many exceptions, whole and filtered at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple

from django.db import connection

from exceptions_app.models import ReconciliationException
from exceptions_app.selectors.filters import ExceptionFilter
from exceptions_app.selectors.slices import AMONG_MANY, RECORD_COLUMNS, pairs_of, slice_params, slice_parts
from exceptions_app.states import AGE_BOUNDS, AgeBucket

DEFAULT_DECIMALS = 2
DAY_SECONDS = 86_400
BUCKETS = tuple(AgeBucket)


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts, signed minor units and dates of some records. Debits are below zero; a record of amount 0 is neither."""

    currency: str | None = None
    decimal_places: int = DEFAULT_DECIMALS
    record_count: int = 0
    total_amount: int = 0
    debit_count: int = 0
    debit_sum: int = 0
    credit_count: int = 0
    credit_sum: int = 0
    avg_age_days: float = 0.0
    oldest_at: date | None = None
    newest_at: date | None = None
    longest_overdue_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Bucket:
    """`total_amount`: signed minor units of the figures' currency."""

    count: int = 0
    total_amount: int = 0


@dataclass(frozen=True, slots=True)
class Aggregates:
    """A slice in figures. Counts, ages and dates are of all its records; sums are of the currency that occurs most (of equal
    ones the first by code). `by_currency`: each currency's own figures, that one first. `filtered`: those of the records
    that the filters leave, where they were asked for; `new_since_closed`: records that no sweep had seen when the
    exception was closed, 0 while it is active."""

    figures: Figures = field(default_factory=Figures)
    by_currency: tuple[Figures, ...] = ()
    age_buckets: Mapping[AgeBucket, Bucket] = field(
        default_factory=lambda: {bucket: Bucket() for bucket in BUCKETS}
    )
    new_since_closed: int = 0
    filtered: Aggregates | None = None

    @property
    def mixed_currencies(self) -> bool:
        return len(self.by_currency) > 1

    @property
    def record_count(self) -> int:
        return self.figures.record_count


def aggregates_of(
    exceptions: Collection[ReconciliationException],
    *,
    at: datetime,
    filters: ExceptionFilter | None = None,
) -> dict[int, Aggregates]:
    """By the exception's id. One query."""
    rows = list(exceptions)
    if not rows:
        return {}
    parts: dict[int, list[Part]] = {row.pk: [] for row in rows}
    for part in _parts(rows, at=at, filters=filters):
        parts[part.exception_id].append(part)
    asked = filters is not None
    return {pk: _aggregates(found, filtered=asked) for pk, found in parts.items()}


class Part(NamedTuple):
    """Records of one exception, currency, age bucket, sign, and standing towards the filters."""

    exception_id: int
    currency: str
    decimal_places: int
    under_7: bool
    under_30: bool
    under_90: bool
    is_debit: bool
    is_credit: bool
    passes: bool
    records: int
    amount: int
    age_seconds: float
    oldest: date
    newest: date
    longest_overdue_at: datetime
    new: int

    @property
    def bucket(self) -> int:
        return [self.under_7, self.under_30, self.under_90, True].index(True)


# Grouped by yes and no, of which the planner knows how many there can be: so it never sorts, and never spills.
PARTS = """
SELECT exception_id, currency, decimal_places,
    overdue_at > %(bound_0)s, overdue_at > %(bound_1)s, overdue_at > %(bound_2)s, signed_amount < 0, signed_amount > 0,
    {passes},
    count(*), sum(amount), sum(date_part('epoch', %(at)s - overdue_at)), min(date), max(date), min(overdue_at), {new}
FROM ({part}) AS slice
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
"""
COLUMNS = f"{RECORD_COLUMNS}, r.signed_amount, p.exception_closed_at"
NEW = "count(*) FILTER (WHERE exception_closed_at < coalesce(overdue_seen_at, 'infinity'))"


def _parts(
    rows: list[ReconciliationException], *, at: datetime, filters: ExceptionFilter | None
) -> Iterable[Part]:
    """The database groups by all that the figures tell apart and sums once; what is added up here is a few rows."""
    pairs, params = pairs_of(rows)
    passes, more = filters.sql(at) if filters else ("true", {})
    columns = COLUMNS + (filters.columns if filters else "")
    slices = slice_parts(pairs, record_columns=columns, among=AMONG_MANY if len(rows) > 1 else "")
    new = NEW if any(row.closed_at is not None for row in rows) else "0"
    sql = " UNION ALL ".join(PARTS.format(part=each, passes=passes, new=new) for each in slices)
    bounds = {f"bound_{place}": at - timedelta(days=days) for place, days in enumerate(_bounds())}
    with connection.cursor() as cursor:
        cursor.execute(sql, {**slice_params(at), **params, **more, **bounds})
        return [Part(*row) for row in cursor.fetchall()]


def _bounds() -> list[int]:
    return [upper for _lower, upper in AGE_BOUNDS.values() if upper is not None]


# --- adding up -----------------------------------------------------------------------------------------------------------


def _aggregates(parts: list[Part], *, filtered: bool) -> Aggregates:
    left = _added_up([part for part in parts if part.passes]) if filtered else None
    return _added_up(parts, new=sum(part.new for part in parts), filtered=left)


def _added_up(parts: list[Part], *, new: int = 0, filtered: Aggregates | None = None) -> Aggregates:
    of = {
        name: [part for part in parts if part.currency == name] for name in {part.currency for part in parts}
    }
    each = [_figures(rows, rows) for rows in of.values()]
    by_currency = tuple(sorted(each, key=lambda one: (-one.record_count, one.currency or "")))
    main = of[by_currency[0].currency or ""] if by_currency else []
    return Aggregates(
        figures=_figures(parts, main),
        by_currency=by_currency,
        age_buckets={bucket: _bucket(parts, main, place) for place, bucket in enumerate(BUCKETS)},
        new_since_closed=new,
        filtered=filtered,
    )


def _figures(parts: list[Part], main: list[Part]) -> Figures:
    """Counts and ages of all of them, sums of those of one currency."""
    if not parts:
        return Figures()
    count = _sum(parts, _count)
    return Figures(
        currency=main[0].currency,
        decimal_places=main[0].decimal_places,
        record_count=count,
        total_amount=_sum(main, _amount),
        debit_count=_sum((part for part in parts if part.is_debit), _count),
        debit_sum=_sum((part for part in main if part.is_debit), _amount),
        credit_count=_sum((part for part in parts if part.is_credit), _count),
        credit_sum=_sum((part for part in main if part.is_credit), _amount),
        avg_age_days=sum(part.age_seconds for part in parts) / count / DAY_SECONDS,
        oldest_at=min(part.oldest for part in parts),
        newest_at=max(part.newest for part in parts),
        longest_overdue_at=min(part.longest_overdue_at for part in parts),
    )


def _bucket(parts: list[Part], main: list[Part], place: int) -> Bucket:
    return Bucket(
        _sum((part for part in parts if part.bucket == place), _count),
        _sum((part for part in main if part.bucket == place), _amount),
    )


def _sum(parts: Iterable[Part], value: Callable[[Part], int]) -> int:
    return sum(map(value, parts))


def _count(part: Part) -> int:
    return part.records


def _amount(part: Part) -> int:
    return int(part.amount)


__all__ = ["Aggregates", "Bucket", "Figures", "aggregates_of"]
