"""What is still open on each side of a reconciliation, for its page: counts and sums by currency, to a stated limit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection

from reconciliation.models import Match
from reconciliation.states import MatchStatus
from rules.models import Reconciliation

COUNT_MAX = 100_000
"""Open records read per side. Beyond, a page says "100,000+" and no sums."""

OPEN = """
SELECT o.side, r.currency, r.decimal_places, count(*), coalesce(sum(o.open_amount), 0), min(r.date),
    count(*) FILTER (WHERE o.overdue_at <= %(at)s), count(*) FILTER (WHERE o.overdue_at > %(at)s)
FROM (
    (SELECT side, record_id, open_amount, overdue_at FROM reconciliation_openitem
     WHERE reconciliation_id = %(reconciliation)s AND closed_at IS NULL AND side = 'a' LIMIT %(most)s)
    UNION ALL
    (SELECT side, record_id, open_amount, overdue_at FROM reconciliation_openitem
     WHERE reconciliation_id = %(reconciliation)s AND closed_at IS NULL AND side = 'b' LIMIT %(most)s)
) AS o
JOIN ledgers_record r ON r.id = o.record_id
GROUP BY 1, 2, 3 ORDER BY 1, 4 DESC, 2
"""
"""Sums stay numeric: amounts of 64 bits may add up to more."""


@dataclass(frozen=True, slots=True)
class OpenSum:
    """Open records of one side in one currency; `amount` in minor units of the reconciliation's measure."""

    currency: str
    decimal_places: int
    count: int
    amount: int


@dataclass(frozen=True, slots=True)
class OpenSide:
    """`sums` and `oldest`, the earliest booking date: none where there are more than COUNT_MAX, and then `overdue` and
    `not_yet_due` are of those that were read. The rest has no due date."""

    side: str
    count: int
    is_capped: bool
    oldest: date | None
    sums: list[OpenSum]
    overdue: int
    not_yet_due: int

    @property
    def undated(self) -> int:
        return max(self.count - self.overdue - self.not_yet_due, 0)


@dataclass(frozen=True, slots=True)
class OpenSides:
    """`undecided`: proposals that wait for a person, at most COUNT_MAX."""

    sides: list[OpenSide]
    undecided: int


def open_sides(reconciliation: Reconciliation, *, at: datetime) -> OpenSides:
    """Two queries. What is overdue is so at `at`."""
    with connection.cursor() as cursor:
        cursor.execute(OPEN, {"reconciliation": reconciliation.pk, "most": COUNT_MAX + 1, "at": at})
        rows = cursor.fetchall()
    undecided = Match.objects.filter(reconciliation=reconciliation, status=MatchStatus.SUGGESTED)
    sides = [_side(side, [row[1:] for row in rows if row[0] == side]) for side in ("a", "b")]
    return OpenSides(sides, undecided.values("pk")[:COUNT_MAX].count())


def _side(side: str, rows: list[tuple[Any, ...]]) -> OpenSide:
    count = sum(row[2] for row in rows)
    capped = count > COUNT_MAX
    sums = [OpenSum(currency, places, n, int(amount)) for currency, places, n, amount, *_more in rows]
    oldest = min((row[4] for row in rows), default=None)
    overdue, later = sum(row[5] for row in rows), sum(row[6] for row in rows)
    return OpenSide(
        side,
        min(count, COUNT_MAX),
        capped,
        None if capped else oldest,
        [] if capped else sums,
        overdue,
        later,
    )
