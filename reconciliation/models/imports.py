"""Imported files: uploaded without a run, each statement of them routed to the ledger of its account."""

from __future__ import annotations

from django.db.models import Q

from ledgers.models import SourceFile
from ledgers.models.files import SourceFileQuerySet
from ledgers.states import UNFINISHED, ImportTarget


class FileImportQuerySet(SourceFileQuerySet):
    def imported(self) -> FileImportQuerySet:
        """Statement files that came without a run, as they came (parts of them stand in runs), and tables that go into
        a data stream."""
        mine = Q(target=ImportTarget.STATEMENT) | Q(target=ImportTarget.RECORDS, stream__isnull=False)
        return self.filter(mine, run_source__isnull=True, part_of__isnull=True)

    def unfinished(self) -> FileImportQuerySet:
        return self.filter(status__in=UNFINISHED, voided_at__isnull=True)


class FileImport(SourceFile):
    """A source file as the import page has it. What was taken from it are its parts, one for each ledger."""

    objects = FileImportQuerySet.as_manager()  # type: ignore[misc]

    class Meta:
        proxy = True
        ordering = ["-created_at", "-pk"]
        verbose_name = "import"

    def __str__(self) -> str:
        return self.filename
