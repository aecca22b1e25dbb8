"""How much of each there is in a run, counted in sets: lines by their standing, matches by status and by rule."""

# ruff: noqa: S608 - every query is our own text; what comes from outside goes as parameters.
from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

from reconciliation.models import Discrepancy, Run
from reconciliation.selectors.desk import closed_entries, open_entries, sources_of
from reconciliation.selectors.items import ItemCounts
from rules.models import Rule

COUNT_MAX = 10_000
"""Entries are not counted beyond: "10,000+" tells a person as much."""

LINES = """
WITH lines AS MATERIALIZED (
    SELECT DISTINCT l.record_id FROM ledgers_statementline l
    JOIN reconciliation_runsource rs ON rs.source_file_id = l.source_file_id AND rs.run_id = %(run)s AND rs.live
    WHERE l.voided_at IS NULL
)
"""
LIVE_MEMBERS = """
reconciliation_matchmember mm
    ON mm.reconciliation_id = %(reconciliation)s AND mm.record_id = lines.record_id AND mm.live
"""
STANDING = f"""
{LINES}
SELECT count(*),
    count(*) FILTER (WHERE o.record_id IS NOT NULL AND o.held_by IS NULL AND o.closed_at IS NULL),
    count(*) FILTER (WHERE o.record_id IS NULL),
    count(*) FILTER (WHERE o.held_by IS NOT NULL AND o.closed_at IS NULL),
    count(*) FILTER (WHERE o.closed_at IS NOT NULL),
    count(*) FILTER (WHERE m.status = 'suggested'),
    count(DISTINCT m.id) FILTER (WHERE m.status = 'suggested'),
    count(DISTINCT m.id) FILTER (WHERE m.status = 'accepted'),
    count(*) FILTER (WHERE m.status = 'suggested' AND o.held_by IS NOT NULL)
FROM lines
LEFT JOIN reconciliation_openitem o
    ON o.reconciliation_id = %(reconciliation)s AND o.record_id = lines.record_id
LEFT JOIN {LIVE_MEMBERS}
LEFT JOIN reconciliation_match m ON m.id = mm.match_id
"""
BY_RULE = f"""
{LINES}
SELECT coalesce(rr.rule_id, 0), count(DISTINCT m.id) FROM lines
JOIN {LIVE_MEMBERS}
JOIN reconciliation_match m ON m.id = mm.match_id AND m.status = 'suggested'
LEFT JOIN rules_rulerevision rr ON rr.id = m.rule_revision_id
GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class Tallies:
    """`items` are statement lines by their standing; the others rows of their kind. `undecided_partial`: lines of which
    a proposal covers a part."""

    items: ItemCounts
    undecided_partial: int
    proposals: int
    accepted: int
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
    """Five queries, whatever the run's size."""
    rows = _rows(STANDING, run)
    items, unmatched, matched, partial, closed, suggested, proposals, accepted, undecided_partial = rows[0]
    return Tallies(
        items=ItemCounts(items, unmatched, matched, partial, closed, suggested),
        undecided_partial=undecided_partial,
        proposals=proposals,
        accepted=accepted,
        entries=open_entries(run).order_by().values("pk")[: COUNT_MAX + 1].count(),
        closed_entries=closed_entries(run).order_by().values("pk")[: COUNT_MAX + 1].count(),
        differences=Discrepancy.objects.open().filter(run=run).count(),
        files=sources_of(run).count(),
    )


def proposals_by_rule(run: Run) -> list[RuleTally]:
    """In the order in which the rules run."""
    counts: dict[int, int] = {row[0]: row[1] for row in _rows(BY_RULE, run)}
    rules = Rule.objects.filter(pk__in=list(counts)).in_order()
    found = [RuleTally(rule.pk, rule.name, counts[rule.pk]) for rule in rules]
    return [*found, RuleTally(0, "–", counts[0])] if counts.get(0) else found


def _rows(query: str, run: Run) -> list[tuple[int, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, {"run": run.pk, "reconciliation": run.reconciliation_id})
        return list(cursor.fetchall())
