"""Celery tasks that only tests have, loaded into the worker of the fixture `worker`; and which tasks reach it."""

import os

import redis
from celery import shared_task
from django.conf import settings

LONGEST_SECONDS = 60

# Only while a test uses the fixture `worker` does anybody hear what is rung for: another test's tasks would meet a
# database that is rolled back, or be done while the test does them itself. What a task rings for is always heard.
heard = "TIEOUT_TEST_WORKER" in os.environ


def queue_for(name: str, *_arguments: object, **_options: object) -> dict[str, str]:
    return {"queue": "celery" if heard else "unheard"}


def broker() -> redis.Redis:
    return redis.Redis.from_url(settings.CELERY_BROKER_URL)


@shared_task
def hold(*, name: str) -> None:
    """Say that it has begun, then wait until the test lets it go, then say that it has ended."""
    with broker() as keys:
        keys.incr(f"{name}:begun")
        assert keys.blpop([f"{name}:go"], timeout=LONGEST_SECONDS), "the test never let this task go"
        keys.incr(f"{name}:ended")
