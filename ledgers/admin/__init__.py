"""The back office's pages of the books that need nothing from above; ledgers and entries: reconciliation.admin."""

from ledgers.admin import journals, profiles

__all__ = ["journals", "profiles"]
