"""Few open records: sums are sought without words, and several of a kind facing several are for a person to look at."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from rules.engine.investigation import MATCHED, Cause, Findings, Outcome, investigate
from tests.rules.engine.investigation.test_slips import record
from tests.rules.engine.investigation.world import frame


def looked(own: list[dict], other: list[dict], asked: list[int]) -> Findings:
    side, others = frame(own), frame(other)
    chosen = side.filter(pl.col("id").is_in(asked))
    return investigate(chosen, side, others, pl.DataFrame(schema=MATCHED), magnitude=True)


STRANGERS = [record(21, "b", 2, 123_45), record(22, "b", 4, 777_00), record(23, "b", 4, 19_99)]


def test_parts_are_found_without_a_word_where_there_are_few_records():
    parts = [record(11, "b", 1, 548_22), record(12, "b", 3, 300_00), record(13, "b", 5, 64_15)]
    said = looked([record(1, "a", 0, 912_37)], [*parts, *STRANGERS], [1]).findings.row(0, named=True)
    assert (said["cause"], said["outcome"]) == (Cause.SPLIT_PAYMENT, Outcome.MATCH_FOUND)
    assert sorted(said["suggested"]) == [11, 12, 13]


def test_so_are_several_that_were_paid_at_once():
    own = [
        record(1, "a", 0, 548_22),
        record(2, "a", 0, 300_00),
        record(3, "a", 1, 64_15),
        record(4, "a", 3, 77_77),
    ]
    said = looked(own, [record(11, "b", 1, 912_37), record(12, "b", 2, 40_00)], [1]).findings.row(
        0, named=True
    )
    assert (said["cause"], said["outcome"]) == (Cause.COMBINED_PAYMENT, Outcome.MATCH_FOUND)
    assert sorted(said["suggested"]) == [2, 3, 11]


@pytest.mark.parametrize(("size", "books"), [(6, 25), (16, 60)])
def test_sums_that_meet_by_accident_are_not_found(size, books):
    chance = np.random.default_rng(size)
    found = 0
    for _books in range(books):
        days, amounts = chance.integers(-20, 20, size + 4), np.exp(chance.normal(8.5, 1.3, size + 4))
        rows = [
            record(place + 1, "a" if place < 4 else "b", int(days[place]) + 30, int(amounts[place]) + 1)
            for place in range(size + 4)
        ]
        outcomes = looked(rows[:4], rows[4:], [1, 2, 3, 4]).outcomes
        found += outcomes.filter(pl.col("outcome") == Outcome.MATCH_FOUND).height
    assert found <= 4 * books / 100


def test_several_of_a_kind_facing_several_are_for_a_person():
    own, other = (
        [record(place, side, 0, 50_00) for place in ids]
        for side, ids in (("a", range(1, 5)), ("b", range(11, 15)))
    )
    told = looked(own, other, [1, 2, 3, 4])
    assert set(told.outcomes["outcome"]) == {Outcome.NEEDS_REVIEW}
    first = told.findings.filter(pl.col("rank") == 1)
    assert set(first["cause"]) == {Cause.EQUAL_AMOUNT}
    assert all(facts["rivals"] >= 3 for facts in first["facts"])
