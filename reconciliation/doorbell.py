"""Rings for a worker after the act is safe on disk. The row is the job; the message only says that there is one."""

from __future__ import annotations

import logging

from celery import Task
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)


def ring(task: Task, **ids: int) -> None:
    """Send the task's message. A broker that is away does not undo the act: the sweeper rings again for its row."""
    try:
        task.apply_async(kwargs=ids, retry=False)
    except OperationalError as error:
        log.warning(
            "the broker is away; the sweeper will ring", extra={"task": task.name, "error": str(error)}
        )
