"""Views of the ledger-run surface: each translates a request and calls one service."""
