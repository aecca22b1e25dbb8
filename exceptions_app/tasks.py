"""Celery doorbells of this floor: ids in, one call."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from exceptions_app.services import investigation_execution
from reconciliation.doorbell import ring


@shared_task
def execute_investigation(*, investigation_id: int, **_later: object) -> None:
    """`_later` lets an old worker take a message of the next release."""
    investigation_execution.investigation_execute(investigation_id=investigation_id, clock=timezone.now)


@shared_task
def requeue_lost_investigations(**_later: object) -> None:
    """Ring again for what a dead worker left and nobody is at."""
    for investigation_id in investigation_execution.lost_investigations(at=timezone.now()):
        ring(execute_investigation, investigation_id=investigation_id)
