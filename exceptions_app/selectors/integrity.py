"""What must hold between overdue records and their exceptions, as the checks of `check_integrity` that this floor adds.

Each query gives (reconciliation id, subject id, text). None may find a row, ever.
"""

CHECKS: dict[str, str] = {
    "record seen overdue without an exception of its stream": """
        SELECT o.reconciliation_id, o.record_id, 'seen at ' || o.overdue_seen_at FROM reconciliation_openitem o
        JOIN ledgers_record r ON r.id = o.record_id
        WHERE o.overdue_seen_at IS NOT NULL AND o.overdue_at IS NOT NULL AND o.closed_at IS NULL AND NOT EXISTS (
            SELECT FROM exceptions_app_reconciliationexception e
            WHERE e.reconciliation_id = o.reconciliation_id AND e.stream_id = r.stream_id)""",
    "closed exceptions with a record seen since": """
        SELECT c.reconciliation_id, o.record_id, 'closed at ' || c.closed_at || ', seen at ' || o.overdue_seen_at
        FROM (
            SELECT reconciliation_id, stream_id, max(closed_at) AS closed_at FROM exceptions_app_reconciliationexception
            WHERE voided_at IS NULL GROUP BY 1, 2 HAVING bool_and(status IN ('dismissed', 'resolved'))
        ) AS c
        JOIN reconciliation_openitem o ON o.reconciliation_id = c.reconciliation_id AND o.closed_at IS NULL
            AND o.overdue_at IS NOT NULL AND o.overdue_seen_at > c.closed_at
        JOIN ledgers_record r ON r.id = o.record_id AND r.stream_id = c.stream_id
        WHERE NOT EXISTS (  -- deleted: the next sweep reopens another one, or makes one
            SELECT FROM exceptions_app_reconciliationexception gone WHERE gone.reconciliation_id = c.reconciliation_id
                AND gone.stream_id = c.stream_id AND gone.voided_at IS NOT NULL AND gone.slice_changed_at > c.closed_at)""",
}
