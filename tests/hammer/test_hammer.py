"""The hammer for seconds; `./dev hammer` strikes for minutes. A fixed number of acts, no measure of time."""

import pytest

from tests.hammer.checks import problems
from tests.hammer.driver import Driver, Plan
from tests.hammer.kinds import KINDS, OK
from tests.hammer.world import build

pytestmark = pytest.mark.django_db(transaction=True)


def test_whatever_people_and_passes_do_at_once_everything_holds():
    world = build(seed=7)
    report = Driver(world, Plan(seed=7, acts=160, processes=2, threads=4)).run()
    assert problems(world, report) == []
    assert report.kills
    assert report.cuts
    done = {outcome.kind for outcome in report.outcomes if outcome.result == OK}
    assert len(done & {act.__name__ for act in KINDS}) > len(KINDS) // 2
