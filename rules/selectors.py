"""Questions about reconciliations and their rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.utils.translation import gettext as _

from ledgers.models import DataStream, PropertyDefinition
from organizations.models import Calendar
from organizations.refusals import NotFound
from rules.conditions import metadata_keys
from rules.models import Reconciliation, ReconciliationStream, Rule, RuleQuerySet, RuleRevision
from rules.overdue import OverduePolicy
from rules.states import CountsFrom, RuleStatus


def rules_of(reconciliation: Reconciliation) -> RuleQuerySet:
    """The rules that hold for it in order: its own, or the organization's shared defaults until it has its own, and what
    is proposed for it meanwhile."""
    rules = Rule.objects.of(reconciliation.organization_id)
    own = Q(reconciliation=reconciliation)
    if not reconciliation.own_rules:
        own = Q(reconciliation__isnull=True) | own & ~Q(status=RuleStatus.ACTIVE)
    return rules.filter(own).in_order()


def newest_revision(rule: Rule) -> RuleRevision | None:
    return rule.revisions.order_by("-number").first()


def metadata_types(reconciliation: Reconciliation | None, body: Mapping[str, Any]) -> dict[str, str]:
    """The types of the metadata keys that a rule names, by the property definitions of the streams on the sides where it
    names them: only where all of these have one and they agree; any other key is text. The shared rules' keys are text."""
    named = metadata_keys(body)
    keys = set().union(*named.values())
    if reconciliation is None or not keys:
        return {}
    streams: dict[str, set[int]] = defaultdict(set)
    for side, stream_id in reconciliation.wiring.values_list("side", "stream_id"):
        streams[side].add(stream_id)
    definitions = PropertyDefinition.objects.live().filter(
        stream__wiring__reconciliation=reconciliation, key__in=keys
    )
    types: dict[tuple[str, int], str] = {(each.key, each.stream_id): each.type for each in definitions}
    found = {}
    for key in sorted(keys):
        concerned = set().union(*(streams[side] for side in named if key in named[side]))
        stated = {types.get((key, stream_id)) for stream_id in concerned}
        if len(stated) == 1 and (agreed := stated.pop()) is not None:
            found[key] = agreed
    return found


def find_reconciliation(*, organization_id: int, reconciliation_id: int) -> Reconciliation | None:
    """A live reconciliation of the organization, of whatever kind."""
    return Reconciliation.objects.of(organization_id).live().filter(pk=reconciliation_id).first()


def reconciliation_of(*, organization_id: int, reconciliation_id: int) -> Reconciliation:
    """The same; raises NotFound."""
    found = find_reconciliation(organization_id=organization_id, reconciliation_id=reconciliation_id)
    if found is None:
        raise NotFound(_("There is no reconciliation with this id."), code="reconciliation.not_found")
    return found


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
    reconciliation = find_reconciliation(organization_id=organization_id, reconciliation_id=reconciliation_id)
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


def wiring_of(stream_ids: Iterable[int]) -> dict[int, list[tuple[Reconciliation, str]]]:
    """The same as `reconciliations_of` for many streams, in one query; a stream without any has an empty list."""
    found: dict[int, list[tuple[Reconciliation, str]]] = {pk: [] for pk in stream_ids}
    wires = ReconciliationStream.objects.filter(
        stream__in=list(found), reconciliation__voided_at__isnull=True
    ).select_related("reconciliation__ledger")
    for wire in wires.order_by("reconciliation_id"):
        found[wire.stream_id].append((wire.reconciliation, wire.side))
    return found


def reconciliations_of(stream: DataStream) -> list[tuple[Reconciliation, str]]:
    """Each live reconciliation that the stream is wired to, with the stream's side in it, in lock order."""
    wired = stream.wiring.filter(reconciliation__voided_at__isnull=True).select_related("reconciliation")
    return [(wire.reconciliation, wire.side) for wire in wired.order_by("reconciliation_id")]


def overdue_policy(reconciliation_id: int) -> OverduePolicy | None:
    """What is overdue in it as the database says now; None: nothing is by itself. One query. Whoever stamps tokens by it
    holds the reconciliation's lock, behind which it does not change."""
    return overdue_policies(Reconciliation.objects.filter(pk=reconciliation_id)).get(reconciliation_id)


def overdue_policies(reconciliations: QuerySet[Reconciliation]) -> dict[int, OverduePolicy]:
    """The same of each that has one, in one query."""
    rows = reconciliations.filter(overdue_after_days__isnull=False)
    return {row.pk: policy_of(row) for row in rows.select_related("overdue_calendar", "organization")}


def policy_of(row: Reconciliation) -> OverduePolicy:
    """What a row with a policy says, also one that is not saved."""
    calendar = row.overdue_calendar or Calendar()  # without one: Monday to Friday
    return OverduePolicy(
        after_days=row.overdue_after_days or 0,
        zone=row.organization.time_zone,
        since=row.overdue_from,
        value_date=row.overdue_counts_from == CountsFrom.VALUE_DATE,
        business_days=row.overdue_business_days,
        weekend=tuple(calendar.weekend),
        holidays=tuple(calendar.holidays),
        country=calendar.country,
        subdivision=calendar.subdivision,
    )
