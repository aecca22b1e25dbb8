"""Statuses of the reconciliation floor and every legal move."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class RunStatus(models.TextChoices):
    PENDING = "pending", _("Pending")
    RUNNING = "running", _("Running")
    COMPLETED = "completed", _("Completed")
    FAILED = "failed", _("Failed")
    CLOSED = "closed", _("Closed")


RUN_MOVES = {
    RunStatus.PENDING: frozenset({RunStatus.RUNNING, RunStatus.COMPLETED}),
    RunStatus.RUNNING: frozenset({RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.PENDING}),
    RunStatus.COMPLETED: frozenset({RunStatus.RUNNING, RunStatus.PENDING}),
    RunStatus.FAILED: frozenset({RunStatus.RUNNING, RunStatus.COMPLETED}),
    RunStatus.CLOSED: frozenset[str](),
}
"""`closed` is never stored: it is derived on read (docs/ledger-runs.md, selectors.runs)."""


class RunMode(models.TextChoices):
    MANUAL = "manual", _("Manual")
    AUTOMATIC = "automatic", _("Automatic")


class PassStatus(models.TextChoices):
    PENDING = "pending", _("Pending")
    RUNNING = "running", _("Running")
    COMPLETED = "completed", _("Completed")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


PASS_MOVES = {
    PassStatus.PENDING: frozenset({PassStatus.RUNNING, PassStatus.CANCELLED, PassStatus.FAILED}),
    PassStatus.RUNNING: frozenset(
        {PassStatus.COMPLETED, PassStatus.FAILED, PassStatus.CANCELLED, PassStatus.PENDING}
    ),  # pending again: its worker is lost
    PassStatus.COMPLETED: frozenset[str](),
    PassStatus.FAILED: frozenset[str](),
    PassStatus.CANCELLED: frozenset[str](),
}
PASS_UNDER_WAY = frozenset({PassStatus.PENDING, PassStatus.RUNNING})


class PassKind(models.TextChoices):
    BATCH = "batch", _("Batch")
    CONTINUOUS = "continuous", _("Continuous")


class PassTrigger(models.TextChoices):
    MANUAL = "manual", _("Manual")
    RULE_ACTIVATED = "rule_activated", _("Rule activated")
    AGENT = "agent", _("Agent")
    RECORD_CREATED = "record_created", _("Record created")
    SCHEDULE = "schedule", _("Schedule")


class MatchStatus(models.TextChoices):
    SUGGESTED = "suggested", _("Suggested")
    ACCEPTED = "accepted", _("Accepted")
    REJECTED = "rejected", _("Rejected")
    UNDONE = "undone", _("Undone")
    SUPERSEDED = "superseded", _("Superseded")


MATCH_LIVE = frozenset({MatchStatus.SUGGESTED, MatchStatus.ACCEPTED})
MATCH_MOVES = {
    MatchStatus.SUGGESTED: frozenset(
        {MatchStatus.ACCEPTED, MatchStatus.REJECTED, MatchStatus.UNDONE, MatchStatus.SUPERSEDED}
    ),
    MatchStatus.ACCEPTED: frozenset({MatchStatus.REJECTED, MatchStatus.UNDONE, MatchStatus.SUPERSEDED}),
    MatchStatus.REJECTED: frozenset[str](),
    MatchStatus.UNDONE: frozenset[str](),
    MatchStatus.SUPERSEDED: frozenset[str](),
}


class MatchOrigin(models.TextChoices):
    AUTO = "auto", _("Automatic")
    MANUAL = "manual", _("Manual")


class Approval(models.TextChoices):
    NOT_NEEDED = "not_needed", _("Not needed")
    WAITING = "waiting", _("Waiting")
    APPROVED = "approved", _("Approved")
    REFUSED = "refused", _("Refused")


class DiscrepancyType(models.TextChoices):
    UNMATCHED_SOURCE = "unmatched_source", _("Statement line without entry")
    AMOUNT_MISMATCH = "amount_mismatch", _("Amounts differ")
    DATE_MISMATCH = "date_mismatch", _("Dates differ")
    DUPLICATE_SOURCE = "duplicate_source", _("Perhaps a duplicate")
    STATEMENT_BALANCE_MISMATCH = "statement_balance_mismatch", _("Statement does not add up")


class DiscrepancySeverity(models.TextChoices):
    INFO = "info", _("Info")
    WARNING = "warning", _("Warning")
    CRITICAL = "critical", _("Critical")


SEVERITY_OF = {
    DiscrepancyType.UNMATCHED_SOURCE: DiscrepancySeverity.WARNING,
    DiscrepancyType.AMOUNT_MISMATCH: DiscrepancySeverity.WARNING,
    DiscrepancyType.DATE_MISMATCH: DiscrepancySeverity.INFO,
    DiscrepancyType.DUPLICATE_SOURCE: DiscrepancySeverity.CRITICAL,
    DiscrepancyType.STATEMENT_BALANCE_MISMATCH: DiscrepancySeverity.CRITICAL,
}
BLOCKING_SEVERITIES = frozenset({DiscrepancySeverity.WARNING, DiscrepancySeverity.CRITICAL})
"""Discrepancies of these with status open keep a run from being closed; in review they do not, and info never does."""


class DiscrepancyStatus(models.TextChoices):
    OPEN = "open", _("Open")
    IN_REVIEW = "in_review", _("In review")
    CLOSED = "closed", _("Closed")


DISCREPANCY_OPEN = frozenset({DiscrepancyStatus.OPEN, DiscrepancyStatus.IN_REVIEW})
DISCREPANCY_MOVES = {
    DiscrepancyStatus.OPEN: frozenset({DiscrepancyStatus.IN_REVIEW, DiscrepancyStatus.CLOSED}),
    DiscrepancyStatus.IN_REVIEW: frozenset({DiscrepancyStatus.OPEN, DiscrepancyStatus.CLOSED}),
    DiscrepancyStatus.CLOSED: frozenset({DiscrepancyStatus.OPEN}),
}


ZERO_AMOUNT, BEFORE_OPENING = "zero_amount", "before_opening"
"""Why intake itself closes an item: nothing to clear, or older than the ledger's confirmed opening balance."""


