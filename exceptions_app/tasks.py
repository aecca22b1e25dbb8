"""Celery doorbells of this floor: ids in, one call."""

from __future__ import annotations

from functools import partial

from celery import shared_task
from django.utils import timezone

from exceptions_app.selectors.sweeping import organizations_to_sweep
from exceptions_app.services import investigation_execution, sweeping
from organizations.acts import perform
from reconciliation.doorbell import ring


@shared_task
def sweep_overdue(**_later: object) -> None:
    """Each organization has its own message: one that takes long does not keep the others. `_later` lets an old worker take
    a message of the next release."""
    for organization_id in organizations_to_sweep(at=timezone.now()):
        ring(sweep_organization, organization_id=organization_id)


@shared_task
def sweep_organization(*, organization_id: int, **_later: object) -> None:
    sweeping.organization_sweep(organization_id=organization_id, clock=timezone.now)


@shared_task
def forget_sweeps(**_later: object) -> None:
    perform(partial(sweeping.sweeps_forget, at=timezone.now()))


@shared_task
def execute_investigation(*, investigation_id: int, **_later: object) -> None:
    investigation_execution.investigation_execute(investigation_id=investigation_id, clock=timezone.now)


@shared_task
def requeue_lost_investigations(**_later: object) -> None:
    """Ring again for what a dead worker left and nobody is at."""
    for investigation_id in investigation_execution.lost_investigations(at=timezone.now()):
        ring(execute_investigation, investigation_id=investigation_id)
