"""Questions about reconciliations and their rules."""

from __future__ import annotations

from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext as _

from ledgers.models import DataStream
from organizations.refusals import NotFound
from rules.models import Reconciliation, Rule, RuleQuerySet, RuleRevision


def reconciliation_of(*, organization_id: int, reconciliation_id: int) -> Reconciliation:
    """Raises NotFound."""
    found = Reconciliation.objects.of(organization_id).live().filter(pk=reconciliation_id).first()
    if found is None:
        raise NotFound(_("There is no reconciliation with this id."), code="reconciliation.not_found")
    return found


def rules_of(reconciliation: Reconciliation) -> RuleQuerySet:
    """The rules that hold for it in order: its own, or the organization's shared defaults until it has its own."""
    rules = Rule.objects.filter(organization_id=reconciliation.organization_id)
    if reconciliation.own_rules:
        return rules.filter(reconciliation=reconciliation).in_order()
    return rules.filter(reconciliation__isnull=True).in_order()


def rule_of(*, organization_id: int, rule_id: int, discarded: bool = False) -> Rule:
    """The rule with the number of its newest revision (`revision`), and its reconciliation. A discarded one only where
    that is asked for. Raises NotFound."""
    rules = Rule.objects.of(organization_id).with_revision().select_related("reconciliation")
    found = (rules.live() if discarded else rules.listed()).filter(pk=rule_id).first()
    if found is None or (found.reconciliation is not None and found.reconciliation.voided_at is not None):
        raise NotFound(_("There is no rule with this id."), code="rule.not_found")
    return found


def listed_rules(*, organization_id: int, reconciliation_id: int, discarded: bool = False) -> RuleQuerySet:
    """The rules that hold for a reconciliation, in order, proposed ones among them; none where there is no such
    reconciliation. Discarded ones only where they are asked for."""
    reconciliation = Reconciliation.objects.of(organization_id).live().filter(pk=reconciliation_id).first()
    if reconciliation is None:
        return Rule.objects.none()
    rules = rules_of(reconciliation)
    return rules.live() if discarded else rules.listed()


def current_revisions(reconciliation: Reconciliation) -> list[RuleRevision]:
    """The newest revision of each active rule, in the order in which they run."""
    newest = RuleRevision.objects.filter(rule=OuterRef("pk")).order_by("-number")
    ids = rules_of(reconciliation).active().annotate(revision=Subquery(newest.values("pk")[:1]))
    order = [revision for revision in ids.values_list("revision", flat=True) if revision is not None]
    found = RuleRevision.objects.select_related("rule").in_bulk(order)
    return [found[pk] for pk in order]


def reconciliations_of(stream: DataStream) -> list[tuple[Reconciliation, str]]:
    """Each live reconciliation that the stream is wired to, with the stream's side in it, in lock order."""
    wired = stream.wiring.filter(reconciliation__voided_at__isnull=True).select_related("reconciliation")
    return [(wire.reconciliation, wire.side) for wire in wired.order_by("reconciliation_id")]
