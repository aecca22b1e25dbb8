"""Writes rules and their revisions. Saving one may start a pass, so the acts on rules live on the floor above."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rules.models import Rule, RuleRevision

BODY = (
    "name",
    "cardinality",
    "filters",
    "group_by",
    "rollup",
    "on_ambiguity",
    "on_difference",
    "auto_accept",
)


def rule_body(rule: Rule) -> dict[str, Any]:
    """What the engine reads of a rule, as its revision keeps it."""
    body: dict[str, Any] = {name: getattr(rule, name) for name in BODY}
    return {**body, "score": float(rule.score), "accept_at": float(rule.accept_at)}


def revision_write(rule: Rule, *, by: str, at: datetime) -> RuleRevision:
    """The next revision of a rule as it stands now. The caller holds the rule's row."""
    last = rule.revisions.order_by("-number").values_list("number", flat=True).first() or 0
    return RuleRevision.objects.create(
        rule=rule, number=last + 1, body=rule_body(rule), created_at=at, created_by=by
    )
