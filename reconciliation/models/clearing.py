"""The clearing invariant's rows: open items (the tokens), matches, members, and what people refused.

High-volume layout (docs/adr/0004): no foreign keys in the database on these tables, ids in blocks of 1,000, composite
natural keys, only indexes that a named query needs. check_integrity holds the references.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.db.models.expressions import RawSQL

from ledgers.models import Record
from organizations.ids import uuid7
from reconciliation.models.runs import Pass, Run
from reconciliation.states import MATCH_LIVE, Approval, MatchOrigin, MatchStatus
from rules.models import Reconciliation, RuleRevision
from rules.states import Side

NEXT_TICKET = RawSQL("nextval('reconciliation_ticket')", ())


class OpenItemQuerySet(models.QuerySet["OpenItem"]):
    def free(self) -> OpenItemQuerySet:
        return self.filter(held_by__isnull=True, closed_at__isnull=True)

    def held(self) -> OpenItemQuerySet:
        return self.filter(held_by__isnull=False, closed_at__isnull=True)

    def closed(self) -> OpenItemQuerySet:
        return self.filter(closed_at__isnull=False)


class OpenItem(models.Model):
    """The token of a record that a reconciliation has not wholly cleared: whoever takes the row owns the record.

    Free: held_by and closed_at empty. Held: a live match covers part, `open_amount` is what is left. Closed: a person
    closed it. Written off: both. Amounts are minor units in the reconciliation's measure, with the record's sign.
    """

    pk = models.CompositePrimaryKey("reconciliation_id", "record_id")
    reconciliation = models.ForeignKey(
        Reconciliation, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    record = models.ForeignKey(
        Record, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    side = models.CharField(max_length=1, choices=Side)
    open_amount = models.BigIntegerField()
    ticket = models.BigIntegerField(db_default=NEXT_TICKET, help_text="New at every issue or change.")
    held_by = models.BigIntegerField(null=True, help_text="The match that covers part of it.")
    overdue_at = models.DateTimeField(null=True)
    overdue_by_hand = models.BooleanField(default=False)
    overdue_seen_at = models.DateTimeField(
        null=True, help_text="The sweep that saw it past due, since it was last open."
    )
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=100, default="", db_default="")
    close_reason = models.CharField(max_length=64, default="", db_default="")
    close_note = models.TextField(default="", db_default="")
    cleared_on = models.DateField(null=True, help_text="Accounting date of the closing.")

    objects = OpenItemQuerySet.as_manager()

    class Meta:
        constraints = [
            CheckConstraint(condition=Q(side__in=Side.values), name="openitem_side_known"),
            CheckConstraint(
                condition=Q(held_by__isnull=True) | ~Q(open_amount=0), name="openitem_held_has_rest"
            ),
            CheckConstraint(
                condition=Q(closed_at__isnull=True, closed_by="", close_reason="", cleared_on__isnull=True)
                | Q(closed_at__isnull=False, cleared_on__isnull=False)
                & ~Q(closed_by="")
                & ~Q(close_reason=""),
                name="openitem_closing_whole",
            ),
            CheckConstraint(
                condition=Q(overdue_seen_at__isnull=True) | Q(overdue_at__lte=models.F("overdue_seen_at")),
                name="openitem_seen_when_overdue",
            ),
        ]
        indexes = [
            models.Index(fields=["held_by"], condition=Q(held_by__isnull=False), name="openitem_held_by"),
            models.Index(fields=["record"], name="openitem_by_record"),
            # The few that a person closed, without all that are open.
            models.Index(
                fields=["reconciliation", "record"],
                condition=Q(closed_at__isnull=False),
                name="openitem_closed",
            ),
            # What a sweep has not seen yet and what it has, each by when it is overdue (exceptions of this reconciliation).
            models.Index(
                fields=["reconciliation", "overdue_seen_at", "overdue_at"],
                condition=Q(overdue_at__isnull=False, closed_at__isnull=True),
                name="openitem_overdue",
            ),
            # What is overdue of one side, the longest first: the records of an exception, a page at a time.
            models.Index(
                fields=["reconciliation", "side", "overdue_at", "record"],
                condition=Q(overdue_at__isnull=False, closed_at__isnull=True),
                name="openitem_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reconciliation_id}/{self.record_id}"


class MatchQuerySet(models.QuerySet["Match"]):
    def live(self) -> MatchQuerySet:
        return self.filter(status__in=MATCH_LIVE)


class Match(models.Model):
    """A group of records of both sides that clear each other. `difference` = Σ measure(A) − Σ measure(B), minor units."""

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField(default=uuid7, editable=False)
    reconciliation = models.ForeignKey(
        Reconciliation, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    run = models.ForeignKey(
        Run, null=True, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    made_by_pass = models.ForeignKey(
        Pass, null=True, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    rule_revision = models.ForeignKey(
        RuleRevision,
        null=True,
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    status = models.CharField(max_length=10, choices=MatchStatus)
    origin = models.CharField(max_length=6, choices=MatchOrigin)
    confidence = models.DecimalField(max_digits=4, decimal_places=3, null=True)
    # What the confidence was reckoned from, as the pass saw it: the pool of that moment cannot be had again.
    rivals = models.FloatField(null=True, help_text="Other candidates, each by how near its cost came.")
    rival_count = models.IntegerField(null=True, help_text="Other candidates of the side that has more.")
    chance = models.FloatField(null=True, help_text="Such partners expected by accident.")
    runner_up = models.BigIntegerField(null=True, help_text="The record that would have been taken next.")
    group_key = models.TextField(default="", db_default="")
    currency = models.CharField(max_length=3)
    decimal_places = models.SmallIntegerField()
    total_a = models.BigIntegerField()
    total_b = models.BigIntegerField()
    difference = models.BigIntegerField()
    record_count = models.IntegerField()
    adjustment_id = models.BigIntegerField(
        null=True, help_text="The record that was written with it to make it add up; voided when it ends."
    )
    cleared_on = models.DateField()
    note = models.TextField(default="", db_default="")
    approval = models.CharField(
        max_length=10, choices=Approval, default=Approval.NOT_NEEDED, db_default=Approval.NOT_NEEDED
    )
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=100)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=100, default="", db_default="")
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=100, default="", db_default="")
    ended_reason = models.CharField(max_length=64, default="", db_default="")
    superseded_by = models.BigIntegerField(null=True)
    modified_at = models.DateTimeField(null=True)
    modified_by = models.CharField(max_length=100, default="", db_default="")

    objects = MatchQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "matches"
        constraints = [
            UniqueConstraint(fields=["uuid"], name="match_uuid_once"),
            CheckConstraint(condition=Q(status__in=MatchStatus.values), name="match_status_known"),
            CheckConstraint(condition=Q(origin__in=MatchOrigin.values), name="match_origin_known"),
            CheckConstraint(condition=Q(approval__in=Approval.values), name="match_approval_known"),
            CheckConstraint(
                condition=Q(status__in=MATCH_LIVE, ended_at__isnull=True)
                | ~Q(status__in=MATCH_LIVE) & Q(ended_at__isnull=False),
                name="match_ended_at_iff_ended",
            ),
            CheckConstraint(
                condition=Q(difference=models.F("total_a") - models.F("total_b")),
                name="match_difference_of_totals",
            ),
            CheckConstraint(
                condition=~Q(status=MatchStatus.SUPERSEDED) | Q(superseded_by__isnull=False),
                name="match_superseded_by_named",
            ),
        ]
        indexes = [
            # With the status, so that a page of live matches is found without looking at what has ended.
            models.Index(fields=["reconciliation", "id"], include=["status"], name="match_by_reconciliation"),
            # What is undecided, and what was cleared in a period, without the years before it.
            models.Index(fields=["reconciliation", "status", "cleared_on"], name="match_by_standing"),
            models.Index(
                fields=["made_by_pass"], condition=Q(made_by_pass__isnull=False), name="match_by_pass"
            ),
        ]

    def __str__(self) -> str:
        return f"Match {self.pk}"

    @property
    def is_live(self) -> bool:
        return self.status in MATCH_LIVE


class MatchMember(models.Model):
    """A record in a match. `applied` is how much of it the match covers, minor units in the reconciliation's measure."""

    pk = models.CompositePrimaryKey("match_id", "record_id")
    match = models.ForeignKey(
        Match, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    reconciliation = models.ForeignKey(
        Reconciliation, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    record = models.ForeignKey(
        Record, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    side = models.CharField(max_length=1, choices=Side)
    applied = models.BigIntegerField()
    live = models.BooleanField(default=True)
    overdue_at = models.DateTimeField(null=True)
    overdue_by_hand = models.BooleanField(default=False)
    overdue_seen_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            CheckConstraint(condition=Q(side__in=Side.values), name="matchmember_side_known"),
            UniqueConstraint(
                fields=["reconciliation", "record"], condition=Q(live=True), name="matchmember_record_once"
            ),
        ]
        indexes = [models.Index(fields=["record"], name="matchmember_by_record")]

    def __str__(self) -> str:
        return f"{self.match_id}/{self.record_id}"


class RejectedGroup(models.Model):
    """Exactly this set of records was judged not to belong together; passes never offer it again."""

    reconciliation = models.ForeignKey(
        Reconciliation, on_delete=models.PROTECT, related_name="rejected_groups"
    )
    match_id = models.BigIntegerField()
    side_a = ArrayField(models.BigIntegerField())
    side_b = ArrayField(models.BigIntegerField())
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=100)

    class Meta:
        constraints = [UniqueConstraint(fields=["match_id"], name="rejectedgroup_match_once")]

    def __str__(self) -> str:
        return f"{self.side_a} | {self.side_b}"
