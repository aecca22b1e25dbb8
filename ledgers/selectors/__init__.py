"""Questions about ledgers, journals and bank accounts; the proof of an account has modules of its own."""

from ledgers.selectors.books import (
    LedgerBalance,
    balances,
    details_of,
    entries_of,
    entry_rows,
    find_bank_account,
    find_ledger,
    journal_of,
    subtree_balances,
)

__all__ = [
    "LedgerBalance",
    "balances",
    "details_of",
    "entries_of",
    "entry_rows",
    "find_bank_account",
    "find_ledger",
    "journal_of",
    "subtree_balances",
]
