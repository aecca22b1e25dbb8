"""Runs (work that people open, fill, review and finish), their source files, and passes of the engine."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from ledgers.models import Ledger, SourceFile
from organizations.ids import uuid7
from organizations.models import Organization
from organizations.refusals import Conflict
from reconciliation.states import (
    PASS_MOVES,
    PASS_UNDER_WAY,
    RUN_MOVES,
    PassKind,
    PassStatus,
    PassTrigger,
    RunMode,
    RunStatus,
)
from rules.models import Reconciliation


class RunQuerySet(models.QuerySet["Run"]):
    def moved(self, to: str, **fields: object) -> int:
        """Change the status of those that the table lets become `to`; the others stay. How many changed."""
        may = [status for status, moves in RUN_MOVES.items() if to in moves]
        return self.filter(status__in=may).update(status=to, **fields)

    def of(self, organization_id: int) -> RunQuerySet:
        return self.filter(organization_id=organization_id)

    def live(self) -> RunQuerySet:
        return self.filter(voided_at__isnull=True)


class Run(models.Model):
    """A ledger run: statement files against a ledger, matched as often as needed, reviewed, reopened, voided."""

    uuid = models.UUIDField(default=uuid7, unique=True, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    ledger = models.ForeignKey(Ledger, on_delete=models.PROTECT, related_name="+")
    reconciliation = models.ForeignKey(Reconciliation, on_delete=models.PROTECT, related_name="runs")
    mode = models.CharField(max_length=10, choices=RunMode, default=RunMode.MANUAL)
    source_type = models.CharField(max_length=16, default="upload")
    status = models.CharField(max_length=10, choices=RunStatus, default=RunStatus.PENDING)
    note = models.TextField(blank=True, default="")
    idempotency_key = models.CharField(max_length=255, blank=True, default="")
    request_digest = models.CharField(max_length=64, blank=True, default="")
    error_message = models.TextField(blank=True, default="")
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=100)
    modified_at = models.DateTimeField()
    modified_by = models.CharField(max_length=100)
    voided_at = models.DateTimeField(null=True, blank=True)
    voided_by = models.CharField(max_length=100, blank=True, default="")

    objects = RunQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "pk"]
        constraints = [
            CheckConstraint(
                condition=Q(status__in=RunStatus.values) & ~Q(status="closed"), name="run_status_known"
            ),
            CheckConstraint(condition=Q(mode__in=RunMode.values), name="run_mode_known"),
            UniqueConstraint(
                fields=["ledger", "idempotency_key"],
                condition=~Q(idempotency_key="") & Q(voided_at__isnull=True),
                name="run_idempotency_key_once",
            ),
        ]

    def __str__(self) -> str:
        return self.note or f"Run {self.uuid}"


class RunSource(models.Model):
    """A source file in a run. The same bytes are uploaded to a run once, unless the earlier one failed or was voided."""

    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="sources")
    source_file = models.OneToOneField(SourceFile, on_delete=models.PROTECT, related_name="run_source")
    checksum_sha256 = models.CharField(max_length=64)
    idempotency_key = models.CharField(max_length=255, blank=True, default="")
    live = models.BooleanField(default=True, help_text="Off once its file failed or was voided.")
    routed = models.BooleanField(
        default=False,
        help_text="Came by the import page, where the same file may come again: its lines are known then.",
    )

    class Meta:
        constraints = [
            UniqueConstraint(
                fields=["run", "checksum_sha256"],
                condition=Q(live=True, routed=False),
                name="runsource_checksum_once",
            ),
            UniqueConstraint(
                fields=["run", "idempotency_key"],
                condition=Q(live=True) & ~Q(idempotency_key=""),
                name="runsource_idempotency_key_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.run_id} {self.source_file_id}"


BY_ITSELF = Q(
    status=PassStatus.PENDING, trigger__in=[PassTrigger.RECORD_CREATED, PassTrigger.RULE_ACTIVATED], attempt=0
)


class PassQuerySet(models.QuerySet["Pass"]):
    def under_way(self) -> PassQuerySet:
        return self.filter(status__in=PASS_UNDER_WAY)

    def waiting_by_itself(self) -> PassQuerySet:
        """Not begun, and asked for by nobody: their runs are automatic, or rules were changed. They are in nobody's way."""
        return self.filter(BY_ITSELF)

    def in_the_way(self) -> PassQuerySet:
        """Under way, and asked for by a person or begun: voiding, undoing and a second pass wait for their end."""
        return self.under_way().exclude(BY_ITSELF)


