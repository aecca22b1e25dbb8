"""The back office's pages of rules."""

from rules.admin import rules

__all__ = ["rules"]
