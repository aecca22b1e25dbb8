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

PAST_DUE = "o.closed_at IS NULL AND o.overdue_at <= %(at)s"
REST = """CASE h.status WHEN 'accepted' THEN sign(r.signed_amount)::bigint * abs(o.open_amount) ELSE r.signed_amount END"""
"""What is left has the record's sign. Of an item that an undecided suggestion covers in part, all is overdue still."""
RECORD_COLUMNS = "r.date, r.currency, r.decimal_places"


def slice_sql(pairs: str, *, record_columns: str = RECORD_COLUMNS) -> str:
    """Rows of (exception_id, record_id, amount, overdue_at, overdue_seen_at, and the record's columns named) of the slices of
    these pairs: a relation with exception_id, reconciliation_id, stream_id, side (of the stream, null where it is not known).
    Takes the parameter `at`."""
    return " UNION ALL ".join(slice_parts(pairs, record_columns=record_columns))


def slice_parts(pairs: str, *, record_columns: str = RECORD_COLUMNS, among: str = "") -> tuple[str, str, str]:
    """The same in three parts without a row in common, for what is cheaper done to each: what is open wholly, what is held,
    and what undecided suggestions have wholly. The first, by far the largest, is a plain join; of one pair whose side is known
    only that side's items are read, along an index (openitem_due). `among`: what the planner may know of many pairs beforehand."""
    told = f"o.overdue_at, o.overdue_seen_at, {record_columns}"
    items = f"""FROM {pairs} AS p
        JOIN reconciliation_openitem o ON o.reconciliation_id = p.reconciliation_id AND {PAST_DUE}
            AND (p.side IS NULL OR o.side = p.side)
        JOIN ledgers_record r ON r.id = o.record_id AND r.stream_id = p.stream_id {among}"""
    free = f"SELECT p.exception_id, o.record_id, r.signed_amount AS amount, {told} {items} WHERE o.held_by IS NULL"
    held = f"""SELECT p.exception_id, o.record_id, {REST} AS amount, {told} {items}
        JOIN reconciliation_match h ON h.id = o.held_by"""
    members = f"""
        SELECT p.exception_id, m.record_id, r.signed_amount AS amount, m.overdue_at, m.overdue_seen_at, {record_columns}
        FROM {pairs} AS p
        JOIN reconciliation_match s ON s.reconciliation_id = p.reconciliation_id AND s.status = 'suggested'
        JOIN reconciliation_matchmember m ON m.match_id = s.id AND m.live AND m.overdue_at <= %(at)s
        JOIN ledgers_record r ON r.id = m.record_id AND r.stream_id = p.stream_id
        WHERE NOT EXISTS (
            SELECT FROM reconciliation_openitem o
            WHERE o.held_by = m.match_id AND o.record_id = m.record_id)
        """  # noqa: S608 - our own names
    return free, held, members


def slice_params(at: datetime) -> dict[str, Any]:
    return {"at": at}


ONE = """(SELECT %(exception)s::bigint AS exception_id, %(reconciliation)s::bigint AS reconciliation_id,
    %(stream)s::bigint AS stream_id, %(side)s::text AS side, %(closed)s::timestamptz AS exception_closed_at)"""
"""Plain values, which the planner reads as constants."""
MANY = """(SELECT * FROM unnest(%(exception)s::bigint[], %(reconciliation)s::bigint[], %(stream)s::bigint[], %(side)s::text[],
    %(closed)s::timestamptz[]) AS given(exception_id, reconciliation_id, stream_id, side, exception_closed_at))"""

AMONG_MANY = "AND o.reconciliation_id = ANY(%(reconciliation)s) AND r.stream_id = ANY(%(stream)s)"


def pairs_of(exceptions: Collection[ReconciliationException]) -> tuple[str, dict[str, Any]]:
    """The relation of pairs that slice_sql takes, for these exceptions, and its parameters. Their sides are known where they
    were read `with_side`."""
    rows = list(exceptions)
    columns: dict[str, list[Any]] = {
        "exception": [row.pk for row in rows],
        "reconciliation": [row.reconciliation_id for row in rows],
        "stream": [row.stream_id for row in rows],
        "side": [getattr(row, "side", None) for row in rows],
        "closed": [row.closed_at for row in rows],
    }
    if len(rows) == 1:
        return ONE, {name: values[0] for name, values in columns.items()}
    return MANY, columns
