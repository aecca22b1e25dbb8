"""Reads a kept file whole before anything of it is written, and keeps it as failed where it cannot be taken.

Called by the imports into a run (`sources`) and without one (`file_import`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, BinaryIO, cast

from django.core.files.storage import default_storage
from django.utils.translation import gettext as _

from ledgers import formats
from ledgers.formats.events import FileRefused
from ledgers.models import ImportProfile, SourceFile
from ledgers.services.parsing import ParsedFile
from ledgers.states import SourceFileStatus
from organizations import audit
from organizations.actors import Actor
from organizations.refusals import Refusal, Unreadable
from reconciliation.models import RunSource
from reconciliation.services.locks import LockKind, free_session_lock, try_session_lock

UNDECLARED = "file.columns"
"""The refusal of a table that says by itself, or by its profile, not enough to be read."""


@contextmanager
def alone_at(source_file_id: int) -> Iterator[bool]:
    """Whether nobody else is at this file. A dead worker's lock is free at once."""
    got = try_session_lock(LockKind.SOURCE_FILE, source_file_id)
    try:
        yield got
    finally:
        if got:
            free_session_lock(LockKind.SOURCE_FILE, source_file_id)


def uploader_of(source: SourceFile) -> Actor:
    """Rows say who uploaded the file, also where a worker reads it."""
    kind, _colon, name = source.created_by.partition(":")
    return Actor(kind, name, source.organization_id, frozenset())  # type: ignore[arg-type]


def format_of(source: SourceFile) -> str:
    """By the first bytes of what is stored."""
    with default_storage.open(source.storage_name) as file:
        return formats.detect(file.read(formats.HEAD_BYTES), source.filename)


def read_kept(
    parsed: ParsedFile, source: SourceFile, *, currency: str | None, default: ImportProfile | None
) -> None:
    """Read all of it, CSV by the file's own profile or the `default`; sets format and profile on the row in memory.

    Raises Unreadable with every bad line named.
    """
    profile = source.profile or default
    declaration = profile.declared if profile else None
    with default_storage.open(source.storage_name) as file:
        try:
            source.format = formats.detect(file.read(formats.HEAD_BYTES), source.filename)
            file.seek(0)
            if source.format in (formats.CSV, formats.ZIP):
                source.profile = profile
            binary = cast(BinaryIO, file)
            parsed.read(binary, format=source.format, currency=currency, declaration=declaration)
        except FileRefused as refused:
            rows = [{"line": row.line, "field": row.field, "message": row.message} for row in refused.rows]
            raise Unreadable(
                refused.message,
                code=refused.code,
                word="invalid_file",
                details={"rows": rows, "row_errors": refused.row_errors},
            ) from refused


def source_fail(source: SourceFile, refusal: Refusal, *, by: Actor, at: datetime) -> None:
    """Keep the file as failed, visible with what is wrong in it; the same bytes may come again. A CSV file whose columns
    nobody has declared waits for a mapping instead."""
    row = SourceFile.objects.select_for_update(of=("self",)).get(pk=source.pk)
    rows: list[Any] = refusal.details.get("rows", [])
    undeclared = source.format == formats.CSV and refusal.code == UNDECLARED
    row.move(
        SourceFileStatus.MAPPING_REQUIRED if undeclared else SourceFileStatus.FAILED,
        format=source.format,
        profile=source.profile,
        imported_count=0,
        already_known_count=0,
        error_code=refusal.code[:64],
        error_message=refusal.message,
        error_rows=rows,
        error_row_count=refusal.details.get("row_errors", len(rows)),
        skipped_statements=refusal.details.get("skipped_statements", []),
        finished_at=at,
    )
    RunSource.objects.filter(source_file=row).update(live=False)
    audit.record(
        action="source_file.failed",
        organization_id=row.organization_id,
        by=by,
        at=at,
        subject=row,
        reason=refusal.code,
    )


def broken_off(error: Exception) -> Refusal:
    """What is kept of an error that nobody foresaw."""
    if isinstance(error, Refusal):
        return error
    return Unreadable(
        _(
            "Reading the file broke off (%(kind)s). Nothing was imported; upload it again, or tell the administrator."
        )
        % {"kind": type(error).__name__},
        code="file.broke_off",
        word="invalid_file",
    )
