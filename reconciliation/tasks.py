"""Celery doorbells of this floor: ids in, one call."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from organizations.refusals import Refusal
from reconciliation.doorbell import ring
from reconciliation.services import (
    backtest_execution,
    bulk_execution,
    execution,
    file_import,
    operation_chunks,
    policies,
    proposing,
    recompute,
    rule_job_execution,
    sources,
)
from reconciliation.states import RuleJobKind

RULE_WORK: dict[str, rule_job_execution.Work] = {
    RuleJobKind.BACKTEST: backtest_execution.backtest,
    RuleJobKind.PROPOSAL: proposing.propose_rules,
}
"""What a rule job of each kind does."""


@shared_task
def execute_pass(*, pass_id: int, **_later: object) -> None:
    """`_later` lets an old worker take a message of the next release."""
    for next_id in execution.pass_execute(pass_id=pass_id, clock=timezone.now):
        ring(execute_pass, pass_id=next_id)


@shared_task
def import_source(*, source_file_id: int, **_later: object) -> None:
    """A refusal is no failure of the task: the file's row says what is wrong with it."""
    try:
        sources.source_import(source_file_id=source_file_id, at=timezone.now())
    except Refusal:
        return


@shared_task
def import_file(*, source_file_id: int, **_later: object) -> None:
    """The same for a file of the import page."""
    try:
        file_import.file_import(source_file_id=source_file_id, at=timezone.now())
    except Refusal:
        return


@shared_task
def execute_operation(*, operation_id: int, **_later: object) -> None:
    operation_chunks.operation_execute(operation_id=operation_id, clock=timezone.now)


@shared_task
def execute_rule_job(*, job_id: int, **_later: object) -> None:
    rule_job_execution.rule_job_execute(job_id=job_id, work=RULE_WORK, clock=timezone.now)


@shared_task
def execute_bulk_request(*, bulk_request_id: int, **_later: object) -> None:
    bulk_execution.bulk_execute(bulk_request_id=bulk_request_id, clock=timezone.now)


@shared_task
def recompute_overdue(*, recompute_id: int, **_later: object) -> None:
    recompute.recompute_execute(recompute_id=recompute_id, clock=timezone.now)


@shared_task
def propose_rules_where_needed(**_later: object) -> None:
    """Ask for rules where records wait and there is no rule. Somebody may have asked meanwhile: that is as good."""
    proposing.proposals_request_where_needed(at=timezone.now())


@shared_task
def follow_calendars(**_later: object) -> None:
    """Stamp anew what other holidays or another time zone make overdue on another day."""
    policies.policies_follow_calendars(at=timezone.now())


@shared_task
def requeue_lost(**_later: object) -> None:
    """Ring again for what a dead worker left and nobody is at: passes, imports, operations, rule jobs, recomputes, bulk
    requests."""
    for pass_id in execution.lost_passes(at=timezone.now()):
        ring(execute_pass, pass_id=pass_id)
    for source_file_id in execution.lost_imports(at=timezone.now()):
        ring(import_source, source_file_id=source_file_id)
    for source_file_id in execution.lost_file_imports(at=timezone.now()):
        ring(import_file, source_file_id=source_file_id)
    for operation_id in execution.lost_operations(at=timezone.now()):
        ring(execute_operation, operation_id=operation_id)
    for job_id in rule_job_execution.lost_rule_jobs(at=timezone.now()):
        ring(execute_rule_job, job_id=job_id)
    for bulk_request_id in bulk_execution.lost_bulk_requests(at=timezone.now()):
        ring(execute_bulk_request, bulk_request_id=bulk_request_id)
    for recompute_id in recompute.lost_recomputes(at=timezone.now()):
        ring(recompute_overdue, recompute_id=recompute_id)
