"""Two callers who change one rule at the same moment: the second is told of the first."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import Event
from typing import Any

import pytest

from organizations.acts import perform
from reconciliation.services.rules import rule_change
from rules.models import Rule
from tests.api.rules.conftest import RULES, Bench
from tests.clock import NOW
from tests.hammer.scenarios import another_connection, waits_for_lock
from tests.organizations.threads import run_together
from tests.workers import wait_for

pytestmark = pytest.mark.django_db(transaction=True)


def while_another_changes_it(bench: Bench, rule_id: int, ask: Callable[[], Any]) -> Any:
    """What `ask` is answered when it comes while somebody else's change of the rule is not safe on disk yet."""
    changed, asked = Event(), Event()

    def change() -> None:
        rule = Rule.objects.get(pk=rule_id)
        rule_change(rule=rule, changes={"priority": 7}, by=bench.by, at=NOW)
        changed.set()
        with another_connection() as looker:
            looker.autocommit = True
            wait_for(lambda: asked.is_set() or waits_for_lock(looker), seconds=20, what="the other waits")

    def second() -> Any:
        assert changed.wait(20)
        try:
            return ask()
        finally:
            asked.set()

    first, answer = run_together(partial(perform, change), second)
    assert first is None, first
    return answer


@pytest.mark.parametrize("how", ["patch", "delete"])
def test_a_change_that_comes_while_another_is_made_is_refused(bench: Bench, how: str):
    rule = bench.rule()
    path = f"{RULES}/{rule['id']}"
    ask: dict[str, Callable[[], Any]] = {
        "patch": lambda: bench.patch(path, {"priority": 9, "expected_revision": 1}),
        "delete": lambda: bench.client.delete(f"{path}?expected_revision=1"),
    }
    answer = while_another_changes_it(bench, rule["id"], ask[how])
    assert (answer.status_code, answer.json()["reason"]) == (409, "rule.changed")
    (kept,) = bench.rules(bench.cards)
    assert (kept["priority"], kept["revision"]) == (7, 2)
