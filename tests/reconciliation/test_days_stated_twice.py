"""Days that several statements are of: parts that go on from each other, the whole beside them, and the same in other words."""

from __future__ import annotations

from itertools import permutations

import pytest

from tests.factories.organizations import actor_with
from tests.reconciliation.statements import Proving, Said, camt, chain, day, of_day, told
from tests.reconciliation.test_account_proof import WEEK, upload_each

pytestmark = pytest.mark.django_db


@pytest.fixture
def proving() -> Proving:
    return Proving(actor_with())


def said_whole(*parts: Said, words: str = "") -> Said:
    """The lines of these as one statement; with `words` in the last line's own."""
    rows = [line for each in parts for line in each.lines]
    if words:
        rows[-1] = (*rows[-1][:2], words)
    return Said(rows, parts[0].opening, parts[-1].closing, parts[0].first, parts[-1].last)


def test_a_statement_that_comes_again_in_other_words_breaks_on_its_day(proving):
    said = chain(*WEEK)
    upload_each(proving, [*said, said_whole(said[3], words="said otherwise")])
    proof = proving.proof()
    assert (told(proof), proof.verdict) == ([("overlap", day(5), day(5), -2_50)], "broken")


def parts_of_a_day() -> list[Said]:
    morning = Said([(day(3), 5_00, "morning")], first=day(3), last=day(3))
    evening = Said([(day(3), 3_00, "evening")], first=day(3), last=day(3))
    return chain(of_day(2, 10_00), morning, evening, of_day(4, 1_00))


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_day_comes_in_two_statements_and_once_whole(proving, order):
    first, morning, evening, last = parts_of_a_day()
    day_of = [morning, evening, said_whole(morning, evening)]
    upload_each(proving, [first, *(day_of[place] for place in order), last])
    assert (proving.states(2, 4), told(proving.proof())) == (["proved"] * 3, [])


def test_one_of_several_statements_of_a_day_may_say_more_of_it(proving):
    _first, morning, evening, _last = parts_of_a_day()
    upload_each(proving, [said_whole(morning, evening), morning])
    assert (proving.states(3, 3), told(proving.proof())) == (["proved"], [])


def test_what_a_week_says_otherwise_breaks_though_one_of_its_days_came_in_two(proving):
    said = parts_of_a_day()
    upload_each(proving, [*said, said_whole(*said, words="said otherwise")])
    assert told(proving.proof()) == [("overlap", day(4), day(4), -1_00)]


def test_statements_that_meet_within_a_day_are_held_against_the_whole(proving):
    said = chain(
        Said([(day(2), 1_00, "a"), (day(4), 2_00, "b")], first=day(2), last=day(4)),
        Said([(day(4), 3_00, "c"), (day(6), 4_00, "d")], first=day(4), last=day(6)),
    )
    upload_each(proving, [*said, said_whole(*said)])
    assert told(proving.proof()) == []
    proving.upload(camt(said_whole(*said, words="said otherwise")))
    assert told(proving.proof()) == [("overlap", day(6), day(6), -4_00)]


def test_an_account_may_swing_to_the_same_balances_twice_in_a_day(proving):
    swings = [Said([(day(2), amount, f"sweep {amount}")]) for amount in (50_00, -50_00)]
    again = Said([(day(2), 50_00, "funded once more")])
    dated = [Said(each.lines, first=day(2), last=day(2)) for each in (*swings, again)]
    upload_each(proving, chain(*dated, of_day(3, 1_00)))
    proof = proving.proof(2, 3)
    assert (told(proof), [each.balance for each in proof.days]) == ([], [150_00, 151_00])
