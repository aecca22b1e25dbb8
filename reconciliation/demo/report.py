"""What came of a run: files, matches by rule, what stayed open, what was pointed out, and the proof. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, F, Q, Sum

from ledgers.models import Record, Statement
from reconciliation.demo.loading import Filled
from reconciliation.models import MatchMember, OpenItem, Run
from reconciliation.selectors.discrepancies import discrepancies_of
from reconciliation.selectors.entries import gl_only
from reconciliation.selectors.items import MATCHED, PARTIAL, item_rows, source_file_ids
from reconciliation.selectors.ledger_proof import LedgerProof, proof_days
from reconciliation.selectors.matches import matches_of
from reconciliation.selectors.proof import RunProof, run_proof
from reconciliation.selectors.proof_days import run_span
from reconciliation.states import MATCH_LIVE
from rules.states import Side

BY_HAND = "By hand"
OPEN_SHOWN = 40


@dataclass(frozen=True, slots=True)
class RuleRow:
    """What one rule put together; sums of its lines in minor units."""

    rule: str
    matches: int
    suggested: int
    lines: int
    entries: int
    money_in: int
    money_out: int


@dataclass(frozen=True, slots=True)
class OpenRow:
    """A record that nothing agrees with; minor units, + is money in."""

    day: date
    amount: int
    reference: str
    text: str


@dataclass(frozen=True, slots=True)
class OpenRows:
    """The oldest of the open records of one side, and the count and sum of all of them."""

    shown: tuple[OpenRow, ...]
    count: int
    total: int


@dataclass(frozen=True, slots=True)
class RestRow:
    """A record that its match covers in part, minor units: all of it, and what is left."""

    side: str
    day: date
    amount: int
    rest: int
    reference: str
    text: str


@dataclass(frozen=True, slots=True)
class Gap:
    """What the statements do not state, minor units: inside one that does not add up, or between two in a row."""

    amount: int
    day: date | None  # on which the statement closes; between two: on which the later one opens
    where: str


@dataclass(frozen=True, slots=True)
class PointedOut:
    type: str
    severity: str
    status: str
    count: int


@dataclass(frozen=True, slots=True)
class RunReport:
    filled: Filled
    rules: tuple[RuleRow, ...]
    lines: OpenRows
    entries: OpenRows
    rests: tuple[RestRow, ...]
    pointed_out: tuple[PointedOut, ...]
    gaps: tuple[Gap, ...]
    proof: RunProof
    days: tuple[LedgerProof, ...]

    @property
    def run(self) -> Run:
        return self.filled.run


def run_report(filled: Filled) -> RunReport:
    run = filled.run
    items: Any = item_rows(run)
    return RunReport(
        filled=filled,
        rules=tuple(_rules(run)),
        lines=_open(items.exclude(match_status__in=[MATCHED, PARTIAL]), "record__"),
        entries=_open(gl_only(run), ""),
        rests=tuple(_rests(run)),
        pointed_out=tuple(_pointed_out(run)),
        gaps=tuple(gaps_of(run)),
        proof=run_proof(run),
        days=tuple(_days(run)),
    )


def _days(run: Run) -> list[LedgerProof]:
    """The ledger's proof of each day that the run's files state."""
    since, until = run_span(run)
    return proof_days(run.ledger, since=since, until=until) if since and until else []


def _rules(run: Run) -> list[RuleRow]:
    """Live matches by rule, in the order in which the rules run; those made by people last."""
    rule = "rule_revision__rule__{}"
    live = matches_of(run).filter(status__in=MATCH_LIVE)
    rows = (
        live.order_by()
        .values(name=F(rule.format("name")), priority=F(rule.format("priority")))
        .annotate(
            matches=Count("pk"),
            suggested=Count("pk", filter=Q(status="suggested")),
            money_in=Sum("total_a", filter=Q(total_a__gt=0), default=0),
            money_out=Sum("total_a", filter=Q(total_a__lt=0), default=0),
        )
        .order_by(F("priority").asc(nulls_last=True))
    )
    members = (
        MatchMember.objects.filter(match_id__in=live.order_by().values("pk"))
        .values("side", name=F("match__" + rule.format("name")))
        .annotate(count=Count("record_id"))
    )
    counts = {(row["name"], row["side"]): row["count"] for row in members}
    return [
        RuleRow(
            rule=row["name"] or BY_HAND,
            matches=row["matches"],
            suggested=row["suggested"],
            lines=counts.get((row["name"], Side.A), 0),
            entries=counts.get((row["name"], Side.B), 0),
            money_in=row["money_in"],
            money_out=row["money_out"],
        )
        for row in rows
    ]


def _open(rows: Any, path: str) -> OpenRows:
    totals = rows.order_by().aggregate(count=Count("pk"), total=Sum(f"{path}effect", default=0))
    oldest = rows.order_by(f"{path}date", f"{path}pk")[:OPEN_SHOWN]
    records: list[Record] = [row.record if path else row for row in oldest]
    return OpenRows(
        tuple(OpenRow(r.date, r.effect, r.reference, r.counterparty or r.description) for r in records),
        totals["count"],
        int(totals["total"]),
    )


def _rests(run: Run) -> list[RestRow]:
    """What matches of the run leave of their one record that they cover in part; lines first."""
    held = OpenItem.objects.filter(reconciliation_id=run.reconciliation_id).held()
    held = held.filter(held_by__in=matches_of(run).filter(status__in=MATCH_LIVE).order_by().values("pk"))
    rows = held.select_related("record").order_by("side", "record__date", "record_id")
    return [
        RestRow(
            "line" if row.side == Side.A else "entry",
            row.record.date,
            row.record.effect,
            row.open_amount,
            row.record.reference,
            row.record.counterparty or row.record.description,
        )
        for row in rows
    ]


def _pointed_out(run: Run) -> list[PointedOut]:
    rows = (
        discrepancies_of(run)
        .order_by("type", "status")
        .values("type", "severity", "status")
        .annotate(count=Count("pk"))
    )
    return [PointedOut(**row) for row in rows]


def gaps_of(run: Run) -> list[Gap]:
    """Statements of the run that miss their own closing balance, and openings that are not the closing before them."""
    statements = Statement.objects.filter(source_file_id__in=source_file_ids(run), voided_at=None)
    stated = statements.exclude(opening_amount=None).exclude(closing_amount=None)
    gaps: list[Gap] = []
    before: Statement | None = None
    for row in stated.order_by("stream_id", "closing_on", "pk"):
        if before is not None and before.stream_id == row.stream_id:
            gaps += _between(before, row)
        if row.balance_gap:
            gaps.append(Gap(row.balance_gap, row.closing_on, f"statement {row.number or row.position + 1}"))
        before = row
    return gaps


def _between(before: Statement, after: Statement) -> list[Gap]:
    """Overlapping statements say nothing about what is between them."""
    if not (before.closing_on and after.opening_on) or after.opening_on < before.closing_on:
        return []
    amount = (after.opening_amount or 0) - (before.closing_amount or 0)
    where = f"no statement between {before.closing_on} and {after.opening_on}"
    return [Gap(amount, after.opening_on, where)] if amount else []
