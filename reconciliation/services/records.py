"""Voiding what was imported: lines, files, and the matches of their records, as one act. Nothing is ever deleted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Q
from django.utils.translation import gettext as _

from ledgers.models import SourceFile, Statement, StatementLine
from ledgers.services.batches import batches_void
from ledgers.states import UNREAD, SourceFileStatus
from organizations import audit
from organizations.actors import Actor
from organizations.refusals import Conflict, NotFound
from reconciliation.models import Discrepancy, MatchMember, Pass, Run, RunSource
from reconciliation.selectors.items import run_record_ids
from reconciliation.services.discrepancies import hand_over
from reconciliation.services.locks import own_reconciliations, share_streams
from reconciliation.services.matches import matches_end
from reconciliation.services.operations import reconciliations_with
from reconciliation.states import MatchStatus


@dataclass(frozen=True, slots=True)
class VoidCounts:
    """Records: `voided` with their last live line, `stayed` since another file states them too. `undone`: matches."""

    voided: int
    stayed: int
    undone: int = 0


def void_sources(*, run: Run, sources: list[RunSource], by: Actor, at: datetime) -> VoidCounts:
    """Void these files of the run: their lines go, a record goes with its last live line, and the matches of records
    that go are undone whole; one that another file states stays with its matches. Refused where a record that would go
    is matched in another reconciliation ("record.matched_elsewhere"). The caller holds `lock_for_voiding`.
    """
    file_ids = [source.source_file_id for source in sources]
    lines = StatementLine.objects.live().filter(source_file_id__in=file_ids)
    record_ids = sorted(set(lines.values_list("record_id", flat=True)))
    lines.update(voided_at=at)
    gone = _unstated(record_ids)
    _refuse_matched_elsewhere(gone, run.reconciliation_id)
    undone = _undo_matches(run.reconciliation_id, gone, by=by, at=at)
    _records_void(gone, by=by, at=at)
    _discrepancies_void(run, file_ids, record_ids, gone, at=at)
    Statement.objects.filter(source_file_id__in=file_ids, voided_at=None).update(
        voided_at=at, voided_by=by.ref
    )
    SourceFile.objects.filter(pk__in=file_ids).update(voided_at=at, voided_by=by.ref)
    batches_void(file_ids, by=by, at=at)
    RunSource.objects.filter(pk__in=[source.pk for source in sources]).update(live=False)
    return VoidCounts(voided=len(gone), stayed=len(record_ids) - len(gone), undone=undone)


def lock_for_voiding(*runs: Run) -> None:
    """Take every reconciliation that the runs' records may be open in, exclusively and before any row, so that no act
    is half way through one of them."""
    files = RunSource.objects.filter(run__in=runs).values("source_file_id")
    stream_ids = set(Statement.objects.filter(source_file_id__in=files).values_list("stream_id", flat=True))
    share_streams(stream_ids)
    own_reconciliations({*(run.reconciliation_id for run in runs), *reconciliations_with(stream_ids)})


def source_void(*, run: Run, source_file: SourceFile, by: Actor, at: datetime) -> VoidCounts:
    """Delete a file from a run. Refused while it is being imported or a pass of the run is under way."""
    refuse_if_under_way(run)
    lock_for_voiding(run)
    refuse_if_under_way(run)  # again: behind the lock nobody can ask for a pass
    source = (
        RunSource.objects.select_for_update(of=("self",)).filter(run=run, source_file=source_file).first()
    )
    if source is None:
        raise NotFound(_("There is no such file in this run."), code="file.not_found", word="file_not_found")
    source_file.refresh_from_db()
    if source_file.voided_at is not None:
        return VoidCounts(0, 0)
    if source_file.status not in (SourceFileStatus.COMPLETED, *UNREAD):
        raise file_processing()
    counts = void_sources(run=run, sources=[source], by=by, at=at)
    audit.record(
        action="source_file.voided",
        organization_id=run.organization_id,
        by=by,
        at=at,
        subject=source_file,
        subjects=[run],
        voided=counts.voided,
        stayed=counts.stayed,
        undone=counts.undone,
    )
    return counts


def file_processing() -> Conflict:
    return Conflict(
        _("The file is being imported. Wait until it has finished, then delete it."),
        code="file.processing",
        word="file_state_conflict",
    )


def refuse_if_under_way(run: Run) -> None:
    """Voiding and a second pass of the same run wait until its pass has ended. One that waits by itself, since the run is
    automatic, is in nobody's way."""
    busy = Pass.objects.in_the_way().filter(run=run).first()
    if busy is not None:
        raise pass_running(busy)


def pass_running(busy: Pass) -> Conflict:
    return Conflict(
        _("A pass of this run is %(status)s (%(progress)s%%). Wait for its end, or cancel it.")
        % {"status": busy.status, "progress": busy.progress},
        code="pass.running",
        word="run_state_conflict",
        details={"pass": {"id": str(busy.uuid), "status": busy.status, "progress": busy.progress}},
    )


def _unstated(record_ids: list[int]) -> list[int]:
    """Those of the live records that no live line states any more."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT r.id FROM ledgers_record r WHERE r.id = ANY(%s) AND r.voided_at IS NULL AND NOT EXISTS (
                SELECT FROM ledgers_statementline l WHERE l.record_id = r.id AND l.voided_at IS NULL)
            ORDER BY r.id
            """,
            [record_ids],
        )
        return [row[0] for row in cursor.fetchall()]


def _refuse_matched_elsewhere(record_ids: list[int], reconciliation_id: int) -> None:
    elsewhere = MatchMember.objects.filter(record_id__in=record_ids, live=True).exclude(
        reconciliation_id=reconciliation_id
    )
    count = elsewhere.count()
    if count:
        raise Conflict(
            _("%(count)s of these lines are matched in another reconciliation. Undo those matches first.")
            % {"count": count},
            code="record.matched_elsewhere",
            word="match_state_conflict",
            details={"records": count},
        )


def _undo_matches(reconciliation_id: int, record_ids: list[int], *, by: Actor, at: datetime) -> int:
    members = MatchMember.objects.filter(
        reconciliation_id=reconciliation_id, record_id__in=record_ids, live=True
    )
    match_ids = sorted(set(members.values_list("match_id", flat=True)))
    matches_end(
        match_ids,
        reconciliation_id=reconciliation_id,
        status=MatchStatus.UNDONE,
        reason="source_voided",
        by=by,
        at=at,
    )
    return len(match_ids)


def _records_void(record_ids: list[int], *, by: Actor, at: datetime) -> None:
    """The records with the details below them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE ledgers_record SET voided_at = %s, voided_by = %s WHERE id = ANY(%s)",
            [at, by.ref, record_ids],
        )
        cursor.execute(
            "UPDATE ledgers_record SET voided_at = %s, voided_by = %s WHERE parent_id = ANY(%s) AND voided_at IS NULL",
            [at, by.ref, record_ids],
        )
        cursor.execute("DELETE FROM reconciliation_openitem WHERE record_id = ANY(%s)", [record_ids])


def _discrepancies_void(
    run: Run, file_ids: list[int], record_ids: list[int], gone: list[int], *, at: datetime
) -> None:
    """Those of the files' statements, of records that are gone, and in this run of those that are no item of it now."""
    hand_over(run.pk)
    left = sorted(set(record_ids) - run_record_ids(run, record_ids))
    Discrepancy.objects.live().filter(
        Q(statement__source_file_id__in=file_ids) | Q(record_id__in=gone) | Q(run=run, record_id__in=left)
    ).update(voided_at=at)
