"""Long work on a whole stream: put into a reconciliation, taken out of it, emptied, or deleted. The row is the job."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from ledgers.models import DataStream
from organizations.ids import uuid7
from reconciliation.states import OPERATION_UNDER_WAY, OperationKind, OperationStatus
from rules.models import Reconciliation
from rules.states import Side


class StreamOperationQuerySet(models.QuerySet["StreamOperation"]):
    def under_way(self) -> StreamOperationQuerySet:
        return self.filter(status__in=OPERATION_UNDER_WAY)


class StreamOperation(models.Model):
    """One operation over the records of a stream up to `watermark`, in chunks; `done_to` is the last record id done.

    `reconciliation` and `side` only where it is put in or taken out of one. `attempt` fences a late twin.
    """

    uuid = models.UUIDField(default=uuid7, unique=True, editable=False)
    stream = models.ForeignKey(DataStream, on_delete=models.PROTECT, related_name="operations")
    stream_key = models.CharField(max_length=128, help_text="Kept when the stream is deleted.")
    reconciliation = models.ForeignKey(
        Reconciliation, null=True, on_delete=models.PROTECT, related_name="operations"
    )
    side = models.CharField(max_length=1, choices=Side, default="", blank=True)
    kind = models.CharField(max_length=8, choices=OperationKind)
    status = models.CharField(max_length=10, choices=OperationStatus, default=OperationStatus.PENDING)
    attempt = models.PositiveIntegerField(default=0)
    undo_matches = models.BooleanField(default=False)
    watermark = models.BigIntegerField(default=0)
    done_to = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0, help_text="Records up to the watermark when it was asked for.")
    processed = models.BigIntegerField(default=0)
    undone = models.BigIntegerField(default=0, help_text="Matches that it undid.")
    error = models.TextField(blank=True, default="")
    requested_at = models.DateTimeField()
    requested_by = models.CharField(max_length=100)
    started_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = StreamOperationQuerySet.as_manager()

    class Meta:
        ordering = ["-requested_at", "-pk"]
        constraints = [
            CheckConstraint(
                condition=Q(status__in=OperationStatus.values), name="streamoperation_status_known"
            ),
            CheckConstraint(condition=Q(kind__in=OperationKind.values), name="streamoperation_kind_known"),
            CheckConstraint(
                condition=Q(status__in=OPERATION_UNDER_WAY, finished_at__isnull=True)
                | ~Q(status__in=OPERATION_UNDER_WAY) & Q(finished_at__isnull=False),
                name="streamoperation_finished_at_iff_ended",
            ),
            CheckConstraint(
                condition=Q(kind__in=["wire", "unwire"], reconciliation__isnull=False, side__in=Side.values)
                | Q(kind__in=["reset", "delete"], reconciliation__isnull=True, side=""),
                name="streamoperation_reconciliation_iff_wiring",
            ),
            UniqueConstraint(
                fields=["stream"],
                condition=~Q(status=OperationStatus.COMPLETED),
                name="streamoperation_one_at_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.stream_key}"

    @property
    def is_under_way(self) -> bool:
        return self.status in OPERATION_UNDER_WAY

    @property
    def progress(self) -> int:
        """Percent."""
        if self.status == OperationStatus.COMPLETED:
            return 100
        return min(99, 100 * self.processed // self.total) if self.total else 0
