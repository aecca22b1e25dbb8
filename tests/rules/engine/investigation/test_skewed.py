"""Pools in which amounts and people repeat: nothing may look certain there by accident. Of 1,500 records asked about; all of
them are without a cause."""

from __future__ import annotations

import numpy as np

from rules.engine.investigation import Outcome, investigate
from tests.rules.engine.investigation.world import SPAN, World


def found(world: World) -> int:
    outcomes = investigate(*world.frames(world.nothing), magnitude=True).outcomes
    return int((outcomes["outcome"] == Outcome.MATCH_FOUND).sum())


def skewed(seed: int, size: int = 1_500, **given) -> World:
    world = World(np.random.default_rng(seed))
    draw = {name: value if callable(value) else lambda value=value: value for name, value in given.items()}
    for side, put in (("a", world.own), ("b", world.other)):
        for _ in range(size):
            put.append(world.book(world.trade(**{name: one() for name, one in draw.items()}), side))
    world.nothing = [one["id"] for one in world.own]
    return world


def test_all_of_one_amount():
    assert found(skewed(1, amount=10_00, currency="EUR")) == 0


def test_a_few_round_amounts():
    rng = np.random.default_rng(2)
    amounts = [50_00, 100_00, 200_00, 250_00, 500_00, 1000_00, 1200_00]
    assert found(skewed(2, amount=lambda: amounts[int(rng.integers(len(amounts)))], currency="EUR")) <= 3


def test_one_counterparty():
    assert found(skewed(3, name="Kabado Logistics GmbH")) <= 15


def test_one_counterparty_and_list_prices():
    rng = np.random.default_rng(4)
    prices = rng.integers(5_00, 300_00, 40)
    assert (
        found(skewed(4, name="Kabado Logistics GmbH", amount=lambda: int(prices[int(rng.integers(40))])))
        <= 15
    )


def test_everything_on_one_day():
    assert found(skewed(5, day=SPAN - 20)) <= 3


def test_both_sides_number_their_own_documents():
    """The same running numbers on both sides mean different things."""
    world = skewed(6)
    for records in (world.own, world.other):
        for place, number in enumerate(world.rng.permutation(len(records)).tolist()):
            records[place]["reference"] = f"DOC-{10_000 + number}"
    assert found(world) <= 15


def test_small_books_are_no_surer():
    """Each in books of its own: a handful of candidates is no reason to find one."""
    world = World(np.random.default_rng(8))
    world.strangers(6, 120)
    total = 0
    for place in range(6):
        part = World(np.random.default_rng(0))
        part.own, part.other = world.own[place : place + 1], world.other[place * 20 :][:20]
        part.nothing = [one["id"] for one in part.own]
        total += found(part)
    assert total == 0


def test_a_price_list_in_small_books():
    """Whatever is sold has one of 400 prices: that two records have the same says less than how near other amounts stand."""
    rng = np.random.default_rng(9)
    prices = np.exp(rng.normal(9, 1, 400)).astype(int) // 100 * 100 + 99
    total = 0
    for seed in range(5):
        world = skewed(
            20 + seed, size=300, amount=lambda: int(prices[int(rng.integers(400))]), currency="EUR"
        )
        total += found(world)
    assert total <= 15, total
