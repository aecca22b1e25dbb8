"""What the exceptions of an organization come to, for its overview: bounded, however many records are overdue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from exceptions_app.selectors.exceptions import shown_exceptions
from exceptions_app.selectors.slices import pairs_of, slice_params, slice_sql

ACTIVE_MAX = 1_000
RECORDS_MAX = 100_000

TOTALS = """
SELECT currency, min(decimal_places), count(*), sum(amount), min(overdue_at)
FROM (SELECT * FROM ({slices}) AS slice LIMIT %(most)s) AS read
GROUP BY 1 ORDER BY 3 DESC, 1
"""


@dataclass(frozen=True, slots=True)
class Overview:
    """Active exceptions and their records. `sums`: (currency, decimal places, signed minor units), the most frequent
    currency first; `sums` and `longest_overdue_at` are there only where all records were read (not `is_capped`)."""

    active: int
    records: int = 0
    is_capped: bool = False
    sums: tuple[tuple[str, int, int], ...] = ()
    longest_overdue_at: datetime | None = None


def exceptions_overview(organization_id: int, *, at: datetime) -> Overview:
    """Two queries; reads at most RECORDS_MAX records."""
    rows = list(shown_exceptions(organization_id).active()[: ACTIVE_MAX + 1])
    if not rows:
        return Overview(0)
    pairs, params = pairs_of(rows[:ACTIVE_MAX])
    with connection.cursor() as cursor:
        sql = TOTALS.format(slices=slice_sql(pairs))
        cursor.execute(sql, {**slice_params(at), **params, "most": RECORDS_MAX + 1})
        found = cursor.fetchall()
    records = sum(row[2] for row in found)
    if records > RECORDS_MAX:
        return Overview(len(rows), RECORDS_MAX, is_capped=True)
    return Overview(
        len(rows),
        records,
        sums=tuple((row[0], row[1], int(row[3])) for row in found),
        longest_overdue_at=min((row[4] for row in found), default=None),
    )
