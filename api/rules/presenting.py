"""Turns rows into answers. Called by the views."""

from __future__ import annotations

from typing import Any

from api.rules import shapes
from api.shared.fields import present, present_all
from rules.models import Rule, RuleQuerySet
from rules.selectors import rule_of

Json = dict[str, Any]


def rule_bodies(rules: RuleQuerySet, organization_id: int, *, reconciliation_id: int) -> list[Json]:
    """Rules as they hold for one reconciliation."""
    return present_all(
        shapes.RuleShape,
        rules.with_revision(),
        organization_id=organization_id,
        reconciliation_id=reconciliation_id,
    )


def rule_body(rule: Rule, organization_id: int) -> Json:
    """The rule as it stands now."""
    row = rule_of(organization_id=organization_id, rule_id=rule.pk, discarded=True)
    return present(shapes.RuleShape, row, organization_id=organization_id)
