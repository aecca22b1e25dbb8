"""A killed worker's pass, at a few points; `./dev hammer --kills 30` takes more."""

import pytest

from tests.hammer.kills import Death, kill_at_points

pytestmark = pytest.mark.django_db(transaction=True)


def test_wherever_a_worker_is_killed_its_pass_ends_as_if_unbroken(settings):
    settings.CHUNK_GROUPS = 1
    deaths: list[Death] = []
    assert kill_at_points(points=6, size=8, seed=5, tell=deaths.append) == []
    assert sum(0 < death.written < 8 for death in deaths) >= 2, "killed half way"
