"""The matching engine beside bare Polars joins of the same frames (ids only). `./dev bench engine [ROWS [CASE]]`.

Each case runs in a process of its own. Wall clock and processor time (all threads), the best of three each; peak memory of
the process, its frames and the bare join included. A ratio is engine ÷ bare. Nothing is asserted.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from rules.engine import RuleSpec, match, parse_rule

DAY_0 = 20_000
PRICE_SPREAD = 500_000
Frames = tuple[pl.DataFrame, pl.DataFrame]


def leaf(key: str, value: str | None = None, operand: str = "eq", **more: Any) -> dict[str, Any]:
    return {"key": key, "operand": operand, "value": value or key, **more}


def rule(*leaves: Any, **more: Any) -> RuleSpec:
    return parse_rule({"filters": {"operand": "and", "rules": list(leaves)}, **more})


AMOUNT, REFERENCE = leaf("effect"), leaf("reference")
THREE_DAYS = leaf("date", tolerance_amount=3, tolerance_unit="day")
IN_TEXT = {"operand": "or", "rules": [REFERENCE, leaf("reference", "description", "token_in")]}


def records(amounts: np.ndarray, days: np.ndarray, references: Any, order: np.ndarray) -> pl.DataFrame:
    """Records in a given order, with the columns that the rules here name."""
    reference = pl.Series(references).gather(order)
    return pl.DataFrame(
        {
            "id": np.arange(len(order)),
            "currency": pl.Series(["EUR"]).new_from_index(0, len(order)),
            "decimal_places": pl.Series([2], dtype=pl.Int16).new_from_index(0, len(order)),
            "date": pl.Series((DAY_0 + days)[order].astype(np.int32)).cast(pl.Date),
            "measure": amounts[order],
            "effect": amounts[order],
            "reference": reference,
            "counterparty": pl.Series([""]).new_from_index(0, len(order)),
            "description": "transfer " + reference + " thank you",
        }
    )


def payments(size: int, spread: int = PRICE_SPREAD) -> Frames:
    """Nine tenths agree in reference and amount; the books are up to 4 days earlier than the bank."""
    rng = np.random.default_rng(1)
    amounts, days = rng.integers(100, 100 + spread, size), rng.integers(0, 90, size)
    references = [f"INV-{number:07d}" for number in range(size)]
    others = np.where(rng.random(size) < 0.9, amounts, amounts + 1)
    side_b = records(others, days + rng.integers(-3, 5, size), references, rng.permutation(size))
    return records(amounts, days, references, np.arange(size)), side_b


def batches(size: int) -> Frames:
    """Ten records to a batch, and one sum for each."""
    rng = np.random.default_rng(2)
    batch, amounts = np.arange(size) // 10, rng.integers(100, 100_000, size)
    days = batch % 90 + rng.integers(0, 5, size)
    names = [f"B-{number:06d}" for number in range(size // 10)]
    sums = np.bincount(batch, amounts).astype(np.int64)
    single = records(sums, np.arange(size // 10) % 90 + 5, names, rng.permutation(size // 10))
    return records(amounts, days, pl.Series(names).gather(batch), np.arange(size)), single


def one_amount(size: int, days: int) -> Frames:
    """All of one amount, and a hundredth fewer on Side B."""
    rng = np.random.default_rng(3)
    left, right = np.full(size, 1_000), np.full(size - size // 100, 1_000)
    return (
        records(left, rng.integers(0, days, len(left)), [""] * len(left), np.arange(len(left))),
        records(right, rng.integers(0, days, len(right)), [""] * len(right), np.arange(len(right))),
    )


def realistic(size: int) -> Frames:
    """Two fifths have one of 150 prices, the others differ; one in twelve has no partner. No reference is shared."""
    rng = np.random.default_rng(5)
    prices = (rng.zipf(1.3, size) % 150 + 1) * 499
    amounts = np.where(rng.random(size) < 0.4, prices, np.exp(rng.normal(9, 1.6, size)).astype(np.int64) + 1)
    days = rng.integers(0, 180, size)
    others = np.where(rng.random(size) < 11 / 12, amounts, amounts + 1)
    payers = [f"payer {number % (size // 15 + 1):06d}" for number in range(size)]
    side_b = records(others, days + rng.integers(0, 4, size), payers, rng.permutation(size))
    return records(amounts, days, payers, np.arange(size)), side_b


def leftovers(size: int) -> Frames:
    """What earlier rules leave over, an eighth: amounts up to half a unit off, nothing else in common."""
    rng = np.random.default_rng(6)
    size = size * 127 // 1000
    amounts, days = rng.integers(100, 100 + PRICE_SPREAD, size), rng.integers(0, 90, size)
    others = amounts + rng.integers(-50, 51, size)
    side_b = records(others, days + rng.integers(-3, 4, size), [""] * size, rng.permutation(size))
    return records(amounts, days, [""] * size, np.arange(size)), side_b


def daily(size: int) -> Frames:
    """Segments of 90 days, some 4 records a day, and 45 sums of one to three days each; a third of the sums need a day that
    another sum needs as well."""
    rng = np.random.default_rng(4)
    segments, span, sums = max(3 * size // 1000, 1), 90, 45
    segment, day = rng.integers(0, segments, size), rng.integers(0, span, size)
    amounts = rng.integers(100, 100_000, size)
    net = np.bincount(segment * span + day, amounts, segments * span).astype(np.int64)
    running = np.concatenate(([0], np.cumsum(net)))
    of = np.repeat(np.arange(segments), sums)
    first = np.tile(np.arange(sums) * 2, segments)
    last = np.minimum(first + rng.integers(0, 3, len(of)), span - 1)
    totals = running[of * span + last + 1] - running[of * span + first]
    names = pl.Series([f"T-{number:05d}" for number in range(segments)])
    single = records(totals, last, names.gather(of), rng.permutation(len(of)))
    return records(amounts, day, names.gather(segment), np.arange(size)), single


def bare_join(a: pl.DataFrame, b: pl.DataFrame, on: list[str]) -> pl.DataFrame:
    """What a user could write for the same: equal columns and at most three days apart, ids only."""
    columns = ["id", "date", *on]
    pairs = a.lazy().select(columns).join(b.lazy().select(columns), on=on)
    near = (pl.col("date") - pl.col("date_right")).dt.total_days().abs() <= 3
    return pairs.filter(near).select("id", "id_right").collect()


def bare_sums(a: pl.DataFrame, b: pl.DataFrame) -> pl.DataFrame:
    sums = a.lazy().group_by("reference").agg(pl.col("measure").sum())
    return sums.join(b.lazy().select("id", "reference", "measure"), on=["reference", "measure"]).collect()


def bare_near(a: pl.DataFrame, b: pl.DataFrame) -> pl.DataFrame:
    """Without a key: every day of the window joined, then the amounts compared."""
    columns = ["id", "date", "measure"]
    days = pl.DataFrame({"offset": range(-3, 4)}).lazy()
    spread = a.lazy().select(columns).join(days, how="cross")
    spread = spread.with_columns(date=pl.col("date") + pl.duration(days="offset"))
    pairs = spread.join(b.lazy().select(columns), on="date")
    near = (pl.col("measure") - pl.col("measure_right")).abs() <= 50
    return pairs.filter(near).select("id", "id_right").collect()


def bare_or(a: pl.DataFrame, b: pl.DataFrame) -> pl.DataFrame:
    """One join for each alternative, and each pair once."""
    columns = ["id", "date", "measure", "reference"]
    left, right = a.lazy().select(columns), b.lazy().select(columns)
    by_text = left.join(right, on=["measure", "reference"]).select("id", "id_right")
    by_day = left.join(right, on="measure").filter(
        (pl.col("date") - pl.col("date_right")).dt.total_days().abs() <= 3
    )
    return pl.concat([by_text, by_day.select("id", "id_right")]).unique().collect()


def bare_days(a: pl.DataFrame, b: pl.DataFrame) -> pl.DataFrame:
    """The days' sums only: which runs of them meet is not in it."""
    return a.lazy().group_by("reference", "date").agg(pl.col("measure").sum()).collect()


