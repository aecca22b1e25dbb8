"""Celery tasks that only tests have, loaded into the worker of the fixture `worker`."""

import redis
from celery import shared_task
from django.conf import settings

LONGEST_SECONDS = 60


def broker() -> redis.Redis:
    return redis.Redis.from_url(settings.CELERY_BROKER_URL)


@shared_task
def hold(*, name: str) -> None:
    """Say that it has begun, then wait until the test lets it go, then say that it has ended."""
    with broker() as keys:
        keys.incr(f"{name}:begun")
        assert keys.blpop([f"{name}:go"], timeout=LONGEST_SECONDS), "the test never let this task go"
        keys.incr(f"{name}:ended")
