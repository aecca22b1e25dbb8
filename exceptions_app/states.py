"""Statuses of the exceptions floor and every legal move."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class ExceptionStatus(models.TextChoices):
    OPEN = "open", _("Open")
    INVESTIGATING = "investigating", _("Investigating")
    DISMISSED = "dismissed", _("Dismissed")
    RESOLVED = "resolved", _("Resolved")


EXCEPTION_ACTIVE = frozenset({ExceptionStatus.OPEN, ExceptionStatus.INVESTIGATING})
"""Of these a reconciliation has one per stream."""
EXCEPTION_CLOSED = frozenset({ExceptionStatus.DISMISSED, ExceptionStatus.RESOLVED})
EXCEPTION_MOVES = {status: frozenset(ExceptionStatus) - {status} for status in ExceptionStatus}
"""People may set any of the four at any time; what opens and closes the exception is told by the two sets above."""


class SweepStatus(models.TextChoices):
    RUNNING = "running", _("Running")
    COMPLETED = "completed", _("Completed")
    FAILED = "failed", _("Failed")


SWEEP_MOVES = {
    SweepStatus.RUNNING: frozenset({SweepStatus.COMPLETED, SweepStatus.FAILED}),
    SweepStatus.COMPLETED: frozenset[str](),
    SweepStatus.FAILED: frozenset[str](),
}


class InvestigationStatus(models.TextChoices):
    PENDING = "pending", _("Pending")
    RUNNING = "running", _("Running")
    COMPLETED = "completed", _("Completed")
    FAILED = "failed", _("Failed")


INVESTIGATION_MOVES = {
    InvestigationStatus.PENDING: frozenset({InvestigationStatus.RUNNING, InvestigationStatus.FAILED}),
    InvestigationStatus.RUNNING: frozenset(
        {InvestigationStatus.COMPLETED, InvestigationStatus.FAILED, InvestigationStatus.PENDING}
    ),  # pending again: its worker is lost
    InvestigationStatus.COMPLETED: frozenset[str](),
    InvestigationStatus.FAILED: frozenset[str](),
}
INVESTIGATION_UNDER_WAY = frozenset({InvestigationStatus.PENDING, InvestigationStatus.RUNNING})


class InvestigationTrigger(models.TextChoices):
    SWEEP = "sweep", _("The slice changed")
    MANUAL = "manual", _("Asked for")


class Outcome(models.TextChoices):
    MATCH_FOUND = "match_found", _("Match found")
    NEEDS_REVIEW = "needs_review", _("Needs review")
    NO_MATCH = "no_match", _("No match")


class AgeBucket(models.TextChoices):
    """Days since an item was overdue; the lower bound is in, the upper one is not."""

    LT_7D = "lt_7d", _("under 7 days")
    D7_30 = "7_30d", _("7 to 30 days")
    D30_90 = "30_90d", _("30 to 90 days")
    GT_90D = "gt_90d", _("90 days and more")


AGE_BOUNDS: dict[AgeBucket, tuple[int, int | None]] = {
    AgeBucket.LT_7D: (0, 7),
    AgeBucket.D7_30: (7, 30),
    AgeBucket.D30_90: (30, 90),
    AgeBucket.GT_90D: (90, None),
}
