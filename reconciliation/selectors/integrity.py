"""The clearing invariant as plain SQL: each check selects the rows at fault. Run by `check_integrity` and by tests.

Each query gives (reconciliation or ledger id, subject id, text). None may find a row, ever. Floors above add theirs to CHECKS.
"""

# ruff: noqa: S608 - every query is our own text; nothing from outside goes into one.
from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

FAULTS_MAX = 100

STANDING = """
    FROM rules_reconciliationstream w
    JOIN rules_reconciliation rec ON rec.id = w.reconciliation_id AND rec.voided_at IS NULL
    LEFT JOIN ledgers_ledger lg ON lg.id = rec.ledger_id
    JOIN ledgers_record r ON r.stream_id = w.stream_id AND r.voided_at IS NULL AND r.kind = 'entry'
    LEFT JOIN reconciliation_openitem o ON o.reconciliation_id = rec.id AND o.record_id = r.id
    LEFT JOIN reconciliation_matchmember mm ON mm.reconciliation_id = rec.id AND mm.record_id = r.id AND mm.live
"""
MEASURE = "(CASE rec.sign_mode WHEN 'effect' THEN r.effect ELSE r.signed_amount END)"

CHECKS: dict[str, str] = {
    "record neither open nor matched": f"""
        SELECT rec.id, r.id, 'no token and no live match' {STANDING}
        WHERE o.record_id IS NULL AND mm.record_id IS NULL
            AND rec.kind <> 'settlement'
            AND (w.side = 'a' OR lg.opening_balance IS NULL OR r.date >= lg.opening_balance_on)""",
    "record open and matched at once": f"""
        SELECT rec.id, r.id, 'token is ' || CASE WHEN o.held_by IS NULL THEN 'free' ELSE 'held by ' || o.held_by END
            || ', live match is ' || mm.match_id {STANDING}
        WHERE o.record_id IS NOT NULL AND mm.record_id IS NOT NULL AND o.held_by IS DISTINCT FROM mm.match_id""",
    "token held by a match that is not live": """
        SELECT o.reconciliation_id, o.record_id, 'held by match ' || o.held_by FROM reconciliation_openitem o
        WHERE o.held_by IS NOT NULL AND NOT EXISTS (SELECT FROM reconciliation_matchmember mm
            WHERE mm.match_id = o.held_by AND mm.record_id = o.record_id AND mm.live)""",
    "several records held by one match": """
        SELECT o.reconciliation_id, o.held_by, 'holds records ' || string_agg(o.record_id::text, ', ' ORDER BY o.record_id)
        FROM reconciliation_openitem o WHERE o.held_by IS NOT NULL
        GROUP BY o.reconciliation_id, o.held_by HAVING count(*) > 1""",
    "rest written off under a match that is not accepted": """
        SELECT o.reconciliation_id, o.record_id, 'written off under match ' || o.held_by || ', which is '
            || coalesce(m.status, 'gone')
        FROM reconciliation_openitem o LEFT JOIN reconciliation_match m ON m.id = o.held_by
        WHERE o.held_by IS NOT NULL AND o.closed_at IS NOT NULL AND m.status IS DISTINCT FROM 'accepted'""",
    "match that does not add up without a held record, or the other way round": """
        SELECT m.reconciliation_id, m.id, 'difference ' || m.difference || ', left of what it holds '
            || coalesce(sum(CASE o.side WHEN 'a' THEN o.open_amount ELSE -o.open_amount END), 0)
        FROM reconciliation_match m JOIN rules_reconciliation rec ON rec.id = m.reconciliation_id
        LEFT JOIN reconciliation_openitem o ON o.held_by = m.id AND o.reconciliation_id = m.reconciliation_id
        WHERE m.status IN ('suggested', 'accepted')
        GROUP BY m.id, rec.id
        HAVING coalesce(sum(CASE o.side WHEN 'a' THEN o.open_amount ELSE -o.open_amount END), 0)
            <> CASE rec.kind WHEN 'streams' THEN 0 ELSE m.difference END""",
    "match in part with money of both directions": """
        SELECT m.reconciliation_id, m.id, 'holds record ' || o.record_id FROM reconciliation_openitem o
        JOIN reconciliation_match m ON m.id = o.held_by JOIN reconciliation_matchmember mm ON mm.match_id = m.id
        GROUP BY m.id, o.record_id HAVING count(DISTINCT sign(mm.applied)) > 1""",
    "cleared before the day of a record": """
        SELECT m.reconciliation_id, m.id, 'cleared on ' || m.cleared_on || ', latest record of ' || max(r.date)
        FROM reconciliation_match m JOIN reconciliation_matchmember mm ON mm.match_id = m.id
        JOIN ledgers_record r ON r.id = mm.record_id
        WHERE m.status IN ('suggested', 'accepted')
        GROUP BY m.id HAVING max(r.date) > m.cleared_on
        UNION ALL
        SELECT o.reconciliation_id, o.record_id, 'closed on ' || o.cleared_on || ', record of ' || r.date
        FROM reconciliation_openitem o JOIN ledgers_record r ON r.id = o.record_id
        WHERE o.closed_at IS NOT NULL AND o.cleared_on < r.date""",
    "seen overdue before it is": """
        SELECT mm.reconciliation_id, mm.record_id, 'overdue at ' || mm.overdue_at || ', seen at ' || mm.overdue_seen_at
        FROM reconciliation_matchmember mm WHERE mm.live AND mm.overdue_seen_at < mm.overdue_at""",
    "open discrepancy of a match that is not live": """
        SELECT d.reconciliation_id, d.id, d.type || ' of match ' || d.match_id || ', which is '
            || coalesce(m.status, 'gone')
        FROM reconciliation_discrepancy d LEFT JOIN reconciliation_match m ON m.id = d.match_id
        WHERE d.match_id IS NOT NULL AND d.voided_at IS NULL AND d.status <> 'closed'
            AND (m.status IS NULL OR m.status NOT IN ('suggested', 'accepted'))""",
    "match that does not add up without one amount_mismatch of that amount": """
        SELECT m.reconciliation_id, m.id, 'difference ' || m.difference || ', said: '
            || coalesce(string_agg(d.amount::text, ', '), 'nothing')
        FROM reconciliation_match m LEFT JOIN reconciliation_discrepancy d
            ON d.match_id = m.id AND d.type = 'amount_mismatch' AND d.voided_at IS NULL
        WHERE m.status IN ('suggested', 'accepted')
        GROUP BY m.id HAVING count(d.id) <> CASE m.difference WHEN 0 THEN 0 ELSE 1 END
            OR coalesce(sum(d.amount), 0) <> abs(m.difference)""",
    "amount is not covered plus open": f"""
        SELECT rec.id, r.id, 'amount ' || {MEASURE} || ', applied ' || coalesce(mm.applied, 0) || ', open '
            || coalesce(o.open_amount, 0) {STANDING}
        WHERE (o.record_id IS NOT NULL OR mm.record_id IS NOT NULL)
            AND (coalesce(mm.applied, 0) + coalesce(o.open_amount, 0) <> {MEASURE}
                OR abs(coalesce(mm.applied, 0)) + abs(coalesce(o.open_amount, 0)) <> abs({MEASURE}))""",
    "token without a live record of its stream": """
        SELECT o.reconciliation_id, o.record_id, 'orphaned token' FROM reconciliation_openitem o
        LEFT JOIN ledgers_record r ON r.id = o.record_id AND r.voided_at IS NULL AND r.kind <> 'detail'
        LEFT JOIN rules_reconciliationstream w ON w.reconciliation_id = o.reconciliation_id
            AND w.stream_id = r.stream_id AND w.side = o.side
        WHERE w.id IS NULL""",
    "live record or wiring of a deleted stream": """
        SELECT s.id, r.id, 'record of stream ' || s.key FROM ledgers_datastream s
        JOIN ledgers_record r ON r.stream_id = s.id AND r.voided_at IS NULL WHERE s.voided_at IS NOT NULL
        UNION ALL
        SELECT s.id, w.id, 'wiring of stream ' || s.key FROM ledgers_datastream s
        JOIN rules_reconciliationstream w ON w.stream_id = s.id WHERE s.voided_at IS NOT NULL""",
    "live member without a live record of its stream": """
        SELECT mm.reconciliation_id, mm.record_id, 'orphaned member of match ' || mm.match_id
        FROM reconciliation_matchmember mm
        LEFT JOIN ledgers_record r ON r.id = mm.record_id AND r.voided_at IS NULL AND r.kind <> 'detail'
        LEFT JOIN rules_reconciliationstream w ON w.reconciliation_id = mm.reconciliation_id
            AND w.stream_id = r.stream_id AND w.side = mm.side
        WHERE mm.live AND w.id IS NULL""",
    "adjustment with an open item": """
        SELECT o.reconciliation_id, o.record_id, 'open amount ' || o.open_amount FROM reconciliation_openitem o
        JOIN ledgers_record r ON r.id = o.record_id AND r.kind = 'adjustment'""",
    "adjustment without its live match, or in a stream that is owned": """
        SELECT s.id, r.id, 'stream is ' || s.kind || ', match ' || coalesce(m.id || ' is ' || m.status, 'is missing')
        FROM ledgers_record r JOIN ledgers_datastream s ON s.id = r.stream_id
        LEFT JOIN reconciliation_matchmember mm ON mm.record_id = r.id
        LEFT JOIN reconciliation_match m ON m.id = mm.match_id AND m.adjustment_id = r.id
        WHERE r.kind = 'adjustment' AND r.voided_at IS NULL
            AND (m.status IS NULL OR m.status NOT IN ('suggested', 'accepted') OR NOT mm.live
                OR s.kind NOT IN ('api', 'bank_feed'))""",
    "match whose adjustment is none of its live records": """
        SELECT m.reconciliation_id, m.id, 'adjustment ' || m.adjustment_id || ' is ' || coalesce(r.kind, 'missing')
        FROM reconciliation_match m
        LEFT JOIN reconciliation_matchmember mm ON mm.match_id = m.id AND mm.record_id = m.adjustment_id AND mm.live
        LEFT JOIN ledgers_record r ON r.id = mm.record_id AND r.voided_at IS NULL
        WHERE m.adjustment_id IS NOT NULL AND m.status IN ('suggested', 'accepted')
            AND r.kind IS DISTINCT FROM 'adjustment'""",
    "member and match disagree on being live": """
        SELECT m.reconciliation_id, m.id, 'match is ' || m.status || ', members live: ' || count(mm.record_id)
            FILTER (WHERE mm.live) || ' of ' || m.record_count
        FROM reconciliation_match m LEFT JOIN reconciliation_matchmember mm ON mm.match_id = m.id
        GROUP BY m.id
        HAVING count(mm.record_id) <> m.record_count OR count(mm.record_id) FILTER (WHERE mm.live)
            <> CASE WHEN m.status IN ('suggested', 'accepted') THEN m.record_count ELSE 0 END""",
    "member without its match, or of another reconciliation": """
        SELECT mm.reconciliation_id, mm.record_id, 'match ' || mm.match_id FROM reconciliation_matchmember mm
        LEFT JOIN reconciliation_match m ON m.id = mm.match_id AND m.reconciliation_id = mm.reconciliation_id
        WHERE m.id IS NULL""",
    "match's totals are not its members'": """
        SELECT reconciliation_id, id, 'totals ' || total_a || ' and ' || total_b || ', members ' || a || ' and ' || b
        FROM (
            SELECT m.id, m.reconciliation_id, m.total_a, m.total_b, rec.sign_mode = 'magnitude' AS unsigned,
                coalesce(sum(mm.applied + coalesce(o.open_amount, 0)) FILTER (WHERE mm.side = 'a'), 0) AS a,
                coalesce(sum(mm.applied + coalesce(o.open_amount, 0)) FILTER (WHERE mm.side = 'b'), 0) AS b
            FROM reconciliation_match m JOIN reconciliation_matchmember mm ON mm.match_id = m.id
            JOIN rules_reconciliation rec ON rec.id = m.reconciliation_id
            LEFT JOIN reconciliation_openitem o ON o.held_by = m.id AND o.record_id = mm.record_id
            WHERE m.status IN ('suggested', 'accepted')
            GROUP BY m.id, rec.id
        ) AS match
        WHERE CASE WHEN unsigned THEN abs(a) ELSE a END <> total_a
            OR CASE WHEN unsigned THEN abs(b) ELSE b END <> total_b""",
    "members of one match in several currencies": """
        SELECT m.reconciliation_id, m.id, string_agg(DISTINCT r.currency, ', ') FROM reconciliation_match m
        JOIN reconciliation_matchmember mm ON mm.match_id = m.id JOIN ledgers_record r ON r.id = mm.record_id
        GROUP BY m.id HAVING count(DISTINCT r.currency) > 1 OR min(r.currency) <> m.currency""",
    "ledger's balance is not the sum of its entries": """
        SELECT l.id, l.id, 'deltas ' || coalesce(d.debit, 0) || '/' || coalesce(d.credit, 0) || ', entries '
            || coalesce(e.debit, 0) || '/' || coalesce(e.credit, 0)
        FROM ledgers_ledger l
        LEFT JOIN (SELECT ledger_id, sum(debit) AS debit, sum(credit) AS credit, sum(entries) AS n
            FROM ledgers_ledgerdelta GROUP BY ledger_id) d ON d.ledger_id = l.id
        LEFT JOIN (SELECT s.ledger_id, sum(r.amount) FILTER (WHERE r.direction = 'debit') AS debit,
                sum(r.amount) FILTER (WHERE r.direction = 'credit') AS credit, count(*) AS n
            FROM ledgers_datastream s JOIN ledgers_record r ON r.stream_id = s.id AND r.voided_at IS NULL
            WHERE s.kind = 'ledger' GROUP BY s.ledger_id) e ON e.ledger_id = l.id
        WHERE (coalesce(d.debit, 0), coalesce(d.credit, 0), coalesce(d.n, 0))
            <> (coalesce(e.debit, 0), coalesce(e.credit, 0), coalesce(e.n, 0))""",
    "journal's totals are not its entries'": """
        SELECT j.organization_id, j.id, 'totals ' || j.total_debit || '/' || j.total_credit FROM ledgers_journal j
        LEFT JOIN ledgers_record r ON r.journal_id = j.id AND r.voided_at IS NULL
        GROUP BY j.id
        HAVING coalesce(sum(r.amount) FILTER (WHERE r.direction = 'debit'), 0) <> j.total_debit
            OR coalesce(sum(r.amount) FILTER (WHERE r.direction = 'credit'), 0) <> j.total_credit""",
    "live statement line without a live record": """
        SELECT l.source_file_id, l.id, 'record ' || l.record_id FROM ledgers_statementline l
        LEFT JOIN ledgers_record r ON r.id = l.record_id AND r.voided_at IS NULL AND r.kind <> 'detail'
        WHERE l.voided_at IS NULL AND r.id IS NULL""",
    "statement record that no live line states": """
        SELECT s.id, r.id, 'no live line' FROM ledgers_datastream s
        JOIN ledgers_record r ON r.stream_id = s.id AND r.voided_at IS NULL AND r.kind <> 'detail'
        WHERE s.kind = 'statement' AND NOT EXISTS (
            SELECT FROM ledgers_statementline l WHERE l.record_id = r.id AND l.voided_at IS NULL)""",
    "detail without its live line": """
        SELECT d.stream_id, d.id, 'detail of record ' || d.parent_id FROM ledgers_record d
        LEFT JOIN ledgers_record r ON r.id = d.parent_id AND r.stream_id = d.stream_id AND r.voided_at IS NULL
            AND r.kind = 'entry'
        WHERE d.parent_id IS NOT NULL AND d.kind = 'detail' AND d.voided_at IS NULL AND r.id IS NULL""",
    "run said to be running without a pass under way": """
        SELECT run.reconciliation_id, run.id, 'running' FROM reconciliation_run run
        WHERE run.status = 'running' AND run.voided_at IS NULL AND NOT EXISTS (
            SELECT FROM reconciliation_pass p WHERE p.run_id = run.id AND p.status IN ('pending', 'running'))""",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that breaks a rule. `scope_id`: its reconciliation (for books and files: ledger, organization or file)."""

    check: str
    scope_id: int
    subject_id: int
    text: str

    def __str__(self) -> str:
        return f"{self.check}: {self.scope_id}/{self.subject_id}: {self.text}"


def faults() -> list[Fault]:
    """Every fault, at most FAULTS_MAX per check. Empty when all is well."""
    found: list[Fault] = []
    with connection.cursor() as cursor:
        for name, query in CHECKS.items():
            cursor.execute(f"SELECT * FROM ({query}) AS fault LIMIT {FAULTS_MAX}")
            found += [Fault(name, *row) for row in cursor.fetchall()]
    return found


OPEN_SUMS = """
SELECT rec.name, s.name, o.side, r.currency, count(*) FILTER (WHERE o.closed_at IS NULL),
    coalesce(sum(o.open_amount) FILTER (WHERE o.closed_at IS NULL), 0),
    count(*) FILTER (WHERE o.closed_at IS NOT NULL)
FROM reconciliation_openitem o JOIN ledgers_record r ON r.id = o.record_id
JOIN ledgers_datastream s ON s.id = r.stream_id JOIN rules_reconciliation rec ON rec.id = o.reconciliation_id
GROUP BY rec.id, s.id, o.side, r.currency ORDER BY rec.id, o.side, s.id, r.currency
"""


def open_sums() -> list[tuple[str, str, str, str, int, int, int]]:
    """(reconciliation, stream, side, currency, open count, open sum in minor units, closed count) of what is not cleared."""
    with connection.cursor() as cursor:
        cursor.execute(OPEN_SUMS)
        # Numeric, not bigint: amounts of 64 bits may add up to more.
        return [(*row[:5], int(row[5]), row[6]) for row in cursor.fetchall()]
