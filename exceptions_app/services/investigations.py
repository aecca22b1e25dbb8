"""Asking for investigations: by a person or a program, and by the sweep where a slice has changed. A worker does them
(investigation_execution)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q, Subquery
from django.utils.translation import gettext as _

from exceptions_app.models import Investigation, ReconciliationException
from exceptions_app.selectors.filters import read_filter
from exceptions_app.states import InvestigationTrigger
from organizations import audit
from organizations.actors import Actor
from organizations.refusals import Conflict
from reconciliation.doorbell import ring_soon
from rules.states import ReconciliationKind

EXECUTE = "exceptions_app.tasks.execute_investigation"  # by name: the tasks import what does the work
CHANGED_MAX = 200
"""Investigations that one sweep asks for; the next sweep asks for more."""


def investigation_request(
    *,
    exception: ReconciliationException,
    filter_params: Mapping[str, Any] | None = None,
    trigger: str = InvestigationTrigger.MANUAL,
    by: Actor,
    at: datetime,
) -> Investigation:
    """Ask for a look at the exception's slice, open or closed, or at the part of it that the filters leave; a worker does
    it after this transaction is safe on disk.

    One at a time per exception: another is a Conflict ("investigation.running"; `details`: its id and url). Invalid
    "filter.invalid".
    """
    filters = read_filter(filter_params or {}, within=("filter_params",))
    try:
        with transaction.atomic():
            asked = Investigation.objects.create(
                exception=exception,
                trigger=trigger,
                filter_params=filters.as_json() or None,
                requested_at=at,
                requested_by=by.ref,
            )
    except IntegrityError:
        raise _running(exception) from None
    _asked(asked, exception, by=by, at=at)
    return asked


def investigations_request_changed(*, organization_id: int, by: Actor, at: datetime) -> int:
    """Ask for an investigation of each active exception whose slice has changed since the last one of the whole slice was
    asked for, unless one is under way; at most CHANGED_MAX. Says how many. Twice is the same as once."""
    of_it = Investigation.objects.filter(exception=OuterRef("pk"))
    newest = of_it.filter(filter_params__isnull=True).newest_first().values("requested_at")[:1]
    changed = (
        ReconciliationException.objects.of(organization_id)
        .live()
        .active()
        .exclude(reconciliation__kind=ReconciliationKind.SETTLEMENT)
        .filter(slice_changed_at__isnull=False)
        .annotate(newest=Subquery(newest), busy=Exists(of_it.under_way()))
        .filter(Q(newest__isnull=True) | Q(slice_changed_at__gt=F("newest")), busy=False)
        .order_by("slice_changed_at", "pk")
    )
    return sum(_ask_if_idle(exception, by=by, at=at) for exception in changed[:CHANGED_MAX])


def _ask_if_idle(exception: ReconciliationException, *, by: Actor, at: datetime) -> bool:
    """Somebody may have asked meanwhile: that is as good."""
    try:
        investigation_request(exception=exception, trigger=InvestigationTrigger.SWEEP, by=by, at=at)
    except Conflict:
        return False
    return True


def investigation_url(investigation: Investigation) -> str:
    return f"/v1/reconciliation_exceptions/{investigation.exception_id}/investigations/{investigation.pk}"


def _asked(asked: Investigation, exception: ReconciliationException, *, by: Actor, at: datetime) -> None:
    audit.record(
        action="investigation.requested",
        organization_id=by.organization_id,
        by=by,
        at=at,
        subject=exception,
        subjects=[asked],
        trigger=asked.trigger,
        filter_params=asked.filter_params,
    )
    transaction.on_commit(partial(ring_soon, EXECUTE, seconds=0, investigation_id=asked.pk))


def _running(exception: ReconciliationException) -> Conflict:
    under_way = Investigation.objects.filter(exception=exception).under_way().first()
    details = {"investigation_id": under_way.pk, "url": investigation_url(under_way)} if under_way else {}
    return Conflict(
        _("This exception is being investigated already. Wait for the end of that, then ask again."),
        code="investigation.running",
        details=details,
    )