def best_of(runs: int, act: Callable[[], Any]) -> tuple[float, float, Any]:
    wall, processor, result = [], [], None
    for _ in range(runs):
        start, used = time.perf_counter(), time.process_time()
        result = act()
        wall.append(time.perf_counter() - start)
        processor.append(time.process_time() - used)
    return min(wall), min(processor), result


@dataclass(frozen=True)
class Case:
    """What is measured: the frames, the rules in order, and the bare work, if any could be written."""

    frames: Callable[[int], Frames]
    rules: list[RuleSpec]
    bare: Callable[[pl.DataFrame, pl.DataFrame], Any] | None = None
    runs: int = field(default=3)


NEAR_AMOUNT = leaf("effect", tolerance_amount=0.5, tolerance_unit="dollar")
OR_DAYS = {"operand": "or", "rules": [REFERENCE, THREE_DAYS]}
BY_REFERENCE = {"cardinality": "many_to_one", "group_by": ["reference"]}
BY_DAY = {"cardinality": "many_to_one", "group_by": ["date", "reference"]}
BATCH = {"group_by_kind": "identifier", "lookback_days": 12, "date_field": "date"}
RUN = {"lookback_days": 7, "date_field": "date"}


def few_prices(size: int) -> Frames:
    return payments(size, 1_000)


