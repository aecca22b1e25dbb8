"""The ledger-run surface: ledgers and their entries, and runs that reconcile them with statement files."""