class OperationKind(models.TextChoices):
    WIRE = "wire", _("Put into a reconciliation")
    UNWIRE = "unwire", _("Take out of a reconciliation")
    RESET = "reset", _("Empty")
    DELETE = "delete", _("Delete")


class OperationStatus(models.TextChoices):
    PENDING = "pending", _("Pending")
    RUNNING = "running", _("Running")
    COMPLETED = "completed", _("Completed")
    FAILED = "failed", _("Failed")


OPERATION_UNDER_WAY = frozenset({OperationStatus.PENDING, OperationStatus.RUNNING})
OPERATION_MOVES = {
    OperationStatus.PENDING: frozenset({OperationStatus.RUNNING, OperationStatus.FAILED}),
    OperationStatus.RUNNING: frozenset(
        {OperationStatus.RUNNING, OperationStatus.COMPLETED, OperationStatus.FAILED}
    ),
    OperationStatus.COMPLETED: frozenset[str](),
    OperationStatus.FAILED: frozenset({OperationStatus.RUNNING}),
}
"""A failed one is taken up again where it stopped: half of a stream may not stay wired."""


class RuleJobKind(models.TextChoices):
    BACKTEST = "backtest", _("Trial of a rule")
    PROPOSAL = "proposal", _("Search for rules")


class RuleJobStatus(models.TextChoices):
    PENDING = "pending", _("Pending")
    RUNNING = "running", _("Running")
    COMPLETED = "completed", _("Completed")
    FAILED = "failed", _("Failed")


RULE_JOB_UNDER_WAY = frozenset({RuleJobStatus.PENDING, RuleJobStatus.RUNNING})
RULE_JOB_MOVES = {
    RuleJobStatus.PENDING: frozenset({RuleJobStatus.RUNNING, RuleJobStatus.FAILED}),
    RuleJobStatus.RUNNING: frozenset(
        {RuleJobStatus.RUNNING, RuleJobStatus.COMPLETED, RuleJobStatus.FAILED}
    ),  # running again: its worker is lost, and the next one begins anew
    RuleJobStatus.COMPLETED: frozenset[str](),
    RuleJobStatus.FAILED: frozenset[str](),
}


class StoryRole(models.TextChoices):
    """Where a reconciliation stands in its story: at the head, or behind another with which it shares a stream."""

    ORIGIN = "origin", _("Origin")
    CONTINUATION = "continuation", _("Continuation")


class EntryStatus(models.TextChoices):
    """How a record stands in one reconciliation, as the stream surface says it."""

    RECONCILED = "reconciled", _("Reconciled")
    UNRECONCILED = "unreconciled", _("Unreconciled")
