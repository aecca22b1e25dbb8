"""Exceptions: what is overdue of one stream in one reconciliation, as one thing that people work on. Which records belong to
it is never stored: selectors ask for them.
"""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, OuterRef, Q, Subquery, UniqueConstraint

from exceptions_app.states import EXCEPTION_ACTIVE, EXCEPTION_CLOSED, ExceptionStatus
from ledgers.models import DataStream
from organizations.models import User
from rules.models import Reconciliation, ReconciliationStream

TITLE_MAX = 300


class ExceptionQuerySet(models.QuerySet["ReconciliationException"]):
    def of(self, organization_id: int) -> ExceptionQuerySet:
        return self.filter(reconciliation__organization_id=organization_id)

    def live(self) -> ExceptionQuerySet:
        """Neither deleted nor left behind by a reconciliation or stream that is gone: nothing on a lower floor knows of
        exceptions, so they are left out on read."""
        return self.filter(
            voided_at__isnull=True,
            reconciliation__voided_at__isnull=True,
            stream__voided_at__isnull=True,
        )

    def active(self) -> ExceptionQuerySet:
        return self.filter(status__in=EXCEPTION_ACTIVE)

    def with_side(self) -> ExceptionQuerySet:
        """`side`: of the stream in its reconciliation, None once it is in it no more."""
        wiring = ReconciliationStream.objects.filter(
            reconciliation=OuterRef("reconciliation_id"), stream=OuterRef("stream_id")
        )
        return self.annotate(side=Subquery(wiring.values("side")[:1]))

    def newest_first(self) -> ExceptionQuerySet:
        return self.order_by("-pk")


class ReconciliationException(models.Model):
    """`opened_at`: when it last became active; `closed_at`: when it last was dismissed or resolved, empty while it is
    active. `had_records_at`: when it was first seen to have records; only such a one is resolved by itself. `slice_changed_at`:
    when the sweep last saw new records in it.
    """

    reconciliation = models.ForeignKey(Reconciliation, on_delete=models.PROTECT, related_name="exceptions")
    stream = models.ForeignKey(DataStream, on_delete=models.PROTECT, related_name="exceptions")
    title = models.CharField(max_length=TITLE_MAX)
    description = models.TextField(blank=True, default="")
    status = models.CharField(max_length=13, choices=ExceptionStatus, default=ExceptionStatus.OPEN)
    opened_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.CharField(max_length=100, blank=True, default="")
    had_records_at = models.DateTimeField(null=True, blank=True)
    slice_changed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=100)
    modified_at = models.DateTimeField()
    modified_by = models.CharField(max_length=100)
    voided_at = models.DateTimeField(null=True, blank=True)
    voided_by = models.CharField(max_length=100, blank=True, default="")

    objects = ExceptionQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = "exception"
        constraints = [
            CheckConstraint(
                condition=Q(status__in=ExceptionStatus.values), name="reconciliationexception_status_known"
            ),
            CheckConstraint(
                condition=Q(status__in=EXCEPTION_ACTIVE, closed_at__isnull=True, opened_at__isnull=False)
                | Q(status__in=EXCEPTION_CLOSED, closed_at__isnull=False),
                name="exception_closed_at_iff_closed",
            ),
            UniqueConstraint(
                fields=["reconciliation", "stream"],
                condition=Q(status__in=EXCEPTION_ACTIVE, voided_at__isnull=True),
                name="exception_one_live_per_stream",
            ),
        ]
        indexes = [
            models.Index(
                fields=["reconciliation", "stream", "-id"],
                condition=Q(voided_at__isnull=True),
                name="exception_by_pair",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_active(self) -> bool:
        return self.status in EXCEPTION_ACTIVE


class Assignee(models.Model):
    """Somebody whose work the exception is. Taken off, the row goes; the audit trail keeps it."""

    exception = models.ForeignKey(
        ReconciliationException, on_delete=models.CASCADE, related_name="assignments"
    )
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    assigned_at = models.DateTimeField()
    assigned_by = models.CharField(max_length=100)

    class Meta:
        ordering = ["id"]
        constraints = [UniqueConstraint(fields=["exception", "user"], name="assignee_once")]

    def __str__(self) -> str:
        return f"{self.exception_id}/{self.user_id}"


class Comment(models.Model):
    """What somebody wrote on an exception; never changed. `author` is the person, or who made the key that wrote it."""

    exception = models.ForeignKey(ReconciliationException, on_delete=models.CASCADE, related_name="comments")
    body = models.TextField()
    author = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    mentions: models.ManyToManyField[User, models.Model] = models.ManyToManyField(User, related_name="+")
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=100)

    class Meta:
        ordering = ["id"]
        constraints = [CheckConstraint(condition=~Q(body=""), name="comment_says_something")]

    def __str__(self) -> str:
        return f"Comment {self.pk}"
