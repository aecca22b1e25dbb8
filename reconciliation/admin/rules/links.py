"""What can be looked at beside a rule: links that stand on its page, in the editor and in the ordered list."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from rules.models import Reconciliation, Rule
from rules.states import RuleStatus


@dataclass(frozen=True, slots=True)
class RuleLink:
    """`url` is a page that shows something and changes nothing."""

    label: str
    url: str


def rule_links(rule: Rule, reconciliation: Reconciliation | None) -> list[RuleLink]:
    """Of a rule as it holds for a reconciliation; None: of one of the shared rules by itself."""
    if rule.status == RuleStatus.DISCARDED:
        return []
    test = reverse("admin:reconciliation_rulejob_test", args=[rule.pk])
    named = f"?reconciliation={reconciliation.pk}" if reconciliation is not None else ""
    return [RuleLink(_("Test this rule"), test + named)]
