"""The back office's pages of rules: the list, a rule with its history, the order of a reconciliation's rules, the editor."""

from reconciliation.admin.rules import page

__all__ = ["page"]
