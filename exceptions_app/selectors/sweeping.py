"""What a sweep asks for: what is newly overdue, and which exceptions have records at an instant. Nothing is counted: one
record is enough, and the ones seen last are looked at first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

ITEM_DUE = "o.overdue_seen_at IS NULL AND o.overdue_at <= %(at)s AND o.closed_at IS NULL"
# A record that a suggestion has in part is an open item as well, and is seen as that.
MEMBER_DUE = """m.live AND m.overdue_seen_at IS NULL AND m.overdue_at <= %(at)s AND NOT EXISTS (
    SELECT FROM reconciliation_openitem o
    WHERE o.held_by = m.match_id AND o.record_id = m.record_id)"""
"""Past due, and no sweep has seen it: of open item o, of member m of an undecided suggestion."""

# As values, not with EXISTS: that may be planned as one look at the suggestions of everybody.
NEWLY_DUE = f"""rec.voided_at IS NULL AND rec.kind <> 'settlement' AND COALESCE(
    (SELECT 1 FROM reconciliation_openitem o WHERE o.reconciliation_id = rec.id AND {ITEM_DUE} LIMIT 1),
    (SELECT 1 FROM reconciliation_match s JOIN reconciliation_matchmember m ON m.match_id = s.id
        WHERE s.reconciliation_id = rec.id AND s.status = 'suggested' AND {MEMBER_DUE} LIMIT 1)) IS NOT NULL"""  # noqa: S608 - our own text
# Looked at once is enough: what enters a slice later is unseen, and opens an exception by that. An hour for clocks that differ.
LOOKED_AT = """coalesce((SELECT w.at - interval '1 hour' FROM exceptions_app_sweep w
    WHERE w.organization_id = rec.organization_id AND w.status = 'completed' ORDER BY w.id DESC LIMIT 1), '-infinity')"""
TO_SWEEP = f"""
SELECT org.id FROM organizations_organization org WHERE
    EXISTS (SELECT FROM rules_reconciliation rec WHERE rec.organization_id = org.id AND {NEWLY_DUE})
    OR EXISTS (SELECT FROM exceptions_app_reconciliationexception e
        JOIN rules_reconciliation rec ON rec.id = e.reconciliation_id
        WHERE rec.organization_id = org.id
            AND (e.voided_at > {LOOKED_AT} OR e.voided_at IS NULL AND e.status IN ('open', 'investigating')))
    OR EXISTS (SELECT FROM exceptions_app_sweep w WHERE w.organization_id = org.id AND w.status = 'running')
ORDER BY org.id
"""  # noqa: S608 - our own text
DUE_RECONCILIATIONS = f"""
SELECT rec.id FROM rules_reconciliation rec WHERE rec.organization_id = %(organization)s AND {NEWLY_DUE} ORDER BY rec.id
"""  # noqa: S608 - our own text

# Each a walk along one range of an index (openitem_overdue, whose order is asked for; match_by_standing) that ends at the first
# record of the stream. The next is begun only where the one before has found none; all see one state of the database. What
# was seen is overdue whatever `at` says: somebody may have marked it since then.
ITEM = """(SELECT 1 FROM reconciliation_openitem o JOIN ledgers_record r ON r.id = o.record_id
    WHERE o.reconciliation_id = e.reconciliation_id AND r.stream_id = e.stream_id AND o.closed_at IS NULL
        AND o.overdue_at IS NOT NULL AND {seen}
    ORDER BY o.overdue_seen_at, o.overdue_at LIMIT 1)"""
HAS_RECORDS = f"""COALESCE(
    {ITEM.format(seen="o.overdue_seen_at = e.slice_changed_at")},
    {ITEM.format(seen="o.overdue_seen_at IS NULL AND o.overdue_at <= %(at)s")},
    {ITEM.format(seen="o.overdue_seen_at IS NOT NULL")},
    (SELECT 1 FROM reconciliation_match s JOIN reconciliation_matchmember m ON m.match_id = s.id
        JOIN ledgers_record r ON r.id = m.record_id
        WHERE s.reconciliation_id = e.reconciliation_id AND s.status = 'suggested' AND m.live
            AND (m.overdue_at <= %(at)s OR m.overdue_seen_at IS NOT NULL) AND r.stream_id = e.stream_id LIMIT 1)
) IS NOT NULL"""  # noqa: S608 - our own text

PAIRS = """exceptions_app_reconciliationexception e
JOIN rules_reconciliation rec ON rec.id = e.reconciliation_id AND rec.voided_at IS NULL AND rec.kind <> 'settlement'
JOIN ledgers_datastream s ON s.id = e.stream_id AND s.voided_at IS NULL"""
ACTIVE = f"""
SELECT e.id, e.reconciliation_id, e.had_records_at IS NOT NULL,
    CASE WHEN e.had_records_at IS NOT NULL OR e.opened_at > {LOOKED_AT} THEN {HAS_RECORDS} ELSE false END
