"""Long work on the rules of a reconciliation: trying one out on the past, looking for new ones. The row is the job."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from organizations.ids import uuid7
from organizations.refusals import Conflict
from reconciliation.states import RULE_JOB_MOVES, RULE_JOB_UNDER_WAY, RuleJobKind, RuleJobStatus
from rules.models import Reconciliation


class RuleJobQuerySet(models.QuerySet["RuleJob"]):
    def under_way(self) -> RuleJobQuerySet:
        return self.filter(status__in=RULE_JOB_UNDER_WAY)

    def newest_first(self) -> RuleJobQuerySet:
        return self.order_by("-requested_at", "-pk")


class RuleJob(models.Model):
    """One backtest or search for rules. `input`: what was asked, with the rules as they were then (body and revision).

    `input_digest` is over all that the result hangs on, records included: equal digests, equal results. `steps`: what it
    did so far, each {step, message, at}. `attempt` fences a late twin.
    """

    uuid = models.UUIDField(default=uuid7, unique=True, editable=False)
    reconciliation = models.ForeignKey(Reconciliation, on_delete=models.PROTECT, related_name="rule_jobs")
    kind = models.CharField(max_length=8, choices=RuleJobKind)
    status = models.CharField(max_length=10, choices=RuleJobStatus, default=RuleJobStatus.PENDING)
    attempt = models.PositiveIntegerField(default=0)
    progress = models.PositiveSmallIntegerField(default=0, help_text="Percent.")
    steps = models.JSONField(default=list, blank=True)
    input = models.JSONField(default=dict, blank=True)
    input_digest = models.CharField(max_length=64, blank=True, default="")
    result = models.JSONField(null=True, blank=True)
    error = models.TextField(blank=True, default="")
    requested_at = models.DateTimeField()
    requested_by = models.CharField(max_length=100)
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = RuleJobQuerySet.as_manager()

    class Meta:
        ordering = ["-requested_at", "-pk"]
        verbose_name = "trial of a rule"
        verbose_name_plural = "trials of rules"
        constraints = [
            CheckConstraint(condition=Q(status__in=RuleJobStatus.values), name="rulejob_status_known"),
            CheckConstraint(condition=Q(kind__in=RuleJobKind.values), name="rulejob_kind_known"),
            CheckConstraint(condition=Q(progress__lte=100), name="rulejob_progress_percent"),
            CheckConstraint(
                condition=Q(status__in=RULE_JOB_UNDER_WAY, finished_at__isnull=True)
                | ~Q(status__in=RULE_JOB_UNDER_WAY) & Q(finished_at__isnull=False),
                name="rulejob_finished_at_iff_ended",
            ),
            CheckConstraint(
                condition=~Q(status=RuleJobStatus.COMPLETED) | Q(result__isnull=False),
                name="rulejob_completed_has_result",
            ),
            UniqueConstraint(
                fields=["reconciliation"],
                condition=Q(kind=RuleJobKind.PROPOSAL, status__in=RULE_JOB_UNDER_WAY),
                name="rulejob_one_proposal_at_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"

    @property
    def is_under_way(self) -> bool:
        return self.status in RULE_JOB_UNDER_WAY

    def move(self, to: str, **fields: object) -> None:
        """Change status if the table allows it and no other attempt moved the row since we read it."""
        if to not in RULE_JOB_MOVES[RuleJobStatus(self.status)]:
            raise Conflict(f"A {self.status} job cannot become {to}.", code="rule_job.move_refused")
        claimed = RuleJob.objects.filter(pk=self.pk, status=self.status, attempt=self.attempt)
        if not claimed.update(status=to, **fields):
            raise Conflict("The job was taken over by another worker.", code="rule_job.move_refused")
        self.refresh_from_db()
