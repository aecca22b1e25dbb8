"""Writes rules and their revisions. Saving one may start a pass, so the acts on rules live on the floor above."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from organizations.refusals import Conflict
from rules.engine import RuleErrors, parse_rule
from rules.models import Reconciliation, Rule, RuleRevision
from rules.selectors import metadata_types, newest_revision
from rules.states import RuleStatus

BODY = (
    "name",
    "description",
    "priority",
    "cardinality",
    "filters",
    "group_by",
    "rollup",
    "on_ambiguity",
    "on_difference",
    "auto_accept",
)
COPIED = (*BODY, "score", "accept_at", "source", "status")


def rule_body(rule: Rule) -> dict[str, Any]:
    """What a rule says, as its revision keeps it; with the types that the metadata keys it names have at this moment."""
    body = rule_facts(rule)
    types = metadata_types(rule.reconciliation, body)
    return {**body, "score": float(rule.score), "accept_at": float(rule.accept_at), "metadata_types": types}


def rule_facts(rule: Rule) -> dict[str, Any]:
    return {name: getattr(rule, name) for name in BODY}


def revision_write(rule: Rule, *, by: str, at: datetime) -> RuleRevision:
    """The next revision of a rule as it stands now. The caller holds the rule's row."""
    last = newest_revision(rule)
    return RuleRevision.objects.create(
        rule=rule,
        number=last.number + 1 if last is not None else 1,
        body=rule_body(rule),
        created_at=at,
        created_by=by,
    )


def rules_copy(reconciliation: Reconciliation, *, by: str, at: datetime) -> dict[int, Rule]:
    """Copies of the organization's shared rules as the reconciliation's own, from which on only these hold for it; by the
    id of the shared one. The caller holds the reconciliation's row."""
    shared = Rule.objects.of(reconciliation.organization_id).shared().active().in_order()
    copies = {}
    for rule in shared:
        facts = {name: getattr(rule, name) for name in COPIED}
        copy = Rule.objects.create(
            organization_id=rule.organization_id,
            reconciliation=reconciliation,
            **facts,
            created_at=at,
            created_by=by,
        )
        revision_write(copy, by=by, at=at)
        copies[rule.pk] = copy
    Reconciliation.objects.filter(pk=reconciliation.pk).update(own_rules=True)
    reconciliation.own_rules = True
    return copies


def revisions_retype(reconciliation: Reconciliation, *, by: str, at: datetime) -> list[Rule]:
    """Where the streams' property definitions type the metadata otherwise than a rule's newest revision says: a new
    revision. Gives those rules. The caller holds the reconciliation's row.

    Refuses ("rule.would_not_run") where a rule cannot run with the new types.
    """
    rules = Rule.objects.filter(reconciliation=reconciliation).listed().select_related("reconciliation")
    stale = []
    for rule in rules.in_order().select_for_update(of=("self",)):
        last = newest_revision(rule)
        types = last.body.get("metadata_types", {}) if last is not None else None
        if types is not None and types != metadata_types(reconciliation, rule_facts(rule)):
            revision = revision_write(rule, by=by, at=at)
            _refuse_if_broken(revision)
            stale.append(rule)
    return stale


def _refuse_if_broken(revision: RuleRevision) -> None:
    try:
        parse_rule(revision.body)
    except RuleErrors as errors:
        raise Conflict(
            _("Rule %(id)s (%(name)s) could not run with that: %(why)s Change the rule first.")
            % {"id": revision.rule_id, "name": revision.rule.name, "why": errors.errors[0].message},
            code="rule.would_not_run",
            details={
                "rule_id": revision.rule_id,
                "issues": [{"path": list(each.path), "message": each.message} for each in errors.errors],
            },
        ) from None


def is_active(rule: Rule) -> bool:
    return rule.status == RuleStatus.ACTIVE and rule.voided_at is None
