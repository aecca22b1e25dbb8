"""Runs a rule as it would be saved, by the engine itself: over all open records, and in worlds where nothing belongs
together. What it finds is what is stated. Used by `search`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from rules.engine.cold_start.bodies import Body
from rules.engine.cold_start.pool import NO_KEY, Keys, Pool
from rules.engine.matching import columns_needed, match
from rules.engine.parse import parse_rule
from rules.engine.sides import BASE_TYPES, Ints
from rules.engine.tree import RuleSpec


@dataclass(frozen=True, slots=True)
class Taken:
    """What a rule matched: rows of the books."""

    a: Ints
    b: Ints
    groups: int


def spec_of(body: Body) -> RuleSpec:
    return parse_rule({**body, "must_balance": False})


def run(pool: Pool, body: Body) -> Taken | None:
    """Over all that is open; None where it is too broad."""
    return _run(pool, body, _frame_b(pool, pool.rows_b))


def in_sample(pool: Pool, taken: Taken) -> int:
    """How many Side A records of the sample were matched."""
    return int(np.count_nonzero(pool.books.sample[taken.a]))


def accidents(pool: Pool, body: Body, keys: Keys) -> float | None:
    """Records of the sample that the rule matches in the worlds kept for checking, on average. `keys`: what its pairs have
    in common, so that only records that can meet one of the sample are looked at."""
    near = Pool(pool.books, pool.rows_a[keys.a != NO_KEY], pool.rows_b[keys.b != NO_KEY])
    found = []
    for shift in pool.books.calendar.checking:
        taken = _run(near, body, shifted(near, shift))
        if taken is None:
            return None
        found.append(in_sample(near, taken))
    return float(np.mean(found))


def accidental_groups(pool: Pool, body: Body, *, moved: bool) -> float | None:
    """Groups that a rollup matches where nothing belongs together, on average: Side B with each other's amounts, and, where
    the rule looks at days (`moved`), on other days; the worse of the two."""
    size = len(pool.rows_b)
    turns = len(pool.books.calendar.checking) + 1
    worlds = [[dealt(pool, size * turn // turns) for turn in range(1, turns)]]
    if moved:
        worlds.append([shifted(pool, by) for by in pool.books.calendar.checking])
    averages = []
    for frames in worlds:
        found = [_run(pool, body, frame) for frame in frames]
        if any(taken is None for taken in found):
            return None
        averages.append(float(np.mean([taken.groups for taken in found if taken is not None])))
    return max(averages)


def shifted(pool: Pool, by: int) -> pl.DataFrame:
    """Side B's open records so many weeks on."""
    days = pl.Series(pool.books.calendar.moved(pool.day_b, by).astype(np.int32)).cast(pl.Date)
    return _frame_b(pool, pool.rows_b).with_columns(days.alias("date"))


def dealt(pool: Pool, by: int) -> pl.DataFrame:
    """Side B's open records with each other's amounts: each has that of the record so many places on, by currency and day."""
    order = np.lexsort((pool.rows_b, pool.day_b, pool.unit[1]))
    amounts = pool.books.b.measure[pool.rows_b]
    given = np.empty_like(amounts)
    given[order] = np.roll(amounts[order], -by)
    return _with_amounts(_frame_b(pool, pool.rows_b).with_columns(pl.Series("measure", given)))


def _run(pool: Pool, body: Body, frame_b: pl.DataFrame) -> Taken | None:
    books = pool.books
    spec = spec_of(body)
    needed = columns_needed([spec])
    frame_a = _with_amounts(books.a.frame[pool.rows_a])
    outcome = match(
        _only(frame_a, needed[0]),
        _only(frame_b, needed[1]),
        [spec],
        sign_mode="magnitude" if books.magnitude else "effect",
    )
    if outcome.rule_counts[0].outcome != "ok":
        return None
    ids = {side: outcome.members.filter(pl.col("side") == side)["id"].to_numpy() for side in "ab"}
    return Taken(books.a.rows_of(ids["a"]), books.b.rows_of(ids["b"]), outcome.groups.height)


def _only(frame: pl.DataFrame, columns: set[str]) -> pl.DataFrame:
    return frame.select(name for name in frame.columns if name in BASE_TYPES or name in columns)


def _frame_b(pool: Pool, rows: Ints) -> pl.DataFrame:
    return _with_amounts(pool.books.b.frame[rows])


def _with_amounts(frame: pl.DataFrame) -> pl.DataFrame:
    """The amount columns that proposals name, from what is compared."""
    return frame.with_columns(amount=pl.col("measure").abs(), effect=pl.col("measure"))
