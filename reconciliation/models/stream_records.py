"""Records of streams that programs and files fill, as the back office lists them."""

from __future__ import annotations

from ledgers.models import Record
from ledgers.models.records import RecordQuerySet
from ledgers.states import WRITABLE_STREAMS, RecordKind


class StreamRecordQuerySet(RecordQuerySet):
    def filled(self) -> StreamRecordQuerySet:
        """What stands in streams of kind api and bank_feed; adjustments stand in their match only."""
        return self.filter(stream__kind__in=WRITABLE_STREAMS, kind=RecordKind.ENTRY, voided_at__isnull=True)


class StreamRecord(Record):
    """A record as the page of stream records has it: entries of ledgers have a page of their own."""

    objects = StreamRecordQuerySet.as_manager()  # type: ignore[misc]

    class Meta:
        proxy = True
        verbose_name = "record"
