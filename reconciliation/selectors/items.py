"""Items of a run: the records that a live line of one of its files states. One row per record."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Case, CharField, Exists, OuterRef, Q, QuerySet, Subquery, Value, When
from django.utils.translation import gettext as _

from ledgers.models import StatementLine
from ledgers.states import LineStatus
from organizations.refusals import NotFound
from reconciliation.models import MatchMember, OpenItem, Run, RunSource
from reconciliation.models.clearing import OpenItemQuerySet
from reconciliation.states import RunStatus

UNMATCHED, MATCHED, PARTIAL, CLOSED = "unmatched", "matched", "partial", "closed"
TOKEN_COLUMNS = ("open_amount", "held_by", "closed_at", "closed_by", "close_reason", "close_note")
ITEM_STATUSES = (UNMATCHED, MATCHED, PARTIAL, CLOSED)


def source_file_ids(run: Run) -> QuerySet[RunSource, Any]:
    """The run's live files, as a subquery."""
    return RunSource.objects.filter(run=run, live=True).values("source_file_id")


def item_lines(run: Run) -> QuerySet[StatementLine]:
    """The run's items without more: the first live line of each record in the run's files."""
    lines = StatementLine.objects.live().filter(source_file_id__in=source_file_ids(run))
    earlier = StatementLine.objects.live().filter(
        source_file_id__in=source_file_ids(run), record_id=OuterRef("record_id"), pk__lt=OuterRef("pk")
    )
    # The line that brought a record comes before every other one of it, so only known lines need the look.
    return lines.filter(Q(status=LineStatus.NEW) | ~Exists(earlier))


def item_rows(run: Run) -> QuerySet[StatementLine]:
    """Items with what a list shows: match_status, open_amount (signed, null when matched), closing and match columns."""
    tokens = OpenItem.objects.filter(reconciliation_id=run.reconciliation_id, record_id=OuterRef("record_id"))
    live = MatchMember.objects.filter(
        reconciliation_id=run.reconciliation_id, record_id=OuterRef("record_id"), live=True
    )
    return (
        item_lines(run)
        .select_related("record", "source_file")
        .annotate(
            match_status=match_status(tokens),
            **{name: Subquery(tokens.values(name)[:1]) for name in (*TOKEN_COLUMNS, "cleared_on")},
            match_uuid=Subquery(live.values("match__uuid")[:1]),
            decided=Subquery(live.values("match__status")[:1]),
        )
        .order_by("record__date", "line_no", "pk")
    )


def match_status(tokens: OpenItemQuerySet) -> Case:
    """An item's status is a function of its token: none is matched, held is partial, else closed or unmatched."""
    return Case(
        When(Exists(tokens.closed()), then=Value(CLOSED)),
        When(Exists(tokens.held()), then=Value(PARTIAL)),
        When(Exists(tokens), then=Value(UNMATCHED)),
        default=Value(MATCHED),
        output_field=CharField(),
    )


@dataclass(frozen=True, slots=True)
class ItemAmounts:
    """Minor units, always positive: what live matches cover, and what is left open."""

    matched: int
    residual: int


def item_amounts(line: Any) -> ItemAmounts:
    """From a row of `item_rows`."""
    left = abs(line.open_amount or 0)
    return ItemAmounts(matched=abs(line.record.effect) - left, residual=left)


@dataclass(frozen=True, slots=True)
class ItemCounts:
    items: int
    unmatched: int
    matched: int
    partial: int
    closed: int
    suggested: int


def run_record_ids(run: Run, record_ids: Iterable[int]) -> set[int]:
    """Which of these records are items of the run."""
    lines = StatementLine.objects.live().filter(
        source_file_id__in=source_file_ids(run), record_id__in=list(record_ids)
    )
    return set(lines.values_list("record_id", flat=True))


def runs_showing(record_ids: Iterable[int] | QuerySet[Any, Any], *, reconciliation_id: int) -> list[int]:
    """The reconciliation's runs that show one of these records as an item and were matched before, by a pass or by hand.
    The lines of an account may stand in other reconciliations too, whose matches are no matter of a run."""
    lines = StatementLine.objects.live().filter(record_id__in=record_ids)
    sources = RunSource.objects.filter(
        live=True,
        run__voided_at=None,
        run__reconciliation_id=reconciliation_id,
        source_file_id__in=lines.values("source_file_id"),
    ).exclude(run__status=RunStatus.PENDING)
    return list(sources.order_by("run_id").values_list("run_id", flat=True).distinct())


def item_of(*, organization_id: int, item_id: UUID) -> tuple[StatementLine, Run]:
    """An item by its record's uuid, as the newest run that it stands in shows it. NotFound "item.not_found"."""
    sources = (
        RunSource.objects.filter(
            run__organization_id=organization_id,
            live=True,
            source_file_id__in=StatementLine.objects.live()
            .filter(record__uuid=item_id, record__voided_at__isnull=True)
            .values("source_file_id"),
        )
        .select_related("run")
        .order_by("-run_id")
    )
    source = sources.first()
    line = item_rows(source.run).filter(record__uuid=item_id).first() if source is not None else None
    if source is None or line is None:
        raise item_not_found()
    return line, source.run


def item_not_found() -> NotFound:
    return NotFound(_("There is no such statement line."), code="item.not_found", word="item_not_found")
