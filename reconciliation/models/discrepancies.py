"""Stated differences with a severity and a person's resolution."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from ledgers.models import Record, SourceFile, Statement
from organizations.ids import uuid7
from reconciliation.models.clearing import Match
from reconciliation.models.runs import Run
from reconciliation.states import (
    DISCREPANCY_OPEN,
    DiscrepancySeverity,
    DiscrepancyStatus,
    DiscrepancyType,
)
from rules.models import Reconciliation


class DiscrepancyQuerySet(models.QuerySet["Discrepancy"]):
    def live(self) -> DiscrepancyQuerySet:
        return self.filter(voided_at__isnull=True)

    def open(self) -> DiscrepancyQuerySet:
        return self.live().filter(status__in=DISCREPANCY_OPEN)


class Discrepancy(models.Model):
    """One stated difference. `amount` in minor units of `currency`; what it is about: a record, a match or a statement."""

    uuid = models.UUIDField(default=uuid7, unique=True, editable=False)
    reconciliation = models.ForeignKey(Reconciliation, on_delete=models.PROTECT, related_name="discrepancies")
    run = models.ForeignKey(
        Run, null=True, on_delete=models.PROTECT, related_name="discrepancies", db_index=False
    )
    record = models.ForeignKey(
        Record, null=True, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    match = models.ForeignKey(
        Match, null=True, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    statement = models.ForeignKey(
        Statement, null=True, on_delete=models.PROTECT, related_name="discrepancies", db_index=False
    )
    source_file = models.ForeignKey(
        SourceFile, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    type = models.CharField(max_length=32, choices=DiscrepancyType)
    severity = models.CharField(max_length=8, choices=DiscrepancySeverity)
    status = models.CharField(max_length=10, choices=DiscrepancyStatus, default=DiscrepancyStatus.OPEN)
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    decimal_places = models.SmallIntegerField()
    description = models.TextField(default="")
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=100)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=100, default="")
    close_reason = models.CharField(max_length=64, default="")
    close_note = models.TextField(default="")
    voided_at = models.DateTimeField(null=True)

    objects = DiscrepancyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "discrepancies"
        constraints = [
            CheckConstraint(condition=Q(type__in=DiscrepancyType.values), name="discrepancy_type_known"),
            CheckConstraint(
                condition=Q(severity__in=DiscrepancySeverity.values), name="discrepancy_severity_known"
            ),
            CheckConstraint(
                condition=Q(status__in=DiscrepancyStatus.values), name="discrepancy_status_known"
            ),
            CheckConstraint(
                condition=Q(status__in=DISCREPANCY_OPEN, closed_at__isnull=True)
                | Q(status=DiscrepancyStatus.CLOSED, closed_at__isnull=False),
                name="discrepancy_closed_at_iff_closed",
            ),
            UniqueConstraint(
                fields=["run", "record", "type"],
                condition=Q(voided_at__isnull=True, status__in=DISCREPANCY_OPEN, record__isnull=False),
                name="discrepancy_one_open_per_item",
            ),
        ]
        # A pass over a million lines writes a tenth as many of these: only what a query asks for is indexed.
        indexes = [
            models.Index(fields=["run", "id"], name="discrepancy_by_run"),
            models.Index(
                fields=["run", "severity"],
                condition=Q(voided_at__isnull=True, status__in=DISCREPANCY_OPEN),
                name="discrepancy_open_by_run",
            ),
            *(
                models.Index(
                    fields=[about], condition=Q(**{f"{about}__isnull": False}), name=f"discrepancy_by_{about}"
                )
                for about in ("record", "match", "statement")
            ),
        ]

    def __str__(self) -> str:
        return self.description or self.type
