"""Sweeps and exceptions over many overdue items, against bare statements over the same rows.
`./dev bench exceptions [ITEMS]`: ITEMS overdue items, half of them of each of two streams.

Nothing is asserted. The first sweep is measured once, against one UPDATE that stamps the same rows; everything else is the
quickest of three.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from django.db import connection, transaction

import benchmarks.shared  # noqa: F401  (sets Django up)
from benchmarks.shared.database import migrate, settle
from benchmarks.shared.feeds import NOW, Feeds, load, open_feeds
from exceptions_app.models import ReconciliationException
from exceptions_app.selectors.aggregates import aggregates_of
from exceptions_app.selectors.filters import read_filter
from exceptions_app.selectors.sweeping import active_exceptions, due_reconciliations, organizations_to_sweep
from exceptions_app.services.sweeping import organization_sweep
from reconciliation.models import OpenItem

LATER = NOW + timedelta(minutes=1)
ASKED = 3
DUE = """
UPDATE reconciliation_openitem o SET overdue_at = r.date + interval '3 days' FROM ledgers_record r WHERE r.id = o.record_id
"""
STAMP = """
UPDATE reconciliation_openitem SET overdue_seen_at = %(at)s
WHERE reconciliation_id = %(reconciliation)s AND overdue_seen_at IS NULL AND overdue_at <= %(at)s AND closed_at IS NULL
"""
PLAIN = """
SELECT r.stream_id, count(*), sum(r.signed_amount), count(*) FILTER (WHERE r.signed_amount < 0), min(r.date), max(r.date),
    avg(extract(epoch FROM %(at)s - o.overdue_at)) / 86400
FROM reconciliation_openitem o JOIN ledgers_record r ON r.id = o.record_id
WHERE o.reconciliation_id = %(reconciliation)s AND o.closed_at IS NULL AND o.overdue_at <= %(at)s
    AND r.stream_id = ANY(%(streams)s) AND {more}
GROUP BY 1
"""
FILTERS = {
    "amount_min": 100_00,
    "date_from": date(2026, 1, 15),
    "direction": "credit",
    "counterparty": "order",
    "age_bucket": "30_90d",
}
FILTERED = """r.signed_amount >= 10000 AND r.date >= '2026-01-15' AND r.description ILIKE '%%order%%'
    AND o.overdue_at <= %(at)s - interval '30 days' AND o.overdue_at > %(at)s - interval '90 days'"""


def main() -> None:
    asked = argparse.ArgumentParser(prog="./dev bench exceptions", description=__doc__)
    asked.add_argument("items", nargs="?", type=int, default=200_000)
    asked.add_argument("--plans", action="store_true", help="show how PostgreSQL finds what is newly overdue")
    chosen = asked.parse_args()
    migrate()
    feeds = open_feeds()
    load(feeds, chosen.items, waiting=1)
    execute(DUE)
    settle("reconciliation_openitem")
    print(f"{OpenItem.objects.filter(overdue_at__lte=NOW).count():,} overdue items of two streams\n")
    print(f"{'':<44}{'seconds':>10}{'bare':>10}{'ratio':>8}")
    sweeps(feeds)
    shows(feeds)
    if chosen.plans:
        plans(feeds)


def sweeps(feeds: Feeds) -> None:
    of_it: dict[str, Any] = {"at": NOW, "reconciliation": feeds.reconciliation.pk}
    with transaction.atomic():
        bare = seconds(lambda: execute(STAMP, of_it))
        transaction.set_rollback(True)
    settle("reconciliation_openitem")
    line("first sweep, against one UPDATE", seconds(lambda: sweep(feeds, NOW)), bare)
    settle("reconciliation_openitem")
    line("next sweep, nothing new", quickest(lambda: sweep(feeds, LATER)))
    organization: dict[str, Any] = {"organization_id": feeds.by.organization_id, "at": LATER}
    line("  who has something to do", quickest(lambda: organizations_to_sweep(at=LATER)))
    line("  what is newly overdue", quickest(lambda: due_reconciliations(**organization)))
    line("  which exceptions have records", quickest(lambda: active_exceptions(**organization)))


def shows(feeds: Feeds) -> None:
    rows = list(ReconciliationException.objects.order_by("pk"))
    settle("reconciliation_openitem", "ledgers_record")
    read = read_filter({name: str(value) for name, value in FILTERS.items()})
    for what, shown in (("one exception", rows[:1]), ("a list of both", rows)):
        plain = bare_seconds(feeds, shown)
        line(f"{what}, its figures", quickest(partial(aggregates_of, shown, at=LATER)), plain)
    both = quickest(lambda: aggregates_of(rows[:1], at=LATER, filters=read))
    line("one exception, its figures and the filtered ones", both, bare_seconds(feeds, rows[:1]))
    line("  against the filtered ones alone", both, bare_seconds(feeds, rows[:1], FILTERED))


def bare_seconds(feeds: Feeds, rows: list[ReconciliationException], more: str = "true") -> float:
    of_it = {
        "reconciliation": feeds.reconciliation.pk,
        "streams": [row.stream_id for row in rows],
        "at": LATER,
    }
    return quickest(lambda: execute(PLAIN.format(more=more), of_it))


def plans(feeds: Feeds) -> None:
    """Of the two statements that look at open items every minute."""
    with connection.execute_wrapper(explained):
        due_reconciliations(organization_id=feeds.by.organization_id, at=LATER)
        active_exceptions(organization_id=feeds.by.organization_id, at=LATER)


def explained(execute_: Callable[..., Any], text: str, params: Any, many: bool, context: Any) -> Any:
    with connection.connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) {text}", params)
        print("\n" + "\n".join(row for (row,) in cursor.fetchall()))
    return execute_(text, params, many, context)


def sweep(feeds: Feeds, at: Any) -> object:
    return organization_sweep(organization_id=feeds.by.organization_id, clock=lambda: at)


def execute(text: str, params: dict[str, Any] | None = None) -> object:
    with connection.cursor() as cursor:
        cursor.execute(text, params)
        return cursor.fetchall() if cursor.description else None


def seconds(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def quickest(act: Callable[[], object]) -> float:
    return min(seconds(act) for _n in range(ASKED))


def line(what: str, took: float, bare: float | None = None) -> None:
    against = f"{bare:>10.3f}{took / bare:>8.2f}" if bare is not None else ""
    print(f"{what:<44}{took:>10.3f}{against}", flush=True)


if __name__ == "__main__":
    main()
