"""The matching engine beside bare Polars joins of the same frames (ids only), in one run. `./dev bench engine [ROWS]`.

Wall clock and processor time (all threads), the best of three each. A ratio is engine ÷ bare. Nothing is asserted.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
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


def bare_join(a: pl.DataFrame, b: pl.DataFrame, on: list[str]) -> pl.DataFrame:
    """What a user could write for the same: equal columns and at most three days apart, ids only."""
    columns = ["id", "date", *on]
    pairs = a.lazy().select(columns).join(b.lazy().select(columns), on=on)
    near = (pl.col("date") - pl.col("date_right")).dt.total_days().abs() <= 3
    return pairs.filter(near).select("id", "id_right").collect()


def bare_sums(a: pl.DataFrame, b: pl.DataFrame) -> pl.DataFrame:
    sums = a.lazy().group_by("reference").agg(pl.col("measure").sum())
    return sums.join(b.lazy().select("id", "reference", "measure"), on=["reference", "measure"]).collect()


def best_of(runs: int, act: Callable[[], Any]) -> tuple[float, float, Any]:
    wall, processor, result = [], [], None
    for _ in range(runs):
        start, used = time.perf_counter(), time.process_time()
        result = act()
        wall.append(time.perf_counter() - start)
        processor.append(time.process_time() - used)
    return min(wall), min(processor), result


def compare(name: str, frames: Frames, spec: RuleSpec, bare: Callable[[], Any] | None) -> None:
    wall, processor, outcome = best_of(3, lambda: match(*frames, [spec]))
    line = f"{name:<58}{outcome.groups.height:>10,}{wall:>8.2f}{processor:>8.2f}"
    if bare is not None:
        bare_wall, bare_processor, _ = best_of(3, bare)
        line += f"{bare_wall:>8.2f}{bare_processor:>8.2f}{wall / bare_wall:>7.2f}{processor / bare_processor:>7.2f}"
    print(line, "" if outcome.rule_counts[0].outcome == "ok" else outcome.rule_counts[0], flush=True)


def main(size: int) -> None:
    print(f"{'':58}{'groups':>10}{'wall':>8}{'cpu':>8}{'bare':>8}{'cpu':>8}{'ratio':>7}{'cpu':>7}")
    pay = payments(size)
    keys = ["reference", "measure"]
    compare(
        "reference + amount + 3 days", pay, rule(AMOUNT, REFERENCE, THREE_DAYS), lambda: bare_join(*pay, keys)
    )
    compare("amount + 3 days", pay, rule(AMOUNT, THREE_DAYS), lambda: bare_join(*pay, ["measure"]))
    compare(
        "amount + 3 days, sole",
        pay,
        rule(AMOUNT, THREE_DAYS, on_ambiguity="sole"),
        lambda: bare_join(*pay, ["measure"]),
    )
    compare("amount and (reference or a word)", pay, rule(AMOUNT, IN_TEXT), lambda: bare_join(*pay, keys))
    few = payments(size, 1_000)
    compare("few prices: amount + 3 days (no join can)", few, rule(AMOUNT, THREE_DAYS), None)
    compare(
        "few prices: amount and (reference or a word)",
        few,
        rule(AMOUNT, IN_TEXT),
        lambda: bare_join(*few, keys),
    )
    sums = batches(size)
    by_reference = {"cardinality": "many_to_one", "group_by": ["reference"]}
    window = {"group_by_kind": "identifier", "lookback_days": 12, "date_field": "date"}
    compare(
        "many to one, batches of ten",
        sums,
        rule(AMOUNT, REFERENCE, rollup=window, **by_reference),
        lambda: bare_sums(*sums),
    )
    part = size // 10
    easy = payments(part)
    compare(f"{part:,} easy", easy, rule(AMOUNT, REFERENCE, THREE_DAYS), lambda: bare_join(*easy, keys))
    for days in (7, 365):
        worst = one_amount(part, days)
        compare(f"{part:,} of one amount over {days} days", worst, rule(AMOUNT, THREE_DAYS), None)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
