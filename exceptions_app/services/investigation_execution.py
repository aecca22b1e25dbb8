"""The life of an investigation in a worker: claim, look, conclude. Twice is the same as once; a late twin writes nothing.

An investigation belongs to the worker that holds its session lock, which PostgreSQL frees when the worker's connection ends.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

from django.db.models import F
from django.utils.translation import gettext as _

from exceptions_app.investigating.concluding import Conclusion, conclude
from exceptions_app.investigating.frames import Frames, load
from exceptions_app.models import Finding, Investigation, ReconciliationException
from exceptions_app.states import INVESTIGATION_MOVES, InvestigationStatus
from ledgers.services.rows import copy_rows
from organizations import audit
from organizations.actors import system_actor
from organizations.acts import perform
from organizations.refusals import Conflict
from reconciliation.services.job_life import job_held, job_run, job_write, jobs_quiet
from reconciliation.services.locks import LockKind, perform_patiently
from rules.engine.investigation import RECORDS, Findings, investigate
from rules.states import SignMode

TASK = "investigation"
ATTEMPTS_MAX = 3
"""Workers that may die over an investigation before it is given up: it may be what kills them."""
COLUMNS = list(RECORDS)


def investigation_execute(*, investigation_id: int, clock: Callable[[], datetime]) -> None:
    """Do it unless it ended, is gone or lives elsewhere. Outermost: opens its own acts.

    What goes wrong is kept on the row. Where the connection was lost the row stays as it is, and is rung for again.
    """
    rows = Investigation.objects.select_related("exception__reconciliation", "exception__stream")
    row = rows.filter(pk=investigation_id).first()
    if row is None or not row.is_under_way:
        return
    with job_held(LockKind.INVESTIGATION, row.pk) as ours:
        if not ours:
            return
        row.refresh_from_db(fields=["status", "attempt", "started_at"])
        if row.is_under_way:
            perform(partial(_claim, row, at=clock()))
        if row.status == InvestigationStatus.RUNNING:
            job_run(row, partial(_run, row, clock), fail=partial(_fail, row, clock=clock))


def _claim(row: Investigation, *, at: datetime) -> None:
    """Make it ours. Whoever worked on it under an earlier attempt is dead, or writes nothing more."""
    if row.attempt >= ATTEMPTS_MAX:
        error = _("%(n)s workers were lost over it.") % {"n": row.attempt}
        _moved(row, InvestigationStatus.FAILED, finished_at=at, error=_failed_text(error))
        return
    _moved(
        row,
        InvestigationStatus.RUNNING,
        attempt=F("attempt") + 1,
        started_at=row.started_at or at,
        heartbeat_at=at,
    )


def _moved(row: Investigation, to: str, **fields: object) -> None:
    """Change status if the row is as we read it and the table allows it; running again is another's attempt taken over."""
    may = to in INVESTIGATION_MOVES[InvestigationStatus(row.status)] or to == row.status
    as_read = Investigation.objects.filter(pk=row.pk, status=row.status, attempt=row.attempt)
    if not may or not as_read.update(status=to, **fields):
        raise Conflict(_("Somebody else changed this investigation meanwhile."), code="investigation.changed")
    row.refresh_from_db(fields=["status", "attempt", "started_at", "heartbeat_at"])


def _run(row: Investigation, clock: Callable[[], datetime]) -> None:
    frames = _loaded(row, clock)
    found = _found(row, frames)
    _beat(row, clock)
    conclusion = conclude(row, frames, found)
    perform_patiently(partial(_complete, row, conclusion, at=clock()))


def _loaded(row: Investigation, clock: Callable[[], datetime]) -> Frames:
    if not ReconciliationException.objects.live().filter(pk=row.exception_id).exists():
        raise Conflict(_("The exception has been deleted meanwhile."), code="exception.deleted")
    frames = load(row, at=clock())
    _beat(row, clock)
    return frames


def _found(row: Investigation, frames: Frames) -> Findings:
    """The engine's findings; pure, outside any transaction."""
    reconciliation = row.exception.reconciliation
    return investigate(
        frames.asked.select(COLUMNS),
        frames.own.select(COLUMNS),
        frames.other.select(COLUMNS),
        frames.matched,
        magnitude=reconciliation.sign_mode == SignMode.MAGNITUDE,
        window_days=frames.window_days,
    )


def _beat(row: Investigation, clock: Callable[[], datetime]) -> None:
    perform(partial(_ours, row, heartbeat_at=clock()))


def _complete(row: Investigation, conclusion: Conclusion, *, at: datetime) -> None:
    """Everything that it found, or nothing."""
    _ours(
        row,
        status=InvestigationStatus.COMPLETED,
        outcome=conclusion.outcome,
        recommendation_text=conclusion.text,
        confidence=conclusion.confidence,
        records_asked=conclusion.summary["records"],
        candidates_searched=conclusion.searched,
        suggested_record_ids=conclusion.suggested,
        summary=conclusion.summary,
        heartbeat_at=at,
        finished_at=at,
    )
    copy_rows(Finding, conclusion.findings)
    organization_id = row.exception.reconciliation.organization_id
    audit.record(
        action="investigation.completed",
        organization_id=organization_id,
        by=system_actor(TASK, organization_id),
        at=at,
        subject=row.exception,
        subjects=[row],
        outcome=conclusion.outcome,
        records=conclusion.summary["records"],
        findings=conclusion.findings.height,
    )


def _fail(row: Investigation, error: str, *, clock: Callable[[], datetime]) -> None:
    failed = {"status": InvestigationStatus.FAILED, "error": _failed_text(error), "finished_at": clock()}
    perform_patiently(partial(_ours, row, **failed))


def _failed_text(error: str) -> str:
    """With what to do: nothing is lost, and it can be asked for anew."""
    again = _("Nothing was changed. Ask for it again; if that fails too, tell who runs this installation.")
    return f"{error} {again}"


def _ours(row: Investigation, **fields: object) -> None:
    """Change the row as the attempt that it is on."""
    job_write(row, running=InvestigationStatus.RUNNING, **fields)


def lost_investigations(*, at: datetime) -> list[int]:
    """Those without a sign of life for PASS_LOST_AFTER_SECONDS. Ringing for a living one does no harm."""
    return jobs_quiet(Investigation.objects.under_way(), at=at)
