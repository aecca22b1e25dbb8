"""Many threads at one barrier, each with a database connection of its own. Needs `django_db(transaction=True)`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from threading import Barrier
from typing import Any

from django.db import connection

from organizations.acts import perform
from organizations.refusals import Refusal
from tests.organizations.threads import run_together


def at_once(acts: Sequence[Callable[[], Any]]) -> list[Any]:
    """Perform each act in a thread of its own, all starting at the same moment; results or refusals, in order.

    Whatever is no Refusal fails the test: a race may cost a person a clear no, never a crash.
    """
    barrier = Barrier(len(acts))

    def act(perform_it: Callable[[], Any]) -> Any:
        connection.ensure_connection()
        barrier.wait()
        return perform_it()

    results = run_together(*(partial(act, one) for one in acts))
    for result in results:
        if isinstance(result, Exception) and not isinstance(result, Refusal):
            raise result
    return results


def performed(act: Callable[..., Any], **arguments: Any) -> Callable[[], Any]:
    return partial(perform, partial(act, **arguments))


def codes(results: Sequence[Any]) -> Counter[str]:
    """How often each refusal came; "ok" for what was not refused."""
    return Counter(result.code if isinstance(result, Refusal) else "ok" for result in results)
