"""Real threads with database connections of their own, for tests of races. Needs `django_db(transaction=True)`."""

from collections.abc import Callable
from threading import Thread
from typing import Any

from django.db import connections

JOIN_SECONDS = 30


def run_together(*functions: Callable[[], Any]) -> list[Any]:
    """Run each in its own thread; what each returned, or the exception that it raised, in order."""
    results: list[Any] = [None] * len(functions)

    def run(place: int, function: Callable[[], Any]) -> None:
        try:
            results[place] = function()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            results[place] = error
        finally:
            connections.close_all()

    threads = [Thread(target=run, args=(place, function)) for place, function in enumerate(functions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(JOIN_SECONDS)
    assert not any(thread.is_alive() for thread in threads), "a thread hangs"
    return results
