"""Upkeep that runs by the clock: sealing, expiry of idempotency keys, signs of life. Called by the tasks."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from organizations import audit
from organizations.acts import perform
from organizations.models import AuditUnsealed, Heartbeat, IdempotencyKey

KEYS_KEPT = timedelta(hours=48)  # at least the promised 24 hours, and two daily runs
EXPIRE_BATCH_MAX = 10_000


def seal_all(*, at: datetime) -> int:
    """Seal what waits in every organization, one batch each; the number of events sealed. Opens its own transactions."""
    waiting = (
        AuditUnsealed.objects.order_by("organization_id").values_list("organization_id", flat=True).distinct()
    )
    sealed = 0
    for organization_id in list(waiting):
        sealed += perform(partial(audit.seal, organization_id=organization_id, at=at))
    return sealed


def idempotency_keys_expire(*, at: datetime) -> int:
    """Delete answers older than 48 hours, at most one batch; the number deleted."""
    old = IdempotencyKey.objects.filter(created_at__lt=at - KEYS_KEPT).order_by("created_at")
    ids = list(old.values_list("pk", flat=True)[:EXPIRE_BATCH_MAX])
    deleted, _by_model = IdempotencyKey.objects.filter(pk__in=ids).delete()
    return deleted


def heartbeat_note(*, name: str, at: datetime) -> None:
    """Remember that this process was alive at `at`."""
    Heartbeat.objects.update_or_create(name=name, defaults={"at": at})