FROM {PAIRS} WHERE rec.organization_id = %(organization)s AND e.voided_at IS NULL
    AND e.status IN ('open', 'investigating')
ORDER BY e.reconciliation_id, e.id
"""  # noqa: S608 - our own text

SEEN_SINCE = ITEM.format(seen="o.overdue_seen_at > live.closed_at")
LEFT_BEHIND = f"""
SELECT DISTINCT e.reconciliation_id, e.stream_id FROM {PAIRS} CROSS JOIN LATERAL (
    SELECT coalesce(max(x.closed_at), '-infinity') AS closed_at, count(*) FILTER (WHERE x.closed_at IS NULL) AS active
    FROM exceptions_app_reconciliationexception x
    WHERE x.reconciliation_id = e.reconciliation_id AND x.stream_id = e.stream_id AND x.voided_at IS NULL
) AS live
WHERE (%(organization)s::bigint IS NULL OR rec.organization_id = %(organization)s)
    AND (%(reconciliation)s::bigint IS NULL OR rec.id = %(reconciliation)s)
    AND e.voided_at > {LOOKED_AT} AND live.active = 0
    AND COALESCE({SEEN_SINCE}, (SELECT 1 FROM reconciliation_match s
        JOIN reconciliation_matchmember m ON m.match_id = s.id JOIN ledgers_record r ON r.id = m.record_id
        WHERE s.reconciliation_id = e.reconciliation_id AND s.status = 'suggested' AND m.live
            AND m.overdue_at <= %(at)s AND m.overdue_seen_at > live.closed_at AND r.stream_id = e.stream_id LIMIT 1)
    ) IS NOT NULL
ORDER BY e.reconciliation_id, e.stream_id
"""  # noqa: S608 - our own text


@dataclass(frozen=True, slots=True)
class Active:
    """An active exception."""

    exception_id: int
    reconciliation_id: int
    had_records: bool
    has_records: bool


def organizations_to_sweep(*, at: datetime) -> list[int]:
    """Those with something newly overdue, with an exception that may have to be resolved or made again, or with a sweep that
    was never ended."""
    return [pk for (pk,) in _rows(TO_SWEEP, {"at": at})]


def due_reconciliations(*, organization_id: int, at: datetime) -> list[int]:
    """Those with something newly overdue."""
    return [pk for (pk,) in _rows(DUE_RECONCILIATIONS, {"organization": organization_id, "at": at})]


def active_exceptions(*, organization_id: int, at: datetime) -> list[Active]:
    """One query."""
    return [Active(*row) for row in _rows(ACTIVE, {"organization": organization_id, "at": at})]


def left_behind(
    *, organization_id: int | None = None, reconciliation_id: int | None = None, at: datetime
) -> list[tuple[int, int]]:
    """(reconciliation, stream) of records that were seen overdue under an exception which has been deleted since, and have no
    other: all others of the pair, if there are any, were closed before."""
    of = {"organization": organization_id, "reconciliation": reconciliation_id, "at": at}
    return [(reconciliation, stream) for reconciliation, stream in _rows(LEFT_BEHIND, of)]


def emptied_ids(exception_ids: Sequence[int], *, at: datetime) -> list[int]:
    """Which of these have had records and have none."""
    query = f"""SELECT e.id FROM exceptions_app_reconciliationexception e
        WHERE e.id = ANY(%(ids)s) AND e.had_records_at IS NOT NULL AND NOT {HAS_RECORDS} ORDER BY e.id"""  # noqa: S608
    return [pk for (pk,) in _rows(query, {"ids": list(exception_ids), "at": at})]


def _rows(query: str, params: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, params)
        return cursor.fetchall()
