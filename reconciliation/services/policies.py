"""Changes the overdue policy of a reconciliation. The switch is short, under its exclusive lock: from then on new items
are stamped by the new policy, and a worker stamps the others anew (`recompute`).
"""

from __future__ import annotations

import logging
from datetime import date, datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext as _

from organizations import audit
from organizations.actors import Actor, system_actor
from organizations.models import Calendar
from organizations.refusals import Conflict, Invalid, NotFound, Refusal
from reconciliation.doorbell import ring_soon
from reconciliation.models import OverdueRecompute
from reconciliation.services.intake import zone_of
from reconciliation.services.locks import own_reconciliations, perform_patiently
from reconciliation.states import OperationStatus
from rules.models import Reconciliation
from rules.overdue import AFTER_DAYS_MAX, policy_digest
from rules.selectors import overdue_policies, overdue_policy
from rules.states import CountsFrom, ReconciliationKind

EXECUTE = "reconciliation.tasks.recompute_overdue"  # by name: the tasks import what does it
SCOPE = "policies:write"
TASK = "follow_calendars"
log = logging.getLogger(__name__)


def policy_change(
    *,
    reconciliation: Reconciliation,
    after_days: int | None,
    business_days: bool = False,
    calendar: Calendar | None = None,
    counts_from: str = CountsFrom.DATE,
    overdue_from: date | None = None,
    by: Actor,
    at: datetime,
) -> Reconciliation:
    """Say when the items of a reconciliation are overdue: `after_days` (business) days after they count; None: never by
    themselves. What counts from before `overdue_from` counts from there; by default that is the day it was made.

    Items that a person marked overdue keep that. Invalid "policy.invalid"; a settlement's is a Conflict
    ("reconciliation.owned"). The same policy once more changes nothing.
    """
    by.require(SCOPE)
    own_reconciliations([reconciliation.pk])
    row = _row(reconciliation, by=by)
    _check(row, after_days, calendar, counts_from)
    wanted: dict[str, Any] = {
        "overdue_after_days": after_days,
        "overdue_business_days": business_days,
        "overdue_calendar_id": calendar.pk if calendar is not None else None,
        "overdue_counts_from": str(counts_from),
        "overdue_from": overdue_from or earliest_day(row),
    }
    before = {name: getattr(row, name) for name in wanted}
    if before == wanted:
        return row
    Reconciliation.objects.filter(pk=row.pk).update(**wanted)
    asked = None
    if after_days is not None or before["overdue_after_days"] is not None:
        asked = _recompute(row, by=by, at=at)
    audit.record(
        action="reconciliation.policy_changed",
        organization_id=row.organization_id,
        by=by,
        at=at,
        subject=row,
        before=_told(before),
        after=_told(wanted),
        recompute=asked.pk if asked else None,
    )
    row.refresh_from_db()
    return row


def earliest_day(reconciliation: Reconciliation) -> date:
    """What counts from before it counts from there, unless somebody says otherwise: the day on which it was made."""
    return reconciliation.created_at.astimezone(zone_of(reconciliation.organization_id)).date()


def policy_recompute(*, reconciliation: Reconciliation, by: Actor, at: datetime) -> OverdueRecompute:
    """Stamp everything anew by the policy as it stands: its calendar's holidays or the time zone may be others by now."""
    by.require(SCOPE)
    own_reconciliations([reconciliation.pk])
    row = _row(reconciliation, by=by)
    asked = _recompute(row, by=by, at=at)
    audit.record(
        action="reconciliation.recompute_requested",
        organization_id=row.organization_id,
        by=by,
        at=at,
        subject=row,
        recompute=asked.pk,
    )
    return asked


def policies_follow_calendars(*, at: datetime) -> list[int]:
    """Ask for a recompute wherever the holidays of a calendar, or the organization's time zone, are others than when the items
    were stamped. Outermost: an act for each. Gives the reconciliations."""
    newest = OverdueRecompute.objects.filter(reconciliation=OuterRef("pk")).order_by("-pk")
    rows = Reconciliation.objects.live().exclude(kind=ReconciliationKind.SETTLEMENT)
    stamped = rows.filter(overdue_after_days__isnull=False).annotate(
        stamped_by=Subquery(newest.values("policy_digest")[:1])
    )
    policies = overdue_policies(rows)
    found = []
    for row in stamped.order_by("pk"):
        if row.pk in policies and policy_digest(policies[row.pk]) != row.stamped_by:
            by = system_actor(TASK, row.organization_id)
            try:
                perform_patiently(partial(policy_recompute, reconciliation=row, by=by, at=at))
            except Refusal as refusal:  # voided meanwhile, or in somebody's hands: the next look asks again
                log.warning(
                    "a calendar is not followed yet",
                    extra={"reconciliation_id": row.pk, "why": refusal.message},
                )
                continue
            found.append(row.pk)
    return found


def _recompute(row: Reconciliation, *, by: Actor, at: datetime) -> OverdueRecompute:
    """One that is under way, or has failed, begins anew: behind the exclusive lock none of its chunks is half done, and the
    next one reads where it stands and what the policy says."""
    policy = overdue_policy(row.pk)
    digest = policy_digest(policy) if policy is not None else ""
    anew = {"done_to": 0, "processed": 0, "policy_digest": digest, "requested_at": at, "requested_by": by.ref}
    left = OverdueRecompute.objects.exclude(status=OperationStatus.COMPLETED)
    asked = left.select_for_update().filter(reconciliation=row).first()
    if asked is None:
        asked = OverdueRecompute.objects.create(reconciliation=row, **anew)
    else:
        OverdueRecompute.objects.filter(pk=asked.pk).update(**anew)
    transaction.on_commit(partial(ring_soon, EXECUTE, seconds=0, recompute_id=asked.pk))
    return asked


def _row(reconciliation: Reconciliation, *, by: Actor) -> Reconciliation:
    row = Reconciliation.objects.of(by.organization_id).live().filter(pk=reconciliation.pk).first()
    if row is None:
        raise NotFound(_("There is no reconciliation with this id."), code="reconciliation.not_found")
    if row.kind == ReconciliationKind.SETTLEMENT:
        raise Conflict(
            _("%(name)s belongs to a settlement, which has a period instead of a policy.")
            % {"name": row.name},
            code="reconciliation.owned",
        )
    return row


def _check(row: Reconciliation, after_days: int | None, calendar: Calendar | None, counts_from: str) -> None:
    issues = []
    if after_days is not None and not 0 <= after_days <= AFTER_DAYS_MAX:
        issues.append(
            ("after_days", _("Write 0 to %(most)s days, or nothing.") % {"most": f"{AFTER_DAYS_MAX:,}"})
        )
    if calendar is not None and calendar.organization_id != row.organization_id:
        issues.append(("calendar", _("There is no such calendar.")))
    if counts_from not in CountsFrom.values:
        issues.append(("counts_from", _("Write one of %(days)s.") % {"days": ", ".join(CountsFrom.values)}))
    if issues:
        raise Invalid(
            f"{issues[0][0]}: {issues[0][1]}",
            code="policy.invalid",
            issues=[{"path": [path], "message": message} for path, message in issues],
        )


def _told(policy: dict[str, Any]) -> dict[str, Any]:
    return {
        name.removeprefix("overdue_"): value.isoformat() if isinstance(value, date) else value
        for name, value in policy.items()
    }
