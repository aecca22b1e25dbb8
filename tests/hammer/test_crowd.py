"""People at their desks while a pass writes, small; `./dev hammer --people 20` has 2,000 lines and 200,000 records."""

import pytest

from tests.hammer.crowd import crowd

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_pass_and_the_people_beside_it_share_the_records_and_lose_none(settings):
    settings.CHUNK_GROUPS = 1
    seen = crowd(people=20, lines=60, records=2_000, chunk_groups=100, seed=3)
    assert seen.problems == []
    assert sum(seen.answers.values()) == 60
    assert set(seen.answers) <= {"ok", "match.token_taken"}
    assert seen.lost
    assert seen.answers["ok"] >= seen.lost
