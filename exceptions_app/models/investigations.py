"""Investigations: a look for what explains the records of an exception, and what it found for each. It only suggests."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from exceptions_app.models.exceptions import ReconciliationException
from exceptions_app.states import (
    INVESTIGATION_UNDER_WAY,
    InvestigationStatus,
    InvestigationTrigger,
    Outcome,
)
from ledgers.models import Record


class InvestigationQuerySet(models.QuerySet["Investigation"]):
    def newest_first(self) -> InvestigationQuerySet:
        return self.order_by("-id")

    def under_way(self) -> InvestigationQuerySet:
        return self.filter(status__in=INVESTIGATION_UNDER_WAY)


class Investigation(models.Model):
    """One look at an exception's slice, or at the part of it that `filter_params` names. The row is the job: `attempt` fences
    a late twin. `summary`: records by outcome and by cause. `confidence`: 0 to 1.
    """

    exception = models.ForeignKey(
        ReconciliationException, on_delete=models.CASCADE, related_name="investigations"
    )
    status = models.CharField(max_length=10, choices=InvestigationStatus, default=InvestigationStatus.PENDING)
    trigger = models.CharField(max_length=6, choices=InvestigationTrigger)
    filter_params = models.JSONField(null=True, blank=True)
    attempt = models.PositiveIntegerField(default=0)
    outcome = models.CharField(max_length=12, choices=Outcome, blank=True, default="")
    recommendation_text = models.TextField(blank=True, default="")
    confidence = models.FloatField(null=True, blank=True)
    records_asked = models.PositiveIntegerField(null=True, blank=True)
    candidates_searched = models.PositiveIntegerField(null=True, blank=True)
    suggested_record_ids = ArrayField(models.BigIntegerField(), null=True, blank=True)
    summary = models.JSONField(default=dict, blank=True)
    error = models.TextField(blank=True, default="")
    requested_at = models.DateTimeField()
    requested_by = models.CharField(max_length=100)
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = InvestigationQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            CheckConstraint(
                condition=Q(status__in=InvestigationStatus.values), name="investigation_status_known"
            ),
            CheckConstraint(
                condition=Q(trigger__in=InvestigationTrigger.values), name="investigation_trigger_known"
            ),
            CheckConstraint(
                condition=Q(status=InvestigationStatus.COMPLETED, outcome__in=Outcome.values)
                | ~Q(status=InvestigationStatus.COMPLETED) & Q(outcome=""),
                name="investigation_outcome_iff_completed",
            ),
            CheckConstraint(
                condition=Q(status__in=INVESTIGATION_UNDER_WAY, finished_at__isnull=True)
                | ~Q(status__in=INVESTIGATION_UNDER_WAY) & Q(finished_at__isnull=False),
                name="investigation_finished_at_iff_ended",
            ),
            CheckConstraint(
                condition=Q(confidence__isnull=True) | Q(confidence__gte=0, confidence__lte=1),
                name="investigation_confidence_share",
            ),
            UniqueConstraint(
                fields=["exception"],
                condition=Q(status__in=INVESTIGATION_UNDER_WAY),
                name="investigation_one_at_a_time",
            ),
        ]
        indexes = [models.Index(fields=["exception", "-id"], name="investigation_newest")]

    def __str__(self) -> str:
        return f"Investigation {self.pk}"

    @property
    def is_under_way(self) -> bool:
        return self.status in INVESTIGATION_UNDER_WAY


class Finding(models.Model):
    """What may explain one record of the slice: `rank` 1 comes first. `suggested` are records of the other side, and of the
    same side where several make up one. `difference` is what would be left, minor units. `match_id`: the match that a person
    made of it.
    """

    investigation = models.ForeignKey(Investigation, on_delete=models.CASCADE, related_name="findings")
    record = models.ForeignKey(
        Record, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    rank = models.PositiveSmallIntegerField()
    cause = models.CharField(max_length=24)
    outcome = models.CharField(max_length=12, choices=Outcome)
    confidence = models.FloatField()
    suggested = ArrayField(models.BigIntegerField(), default=list)
    difference = models.BigIntegerField(default=0)
    facts = models.JSONField(default=dict)
    match_id = models.BigIntegerField(null=True, blank=True)
    taken_at = models.DateTimeField(null=True, blank=True)
    taken_by = models.CharField(max_length=100, blank=True, default="")

    class Meta:
        ordering = ["id"]
        constraints = [
            UniqueConstraint(fields=["investigation", "record", "rank"], name="finding_rank_once"),
            CheckConstraint(condition=Q(outcome__in=Outcome.values), name="finding_outcome_known"),
            CheckConstraint(
                condition=Q(match_id__isnull=True, taken_at__isnull=True)
                | Q(match_id__isnull=False, taken_at__isnull=False),
                name="finding_taken_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.cause} {self.record_id}"
