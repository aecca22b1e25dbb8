"""What should agree: reconciliations, the streams on their sides, and rules with their immutable revisions."""

from __future__ import annotations

from decimal import Decimal

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import CheckConstraint, OuterRef, Q, Subquery, UniqueConstraint
from django.db.models.functions import Coalesce

from ledgers.models import DataStream, Ledger
from organizations.ids import uuid7
from organizations.models import Calendar, Organization
from rules.states import (
    Cardinality,
    CountsFrom,
    OnAmbiguity,
    OnDifference,
    Rating,
    ReconciliationKind,
    RuleSource,
    RuleStatus,
    RunType,
    Side,
    SignMode,
)


class ReconciliationQuerySet(models.QuerySet["Reconciliation"]):
    def of(self, organization_id: int) -> ReconciliationQuerySet:
        return self.filter(organization_id=organization_id)

    def live(self) -> ReconciliationQuerySet:
        return self.filter(voided_at__isnull=True)


class Reconciliation(models.Model):
    """The standing definition of what should agree: streams on side A, streams on side B, ordered rules."""

    uuid = models.UUIDField(default=uuid7, unique=True, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=255)
    kind = models.CharField(max_length=12, choices=ReconciliationKind)
    sign_mode = models.CharField(max_length=12, choices=SignMode)
    run_type = models.CharField(max_length=12, choices=RunType, default=RunType.BATCH)
    ledger = models.OneToOneField(
        Ledger, null=True, blank=True, on_delete=models.PROTECT, related_name="reconciliation"
    )
    streams: models.ManyToManyField[DataStream, ReconciliationStream] = models.ManyToManyField(
        DataStream, through="ReconciliationStream", related_name="reconciliations"
    )
    own_rules = models.BooleanField(
        default=False, help_text="Off: the organization's shared default rules apply."
    )
    auto_accept = models.BooleanField(default=False)
    ready = models.BooleanField(
        default=True, help_text="Off while its streams are re-wired; passes wait for it."
    )
    watermark = models.BigIntegerField(null=True, blank=True)
    overdue_after_days = models.PositiveIntegerField(null=True, blank=True)
    overdue_business_days = models.BooleanField(default=False)
    overdue_calendar = models.ForeignKey(
        Calendar, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    overdue_counts_from = models.CharField(max_length=10, choices=CountsFrom, default=CountsFrom.DATE)
    overdue_from = models.DateField(null=True, blank=True)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=100)
    voided_at = models.DateTimeField(null=True, blank=True)
    voided_by = models.CharField(max_length=100, blank=True, default="")

    objects = ReconciliationQuerySet.as_manager()

    class Meta:
        constraints = [
            CheckConstraint(
                condition=Q(kind__in=ReconciliationKind.values), name="reconciliation_kind_known"
            ),
            CheckConstraint(
                condition=Q(sign_mode__in=SignMode.values), name="reconciliation_sign_mode_known"
            ),
            CheckConstraint(condition=Q(run_type__in=RunType.values), name="reconciliation_run_type_known"),
            CheckConstraint(
                condition=~Q(kind=ReconciliationKind.LEDGER)
                | Q(ledger__isnull=False, sign_mode=SignMode.EFFECT),
                name="reconciliation_ledger_owner",
            ),
        ]
        indexes = [
            # Those that people made, newest first, however many ledgers own one each.
            models.Index(
                fields=["organization", "kind", "id"],
                condition=Q(voided_at__isnull=True),
                name="reconciliation_by_kind",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def measure(self) -> str:
        """The record's column whose sums are compared."""
        return "effect" if self.sign_mode == SignMode.EFFECT else "signed_amount"


class ReconciliationStream(models.Model):
    """A stream on one side of a reconciliation."""

    reconciliation = models.ForeignKey(Reconciliation, on_delete=models.CASCADE, related_name="wiring")
    stream = models.ForeignKey(DataStream, on_delete=models.PROTECT, related_name="wiring")
    side = models.CharField(max_length=1, choices=Side)

    class Meta:
        constraints = [
            UniqueConstraint(fields=["reconciliation", "stream"], name="reconciliationstream_once"),
            CheckConstraint(condition=Q(side__in=Side.values), name="reconciliationstream_side_known"),
        ]

    def __str__(self) -> str:
        return f"{self.reconciliation_id} {self.side}"


class RuleQuerySet(models.QuerySet["Rule"]):
    def active(self) -> RuleQuerySet:
        return self.filter(status=RuleStatus.ACTIVE, voided_at__isnull=True)

    def of(self, organization_id: int) -> RuleQuerySet:
        return self.filter(organization_id=organization_id)

    def live(self) -> RuleQuerySet:
        return self.filter(voided_at__isnull=True)

    def shared(self) -> RuleQuerySet:
        """Those for all ledgers that have none of their own."""
        return self.filter(reconciliation__isnull=True)

    def listed(self) -> RuleQuerySet:
        """Neither discarded nor deleted: what people see unless they ask for more."""
        return self.live().exclude(status=RuleStatus.DISCARDED)

    def in_order(self) -> RuleQuerySet:
        return self.order_by("priority", "pk")

    def with_revision(self) -> RuleQuerySet:
        """Each with the number of its newest revision as `revision`, 0 where it has none."""
        newest = RuleRevision.objects.filter(rule=OuterRef("pk")).order_by("-number").values("number")[:1]
        return self.annotate(revision=Coalesce(Subquery(newest), 0))


class Rule(models.Model):
    """One rule of a reconciliation, or of the organization's shared ledger defaults (no reconciliation)."""

    uuid = models.UUIDField(default=uuid7, unique=True, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    reconciliation = models.ForeignKey(
        Reconciliation, null=True, blank=True, on_delete=models.PROTECT, related_name="rules"
    )
    name = models.CharField(max_length=128)
    description = models.TextField(blank=True, default="")
    priority = models.IntegerField(help_text="Lower first.")
    cardinality = models.CharField(max_length=12, choices=Cardinality, default=Cardinality.ONE_TO_ONE)
    filters = models.JSONField()
    group_by = ArrayField(models.CharField(max_length=128), default=list, blank=True)
    rollup = models.JSONField(null=True, blank=True)
    score = models.DecimalField(max_digits=4, decimal_places=3, default=Decimal(1))
    on_ambiguity = models.CharField(max_length=8, choices=OnAmbiguity, default=OnAmbiguity.BEST)
    on_difference = models.CharField(max_length=16, choices=OnDifference, default=OnDifference.REFUSE)
    auto_accept = models.BooleanField(default=False)
    accept_at = models.DecimalField(max_digits=4, decimal_places=3, default=Decimal("0.990"))
    source = models.CharField(max_length=8, choices=RuleSource, default=RuleSource.USER)
    status = models.CharField(max_length=10, choices=RuleStatus, default=RuleStatus.ACTIVE)
    rating = models.CharField(max_length=8, choices=Rating, blank=True, default="")
    sample_match_rate = models.CharField(max_length=32, blank=True, default="")
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=100)
    voided_at = models.DateTimeField(null=True, blank=True)
    voided_by = models.CharField(max_length=100, blank=True, default="")

    objects = RuleQuerySet.as_manager()

    class Meta:
        constraints = [
            CheckConstraint(condition=Q(status__in=RuleStatus.values), name="rule_status_known"),
            CheckConstraint(condition=Q(source__in=RuleSource.values), name="rule_source_known"),
            CheckConstraint(condition=Q(cardinality__in=Cardinality.values), name="rule_cardinality_known"),
            CheckConstraint(condition=Q(on_ambiguity__in=OnAmbiguity.values), name="rule_on_ambiguity_known"),
            CheckConstraint(
                condition=Q(on_difference__in=OnDifference.values), name="rule_on_difference_known"
            ),
            CheckConstraint(condition=Q(rating__in=["", *Rating.values]), name="rule_rating_known"),
            CheckConstraint(condition=Q(score__gte=0, score__lte=1), name="rule_score_range"),
            CheckConstraint(condition=Q(accept_at__gte=0, accept_at__lte=1), name="rule_accept_at_range"),
            UniqueConstraint(
                fields=["organization", "name"],
                condition=Q(reconciliation__isnull=True, voided_at__isnull=True),
                name="rule_default_once",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class RuleRevision(models.Model):
    """What a rule said when a match was made by it. Never changed: a trigger refuses it."""

    rule = models.ForeignKey(Rule, on_delete=models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    body = models.JSONField()
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=100)

    class Meta:
        constraints = [UniqueConstraint(fields=["rule", "number"], name="rulerevision_number_once")]

    def __str__(self) -> str:
        return f"{self.rule_id} r{self.number}"
