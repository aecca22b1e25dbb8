"""What the import page shows of files: their statements and sums, the runs that have them, what undoing would undo, and the
original text behind a fault. Reads only.
"""

from __future__ import annotations

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable
from dataclasses import dataclass, field
from io import TextIOWrapper
from typing import BinaryIO, cast

from django.core.files.storage import default_storage
from django.db import connection

from ledgers.models import SourceFile, Statement
from reconciliation.models import Run, RunSource
from reconciliation.selectors.desk import VoidPreview, void_preview

LINE_MAX = 1 << 20
TEXT_MAX = 400


@dataclass(frozen=True, slots=True)
class StatedSum:
    """A statement of an imported file, in minor units. `gap`: closing − opening − movements; `step`: its opening less the
    closing before it in the account. None where a balance is not stated, or there is none before."""

    statement: Statement
    gap: int | None
    step: int | None


@dataclass(frozen=True, slots=True)
class Part:
    """What of the file belongs to one ledger. Not `live`: deleted from its run since."""

    source: RunSource
    run: Run
    live: bool
    statements: list[StatedSum] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Facts:
    parts: list[Part]

    @property
    def statements(self) -> list[StatedSum]:
        return [row for part in self.parts for row in part.statements]

    @property
    def runs(self) -> list[Run]:
        return [part.run for part in self.parts]

    @property
    def accounts(self) -> list[str]:
        """Numbers, each once, in the order of the file; of nameless ones the name."""
        accounts = [row.statement.bank_account for row in self.statements]
        named = [account.identifier or account.name for account in accounts if account is not None]
        return list(dict.fromkeys(named))


def facts_of(files: Iterable[SourceFile]) -> dict[int, Facts]:
    """By import. Three queries, however many files and statements."""
    ids = [file.pk for file in files]
    sources = list(
        RunSource.objects.filter(source_file__part_of__in=ids)
        .select_related("source_file", "run__ledger")
        .order_by("pk")
    )
    stated = _stated([source.source_file_id for source in sources])
    found: dict[int, Facts] = {pk: Facts([]) for pk in ids}
    for source in sources:
        file = source.source_file
        part = Part(source, source.run, file.voided_at is None, stated.get(file.pk, []))
        found[file.part_of_id or 0].parts.append(part)
    return found


STEPS = """
SELECT s.id, s.opening_amount - before.closing_amount
FROM ledgers_statement s
CROSS JOIN LATERAL (
    SELECT p.closing_amount FROM ledgers_statement p
    WHERE p.stream_id = s.stream_id AND p.currency = s.currency AND p.ends_on < s.begins_on
        AND p.closing_amount IS NOT NULL AND p.voided_at IS NULL
    ORDER BY p.ends_on DESC, p.id DESC LIMIT 1) before
WHERE s.id = ANY(%s) AND s.opening_amount IS NOT NULL
"""


def _stated(file_ids: list[int]) -> dict[int, list[StatedSum]]:
    rows = list(
        Statement.objects.filter(source_file__in=file_ids)
        .select_related("bank_account")
        .order_by("source_file_id", "position")
    )
    with connection.cursor() as cursor:
        cursor.execute(STEPS, [[row.pk for row in rows]])
        steps: dict[int, int] = dict(cursor.fetchall())
    found: dict[int, list[StatedSum]] = {}
    for row in rows:
        found.setdefault(row.source_file_id, []).append(StatedSum(row, row.balance_gap, steps.get(row.pk)))
    return found


def undo_preview(source: SourceFile) -> VoidPreview:
    """What undoing the import would undo, over all its ledgers."""
    rows = RunSource.objects.filter(source_file__part_of=source.pk, source_file__voided_at__isnull=True)
    parts = [void_preview(row.run, row.source_file_id) for row in rows.select_related("run")]
    return VoidPreview(
        lines=sum(part.lines for part in parts),
        matches=sum(part.matches for part in parts),
        accepted=sum(part.accepted for part in parts),
        shared=sum(part.shared for part in parts),
    )


def original_lines(source: SourceFile, numbers: Iterable[int]) -> dict[int, str]:
    """These lines of the kept file as they stand in it, by number from 1, cut to what a person can look at. None of an
    archive, whose lines are its members'."""
    wanted = set(numbers)
    if not wanted or source.format == "zip" or not default_storage.exists(source.storage_name):
        return {}
    found: dict[int, str] = {}
    with default_storage.open(source.storage_name) as file:
        encoding = _encoding_of(source, file.read(2))
        file.seek(0)
        # XML counts its lines by line feeds alone.
        ends = "\n" if source.format.startswith("camt") else None
        text = TextIOWrapper(cast(BinaryIO, file), encoding, errors="replace", newline=ends)
        for number in range(1, max(wanted) + 1):
            line = text.readline(LINE_MAX)
            if not line:
                break
            if number in wanted:
                found[number] = _cut(line.rstrip("\r\n"))
    return found


def _encoding_of(source: SourceFile, mark: bytes) -> str:
    if mark in (BOM_UTF16_LE, BOM_UTF16_BE):
        return "utf-16"
    declared = source.profile.declared.encoding if source.profile is not None else ""
    return declared if declared not in ("", "utf-8") else "utf-8-sig"


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_MAX else f"{text[:TEXT_MAX]}…"
