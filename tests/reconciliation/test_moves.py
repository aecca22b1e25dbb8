"""The tables of moves of passes and runs, walked pair by pair."""

from __future__ import annotations

import pytest

from organizations.refusals import Conflict
from reconciliation.models import Pass, Run
from reconciliation.states import PASS_MOVES, RUN_MOVES, PassStatus, RunStatus
from tests.clock import NOW
from tests.factories.reconciliation import PassFactory, RunFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("start", PassStatus)
@pytest.mark.parametrize("to", PassStatus)
def test_a_pass_moves_only_as_its_table_says(start: PassStatus, to: PassStatus):
    ended = {"finished_at": NOW} if start not in ("pending", "running") else {}
    row = (
        PassFactory.build(status=start, pk=1)
        if to not in PASS_MOVES[start]
        else PassFactory(status=start, **ended)
    )
    if to not in PASS_MOVES[start]:
        with pytest.raises(Conflict, match="cannot become"):
            row.move(to)
        return
    row.move(to, finished_at=None if to in ("pending", "running") else NOW)
    assert Pass.objects.get(pk=row.pk).status == to


def test_a_pass_that_another_attempt_took_cannot_be_moved():
    row = PassFactory(status="running", attempt=1)
    Pass.objects.filter(pk=row.pk).update(attempt=2)
    with pytest.raises(Conflict, match="taken over"):
        row.move("completed", finished_at=NOW)
    row.refresh_from_db()
    assert row.status == "running"


def test_tables_of_moves_name_every_status():
    assert set(PASS_MOVES) == set(PassStatus)
    assert set(RUN_MOVES) == set(RunStatus)


@pytest.mark.parametrize("to", [status for status in RunStatus if status != RunStatus.CLOSED])
def test_a_run_moves_only_as_its_table_says(to: RunStatus):
    for start, moves in RUN_MOVES.items():
        if start != RunStatus.CLOSED:
            run = RunFactory(status=start)
            assert Run.objects.filter(pk=run.pk).moved(to) == (1 if to in moves else 0)
            run.refresh_from_db()
            assert run.status == (to if to in moves else start)
