"""Stamps open items and live members with the instant at which they are overdue, by the policy of their reconciliation.
Called wherever tokens are made, where a record's day changes, and by the recompute of a changed policy.

Callers hold the reconciliation's lock, shared or exclusive: behind it the policy does not change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl
from django.db import connection

from ledgers.services.rows import array_text
from rules.overdue import OverduePolicy, counting_dates, overdue_by_day, overdue_instants
from rules.selectors import overdue_policy


def due_of_new(records: pl.DataFrame, *, reconciliation_id: int) -> pl.Series | None:
    """When each of these new records is overdue; None where the reconciliation has no policy."""
    policy = overdue_policy(reconciliation_id)
    return None if policy is None else overdue_instants(policy, counting_dates(policy, records))


@dataclass(frozen=True, slots=True)
class DueTable:
    """When a record is overdue by the day that it counts from, for joins in SQL: `counting` gives that day of record r."""

    counting: str
    days: list[date]
    instants: list[datetime | None]

    @property
    def params(self) -> dict[str, Any]:
        return {"days": self.days, "instants": self.instants}


DUE = "unnest(%(days)s::date[], %(instants)s::timestamptz[]) AS due(day, instant)"


def due_of_stream(reconciliation_id: int, *, stream_id: int, after: int, up_to: int) -> DueTable:
    """For the live records of a stream in that range of ids, which are locked against a change of their day."""
    policy = overdue_policy(reconciliation_id)
    if policy is None:
        return DueTable("r.date", [], [])
    return _table(
        policy,
        """(SELECT date, value_date FROM ledgers_record WHERE stream_id = %(stream)s AND voided_at IS NULL
            AND kind = 'entry' AND id > %(after)s AND id <= %(up_to)s ORDER BY id FOR SHARE) AS r""",
        {"stream": stream_id, "after": after, "up_to": up_to},
    )


def tokens_stamp(*, reconciliation_id: int, record_ids: Sequence[int]) -> int:
    """Stamp the open items of these records, and their places in live matches, anew; those marked by hand stay. Gives how
    many changed. What is due only after a sweep has seen it overdue is unseen again. The tokens are locked first, in record order: their records' days stay as they are from then on.

    No new ticket: what a pass has reckoned does not hang on it, and it copies what the token says when it takes it.
    """
    if not record_ids:
        return 0
    ids = array_text(pl.Series(sorted(record_ids), dtype=pl.Int64))
    params: dict[str, Any] = {"reconciliation": reconciliation_id, "ids": ids}
    with connection.cursor() as cursor:
        cursor.execute(LOCK, params)
        due = _due_of(reconciliation_id, ids)
        changed = 0
        for table, still in STAMPED:
            cursor.execute(_stamp(table, still, due.counting), {**params, **due.params})
            changed += cursor.rowcount
    return changed


def tokens_unstamped(*, reconciliation_id: int, record_ids: Sequence[int]) -> bool:
    """Whether some are to be stamped still: an act beside us gave a token back, or took one, before it was stamped."""
    ids = array_text(pl.Series(sorted(record_ids), dtype=pl.Int64))
    due = _due_of(reconciliation_id, ids)
    left = " UNION ALL ".join(_left(table, still, due.counting) for table, still in STAMPED)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT EXISTS ({left})", {"reconciliation": reconciliation_id, "ids": ids, **due.params}
        )
        return bool(cursor.fetchone()[0])


LOCK = """
SELECT count(*) FROM (
    SELECT record_id FROM reconciliation_openitem
    WHERE reconciliation_id = %(reconciliation)s AND record_id = ANY(%(ids)s::bigint[])
    ORDER BY record_id FOR UPDATE
) AS held
"""
STAMPED = (("reconciliation_openitem", ""), ("reconciliation_matchmember", "AND item.live"))
MINE = "item.reconciliation_id = %(reconciliation)s AND NOT item.overdue_by_hand"


def _stamp(table: str, still: str, counting: str) -> str:
    return f"""
        UPDATE {table} AS item SET overdue_at = due.instant,
            overdue_seen_at = CASE WHEN due.instant <= item.overdue_seen_at THEN item.overdue_seen_at END
        FROM unnest(%(ids)s::bigint[]) AS mine(id) JOIN ledgers_record r ON r.id = mine.id
        JOIN {DUE} ON due.day = {counting}
        WHERE item.record_id = mine.id AND {MINE} {still} AND item.overdue_at IS DISTINCT FROM due.instant
        """  # noqa: S608 - our own names


def _left(table: str, still: str, counting: str) -> str:
    return f"""
        SELECT FROM unnest(%(ids)s::bigint[]) AS mine(id) JOIN ledgers_record r ON r.id = mine.id
        JOIN {table} AS item ON item.record_id = mine.id
        LEFT JOIN {DUE} ON due.day = {counting}
        WHERE {MINE} {still} AND item.overdue_at IS DISTINCT FROM due.instant
        """  # noqa: S608 - our own names


def _due_of(reconciliation_id: int, ids: str) -> DueTable:
    records = "unnest(%(ids)s::bigint[]) AS mine(id) JOIN ledgers_record r ON r.id = mine.id"
    return _table(overdue_policy(reconciliation_id), records, {"ids": ids})


def _table(policy: OverduePolicy | None, records: str, params: dict[str, Any]) -> DueTable:
    counting = "coalesce(r.value_date, r.date)" if policy is not None and policy.value_date else "r.date"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT DISTINCT {counting} FROM {records}", params)  # noqa: S608 - our own names
        days = [day for (day,) in cursor.fetchall()]
    if policy is None:
        return DueTable(counting, days, [None] * len(days))
    by_day = overdue_by_day(policy, days)
    return DueTable(counting, days, [by_day[day] for day in days])
