"""The import page: files come in, go to their ledgers, or wait for what they lack; each can be undone."""

from reconciliation.admin.imports import page

__all__ = ["page"]
