"""The slice of an exception: which records belong to it at an instant, as SQL that aggregates, lists and investigations put
into their own. Nothing of it is stored.

A record belongs to the slice of (reconciliation, stream) where it is open there, wholly or in part, not closed, and past
due; or where an undecided suggestion has it and it is past due. Its amount is the signed one (credit +, debit −), or what
an accepted match leaves of it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from exceptions_app.models import ReconciliationException

COLUMNS = "record_id, amount, overdue_at, overdue_seen_at"
"""Of each row of SLICE, beside `exception_id` and r.*: the record's own columns that a question needs."""

REST = """CASE WHEN o.held_by IS NULL THEN r.signed_amount
    WHEN EXISTS (SELECT FROM reconciliation_match held WHERE held.id = o.held_by AND held.status = 'accepted')
        THEN sign(r.signed_amount)::bigint * abs(o.open_amount)
    ELSE r.signed_amount END"""
"""Of an item that an undecided suggestion covers in part, all is overdue still."""

# Two ranges of one index (openitem_overdue): what a sweep saw, and what it has not seen yet.
PAST_DUE = """o.closed_at IS NULL AND o.overdue_at IS NOT NULL
    AND (o.overdue_seen_at IS NOT NULL AND o.overdue_at <= %(at)s
        OR o.overdue_seen_at IS NULL AND o.overdue_at <= %(at)s)"""


def slice_sql(pairs: str, *, record_columns: str = "r.date, r.currency, r.decimal_places") -> str:
    """Rows of (exception_id, record_id, amount, overdue_at, overdue_seen_at, and the record's columns named) of the slices of
    these pairs: a relation with exception_id, reconciliation_id, stream_id. Takes the parameter `at`."""
    return f"""
        SELECT p.exception_id, r.id AS record_id, {REST} AS amount, o.overdue_at, o.overdue_seen_at, {record_columns}
        FROM {pairs} AS p
        JOIN reconciliation_openitem o ON o.reconciliation_id = p.reconciliation_id AND {PAST_DUE}
        JOIN ledgers_record r ON r.id = o.record_id AND r.stream_id = p.stream_id
        UNION ALL
        SELECT p.exception_id, r.id, r.signed_amount, m.overdue_at, m.overdue_seen_at, {record_columns}
        FROM {pairs} AS p
        JOIN reconciliation_match s ON s.reconciliation_id = p.reconciliation_id AND s.status = 'suggested'
        JOIN reconciliation_matchmember m ON m.match_id = s.id AND m.live AND m.overdue_at <= %(at)s
        JOIN ledgers_record r ON r.id = m.record_id AND r.stream_id = p.stream_id
        WHERE NOT EXISTS (
            SELECT FROM reconciliation_openitem o
            WHERE o.reconciliation_id = m.reconciliation_id AND o.record_id = m.record_id)
        """  # noqa: S608 - our own names


def slice_params(at: datetime) -> dict[str, Any]:
    return {"at": at}


def pairs_of(exceptions: Collection[ReconciliationException]) -> tuple[str, dict[str, Any]]:
    """The relation of pairs that slice_sql takes, for these exceptions, and its parameters. One pair stands as plain values,
    which the planner reads as constants."""
    rows = list(exceptions)
    if len(rows) == 1:
        values = (
            "(SELECT %(exception)s::bigint AS exception_id, %(reconciliation)s::bigint AS reconciliation_id"
        )
        row = rows[0]
        return (
            f"{values}, %(stream)s::bigint AS stream_id, %(closed)s::timestamptz AS exception_closed_at)",
            {
                "exception": row.pk,
                "reconciliation": row.reconciliation_id,
                "stream": row.stream_id,
                "closed": row.closed_at,
            },
        )
    return (
        "(SELECT * FROM unnest(%(exception)s::bigint[], %(reconciliation)s::bigint[], %(stream)s::bigint[],"
        " %(closed)s::timestamptz[]) AS given(exception_id, reconciliation_id, stream_id, exception_closed_at))",
        {
            "exception": [row.pk for row in rows],
            "reconciliation": [row.reconciliation_id for row in rows],
            "stream": [row.stream_id for row in rows],
            "closed": [row.closed_at for row in rows],
        },
    )
