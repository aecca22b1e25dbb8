"""Asking for work on rules (a backtest, a search for rules) and waiting for it. A worker does it (rule_job_execution)."""

from __future__ import annotations

import time
from datetime import datetime
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from organizations import audit
from organizations.actors import Actor
from organizations.refusals import Conflict
from reconciliation.doorbell import ring_soon
from reconciliation.models import RuleJob
from reconciliation.states import RuleJobKind
from rules.models import Reconciliation

EXECUTE = "reconciliation.tasks.execute_rule_job"  # by name: the tasks import what does the work
POLL_SECONDS = 0.05


def rule_job_request(
    *, reconciliation: Reconciliation, kind: RuleJobKind, asked: dict[str, Any], by: Actor, at: datetime
) -> RuleJob:
    """Ask for a job; a worker does it after this transaction is safe on disk. `asked` becomes its input.

    One search for rules at a time per reconciliation: a second one is a Conflict ("rule_job.running").
    """
    try:
        with transaction.atomic():
            job = RuleJob.objects.create(
                reconciliation=reconciliation,
                kind=kind,
                input=asked,
                requested_at=at,
                requested_by=by.ref,
            )
    except IntegrityError:
        raise Conflict(
            _("Rules of this reconciliation are being looked for already. Wait for the end of that."),
            code="rule_job.running",
        ) from None
    audit.record(
        action=f"rule_job.{kind}_requested",
        organization_id=reconciliation.organization_id,
        by=by,
        at=at,
        subject=job,
        subjects=[reconciliation],
    )
    transaction.on_commit(partial(ring_soon, EXECUTE, seconds=0, job_id=job.pk))
    return job


def rule_job_wait(job_id: int, *, seconds: float) -> RuleJob:
    """Look until the job has ended or the time is over; outside any transaction. A person waits on the other end."""
    until = time.monotonic() + seconds
    while True:
        found = RuleJob.objects.select_related("reconciliation").get(pk=job_id)
        if not found.is_under_way or time.monotonic() >= until:
            return found
        time.sleep(POLL_SECONDS)
