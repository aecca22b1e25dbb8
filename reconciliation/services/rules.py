"""The acts on rules: make, change, activate, discard, delete, and give a ledger rules of its own. Each writes a revision
where the rule says something new, and rings for a pass where that matters. `rules.services` writes the rows.

A rule of no reconciliation is one of the organization's shared rules, which hold for every ledger until one of its own is
edited: then the ledger gets copies of them, and only those hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from organizations import audit
from organizations.actors import Actor
from organizations.instants import utc_text
from organizations.models import Organization
from organizations.refusals import Conflict, Invalid, NotFound
from reconciliation.services.automatic import passes_ring_for_rules, passes_ring_for_shared_rules
from reconciliation.services.locks import share_reconciliations
from rules.checking import FACTS, checked
from rules.models import Reconciliation, Rule, RuleQuerySet
from rules.selectors import metadata_types, newest_revision, rules_of
from rules.services.rules import is_active, revision_write, rules_copy
from rules.states import RULE_MOVES, ReconciliationKind, RuleSource, RuleStatus

RULES_MAX = 200
"""Of one reconciliation, proposed ones among them: each is a run over what the earlier ones left."""

PRIORITY_STEP = 10
TELLS_ONLY = frozenset({"name", "description"})
"""What the engine does not read: a change of these alone starts no pass."""


def rule_create(
    *,
    reconciliation: Reconciliation | None,
    facts: Mapping[str, Any],
    source: str = RuleSource.USER,
    status: str = RuleStatus.ACTIVE,
    rating: str = "",
    sample_match_rate: str = "",
    by: Actor,
    at: datetime,
) -> Rule:
    """A rule of the reconciliation (None: one of the organization's shared rules), with its first revision. An active one
    starts a pass; the first own one of a ledger makes the shared ones its own.

    Refuses what cannot run: Invalid "rule.invalid" with every issue, "rule.too_many".
    """
    held = hold(reconciliation, by=by)
    checked_facts = _checked(facts, held)
    _refuse_if_many(held, by=by)
    _refuse_same_name(held, checked_facts["name"], by=by)
    if held is not None and not held.own_rules and status == RuleStatus.ACTIVE:
        _own(held, by=by, at=at)
    rule = Rule.objects.create(
        organization_id=by.organization_id,
        reconciliation=held,
        **checked_facts,
        source=source,
        status=status,
        rating=rating,
        sample_match_rate=sample_match_rate,
        created_at=at,
        created_by=by.ref,
    )
    revision_write(rule, by=by.ref, at=at)
    _record("rule.created", rule, by=by, at=at, status=str(status), source=str(source))
    if is_active(rule):
        _ring(rule, at=at)
    return rule


def rule_change(
    *, rule: Rule, changes: Mapping[str, Any], expected_revision: int | None = None, by: Actor, at: datetime
) -> Rule:
    """Change what the rule says; matches that were made by it keep the revision that made them. What says the same as
    before changes nothing. One of the shared rules changes for every ledger without rules of its own.

    Refuses as `rule_create`; Conflict "rule.changed" where it is at another revision than the expected one.
    """
    row = _locked(rule, by=by)
    refuse_if_changed(row, expected_revision)
    facts = _checked(changes, row.reconciliation, before=row)
    changed = [name for name in FACTS if getattr(row, name) != facts[name]]
    if not changed:
        return row
    if "name" in changed:
        _refuse_same_name(row.reconciliation, facts["name"], by=by, but=row.pk)
    for name in changed:
        setattr(row, name, facts[name])
    row.save(update_fields=changed)
    revision = revision_write(row, by=by.ref, at=at)
    _record("rule.changed", row, by=by, at=at, changed=changed, revision=revision.number)
    if is_active(row) and not TELLS_ONLY.issuperset(changed):
        _ring(row, at=at)
    return row


def rule_activate(*, rule: Rule, expected_revision: int | None = None, by: Actor, at: datetime) -> Rule:
    """Take a proposed rule into use; a pass starts. One that is in use already stays so."""
    row = _locked(rule, by=by)
    refuse_if_changed(row, expected_revision)
    if row.status == RuleStatus.ACTIVE:
        return row
    _move(row, RuleStatus.ACTIVE)
    if row.reconciliation is not None and not row.reconciliation.own_rules:
        _own(row.reconciliation, by=by, at=at)
    _record("rule.activated", row, by=by, at=at)
    _ring(row, at=at)
    return row


def rule_discard(*, rule: Rule, expected_revision: int | None = None, by: Actor, at: datetime) -> Rule:
    """Put a rule aside for good: it is not used, not listed, and not proposed again. Its matches stay."""
    row = _locked(rule, by=by)
    refuse_if_changed(row, expected_revision)
    if row.status == RuleStatus.DISCARDED:
        return row
    _move(row, RuleStatus.DISCARDED)
    _record("rule.discarded", row, by=by, at=at)
    return row


def rule_void(*, rule: Rule, expected_revision: int | None = None, by: Actor, at: datetime) -> None:
    """Delete a rule: it is gone from lists, its matches stay and name it. A proposed one counts as discarded, so that it
    is not proposed again."""
    row = _locked(rule, by=by)
    refuse_if_changed(row, expected_revision)
    row.voided_at, row.voided_by = at, by.ref
    if row.source == RuleSource.AI:
        row.status = RuleStatus.DISCARDED
    row.save(update_fields=["voided_at", "voided_by", "status"])
    _record("rule.deleted", row, by=by, at=at)


def rule_move(*, rule: Rule, up: bool, by: Actor, at: datetime) -> Rule:
    """Run it before the rule above it, or behind the one below; at the end of the list nothing happens. Where priorities
    are equal all are numbered anew, in steps of ten. A ledger's proposed rule among shared ones makes these its own."""
    row = _locked(rule, by=by)
    if row.reconciliation is not None and not row.reconciliation.own_rules:
        _own(row.reconciliation, by=by, at=at)
    rules = rules_of(row.reconciliation) if row.reconciliation is not None else _shared(by)
    order = list(rules.listed().select_related("reconciliation").select_for_update(of=("self",)))
    place = next((place for place, each in enumerate(order) if each.pk == row.pk), None)
    other = None if place is None else place + (-1 if up else 1)
    if place is None or other is None or not 0 <= other < len(order):
        return row
    priorities = [each.priority for each in order]
    order[place], order[other] = order[other], order[place]
    if len(set(priorities)) < len(priorities):
        priorities = [(number + 1) * PRIORITY_STEP for number in range(len(order))]
    moved = [
        (each, priority)
        for each, priority in zip(order, priorities, strict=True)
        if each.priority != priority
    ]
    for each, priority in moved:
        each.priority = priority
        each.save(update_fields=["priority"])
        number = revision_write(each, by=by.ref, at=at).number
        _record("rule.changed", each, by=by, at=at, changed=["priority"], revision=number)
    if any(is_active(each) for each, _priority in moved):
        _ring(row, at=at)
    row.refresh_from_db(fields=["priority"])
    return row


def rules_own(*, reconciliation: Reconciliation, by: Actor, at: datetime) -> dict[int, Rule]:
    """Give a ledger rules of its own: copies of the shared ones, by the shared one's id. From then on a change of the
    shared rules does not concern it. Conflict "reconciliation.has_own_rules" where it has them already."""
    held = hold(reconciliation, by=by)
    assert held is not None
    if held.own_rules:
        raise Conflict(
            _("%(name)s has rules of its own already.") % {"name": held.name},
            code="reconciliation.has_own_rules",
        )
    return _own(held, by=by, at=at)


def own_rule(
    *,
    rule: Rule,
    reconciliation: Reconciliation,
    expected_revision: int | None = None,
    by: Actor,
    at: datetime,
) -> Rule:
    """The rule as one ledger's own: itself where it is that already, else the ledger's copy, made now with those of all
    the shared rules. NotFound where the rule does not hold for that ledger; Conflict "rule.changed" where the rule is at
    another revision than the expected one."""
    if rule.reconciliation_id == reconciliation.pk:
        refuse_if_changed(rule, expected_revision)
        return rule
    held = hold(reconciliation, by=by)
    if held is None or held.own_rules or rule.reconciliation_id is not None:
        raise _unknown()
    copy = _own(held, by=by, at=at).get(rule.pk)
    if copy is None:
        raise _unknown()
    refuse_if_changed(
        rule, expected_revision
    )  # after the copies were read: what came later is in none of them
    return copy


def refuse_if_changed(rule: Rule, expected: int | None) -> None:
    """Where two people edit the same rule, the second is told who was first instead of writing over it."""
    last = newest_revision(rule)
    if expected is None or last is None or last.number == expected:
        return
    raise Conflict(
        _(
            "%(by)s changed rule %(id)s meanwhile: it is at revision %(number)s, you looked at %(expected)s. Look at it again."
        )
        % {"by": last.created_by, "id": rule.pk, "number": last.number, "expected": expected},
        code="rule.changed",
        details={
            "revision": last.number,
            "changed_by": last.created_by,
            "changed_at": utc_text(last.created_at),
        },
    )


# --- locks and looks ----------------------------------------------------------------------------------------------------


def hold(reconciliation: Reconciliation | None, *, by: Actor) -> Reconciliation | None:
    """The reconciliation's row (of the shared rules: the organization's), held: its rules are edited one act at a time."""
    if reconciliation is None:
        Organization.objects.select_for_update(no_key=True).get(pk=by.organization_id)
        return None
    share_reconciliations([reconciliation.pk])
    rows = Reconciliation.objects.of(by.organization_id).live().select_for_update(no_key=True)
    held = rows.filter(pk=reconciliation.pk).first()
    if held is None:
        raise NotFound(_("There is no reconciliation with this id."), code="reconciliation.not_found")
    if held.kind == ReconciliationKind.SETTLEMENT:
        raise Conflict(
            _("The rules of %(name)s belong to its settlement and are not changed here.")
            % {"name": held.name},
            code="reconciliation.owned",
        )
    return held


def _locked(rule: Rule, *, by: Actor) -> Rule:
    """The rule's row as it is now, held, with its reconciliation's. One that was deleted meanwhile is unknown."""
    held = hold(rule.reconciliation, by=by)
    rows = Rule.objects.of(by.organization_id).live().select_for_update(of=("self",))
    row = rows.filter(pk=rule.pk).first()
    if row is None:
        raise _unknown()
    row.reconciliation = held
    return row


def _shared(by: Actor) -> RuleQuerySet:
    return Rule.objects.of(by.organization_id).shared().in_order()


def _unknown() -> NotFound:
    return NotFound(_("There is no rule with this id."), code="rule.not_found")


def _checked(
    given: Mapping[str, Any], held: Reconciliation | None, before: Rule | None = None
) -> dict[str, Any]:
    said = {name: getattr(before, name) for name in FACTS} if before is not None else {}
    return checked(
        given,
        kind=held.kind if held is not None else ReconciliationKind.LEDGER,
        accepts=held.auto_accept if held is not None else False,
        types=metadata_types(held, {**said, **given}),
        before=before,
    )


def _refuse_if_many(held: Reconciliation | None, *, by: Actor) -> None:
    rules = rules_of(held) if held is not None else _shared(by)
    if rules.listed().count() >= RULES_MAX:
        raise Invalid(
            _("There are %(most)s rules, the most that one reconciliation can have. Delete one first.")
            % {"most": RULES_MAX},
            code="rule.too_many",
        )


def _refuse_same_name(held: Reconciliation | None, name: str, *, by: Actor, but: int = 0) -> None:
    """Shared rules are told apart by their names."""
    if held is not None:
        return
    if Rule.objects.of(by.organization_id).shared().live().filter(name=name).exclude(pk=but).exists():
        message = _("There is a shared rule of this name already.")
        raise Invalid(
            f"name: {message}", code="rule.invalid", issues=[{"path": ["name"], "message": message}]
        )


def _move(row: Rule, to: RuleStatus) -> None:
    if to not in RULE_MOVES[RuleStatus(row.status)]:
        raise Conflict(
            _("Rule %(id)s is %(status)s and cannot become %(to)s.")
            % {
                "id": row.pk,
                "status": row.get_status_display().lower(),
                "to": str(to.label).lower(),
            },
            code="rule.move_refused",
            details={"status": row.status},
        )
    row.status = to
    row.save(update_fields=["status"])


# --- what follows -------------------------------------------------------------------------------------------------------


def _own(held: Reconciliation, *, by: Actor, at: datetime) -> dict[int, Rule]:
    copies = rules_copy(held, by=by.ref, at=at)
    audit.record(
        action="reconciliation.rules_owned",
        organization_id=held.organization_id,
        by=by,
        at=at,
        subject=held,
        subjects=list(copies.values()),
    )
    return copies


def _record(action: str, rule: Rule, *, by: Actor, at: datetime, **data: Any) -> None:
    audit.record(
        action=action,
        organization_id=rule.organization_id,
        by=by,
        at=at,
        subject=rule,
        subjects=[rule.reconciliation] if rule.reconciliation is not None else [],
        name=rule.name,
        **data,
    )


def _ring(rule: Rule, *, at: datetime) -> None:
    if rule.reconciliation is None:
        passes_ring_for_shared_rules(rule.organization_id, at=at)
    else:
        passes_ring_for_rules(rule.reconciliation, at=at)