CASES = {
    "reference + amount + 3 days": Case(
        payments,
        [rule(AMOUNT, REFERENCE, THREE_DAYS)],
        lambda a, b: bare_join(a, b, ["reference", "measure"]),
    ),
    "reference + amount within 0.50 + 3 days": Case(
        payments,
        [rule(NEAR_AMOUNT, REFERENCE, THREE_DAYS, must_balance=False)],
        lambda a, b: bare_join(a, b, ["reference"]),
    ),
    "amount + 3 days": Case(payments, [rule(AMOUNT, THREE_DAYS)], lambda a, b: bare_join(a, b, ["measure"])),
    "amount + 3 days, sole": Case(
        payments,
        [rule(AMOUNT, THREE_DAYS, on_ambiguity="sole")],
        lambda a, b: bare_join(a, b, ["measure"]),
    ),
    "realistic prices: amount + 3 days (no join can)": Case(realistic, [rule(AMOUNT, THREE_DAYS)]),
    "amount and (reference or 3 days)": Case(payments, [rule(AMOUNT, OR_DAYS)], bare_or),
    "amount and (reference or a word)": Case(
        payments, [rule(AMOUNT, IN_TEXT)], lambda a, b: bare_join(a, b, ["reference", "measure"])
    ),
    "few prices: amount + 3 days (no join can)": Case(few_prices, [rule(AMOUNT, THREE_DAYS)]),
    "leftovers: amount within 0.50 + 3 days, no key": Case(
        leftovers, [rule(NEAR_AMOUNT, THREE_DAYS, must_balance=False)], bare_near, runs=1
    ),
    "a tenth, of one amount over a week": Case(
        lambda size: one_amount(size // 10, 7), [rule(AMOUNT, THREE_DAYS)]
    ),
    "a tenth, of one amount over a year": Case(
        lambda size: one_amount(size // 10, 365), [rule(AMOUNT, THREE_DAYS)]
    ),
    "a tenth, easy": Case(
        lambda size: payments(size // 10),
        [rule(AMOUNT, REFERENCE, THREE_DAYS)],
        lambda a, b: bare_join(a, b, ["reference", "measure"]),
    ),
    "many to one, batches of ten": Case(
        batches, [rule(AMOUNT, REFERENCE, rollup=BATCH, **BY_REFERENCE)], bare_sums
    ),
    "many to one, runs of one to three days": Case(daily, [rule(AMOUNT, rollup=RUN, **BY_DAY)], bare_days),
    "many to one, runs of days without bound": Case(daily, [rule(AMOUNT, rollup={}, **BY_DAY)], bare_days),
    "three rules in order on realistic prices": Case(
        realistic,
        [
            rule(AMOUNT, REFERENCE, THREE_DAYS),
            rule(AMOUNT, THREE_DAYS, on_ambiguity="sole"),
            rule(AMOUNT, leaf("date", days=[-1, 6])),
        ],
    ),
}


def measure(name: str, size: int) -> None:
    """One case, in this process."""
    case = CASES[name]
    frames = case.frames(size)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, processor, outcome = best_of(case.runs, lambda: match(*frames, case.rules))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    line = f"{name:<50}{outcome.groups.height:>10,}{wall:>8.2f}{processor:>8.2f}"
    line += f"{before / 2**20:>7.1f}{peak / 2**20:>7.1f}"
    if case.bare is not None:
        bare = case.bare
        bare_wall, bare_processor, _ = best_of(case.runs, lambda: bare(*frames))
        line += f"{bare_wall:>8.2f}{bare_processor:>8.2f}{wall / bare_wall:>7.2f}{processor / bare_processor:>7.2f}"
    too_broad = [count for count in outcome.rule_counts if count.outcome != "ok"]
    print(line, *too_broad, flush=True)


def main(size: int, only: str) -> None:
    print(f"{size:,} rows, load {os.getloadavg()[0]:.1f}")
    columns = ["groups", "wall", "cpu", "GB", "peak", "bare", "cpu", "ratio", "cpu"]
    print(
        " " * 50
        + "".join(f"{one:>{width}}" for one, width in zip(columns, [10, 8, 8, 7, 7, 8, 8, 7, 7], strict=True))
    )
    for name in CASES:
        if only in name:
            subprocess.run([sys.executable, __file__, str(size), "--this", name], check=True)


if __name__ == "__main__":
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    if "--this" in sys.argv:
        measure(sys.argv[-1], rows)
    else:
        main(rows, sys.argv[2] if len(sys.argv) > 2 else "")
