"""A statement file, from storage to committed records, lines and open items, beside the bare COPY of the very same rows
into the same tables with their indexes, in one run; then reading alone, as `./dev bench reading` has it, of a fifth as
many camt.053 entries. `./dev bench import [ROWS] [--runs N]`.

Nothing is asserted. A ratio is Tieout ÷ bare, the best run of each.
"""

from __future__ import annotations

import argparse
import resource
import sys
from io import BytesIO
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from django.db import transaction

from benchmarks.reading import read_all
from benchmarks.shared.books import NOW, Books, csv_of, open_books, payments
from benchmarks.shared.database import empty, keeping, migrate, settle, timed
from ledgers.services.parsing import ParsedFile
from reconciliation.services.sources import ReceivedFile, receive, source_import

TABLES = ("ledgers_record", "ledgers_statementline", "reconciliation_openitem")


def service(books: Books, received: ReceivedFile) -> list[float]:
    source = books.add(books.new_run(), received)
    empty()
    settle(*TABLES)
    seconds: list[float] = []
    with timed(seconds):
        source_import(source_file_id=source.pk, at=NOW)
    return seconds


def bare() -> list[float]:
    """What the service wrote, once more."""
    seconds: list[float] = []
    with keeping(*TABLES) as kept:
        empty()
        settle(*TABLES)
        with timed(seconds), transaction.atomic():
            kept.copy_back()
    return seconds


def reading(content: bytes) -> list[float]:
    seconds: list[float] = []
    with timed(seconds), ParsedFile() as parsed:
        parsed.read(BytesIO(content), format="csv", currency="EUR")
    return seconds


def main() -> None:
    asked = argparse.ArgumentParser(prog="./dev bench import", description=__doc__)
    asked.add_argument("rows", nargs="?", type=int, default=1_000_000)
    asked.add_argument("--runs", type=int, default=3)
    chosen = asked.parse_args()
    migrate()
    books = open_books()
    content = csv_of(payments(chosen.rows))
    received = receive(BytesIO(content))
    ours, theirs, read = [], [], []
    for _ in range(chosen.runs):
        ours += service(books, received)
        theirs += bare()
        read += reading(content)
    print(f"{chosen.rows:,} CSV lines ({len(content) / 2**20:,.0f} MB), the best of {chosen.runs}:")
    print(f"  {'import, to committed records, lines, open items':<50}{min(ours):>8.2f} s")
    print(f"  {'of that, reading the file with its dedup keys':<50}{min(read):>8.2f} s")
    print(f"  {'bare COPY of the same rows':<50}{min(theirs):>8.2f} s")
    print(f"  {'ratio':<50}{min(ours) / min(theirs):>8.2f}")
    print(f"  peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GB")
    read_all(chosen.rows // 5, chosen.runs)


if __name__ == "__main__":
    main()
