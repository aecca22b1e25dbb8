"""The back office's pages of what agreed: runs and all that belongs to them, and the books as far as they are cleared."""

from reconciliation.admin import (
    bank_accounts,
    discrepancies,
    entries,
    imports,
    items,
    ledgers,
    matches,
    passes,
    reconciliations,
    rule_jobs,
    rules,
    runs,
    source_files,
    streams,
)

__all__ = [
    "bank_accounts",
    "discrepancies",
    "entries",
    "imports",
    "items",
    "ledgers",
    "matches",
    "passes",
    "reconciliations",
    "rule_jobs",
    "rules",
    "runs",
    "source_files",
    "streams",
]
