"""The matching engine: frames of open records in, groups out. Pure: no Django, no app, no clock, no randomness; the same
records in any order give the same groups. Called by reconciliation's passes, and by rules' services to check a rule."""

from rules.engine.confidence import may_accept
from rules.engine.matching import columns_needed, match
from rules.engine.outcome import Outcome, RuleCount
from rules.engine.parse import parse_rule, validate_filters
from rules.engine.tree import RuleError, RuleErrors, RuleSpec

__all__ = [
    "Outcome",
    "RuleCount",
    "RuleError",
    "RuleErrors",
    "RuleSpec",
    "columns_needed",
    "match",
    "may_accept",
    "parse_rule",
    "validate_filters",
]
