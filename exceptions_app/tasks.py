"""Celery doorbells of this floor: ids in, one call."""

from __future__ import annotations

from functools import partial

from celery import shared_task
from django.utils import timezone

from exceptions_app.selectors.sweeping import organizations_to_sweep
from exceptions_app.services import sweeping
from organizations.acts import perform
from reconciliation.doorbell import ring


@shared_task
def sweep_overdue(**_later: object) -> None:
    """Each organization has its own message: one that takes long does not keep the others."""
    for organization_id in organizations_to_sweep(at=timezone.now()):
        ring(sweep_organization, organization_id=organization_id)


@shared_task
def sweep_organization(*, organization_id: int, **_later: object) -> None:
    sweeping.organization_sweep(organization_id=organization_id, clock=timezone.now)


@shared_task
def forget_sweeps(**_later: object) -> None:
    perform(partial(sweeping.sweeps_forget, at=timezone.now()))
