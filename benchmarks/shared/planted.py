"""Generated books of which the truth is known: prices that repeat, twins, orphans on both sides, fees taken off, texts
that name the payer. For the calibration of the confidence, in tests and in benchmarks."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl

from rules.engine import RuleSpec, match

DAY_0 = np.datetime64("2026-03-31")
BANDS = (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.01)
B_IDS = 10_000_000  # Side B's ids start here


@dataclass(frozen=True)
class Books:
    """Frames as the engine takes them, and the truth: the Side B id of each Side A id that has a partner."""

    side_a: pl.DataFrame
    side_b: pl.DataFrame
    truth: pl.DataFrame  # a, b


@dataclass(frozen=True)
class Shape:
    """Shares of all payments. `popular`: with one of the few prices. `late`: the days that the bank may be behind."""

    size: int = 20_000
    days: int = 180
    popular: float = 0.4
    prices: int = 150
    orphans: float = 0.08
    twins: float = 0.02
    fees: float = 0.05
    late: int = 4
    payers: int = 1_500


def generate(seed: int, shape: Shape) -> Books:
    """The same seed and shape give the same books."""
    rng = np.random.default_rng(seed)
    size = shape.size
    amount = np.where(
        rng.random(size) < shape.popular,
        (rng.zipf(1.3, size) % shape.prices + 1) * 499,
        np.exp(rng.normal(9, 1.6, size)).astype(np.int64) + 1,
    )
    day, payer = rng.integers(0, shape.days, size), rng.integers(0, shape.payers, size)
    reference = np.arange(size)
    twin = np.flatnonzero(rng.random(size) < shape.twins)
    twin = twin[twin > 0]
    amount[twin], day[twin], payer[twin] = amount[twin - 1], day[twin - 1], payer[twin - 1]
    late = rng.choice(np.arange(shape.late + 1), size, p=_falling(shape.late + 1))
    late[twin] = late[twin - 1]
    reference[twin] = reference[twin - 1]
    fee = np.where(rng.random(size) < shape.fees, rng.integers(1, 40, size), 0)
    in_a, in_b = rng.random(size) >= shape.orphans, rng.random(size) >= shape.orphans
    every = np.arange(size)
    order = rng.permutation(size)
    a = _frame(every, amount, day, payer, reference).filter(pl.Series(in_a))
    b = _frame(order + B_IDS, (amount - np.minimum(fee, amount - 1)), day + late, payer, reference)
    both = in_a & in_b
    return Books(a, b.filter(pl.Series(in_b)), pl.DataFrame({"a": every[both], "b": order[both] + B_IDS}))


def _falling(size: int) -> np.ndarray:
    weight = 0.6 ** np.arange(size)
    return np.asarray(weight / weight.sum())


def _frame(
    ids: np.ndarray, amount: np.ndarray, day: np.ndarray, payer: np.ndarray, reference: np.ndarray
) -> pl.DataFrame:
    names = pl.Series([f"payer {number:04d} gmbh" for number in range(int(payer.max()) + 1)])
    return pl.DataFrame(
        {
            "id": ids,
            "currency": pl.Series(["EUR"]).new_from_index(0, len(ids)),
            "decimal_places": pl.Series([2], dtype=pl.Int16).new_from_index(0, len(ids)),
            "date": pl.Series(DAY_0 + day).cast(pl.Date),
            "measure": amount,
            "effect": amount,
            "reference": [f"R{number:06d}" for number in reference.tolist()],
            "counterparty": names.gather(payer),
            "description": "payment " + names.gather(payer) + " thank you",
        }
    )


def judged(books: Books, rules: list[RuleSpec]) -> pl.DataFrame:
    """Each pair of the last of these rules: its confidence, and whether it is right."""
    outcome = match(books.side_a, books.side_b, rules)
    ids = outcome.members["id"].to_numpy()
    pairs = outcome.groups.with_columns(a=ids[0::2], b=ids[1::2]).filter(pl.col("rule") == len(rules) - 1)
    pairs = pairs.join(books.truth.rename({"b": "true"}), on="a", how="left")
    return pairs.select("confidence", right=(pl.col("b") == pl.col("true")).fill_null(False))


def stated_and_kept(pairs: pl.DataFrame) -> list[tuple[float, float, int, float, float]]:
    """Per band of stated confidence: from, to (exclusive), pairs, the mean stated, and the share that is right."""
    found = []
    for low, high in pairwise(BANDS):
        band = pairs.filter(pl.col("confidence").is_between(low, high, closed="left"))
        if band.height:
            means = band.select(pl.col("confidence").mean(), pl.col("right").mean()).row(0)
            found.append((low, high, band.height, *means))
    return found
