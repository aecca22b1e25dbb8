"""Every operation of the API against its own description, over HTTP: no 5xx, documented answers, bad requests refused."""

import pytest

from tests.fuzz.driver import Plan, fuzz

FEW = Plan(examples=6, seed=20260331, phases="fuzzing", learning=False, options=("--no-shrink",))


@pytest.mark.worker
@pytest.mark.slow
def test_generated_requests_get_the_documented_answers(worker):
    outcome = fuzz(FEW)
    assert outcome.code == 0, outcome.said
