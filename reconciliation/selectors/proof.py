"""Balance proof of a run: what the statement says against what the ledger says, and what explains the difference."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import BigIntegerField, Exists, OuterRef, QuerySet, Sum
from django.db.models.functions import Coalesce

from ledgers.models import LedgerDelta, Statement, StatementLine
from ledgers.states import LineStatus
from reconciliation.models import Run
from reconciliation.selectors.items import source_file_ids


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


OF_ITEMS = """
SELECT coalesce(sum(r.effect), 0)::bigint,
    coalesce(sum(o.open_amount) FILTER (WHERE o.closed_at IS NULL), 0)::bigint,
    coalesce(sum(o.open_amount) FILTER (WHERE o.closed_at IS NOT NULL), 0)::bigint,
    coalesce(sum(mm.applied), 0)::bigint
FROM (
    SELECT DISTINCT record_id FROM ledgers_statementline
    WHERE source_file_id = ANY(%(files)s::bigint[]) AND voided_at IS NULL
) AS item
JOIN ledgers_record r ON r.id = item.record_id
LEFT JOIN reconciliation_openitem o
    ON o.reconciliation_id = %(reconciliation)s AND o.record_id = item.record_id AND o.side = 'a'
LEFT JOIN reconciliation_matchmember mm
    ON mm.reconciliation_id = %(reconciliation)s AND mm.record_id = item.record_id AND mm.live AND mm.side = 'a'
"""
OF_ENTRIES = """
SELECT (SELECT coalesce(sum(open_amount), 0)::bigint FROM reconciliation_openitem
        WHERE reconciliation_id = %(reconciliation)s AND side = 'b' AND closed_at IS NULL),
    (SELECT coalesce(sum(open_amount), 0)::bigint FROM reconciliation_openitem
        WHERE reconciliation_id = %(reconciliation)s AND side = 'b' AND closed_at IS NOT NULL),
    (SELECT coalesce(sum(applied), 0)::bigint FROM reconciliation_matchmember
        WHERE reconciliation_id = %(reconciliation)s AND side = 'b' AND live)
"""
"""Each reads every row once. The lines as a list that may or may not hold a token's record were searched for each of
them: minutes at a few hundred thousand lines."""


def run_proof(run: Run) -> RunProof:
    """Over the run's items and all entries of its ledger, with today's knowledge."""
    files = list(source_file_ids(run).values_list("source_file_id", flat=True))
    params: dict[str, Any] = {"reconciliation": run.reconciliation_id, "files": files}
    statement_sum, open_a, closed_a, matched_a = _row(OF_ITEMS, params)
    open_b, closed_b, matched_b = _row(OF_ENTRIES, params)
    opening, closing = stated_balances(run)
    gap = None if opening is None or closing is None else closing - opening - statement_sum
    return RunProof(
        currency=run.ledger.currency,
        decimal_places=run.ledger.decimal_places,
        statement_sum=statement_sum,
        ledger_sum=_ledger_sum(run),
        opening=opening,
        closing=closing,
        open_items=open_a - open_b,
        closed_items=closed_a - closed_b,
        elsewhere=matched_a - matched_b,
        statement_gap=gap,
    )


def _row(query: str, params: dict[str, Any]) -> tuple[int, ...]:
    with connection.cursor() as cursor:
        cursor.execute(query, params)
        return tuple(cursor.fetchone())


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


def _sum(rows: QuerySet, column: str) -> int:
    total = Coalesce(Sum(column), 0, output_field=BigIntegerField())
    return int(rows.aggregate(total=total)["total"])
