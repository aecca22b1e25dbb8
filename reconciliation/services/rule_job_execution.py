"""The life of a rule job in a worker: claim, work, end. Twice is the same as once; a late twin writes nothing.

A job belongs to the worker that holds its session lock, which PostgreSQL frees when the worker's connection ends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.db.models import F
from django.utils.translation import gettext as _

from organizations.acts import perform
from organizations.instants import utc_text
from reconciliation.models import RuleJob
from reconciliation.services.job_life import job_held, job_run, job_write, jobs_quiet
from reconciliation.services.locks import LockKind, perform_patiently
from reconciliation.states import RuleJobStatus

ATTEMPTS_MAX = 3
"""Workers that may die over a job before it is given up: it may be what kills them."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a job's work gives back. `digest`: of all that the result hangs on. `write`: what is written in the same
    transaction as the result, if anything; it is called with the time of the end."""

    result: dict[str, Any]
    digest: str = ""
    write: Callable[[datetime], None] | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """How a job's work says how far it is. Raises Overtaken where the job is another's by now."""

    job: RuleJob
    clock: Callable[[], datetime]

    def __call__(self, percent: int, step: str = "", message: str = "") -> None:
        """`percent` from 0 to 99; with a `step` (a word) also a line of what is done now, for people."""
        at = self.clock()
        if step:
            self.job.steps = [*self.job.steps, {"step": step, "message": message, "at": utc_text(at)}]
        perform(partial(_ours, self.job, progress=percent, steps=self.job.steps, heartbeat_at=at))


Work = Callable[[RuleJob, Report], Done]


def rule_job_execute(*, job_id: int, work: Mapping[str, Work], clock: Callable[[], datetime]) -> None:
    """Do the job unless it ended or lives elsewhere; `work` says how, by its kind. Outermost: opens its own acts.

    What goes wrong is kept on the row. Where the connection was lost the job stays as it is, and the sweeper rings again.
    """
    row = RuleJob.objects.select_related("reconciliation").get(pk=job_id)
    if not row.is_under_way:
        return
    with job_held(LockKind.RULE_JOB, row.pk) as ours:
        if not ours:
            return
        row.refresh_from_db()
        if row.is_under_way:
            perform(partial(_claim, row, at=clock()))
        if row.status == RuleJobStatus.RUNNING:
            job_run(row, partial(_run, row, work[row.kind], clock), fail=partial(_fail, row, clock=clock))


def _claim(row: RuleJob, *, at: datetime) -> None:
    """Make it ours, running from the beginning. Whoever worked on it under an earlier attempt is dead, or writes nothing more."""
    if row.attempt >= ATTEMPTS_MAX:
        error = _("%(n)s workers were lost over it.") % {"n": row.attempt}
        row.move(RuleJobStatus.FAILED, finished_at=at, error=error)
        return
    row.move(
        RuleJobStatus.RUNNING,
        attempt=F("attempt") + 1,
        progress=0,
        steps=[],
        started_at=row.started_at or at,
        heartbeat_at=at,
    )


def _run(row: RuleJob, work: Work, clock: Callable[[], datetime]) -> None:
    done = work(row, Report(row, clock))
    perform_patiently(partial(_complete, row, done, at=clock()))


def _complete(row: RuleJob, done: Done, *, at: datetime) -> None:
    ended = {"finished_at": at, "heartbeat_at": at, "progress": 100}
    _ours(row, status=RuleJobStatus.COMPLETED, result=done.result, input_digest=done.digest, **ended)
    if done.write is not None:
        done.write(at)


def _fail(row: RuleJob, error: str, *, clock: Callable[[], datetime]) -> None:
    failed = {"status": RuleJobStatus.FAILED, "error": error, "finished_at": clock()}
    perform_patiently(partial(_ours, row, **failed))


def _ours(row: RuleJob, **fields: object) -> None:
    """Change the row as the attempt that it is on: the table of moves has `running` to each of these."""
    job_write(row, running=RuleJobStatus.RUNNING, **fields)


def lost_rule_jobs(*, at: datetime) -> list[int]:
    """Jobs without a sign of life for PASS_LOST_AFTER_SECONDS. Ringing for a living one does no harm."""
    return jobs_quiet(RuleJob.objects.under_way(), at=at)
