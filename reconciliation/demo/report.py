"""What came of a run: files, matches by rule, what stayed open, what was pointed out, and the proof. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, F, Q, Sum

from ledgers.models import Record, Statement
from reconciliation.demo.loading import Filled
from reconciliation.models import MatchMember, Run
from reconciliation.selectors.discrepancies import discrepancies_of
from reconciliation.selectors.entries import gl_only
from reconciliation.selectors.items import MATCHED, item_rows, source_file_ids
from reconciliation.selectors.matches import matches_of
from reconciliation.selectors.proof import RunProof, run_proof
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
class Gap:
    """A statement whose lines miss its own closing balance by `amount` (minor units)."""

    statement: str
    day: date | None
    amount: int


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
    pointed_out: tuple[PointedOut, ...]
    gaps: tuple[Gap, ...]
    proof: RunProof

    @property
    def run(self) -> Run:
        return self.filled.run


def run_report(filled: Filled) -> RunReport:
    run = filled.run
    items: Any = item_rows(run)
    return RunReport(
        filled=filled,
        rules=tuple(_rules(run)),
        lines=_open(items.exclude(match_status=MATCHED), "record__"),
        entries=_open(gl_only(run), ""),
        pointed_out=tuple(_pointed_out(run)),
        gaps=tuple(gaps_of(run)),
        proof=run_proof(run),
    )


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


def _pointed_out(run: Run) -> list[PointedOut]:
    rows = (
        discrepancies_of(run)
        .order_by("type", "status")
        .values("type", "severity", "status")
        .annotate(count=Count("pk"))
    )
    return [PointedOut(**row) for row in rows]


def gaps_of(run: Run) -> list[Gap]:
    """Statements of the run that do not add up, oldest first."""
    statements = (
        Statement.objects.filter(source_file_id__in=source_file_ids(run), voided_at=None)
        .annotate(gap=F("closing_amount") - F("opening_amount") - F("credit_sum") + F("debit_sum"))
        .exclude(gap=0)
        .exclude(gap=None)
        .order_by("closing_on", "pk")
    )
    return [
        Gap(row.number or str(row.position + 1), row.closing_on or row.to_date, row.gap) for row in statements
    ]
