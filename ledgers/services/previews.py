"""A kept file before it is imported: the declaration it seems to need, what one makes of it, and which profiles fit it.

Called by the import pages; reads storage, writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

from django.core.files.storage import default_storage

from ledgers.formats.csv_preview import ROWS_SHOWN, Preview, preview
from ledgers.formats.csv_table import CsvTable
from ledgers.formats.declaration_json import declaration_from_json
from ledgers.formats.events import FileRefused
from ledgers.formats.proposal import Proposal, propose
from ledgers.models import ImportProfile, SourceFile
from organizations.refusals import Unreadable


@contextmanager
def opened(source: SourceFile) -> Iterator[BinaryIO]:
    with default_storage.open(source.storage_name) as file:
        yield cast(BinaryIO, file)


def propose_for(source: SourceFile) -> Proposal:
    """The declaration that the file seems to need, with what must be confirmed. Raises Unreadable where it is no table."""
    with opened(source) as file:
        try:
            return propose(file)
        except FileRefused as refused:
            raise Unreadable(refused.message, code=refused.code, word="invalid_file") from refused


def preview_for(
    source: SourceFile, declaration: Mapping[str, Any], *, currency: str | None = None, rows: int = ROWS_SHOWN
) -> Preview:
    """What the declaration makes of the file: first lines, sums, days, faults. Raises DeclarationError where it has faults itself.

    `currency` is that of the ledger the file is for, None where it isn't known yet.
    """
    declared = declaration_from_json(declaration)
    with opened(source) as file:
        return preview(file, declared, currency=currency, rows=rows)


def profiles_that_fit(source: SourceFile) -> list[ImportProfile]:
    """The organization's profiles for files of this kind whose declared columns the file has, by name."""
    current = ImportProfile.objects.of(source.organization_id).current().filter(target=source.target)
    return [profile for profile in current.order_by("name") if _fits(source, profile)]


def _fits(source: SourceFile, profile: ImportProfile) -> bool:
    """Without a header nothing can fit by its names, so such a profile is only ever chosen."""
    declared = profile.declared
    if not declared.header:
        return False
    with opened(source) as file:
        try:
            CsvTable.declared(file, declared)
        except FileRefused:
            return False
    return True
