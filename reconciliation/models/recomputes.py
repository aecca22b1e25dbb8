"""Stamping what a reconciliation has anew after its overdue policy changed. The row is the job."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from organizations.ids import uuid7
from reconciliation.states import OPERATION_UNDER_WAY, OperationStatus
from rules.models import Reconciliation


class OverdueRecompute(models.Model):
    """One recompute over the open items and live members of a reconciliation, in chunks; `done_to` is the last record id
    done. Where the policy changes again meanwhile it begins anew (`done_to` 0). `attempt` fences a late twin.
    """

    uuid = models.UUIDField(default=uuid7, unique=True, editable=False)
    reconciliation = models.ForeignKey(Reconciliation, on_delete=models.PROTECT, related_name="recomputes")
    status = models.CharField(max_length=10, choices=OperationStatus, default=OperationStatus.PENDING)
    attempt = models.PositiveIntegerField(default=0)
    done_to = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0, help_text="Open items and live members when it began.")
    processed = models.BigIntegerField(default=0)
    changed = models.BigIntegerField(
        default=0, help_text="Open items and members with another day than before."
    )
    policy_digest = models.CharField(
        max_length=64, blank=True, default="", help_text="Of the policy as it was when this was asked for."
    )
    error = models.TextField(blank=True, default="")
    requested_at = models.DateTimeField()
    requested_by = models.CharField(max_length=100)
    started_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-requested_at", "-pk"]
        constraints = [
            CheckConstraint(
                condition=Q(status__in=OperationStatus.values), name="overduerecompute_status_known"
            ),
            CheckConstraint(
                condition=Q(status__in=OPERATION_UNDER_WAY, finished_at__isnull=True)
                | ~Q(status__in=OPERATION_UNDER_WAY) & Q(finished_at__isnull=False),
                name="overduerecompute_finished_at_iff_ended",
            ),
            UniqueConstraint(
                fields=["reconciliation"],
                condition=~Q(status=OperationStatus.COMPLETED),
                name="overduerecompute_one_at_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"Recompute {self.pk}"

    @property
    def is_under_way(self) -> bool:
        return self.status in OPERATION_UNDER_WAY

    @property
    def progress(self) -> int:
        """Percent."""
        if self.status == OperationStatus.COMPLETED:
            return 100
        return min(99, 100 * self.processed // self.total) if self.total else 0
