"""How much of each there is in a run, counted in sets: lines by their standing, matches by status and by rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection

from reconciliation.models import Discrepancy, OpenItem, Run
from reconciliation.models.clearing import OpenItemQuerySet
from reconciliation.selectors.desk import sources_of
from reconciliation.selectors.items import ItemCounts, source_file_ids
from reconciliation.selectors.runs import count_items
from reconciliation.states import MatchStatus
from rules.models import Rule
from rules.states import Side

COUNT_MAX = 10_000
"""Entries are not counted beyond: "10,000+" tells a person as much."""

IN_MATCHES = """
SELECT m.status, coalesce(rr.rule_id, 0), count(*), count(DISTINCT m.id), count(*) FILTER (WHERE o.held_by IS NOT NULL)
FROM (
    SELECT DISTINCT l.record_id FROM ledgers_statementline l
    WHERE l.source_file_id = ANY(%(files)s::bigint[]) AND l.voided_at IS NULL
) AS item
JOIN reconciliation_matchmember mm
    ON mm.reconciliation_id = %(reconciliation)s AND mm.record_id = item.record_id AND mm.live
JOIN reconciliation_match m ON m.id = mm.match_id
LEFT JOIN rules_rulerevision rr ON rr.id = m.rule_revision_id
LEFT JOIN reconciliation_openitem o
    ON o.reconciliation_id = %(reconciliation)s AND o.record_id = item.record_id AND o.closed_at IS NULL
GROUP BY 1, 2
"""
"""Lines in live matches by the match's status and rule: lines, matches, lines that are covered in part."""


@dataclass(frozen=True, slots=True)
class Tallies:
    """`items` are statement lines by their standing; the others rows of their kind. `undecided_partial`: lines of which
    a proposal covers a part. `by_rule`: proposals by the rule that made them (0: none)."""

    items: ItemCounts
    undecided_partial: int
    proposals: int
    accepted: int
    by_rule: dict[int, int]
    entries: int
    closed_entries: int
    differences: int
    files: int

    @property
    def accepted_items(self) -> int:
        """Wholly matched, and decided."""
        return self.items.matched - (self.items.suggested - self.undecided_partial)

    @property
    def partial_items(self) -> int:
        """Matched in part, and decided: a rest is open."""
        return self.items.partial - self.undecided_partial

    @property
    def open_items(self) -> int:
        """Lines without a match, and those that one covers in part."""
        return self.items.unmatched + self.items.partial


@dataclass(frozen=True, slots=True)
class RuleTally:
    """How many proposals a rule made in the run. `id` 0: no rule."""

    id: int
    name: str
    count: int


def tallies(run: Run) -> Tallies:
    """Seven queries, whatever the run's size."""
    count_items([run])
    files = list(source_file_ids(run).values_list("source_file_id", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(IN_MATCHES, {"files": files, "reconciliation": run.reconciliation_id})
        rows = cursor.fetchall()
    suggested = [row for row in rows if row[0] == MatchStatus.SUGGESTED]
    items: Any = run
    entries = OpenItem.objects.filter(reconciliation_id=run.reconciliation_id, side=Side.B)
    return Tallies(
        items=ItemCounts(
            items.item_count,
            items.unmatched_count,
            items.matched_count,
            items.partial_count,
            items.closed_count,
            sum(row[2] for row in suggested),
        ),
        undecided_partial=sum(row[4] for row in suggested),
        proposals=sum(row[3] for row in suggested),
        accepted=sum(row[3] for row in rows if row[0] == MatchStatus.ACCEPTED),
        by_rule={row[1]: row[3] for row in suggested},
        entries=_some(entries.filter(closed_at__isnull=True)),
        closed_entries=_some(entries.closed()),
        differences=Discrepancy.objects.open().filter(run=run).count(),
        files=sources_of(run).count(),
    )


def _some(tokens: OpenItemQuerySet) -> int:
    return tokens.order_by().values("record_id")[: COUNT_MAX + 1].count()


def proposals_by_rule(found: Tallies) -> list[RuleTally]:
    """In the order in which the rules run."""
    counts = found.by_rule
    rules = Rule.objects.filter(pk__in=list(counts)).in_order()
    named = [RuleTally(rule.pk, rule.name, counts[rule.pk]) for rule in rules]
    return [*named, RuleTally(0, "–", counts[0])] if counts.get(0) else named
