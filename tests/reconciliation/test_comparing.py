"""Comparing sets of groups, against sets of Python."""

from __future__ import annotations

from random import Random

import polars as pl
import pytest

from reconciliation.comparing import MEMBERS, Groups

Set = frozenset[tuple[str, int]]


def drawn(rng: Random) -> dict[int, Set]:
    """Disjoint groups of one to four records out of a dozen."""
    records = [(side, number + (100 if side == "b" else 0)) for side in "ab" for number in range(6)]
    rng.shuffle(records)
    found: dict[int, Set] = {}
    while records and len(found) < 5:
        size = rng.randint(1, 4)
        found[len(found) * 7] = frozenset(records[:size])
        records = records[size:]
    return found


def framed(groups: dict[int, Set]) -> Groups:
    rows = [(number, side, record) for number, group in groups.items() for side, record in group]
    pool = [(number + plus, "EUR", number + 1) for number in range(6) for plus in (0, 100)]
    return Groups(
        pl.DataFrame(rows, schema=MEMBERS, orient="row"),
        pl.DataFrame(pool, schema={"id": pl.Int64, "currency": pl.String, "measure": pl.Int64}, orient="row"),
    )


@pytest.mark.parametrize("seed", range(200))
def test_what_is_touched_and_what_is_the_same(seed: int):
    rng = Random(seed)
    some, others = drawn(rng), drawn(rng)
    if rng.random() < 0.5:  # some groups in common, under other numbers
        others = {number + 1: group for number, group in some.items() if rng.random() < 0.7}
    found = framed(some).against(framed(others))
    assert list(found.iter_rows()) == [
        (number, any(group & other for other in others.values()), group in others.values())
        for number, group in sorted(some.items())
    ]
    met = framed(some).met_by(framed(others))
    assert list(met.iter_rows()) == sorted(
        (number, other) for number in some for other in others if some[number] & others[other]
    )


def test_values_are_what_side_a_adds_up_to_by_currency():
    pool = pl.DataFrame(
        {"id": [1, 2, 3, 101], "currency": ["EUR", "EUR", "USD", "EUR"], "measure": [-50, 20, 7, -30]}
    )
    rows = [(0, "a", 1), (0, "a", 2), (0, "b", 101), (1, "a", 3)]
    groups = Groups(pl.DataFrame(rows, schema=MEMBERS, orient="row"), pool)
    assert groups.tally(pl.Series([0, 1])) == {"groups": 2, "values": {"EUR": 30, "USD": 7}}
    [first] = groups.listed(pl.Series([1, 0]), 1)
    assert first == {"group": 0, "side_a": [1, 2], "side_b": [101], "currency": "EUR", "value": 30}


def test_nothing_compares_with_nothing():
    none = framed({})
    assert none.against(none).height == 0
    assert none.tally(pl.Series([], dtype=pl.Int64)) == {"groups": 0, "values": {}}
    assert framed({3: frozenset({("a", 1)})}).against(none).rows() == [(3, False, False)]