class Pass(models.Model):
    """One execution of the engine over a reconciliation, alone or inside a run."""

    uuid = models.UUIDField(default=uuid7, unique=True, editable=False)
    reconciliation = models.ForeignKey(Reconciliation, on_delete=models.PROTECT, related_name="passes")
    run = models.ForeignKey(Run, null=True, blank=True, on_delete=models.PROTECT, related_name="passes")
    kind = models.CharField(max_length=10, choices=PassKind, default=PassKind.BATCH)
    trigger = models.CharField(max_length=16, choices=PassTrigger)
    status = models.CharField(max_length=10, choices=PassStatus, default=PassStatus.PENDING)
    attempt = models.PositiveIntegerField(
        default=0, help_text="Fences a late twin: it may write only as its own attempt."
    )
    requested_at = models.DateTimeField()
    requested_by = models.CharField(max_length=100)
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    undone_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True, default="")
    progress = models.PositiveSmallIntegerField(default=0, help_text="Percent.")
    current_rule = models.CharField(max_length=128, blank=True, default="")
    total_records = models.BigIntegerField(default=0)
    processed_records = models.BigIntegerField(default=0)
    matched_records = models.BigIntegerField(default=0)
    matched = models.BigIntegerField(default=0, help_text="Side A records of matches that add up.")
    suggested = models.BigIntegerField(default=0, help_text="Matches written, also those accepted at once.")
    accepted = models.BigIntegerField(default=0, help_text="Of these, accepted without a person.")
    accepted_records = models.BigIntegerField(default=0)
    ambiguous = models.BigIntegerField(default=0)
    lost_to_others = models.BigIntegerField(
        default=0, help_text="Groups dropped since a person took a member first."
    )
    rule_summary = models.JSONField(default=list, blank=True)

    objects = PassQuerySet.as_manager()

    class Meta:
        ordering = ["-requested_at", "-pk"]
        verbose_name_plural = "passes"
        constraints = [
            CheckConstraint(condition=Q(status__in=PassStatus.values), name="pass_status_known"),
            CheckConstraint(condition=Q(kind__in=PassKind.values), name="pass_kind_known"),
            CheckConstraint(condition=Q(trigger__in=PassTrigger.values), name="pass_trigger_known"),
            CheckConstraint(condition=Q(progress__lte=100), name="pass_progress_percent"),
            CheckConstraint(
                condition=Q(status__in=PASS_UNDER_WAY, finished_at__isnull=True)
                | ~Q(status__in=PASS_UNDER_WAY) & Q(finished_at__isnull=False),
                name="pass_finished_at_iff_ended",
            ),
            UniqueConstraint(
                fields=["reconciliation"], condition=Q(status=PassStatus.RUNNING), name="pass_one_running"
            ),
            UniqueConstraint(
                fields=["reconciliation", "run"],
                condition=Q(status=PassStatus.PENDING),
                nulls_distinct=False,
                name="pass_one_pending_per_run",
            ),
        ]
        indexes = [
            models.Index(fields=["reconciliation", "id"], name="pass_by_reconciliation"),
            # The last batch pass, however many continuous ones came after it.
            models.Index(
                fields=["reconciliation", "id"],
                condition=Q(kind=PassKind.BATCH, status__in=[PassStatus.COMPLETED, PassStatus.FAILED]),
                name="pass_batch_ended",
            ),
        ]

    def __str__(self) -> str:
        return f"Pass {self.pk}"

    @property
    def is_under_way(self) -> bool:
        return self.status in PASS_UNDER_WAY

    def move(self, to: str, **fields: object) -> None:
        """Change status if the table allows it and no other attempt moved the row since we read it."""
        if to not in PASS_MOVES[PassStatus(self.status)]:
            raise Conflict(f"A {self.status} pass cannot become {to}.", code="pass.move_refused")
        claimed = Pass.objects.filter(pk=self.pk, status=self.status, attempt=self.attempt)
        if not claimed.update(status=to, **fields):
            raise Conflict("The pass was taken over by another worker.", code="pass.move_refused")
        self.refresh_from_db()
