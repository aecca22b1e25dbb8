"""The data streams surface: streams and their records, reconciliations, matches, bank accounts and balances."""
