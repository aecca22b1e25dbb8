"""Celery's doorbells for upkeep: each calls one service. Scheduled by beat."""

from __future__ import annotations

from functools import partial

from celery import shared_task
from django.utils import timezone

from organizations.acts import perform
from organizations.services import upkeep


@shared_task
def seal_audit(**_later: object) -> None:
    """Seal the audit events that wait."""
    upkeep.seal_all(at=timezone.now())


@shared_task
def expire_idempotency_keys(**_later: object) -> None:
    perform(partial(upkeep.idempotency_keys_expire, at=timezone.now()))


@shared_task
def note_heartbeat(*, sent_by: str = "beat", **_later: object) -> None:
    """A worker ran what beat sent: both are alive."""
    now = timezone.now()
    perform(partial(upkeep.heartbeat_note, name=sent_by, at=now))
    perform(partial(upkeep.heartbeat_note, name="worker", at=now))
