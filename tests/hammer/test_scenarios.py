"""Each protection of the concurrency protocol holds its scenario, and the scenario breaks without it."""

import pytest

from tests.hammer import switches
from tests.hammer.scenarios import SCENARIOS, broken

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _one_group_at_a_time(settings):
    settings.CHUNK_GROUPS = 1


def test_every_switch_has_its_scenario():
    assert SCENARIOS.keys() == switches.SWITCHES.keys()


@pytest.mark.parametrize("name", SCENARIOS)
def test_with_its_protection_the_scenario_holds(name: str):
    assert SCENARIOS[name]() == []


@pytest.mark.parametrize("name", SCENARIOS)
def test_without_its_protection_the_scenario_breaks(name: str):
    assert broken(name)
