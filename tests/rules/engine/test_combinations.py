"""The combination search against every set there is, and its verdicts."""

from __future__ import annotations

from itertools import combinations as every
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.engine import combinations as search
from rules.engine.combinations import SETS_SHOWN, combinations


def truth(amounts: list[int], target: int, tolerance: int, largest: int) -> set[tuple[int, ...]]:
    """Every set in turn, slowly: no item of 0, no part that adds up to 0."""
    places = [place for place, amount in enumerate(amounts) if amount]

    def minimal(chosen: tuple[int, ...]) -> bool:
        parts = (part for size in range(1, len(chosen)) for part in every(chosen, size))
        return all(sum(amounts[place] for place in part) for part in parts)

    return {
        chosen
        for size in range(1, largest + 1)
        for chosen in every(places, size)
        if abs(sum(amounts[place] for place in chosen) - target) <= tolerance and minimal(chosen)
    }


SMALL = st.lists(st.integers(-30, 60), max_size=9)
ALIKE = st.lists(st.sampled_from([5, 10, 10, 20, 35]), max_size=10)


@settings(max_examples=400)
@given(
    amounts=SMALL | ALIKE | ALIKE.map(lambda found: [-amount for amount in found]),
    target=st.integers(-80, 120),
    tolerance=st.integers(0, 4),
    largest=st.integers(1, 5),
)
def test_it_finds_exactly_the_sets_that_there_are(amounts, target, tolerance, largest):
    expected = truth(amounts, target, tolerance, largest)
    found = combinations(amounts, target, tolerance=tolerance, largest=largest)
    assert (found.count, found.exact) == (len(expected), True) or len(expected) > SETS_SHOWN
    assert found.verdict == ("none" if not expected else "unique" if len(expected) == 1 else "ambiguous")
    if len(expected) <= SETS_SHOWN:
        assert {tuple(sorted(chosen)) for chosen in found.sets} == expected
        assert len(found.sets) == len(expected)


@settings(max_examples=200)
@given(
    amounts=st.lists(st.integers(1, 40), max_size=12), target=st.integers(1, 100), largest=st.integers(1, 5)
)
def test_the_table_counts_what_the_listing_finds(amounts, target, largest):
    values = np.array([amount for amount in amounts if amount <= target], np.int64)
    sizes = [len(chosen) for chosen in truth(values.tolist(), target, 0, largest)]
    counted = search._counted(values, target, target, largest)
    assert counted == [sizes.count(size) for size in range(1, largest + 1)]


def test_many_ways_are_counted_and_not_listed():
    found = combinations([1_00] * 40 + [2_00] * 40, 8_00, largest=8)
    ways = sum(comb(40, 8 - 2 * twos) * comb(40, twos) for twos in range(5) if 8 - twos <= 8)
    assert (found.verdict, found.count, found.exact, found.sets) == ("ambiguous", ways, True, [])


def test_a_count_near_the_end_of_whole_numbers_is_exact():
    amounts = [100 * (1 + place % 7) for place in range(1000)]
    found = combinations(amounts, 28_00, largest=8)
    assert found.verdict == "ambiguous"
    assert found.count > 2**53
    assert found.count == _by_class([143] * 6 + [142], 28, 8)


def _by_class(times: list[int], target: int, largest: int) -> int:
    """The same by whole numbers without end."""
    ways = {(0, 0): 1}
    for value, most in enumerate(times, start=1):
        more: dict[tuple[int, int], int] = {}
        for (size, total), count in ways.items():
            for chosen in range(min(most, largest - size) + 1):
                key = (size + chosen, total + chosen * value)
                more[key] = more.get(key, 0) + count * comb(most, chosen)
        ways = more
    return sum(count for (size, total), count in ways.items() if total == target and size)


def test_the_closest_set_comes_first():
    amounts, days = [10, 20, 30, 30, 29], [9, 9, 1, 0, 0]
    found = combinations(amounts, 30, tolerance=1, largest=2, costs=days)
    assert found.sets == [(3,), (2,), (0, 1), (4,)]


def test_without_the_budget_for_it_nothing_is_called_unique(monkeypatch):
    monkeypatch.setattr(search, "HALVES", 10)
    found = combinations([1, 2, 4, 8, 16, 32, -100], 7, largest=3)
    assert (found.verdict, found.count, found.exact, found.complete_to) == ("exhausted", 0, False, 2)
    found = combinations([7, 2, 4, 8, 16, 32, -100], 7, largest=3)
    assert (found.verdict, found.count, found.exact, found.sets) == ("exhausted", 1, False, [(0,)])
    found = combinations([7, 7, 4, 8, 16, 32, -100], 7, largest=3)
    assert (found.verdict, found.count, found.exact) == ("ambiguous", 2, False)


def test_what_is_known_to_be_there_but_not_found_is_exhausted(monkeypatch):
    monkeypatch.setattr(search, "HALVES", 10)
    found = combinations([1, 2, 4, 8, 16, 14], 21, largest=3)
    assert (found.verdict, found.count, found.exact, found.sets) == ("exhausted", 1, True, [])


def test_too_many_agreeing_halves_end_the_search(monkeypatch):
    monkeypatch.setattr(search, "MEETINGS", 3)
    found = combinations([5, 5, 5, -1, -2, 7], 10, largest=2)
    assert (found.verdict, found.complete_to) == ("exhausted", 1)


@pytest.mark.parametrize("wrong", [{"largest": 0}, {"largest": 11}, {"tolerance": -1}])
def test_limits_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match="items"):
        combinations([1], 1, **wrong)
