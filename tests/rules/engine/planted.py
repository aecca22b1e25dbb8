"""Books with a rule planted in them, of any size, with what truly belongs together: for proposing rules, where nobody has
said which. Fixed seeds; days count from TODAY."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from rules.engine import Outcome, match, parse_rule
from rules.engine.cold_start import Proposal
from tests.clock import TODAY

DAYS = 182
EPOCH = date(1970, 1, 1)
SYLLABLES = ["ba", "do", "fe", "gu", "ka", "li", "mo", "nu", "pe", "ra", "so", "ti", "vu", "wa", "zi"]


@dataclass(frozen=True)
class Planted:
    """`truth`: for each record of a side (by its id) the number of what it belongs to; −1 for an orphan."""

    a: pl.DataFrame
    b: pl.DataFrame
    truth_a: np.ndarray
    truth_b: np.ndarray

    @property
    def true_groups(self) -> int:
        return len(np.intersect1d(self.truth_a[self.truth_a >= 0], self.truth_b))

    def judged(self, proposals: Sequence[Proposal]) -> list[tuple[int, int]]:
        """For each proposal, run in order by the engine: how many groups it makes, and how many of them are right."""
        rules = [parse_rule({**proposal.body, "must_balance": False}) for proposal in proposals]
        outcome = match(with_amounts(self.a), with_amounts(self.b), rules)
        right = self._right(outcome)
        rule = outcome.groups["rule"].to_numpy()
        return [
            (int((rule == place).sum()), int(right[rule == place].sum())) for place in range(len(proposals))
        ]

    def _right(self, outcome: Outcome) -> np.ndarray:
        """For each group whether all its members belong together."""
        members = outcome.members
        of_a, record = (members["side"] == "a").to_numpy(), members["id"].to_numpy()
        told = np.empty(members.height, np.int64)
        told[of_a], told[~of_a] = self.truth_a[record[of_a]], self.truth_b[record[~of_a]]
        groups = (
            members.with_columns(told=pl.Series(told))
            .group_by("group")
            .agg(least=pl.col("told").min(), most=pl.col("told").max())
        )
        right = (pl.col("least") == pl.col("most")) & (pl.col("least") >= 0)
        return groups.sort("group").select(right).to_series().to_numpy()


def with_amounts(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(
        amount=pl.col("measure").abs(), effect=pl.col("measure"), signed_amount=pl.col("measure")
    )


def side(
    days: np.ndarray, amounts: np.ndarray, currency: str | np.ndarray = "EUR", **texts: object
) -> pl.DataFrame:
    """Records in a given order, numbered from 0."""
    size = len(days)
    first = (TODAY - EPOCH).days
    return pl.DataFrame(
        {
            "id": np.arange(size),
            "currency": [currency] * size if isinstance(currency, str) else currency,
            "decimal_places": pl.Series([2], dtype=pl.Int16).new_from_index(0, size),
            "date": pl.Series((days + first).astype(np.int32)).cast(pl.Date),
            "measure": amounts.astype(np.int64),
            **{name: pl.Series(list(values), dtype=pl.String) for name, values in texts.items()},  # type: ignore[call-overload]
        }
    )


def amounts(rng: np.random.Generator, size: int) -> np.ndarray:
    """As in real books: many small ones, few big ones, both directions."""
    drawn = np.exp(rng.normal(9, 1.5, size)).astype(np.int64) + 1
    return drawn * rng.choice([1, -1], size, p=[0.7, 0.3])


def names(rng: np.random.Generator, size: int) -> list[str]:
    """Company names of two words of different lengths; first words are shared by several."""
    parts = ["".join(rng.choice(SYLLABLES, rng.integers(1, 5))).title() for _ in range(size)]
    last = ["".join(rng.choice(SYLLABLES, rng.integers(2, 6))).title() for _ in range(size)]
    firsts = parts[: max(size // 12, 1)]
    return [f"{firsts[int(rng.integers(len(firsts)))]} {word}" for word in last]


@dataclass(frozen=True)
class Shape:
    """Which records each side has: true pairs, then orphans of either side, in an order of their own."""

    of_a: np.ndarray
    of_b: np.ndarray

    @classmethod
    def draw(cls, rng: np.random.Generator, size: int, orphans: float = 0.05) -> Shape:
        alone = int(size * orphans)
        of_a = np.concatenate((np.arange(size), -1 - np.arange(alone)))
        of_b = np.concatenate((np.arange(size), -1 - np.arange(alone)))
        return cls(rng.permutation(of_a), rng.permutation(of_b))


def pairs(
    rng: np.random.Generator,
    size: int,
    prices: np.ndarray,
    lags: np.ndarray,
    texts: dict[str, tuple[list[str], list[str]]],
    *,
    orphans: float = 0.05,
    fees: np.ndarray | None = None,
) -> Planted:
    """`prices`, `lags` (days of Side B after Side A) and texts by field: of `size` true pairs, then of the orphans, which
    are drawn from the same."""
    shape = Shape.draw(rng, size, orphans)
    day = rng.integers(0, DAYS, 2 * size)
    at_a = np.where(shape.of_a >= 0, shape.of_a, size - shape.of_a - 1)
    at_b = np.where(shape.of_b >= 0, shape.of_b, 2 * size - 1 + shape.of_b)
    money_b = prices if fees is None else prices - fees
    side_a = side(day[at_a], prices[at_a], **{name: np.array(one)[at_a] for name, (one, _) in texts.items()})
    side_b = side(
        (day + lags)[at_b],
        money_b[at_b],
        **{name: np.array(other)[at_b] for name, (_, other) in texts.items()},
    )
    return Planted(side_a, side_b, np.maximum(shape.of_a, -1), np.maximum(shape.of_b, -1))


def clean_reference(size: int, seed: int = 1) -> Planted:
    """The same reference on both sides; Side B one day before to five days after."""
    rng = np.random.default_rng(seed)
    numbers = rng.permutation(10 * size)[: 2 * size]
    reference = [f"R{number:07d}" for number in numbers]
    other = [f"note {word}" for word in rng.choice(SYLLABLES, 2 * size)]
    texts = {"reference": (reference, reference), "description": (other, other[::-1])}
    return pairs(rng, size, amounts(rng, 2 * size), rng.integers(-1, 6, 2 * size), texts)


def prefixed_reference(size: int, seed: int = 2, *, both: bool = True) -> Planted:
    """ "PAYMENT 123" in Side A's description, "INV-123" (or "123") in Side B's reference; up to four days later."""
    rng = np.random.default_rng(seed)
    numbers = rng.permutation(10 * size)[: 2 * size] + size
    texts = {
        "description": ([f"PAYMENT {number}" for number in numbers], [""] * len(numbers)),
        "reference": ([""] * len(numbers), [f"INV-{number}" if both else str(number) for number in numbers]),
    }
    return pairs(rng, size, amounts(rng, 2 * size), rng.integers(0, 5, 2 * size), texts)


def amount_and_text(size: int, seed: int = 3) -> Planted:
    """Customers who pay list prices again and again: only the name (two words, then each side's own text) with the amount
    tells which; up to three days later."""
    rng = np.random.default_rng(seed)
    texts = trade(rng, size, customers=max(size // 8, 10))
    return pairs(rng, size, list_prices(rng, 2 * size, 40), rng.integers(0, 4, 2 * size), texts)


def trade(rng: np.random.Generator, size: int, customers: int) -> dict[str, tuple[list[str], list[str]]]:
    """Descriptions: a customer's name, written in each side's own way. The customers are always the same ones; some pay much
    more often than others."""
    known = names(np.random.default_rng(99), customers)
    weight = 1 / np.arange(5, customers + 5)
    customer = rng.choice(np.array(known), 2 * size, p=weight / weight.sum())
    ending = rng.integers(0, 10**6, (2, 2 * size))
    return {
        "description": (
            [f"{name} {number}" for name, number in zip(customer, ending[0], strict=True)],
            [f"{name.upper()}, ref {number}" for name, number in zip(customer, ending[1], strict=True)],
        )
    }


def list_prices(rng: np.random.Generator, size: int, prices: int) -> np.ndarray:
    return rng.choice(np.unique(np.abs(amounts(np.random.default_rng(98), prices))), size)


def busy_books(size: int, seed: int, *, prices: int, customers: int, fees: float, orphans: float) -> Planted:
    """As real books are: list prices, many payments of some customers, some pairs with a fee of 2.9% and 0.30, some late by
    weeks, many orphans, and twins."""
    rng = np.random.default_rng(seed)
    price = list_prices(rng, 2 * size, prices)
    fee = np.where(rng.random(2 * size) < fees, (price * 0.029).astype(np.int64) + 30, 0)
    lags = np.minimum(rng.geometric(0.4, 2 * size) - 1, 25)
    return pairs(rng, size, price, lags, trade(rng, size, customers), orphans=orphans, fees=fee)


def batch_ids(size: int, seed: int = 4, *, many_is_a: bool = True) -> Planted:
    """Batches of 2 to 20 records, and one record per batch with their sum one to three days after the last; 3% of either
    are missing on the other side."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(2, 21, max(size // 11, 3))
    batch = np.repeat(np.arange(len(sizes)), sizes)
    day = rng.integers(0, DAYS, len(sizes))
    money = np.abs(amounts(rng, len(batch)))
    label = np.array([f"B-{number}" for number in rng.permutation(9 * len(sizes))[: len(sizes)] + 1000])
    own = [f"sale {number}" for number in rng.integers(0, 10**7, len(batch))]
    order = rng.permutation(len(batch))
    texts = {"metadata.batch_id": label[batch][order], "reference": np.array(own)[order]}
    many = side((day[batch] - rng.integers(0, 3, len(batch)))[order], money[order], **texts)
    sums = np.bincount(batch, money).astype(np.int64)
    missing_many, missing_single = rng.random((2, len(sizes))) < 0.03
    sums[missing_many] += 17
    order_b = rng.permutation(np.flatnonzero(~missing_single))
    single = side((day + rng.integers(1, 4, len(sizes)))[order_b], sums[order_b], reference=label[order_b])
    truth_many = np.where(missing_many | missing_single, -1, np.arange(len(sizes)))[batch][order]
    truth_single = np.where(missing_many, -1, np.arange(len(sizes)))[order_b]
    if many_is_a:
        return Planted(many, single, truth_many, truth_single)
    return Planted(single, many, truth_single, truth_many)


def noise(size: int, seed: int = 5) -> Planted:
    """Two sides that have nothing to do with each other, though they share customers, list prices and ways of writing."""
    one, other = amount_and_text(size, seed), amount_and_text(size, seed + 1000)
    return _strangers(one.a, other.b)


def dated_noise(size: int, seed: int = 6) -> Planted:
    """The same where both sides' texts tell the week and the day."""
    rng = np.random.default_rng(seed)
    sides = []
    for _ in range(2):
        day = rng.integers(0, DAYS, size)
        weeks, days = [f"W{one // 7:03d}" for one in day], [f"sales of day {one}" for one in day]
        sides.append(side(day, list_prices(rng, size, 3000), reference=weeks, description=days))
    return _strangers(*sides)


def dated_batches(size: int, seed: int = 7) -> Planted:
    """Two records of a shop and day, and one that carries the same shop and day, of three prices and their sums: where a sum
    agrees it does so by accident."""
    rng = np.random.default_rng(seed)
    shops = max(size // (2 * DAYS), 2)
    place = np.arange(DAYS * shops)
    label = np.array([f"{one // shops:03d}/{one % shops}" for one in place])
    prices = np.array([1_000, 1_500, 2_500])
    two = rng.choice(prices, (2, len(place)))
    twice = np.tile(place, 2)
    many = side(twice // shops, two.reshape(-1), reference=label[twice])
    single = side(place // shops, rng.choice(prices, (2, len(place))).sum(axis=0), reference=label)
    return _strangers(many, single)


def busy_days(size: int, seed: int = 8) -> Planted:
    """Two sides that have nothing to do with each other but that both book most of it on the first of a month."""
    sides = []
    for own in (seed, seed + 1000):
        rng = np.random.default_rng(own)
        firsts = rng.choice([0, 31, 59], size)
        day = np.where(rng.random(size) < 0.92, firsts, rng.integers(0, 90, size))
        sides.append(side(day, list_prices(rng, size, 25 * size)))
    return _strangers(*sides)


def beside(book: Planted, stranger: Planted) -> Planted:
    """Both in one: the strangers' texts begin otherwise, so that they meet only their own like."""
    first_a, first_b = book.a.height, book.b.height
    text = pl.lit("Zz") + pl.col("description")
    a = stranger.a.with_columns(id=pl.col("id") + first_a, description=text).select(book.a.columns)
    b = stranger.b.with_columns(id=pl.col("id") + first_b, description=text.str.to_uppercase())
    nobody = [np.full(frame.height, -1) for frame in (a, b)]
    return Planted(
        pl.concat([book.a, a]),
        pl.concat([book.b, b.select(book.b.columns)]),
        np.concatenate((book.truth_a, nobody[0])),
        np.concatenate((book.truth_b, nobody[1])),
    )


def few_shops(size: int, seed: int) -> Planted:
    """A dozen customers who pay fifteen prices all the time, on two sides that have nothing to do with each other."""
    sides = []
    for own in (seed, seed + 1000):
        rng = np.random.default_rng(own)
        shop, number = rng.integers(0, 12, size), rng.integers(0, 10**6, size)
        texts = [f"Shop {chr(65 + place)} {one}" for place, one in zip(shop, number, strict=True)]
        sides.append(side(rng.integers(0, DAYS, size), list_prices(rng, size, 15), description=texts))
    return _strangers(*sides)


def _strangers(a: pl.DataFrame, b: pl.DataFrame) -> Planted:
    return Planted(a, b, np.full(a.height, -1), np.full(b.height, -1))
