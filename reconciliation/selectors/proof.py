"""Balance proof of a run: what the statement says against what the ledger says, and what explains the difference."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import BigIntegerField, Exists, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from ledgers.models import LedgerDelta, Record, Statement, StatementLine
from ledgers.states import LineStatus
from reconciliation.models import MatchMember, OpenItem, Run
from reconciliation.selectors.items import item_lines, source_file_ids
from rules.states import Side


@dataclass(frozen=True, slots=True)
class RunProof:
    """Minor units, effect-signed (+ is money in for the account's owner). None: the files state no balance.

    difference = statement_sum − ledger_sum = open_items + closed_items + elsewhere + what is broken.
    unexplained = that rest, and what the statements' own balances miss: it must be 0.
    """

    currency: str
    decimal_places: int
    statement_sum: int
    ledger_sum: int
    opening: int | None
    closing: int | None
    open_items: int
    closed_items: int
    elsewhere: int
    statement_gap: int | None

    @property
    def difference(self) -> int:
        return self.statement_sum - self.ledger_sum

    @property
    def unexplained(self) -> int:
        rest = self.difference - self.open_items - self.closed_items - self.elsewhere
        return rest + (self.statement_gap or 0)


def run_proof(run: Run) -> RunProof:
    """Over the run's items and all entries of its ledger, with today's knowledge."""
    items = item_lines(run).order_by().values("record_id")
    statement_sum = _sum(Record.objects.filter(pk__in=items), "effect")
    opening, closing = stated_balances(run)
    gap = None if opening is None or closing is None else closing - opening - statement_sum
    tokens = OpenItem.objects.filter(reconciliation_id=run.reconciliation_id)
    mine = tokens.filter(Q(side=Side.B) | Q(side=Side.A, record_id__in=items))
    members = MatchMember.objects.filter(reconciliation_id=run.reconciliation_id, live=True)
    matched = members.filter(Q(side=Side.B) | Q(side=Side.A, record_id__in=items))
    return RunProof(
        currency=run.ledger.currency,
        decimal_places=run.ledger.decimal_places,
        statement_sum=statement_sum,
        ledger_sum=_ledger_sum(run),
        opening=opening,
        closing=closing,
        open_items=_a_less_b(mine.filter(closed_at__isnull=True), "open_amount"),
        closed_items=_a_less_b(mine.filter(closed_at__isnull=False), "open_amount"),
        elsewhere=_a_less_b(matched, "applied"),
        statement_gap=gap,
    )


def stated_balances(run: Run) -> tuple[int | None, int | None]:
    """The first opening and the last closing of each of the run's accounts, added up. None where a statement that
    brought lines states none: those lie outside what the others' balances span."""
    new = StatementLine.objects.live().filter(statement=OuterRef("pk"), status=LineStatus.NEW)
    statements = Statement.objects.filter(source_file_id__in=source_file_ids(run), voided_at__isnull=True)
    by_stream: dict[int, list[Statement]] = defaultdict(list)
    for statement in statements.annotate(brought=Exists(new)).order_by(
        "opening_on", "from_date", "closing_on", "pk"
    ):
        if statement.opening_amount is not None and statement.closing_amount is not None:
            by_stream[statement.stream_id].append(statement)
        elif statement.brought:
            return None, None
    firsts = [chain[0].opening_amount for chain in by_stream.values()]
    lasts = [max(chain, key=_ends).closing_amount for chain in by_stream.values()]
    return _total(firsts), _total(lasts)


def _ends(statement: Statement) -> tuple[str, int]:
    return str(statement.closing_on or statement.to_date or ""), statement.pk


def _total(amounts: Iterable[int | None]) -> int | None:
    known = list(amounts)
    return sum(a for a in known if a is not None) if known and None not in known else None


def _ledger_sum(run: Run) -> int:
    deltas = LedgerDelta.objects.filter(ledger=run.ledger)
    if run.ledger.opening_balance is not None:
        deltas = deltas.filter(date__gte=run.ledger.opening_balance_on)
    return (_sum(deltas, "credit") - _sum(deltas, "debit")) * run.ledger.effect_sign


def _a_less_b(rows: QuerySet, column: str) -> int:
    return _sum(rows.filter(side=Side.A), column) - _sum(rows.filter(side=Side.B), column)


def _sum(rows: QuerySet, column: str) -> int:
    total = Coalesce(Sum(column), 0, output_field=BigIntegerField())
    return int(rows.aggregate(total=total)["total"])
