"""Auto-match, from the request to the end of its pass, beside bare COPY and DELETE of the same rows in the same tables,
in one run; then once more while five people act. `./dev bench match [ROWS] [--runs N]`: ROWS lines and as many entries.

Nothing is asserted. A ratio is Tieout ÷ bare, the best run of each.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from django.db import connection, transaction
from django.utils import timezone

from benchmarks.shared.books import NOW, Books, open_books
from benchmarks.shared.database import Kept, empty, keeping, migrate, settle, timed
from benchmarks.shared.people import People
from organizations.acts import perform
from reconciliation.models import Pass, Run
from reconciliation.selectors.integrity import faults
from reconciliation.services.execution import pass_execute
from reconciliation.services.passes import pass_request

OPEN = "reconciliation_openitem"
WRITTEN = ("reconciliation_match", "reconciliation_matchmember", "reconciliation_discrepancy")
TAKE = """
DELETE FROM reconciliation_openitem item USING reconciliation_matchmember member
WHERE member.reconciliation_id = item.reconciliation_id AND member.record_id = item.record_id
"""
PEOPLE = 5


def put_back(before: Kept) -> None:
    """Every item open, nothing matched."""
    empty([OPEN, *WRITTEN])
    before.copy_back()
    settle(OPEN, *WRITTEN)


def request(books: Books, run: Run) -> Pass:
    return perform(partial(pass_request, reconciliation=run.reconciliation, run=run, by=books.by, at=NOW))


def service(books: Books, run: Run) -> list[float]:
    seconds: list[float] = []
    with timed(seconds):
        asked = request(books, run)
        pass_execute(pass_id=asked.pk, clock=timezone.now)
    tell_failed(asked)
    return seconds


def bare(before: Kept) -> list[float]:
    """What the pass wrote and took, once more: COPY of the same matches, members and discrepancies, one DELETE."""
    seconds: list[float] = []
    with keeping(*WRITTEN) as kept:
        put_back(before)
        with timed(seconds), transaction.atomic(), connection.cursor() as cursor:
            kept.copy_back()
            cursor.execute(TAKE)
    return seconds


def among_people(books: Books, run: Run) -> None:
    """The pass in a process of its own, as a worker's is; the people here, in threads with connections of their own."""
    asked = request(books, run)
    with People(books, run, PEOPLE) as people:
        subprocess.run([sys.executable, __file__, "--execute", str(asked.pk)], check=True)
    tell_failed(asked)
    asked.refresh_from_db()
    assert asked.started_at is not None
    assert asked.finished_at is not None
    waits = people.waits
    print(f"\nThe same while {PEOPLE} people act:")
    print(f"  {'pass':<50}{(asked.finished_at - asked.started_at).total_seconds():>8.2f} s")
    print(
        f"  {len(waits.seconds):,} acts: median {waits.of(0.5):.3f} s, 99 of 100 within {waits.of(0.99):.3f} s,"
    )
    print(f"  {'longest wait of a person':<50}{max(waits.seconds):>8.2f} s")
    print(f"  groups {asked.suggested:,} written, {asked.lost_to_others:,} lost to others")
    print("  " + ", ".join(f"{answer} {count}" for answer, count in sorted(waits.answers.items())))
    print(f"  faults that check_integrity finds: {len(faults())}")


def tell_failed(asked: Pass) -> None:
    asked.refresh_from_db()
    if asked.error:
        raise SystemExit(f"The pass failed: {asked.error}")


def main() -> None:
    asked = argparse.ArgumentParser(prog="./dev bench match", description=__doc__)
    asked.add_argument("rows", nargs="?", type=int, default=1_000_000)
    asked.add_argument("--runs", type=int, default=3)
    asked.add_argument("--execute", type=int, metavar="PASS", help=argparse.SUPPRESS)
    chosen = asked.parse_args()
    if chosen.execute:
        pass_execute(pass_id=chosen.execute, clock=timezone.now)
        return
    migrate()
    books = open_books()
    run = books.import_lines(chosen.rows)
    books.post_entries(chosen.rows)
    settle("ledgers_record", "ledgers_statementline")
    ours, theirs = [], []
    with keeping(OPEN) as before:
        for _ in range(chosen.runs):
            put_back(before)
            ours += service(books, run)
            theirs += bare(before)
        print(f"{chosen.rows:,} lines × {chosen.rows:,} entries, the best of {chosen.runs}:")
        print(f"  {'auto-match, from the request to its end':<50}{min(ours):>8.2f} s")
        print(f"  {'bare COPY and DELETE of the same rows':<50}{min(theirs):>8.2f} s")
        print(f"  {'ratio':<50}{min(ours) / min(theirs):>8.2f}")
        put_back(before)
        among_people(books, run)


if __name__ == "__main__":
    main()
