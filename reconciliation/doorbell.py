"""Rings for a worker after the act is safe on disk. The row is the job; the message only says that there is one."""

from __future__ import annotations

import logging

from celery import Task, current_app
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)


def ring(task: Task, **ids: int) -> None:
    """Send the task's message. A broker that is away does not undo the act: the sweeper rings again for its row."""
    try:
        task.apply_async(kwargs=ids, retry=False)
    except OperationalError as error:
        _away(task.name, error)


def ring_soon(task: str, *, seconds: float, **ids: int) -> None:
    """The same in some seconds, by the task's name: for acts that the tasks themselves are made of."""
    try:
        current_app.send_task(task, kwargs=ids, countdown=seconds, retry=False)
    except OperationalError as error:
        _away(task, error)


def _away(task: str, error: Exception) -> None:
    log.warning("the broker is away; the sweeper will ring", extra={"task": task, "error": str(error)})
