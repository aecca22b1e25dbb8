"""Runs with their counts and the status that people see: closed is derived from items, matches and discrepancies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    F,
    Func,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from ledgers.models import StatementLine
from organizations.refusals import NotFound
from reconciliation.models import Discrepancy, MatchMember, OpenItem, Pass, Run, RunSource
from reconciliation.states import BLOCKING_SEVERITIES, DiscrepancyStatus, MatchStatus, RunStatus

LINES = StatementLine.objects.live().filter(
    source_file_id__in=RunSource.objects.filter(run=OuterRef(OuterRef("pk")), live=True).values(
        "source_file_id"
    )
)
TOKENS_OF_LINE = OpenItem.objects.filter(
    reconciliation_id=OuterRef(OuterRef("reconciliation_id")), record_id=OuterRef("record_id")
)
UNDECIDED_OF_LINE = MatchMember.objects.filter(
    reconciliation_id=OuterRef(OuterRef("reconciliation_id")),
    record_id=OuterRef("record_id"),
    live=True,
    match__status=MatchStatus.SUGGESTED,
)


COUNTS = """
SELECT item.run_id, count(*),
    count(*) FILTER (WHERE o.held_by IS NULL AND o.closed_at IS NULL AND o.record_id IS NOT NULL),
    count(*) FILTER (WHERE o.record_id IS NULL),
    count(*) FILTER (WHERE o.held_by IS NOT NULL AND o.closed_at IS NULL),
    count(*) FILTER (WHERE o.closed_at IS NOT NULL)
FROM (
    SELECT DISTINCT rs.run_id, run.reconciliation_id, l.record_id FROM reconciliation_runsource rs
    JOIN reconciliation_run run ON run.id = rs.run_id
    JOIN ledgers_statementline l ON l.source_file_id = rs.source_file_id AND l.voided_at IS NULL
    WHERE rs.run_id = ANY(%s) AND rs.live
) AS item
LEFT JOIN reconciliation_openitem o
    ON o.reconciliation_id = item.reconciliation_id AND o.record_id = item.record_id
GROUP BY item.run_id
"""
COUNTED = ("item_count", "unmatched_count", "matched_count", "partial_count", "closed_count")


def runs_of(organization_id: int) -> QuerySet[Run]:
    """Live runs with source_count and shown_status, newest first."""
    sources = RunSource.objects.filter(run=OuterRef("pk"), live=True).values("run")
    return (
        with_status(Run.objects.of(organization_id).live())
        .annotate(source_count=Coalesce(Subquery(sources.annotate(n=Count("pk")).values("n")), 0))
        .select_related("ledger")
        .order_by("-created_at", "pk")
    )


def count_items(runs: Sequence[Run]) -> None:
    """Gives each run its item counts, in one query for all. They are of records: a line that two files state counts
    once."""
    with connection.cursor() as cursor:
        cursor.execute(COUNTS, [[run.pk for run in runs]])
        found = {row[0]: row[1:] for row in cursor.fetchall()}
    for run in runs:
        for name, count in zip(COUNTED, found.get(run.pk, (0,) * len(COUNTED)), strict=True):
            setattr(run, name, count)


def countable(runs: QuerySet[Run]) -> QuerySet[Run]:
    """The same counts as columns, to filter and sort by: each is worked out for each run, so only where asked for."""
    return runs.annotate(
        item_count=_lines_count(LINES),
        unmatched_count=_lines_count(LINES.filter(Exists(TOKENS_OF_LINE.free()))),
        partial_count=_lines_count(LINES.filter(Exists(TOKENS_OF_LINE.held()))),
        closed_count=_lines_count(LINES.filter(Exists(TOKENS_OF_LINE.closed()))),
        matched_count=F("item_count") - F("unmatched_count") - F("partial_count") - F("closed_count"),
    )


def with_status(runs: QuerySet[Run]) -> QuerySet[Run]:
    """Adds shown_status: the stored status, or closed when nothing is left to do (docs/ledger-runs.md)."""
    blocking = Discrepancy.objects.filter(
        run=OuterRef("pk"),
        voided_at__isnull=True,
        status=DiscrepancyStatus.OPEN,
        severity__in=BLOCKING_SEVERITIES,
    )
    unfinished = LINES.filter(Exists(TOKENS_OF_LINE.filter(closed_at__isnull=True)))
    done = (
        Q(status=RunStatus.COMPLETED)
        & Q(Exists(LINES))
        & ~Q(Exists(unfinished))
        & ~Q(Exists(LINES.filter(Exists(UNDECIDED_OF_LINE))))
        & ~Q(Exists(blocking))
    )
    shown = Case(
        When(done, then=Value(RunStatus.CLOSED.value)), default=F("status"), output_field=CharField()
    )
    return runs.annotate(shown_status=shown)


def is_closed(run: Run) -> bool:
    return bool(with_status(Run.objects.filter(pk=run.pk)).filter(Q(shown_status=RunStatus.CLOSED)).exists())


def run_named(*, organization_id: int, run_id: UUID) -> Run:
    """One run as it is stored. NotFound "run.not_found"."""
    runs = Run.objects.of(organization_id).live().select_related("ledger", "reconciliation")
    run = runs.filter(uuid=run_id).first()
    if run is None:
        raise _no_such_run()
    return run


def run_of(*, organization_id: int, run_id: UUID) -> Run:
    """One run with its status and counts. NotFound "run.not_found"; another organization's looks the same."""
    run = runs_of(organization_id).select_related("ledger", "reconciliation").filter(uuid=run_id).first()
    if run is None:
        raise _no_such_run()
    count_items([run])
    return run


def refuse_if_voided(run: Run) -> None:
    """For acts that hold the lock of the run's reconciliation: it may have been deleted since they read it."""
    if not Run.objects.live().filter(pk=run.pk).exists():
        raise _no_such_run()


def _no_such_run() -> NotFound:
    return NotFound(_("There is no such run."), code="run.not_found", word="run_not_found")


def last_pass(run: Run) -> Pass | None:
    return Pass.objects.filter(run=run).order_by("-pk").first()


def _lines_count(lines: QuerySet[StatementLine]) -> Any:
    distinct = lines.order_by().annotate(
        n=Func(F("record_id"), function="count", template="count(DISTINCT %(expressions)s)")
    )
    return Coalesce(Subquery(distinct.values("n")), 0)
