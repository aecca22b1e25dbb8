"""Sweeps: what each look at overdue items found and did."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from exceptions_app.states import SweepStatus
from organizations.models import Organization


class Sweep(models.Model):
    """One sweep over an organization, as of `at`. Counts: reconciliations with something due or an active exception, records
    first seen overdue, exceptions opened, reopened and resolved, investigations asked for."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(help_text="What was overdue by then.")
    status = models.CharField(max_length=10, choices=SweepStatus, default=SweepStatus.RUNNING)
    reconciliations = models.PositiveIntegerField(default=0)
    records = models.PositiveIntegerField(default=0, help_text="Seen overdue for the first time.")
    opened = models.PositiveIntegerField(default=0)
    reopened = models.PositiveIntegerField(default=0)
    resolved = models.PositiveIntegerField(default=0)
    investigations = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True, default="")
    heartbeat_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            CheckConstraint(condition=Q(status__in=SweepStatus.values), name="sweep_status_known"),
            CheckConstraint(
                condition=Q(status=SweepStatus.RUNNING, finished_at__isnull=True)
                | ~Q(status=SweepStatus.RUNNING) & Q(finished_at__isnull=False),
                name="sweep_finished_at_iff_ended",
            ),
            UniqueConstraint(
                fields=["organization"], condition=Q(status=SweepStatus.RUNNING), name="sweep_one_at_a_time"
            ),
        ]
        indexes = [models.Index(fields=["organization", "-id"], name="sweep_newest")]

    def __str__(self) -> str:
        return f"Sweep {self.pk}"

    @property
    def changed_something(self) -> bool:
        return bool(self.records or self.opened or self.reopened or self.resolved or self.investigations)
