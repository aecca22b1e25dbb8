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

REST = """CASE WHEN o.held_by IS NULL THEN r.signed_amount
    WHEN (SELECT held.status FROM reconciliation_match held WHERE held.id = o.held_by) = 'accepted'
        THEN sign(r.signed_amount)::bigint * abs(o.open_amount)
    ELSE r.signed_amount END"""
"""Of an item that an undecided suggestion covers in part, all is overdue still. The few that are held look their match up by
its key; as an EXISTS, every match there is would be read beforehand. What is left has the record's sign."""

# Two ranges of one index (openitem_overdue): what a sweep saw, and what it has not seen yet.
PAST_DUE = """o.closed_at IS NULL AND o.overdue_at IS NOT NULL
    AND (o.overdue_seen_at IS NOT NULL AND o.overdue_at <= %(at)s
        OR o.overdue_seen_at IS NULL AND o.overdue_at <= %(at)s)"""
RECORD_COLUMNS = "r.date, r.currency, r.decimal_places"


def slice_sql(pairs: str, *, record_columns: str = RECORD_COLUMNS) -> str:
    """Rows of (exception_id, record_id, amount, overdue_at, overdue_seen_at, and the record's columns named) of the slices of
    these pairs: a relation with exception_id, reconciliation_id, stream_id. Takes the parameter `at`."""
    return " UNION ALL ".join(slice_parts(pairs, record_columns=record_columns))


def slice_parts(pairs: str, *, record_columns: str = RECORD_COLUMNS) -> tuple[str, str]:
    """The same in two halves without a row in common, for what is cheaper done to each: what is open, and what undecided
    suggestions have wholly."""
    items = f"""
        SELECT p.exception_id, o.record_id, {REST} AS amount, o.overdue_at, o.overdue_seen_at, {record_columns}
        FROM {pairs} AS p
        JOIN reconciliation_openitem o ON o.reconciliation_id = p.reconciliation_id AND {PAST_DUE}
        JOIN ledgers_record r ON r.id = o.record_id AND r.stream_id = p.stream_id
        """  # noqa: S608 - our own names
    members = f"""
        SELECT p.exception_id, m.record_id, r.signed_amount AS amount, m.overdue_at, m.overdue_seen_at, {record_columns}
        FROM {pairs} AS p
        JOIN reconciliation_match s ON s.reconciliation_id = p.reconciliation_id AND s.status = 'suggested'
        JOIN reconciliation_matchmember m ON m.match_id = s.id AND m.live AND m.overdue_at <= %(at)s
        JOIN ledgers_record r ON r.id = m.record_id AND r.stream_id = p.stream_id
        WHERE NOT EXISTS (
            SELECT FROM reconciliation_openitem o
            WHERE o.reconciliation_id = m.reconciliation_id AND o.record_id = m.record_id)
        """  # noqa: S608 - our own names
    return items, members


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
