"""The database under a benchmark: an empty one, its tables emptied, kept and put back, and the bare COPY to measure by."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from django.core.management import call_command
from django.db import connection, transaction
from psycopg import sql

from organizations.models import Organization

BLOCK_BYTES = 1 << 20
EMPTIED = (
    "reconciliation_discrepancy",
    "reconciliation_matchmember",
    "reconciliation_match",
    "reconciliation_openitem",
    "ledgers_statementline",
    "ledgers_record",
)


def migrate() -> None:
    """Make the tables. Ends where somebody's data is: benchmarks empty tables."""
    call_command("migrate", verbosity=0)
    if Organization.objects.exists():
        raise SystemExit("This database holds data. Give the benchmarks an empty one, or unset DATABASE_URL.")


def empty(tables: Iterable[str] = EMPTIED) -> None:
    """In a transaction of its own: COPY into a table that the same transaction emptied would skip the log."""
    names = sql.SQL(", ").join(map(sql.Identifier, tables))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql.SQL("TRUNCATE {}").format(names))


def settle(*tables: str) -> None:
    """Statistics for the tables and nothing left to write, so that every measured run begins alike."""
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(sql.SQL("VACUUM (ANALYZE) {}").format(sql.Identifier(table)))
        cursor.execute("CHECKPOINT")


class Kept:
    """Rows of tables as COPY writes them, in files: to put back, and to measure the bare COPY of the same rows."""

    def __init__(self, folder: Path, tables: Iterable[str]) -> None:
        self._files = {table: folder / table for table in tables}
        for table, path in self._files.items():
            statement = sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))
            with connection.cursor() as cursor, cursor.copy(statement) as copy, path.open("wb") as file:
                while block := copy.read():
                    file.write(block)

    def copy_back(self) -> None:
        """Bare COPY of every table, in the order in which they were named."""
        for table, path in self._files.items():
            statement = sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))
            with connection.cursor() as cursor, cursor.copy(statement) as copy, path.open("rb") as file:
                while block := file.read(BLOCK_BYTES):
                    copy.write(block)

    @property
    def bytes(self) -> int:
        return sum(path.stat().st_size for path in self._files.values())


@contextmanager
def keeping(*tables: str) -> Iterator[Kept]:
    with TemporaryDirectory(prefix="tieout-bench-") as folder:
        yield Kept(Path(folder), tables)


@contextmanager
def timed(into: list[float]) -> Iterator[None]:
    start = time.perf_counter()
    yield
    into.append(time.perf_counter() - start)
