"""The matching engine beside other tools, on generated books of which the truth is known: how long, how many pairs are
right, how many wrong. `./dev bench tools [ROWS ...]`. Nothing is asserted.

The other tools run in an environment of their own (benchmarks/requirements.lock). Records without a partner, prices that
repeat, twins and fees are in the books: benchmarks/shared/planted.py. References are left out; with them any join is right.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.shared.planted import Books, Shape, generate
from devtools import environment
from rules.engine import RuleSpec, match, parse_rule

ROOT = Path(__file__).resolve().parent.parent
# The most records per side that each manages in a minute or two.
MOST = {"loop": 10_000, "datacompy": 1_000_000, "recordlinkage": 100_000, "splink": 100_000}
MINUTES = 10


def equal(field: str, **more: Any) -> dict[str, Any]:
    return {"key": field, "operand": "eq", "value": field, **more}


KEYS = {"amount,payer": [equal("effect"), equal("counterparty")], "amount": [equal("effect")]}
POLICIES = ("best", "abstain", "sole")
SURE = 0.9


def rule(keys: str, policy: str) -> RuleSpec:
    near = equal("date", tolerance_amount=4, tolerance_unit="day")
    return parse_rule({"filters": {"operand": "and", "rules": [*KEYS[keys], near]}, "on_ambiguity": policy})


def as_asked(side: pl.DataFrame) -> pl.DataFrame:
    """What the others read of a side, in an order that says nothing."""
    return side.select(
        "id", amount="effect", day=pl.col("date").to_physical().cast(pl.Int64), payer="counterparty"
    ).sort("id")


def ours(books: Books, spec: RuleSpec) -> tuple[float, pl.DataFrame]:
    """The pairs with their confidence."""
    start = time.perf_counter()
    outcome = match(books.side_a, books.side_b, [spec])
    seconds = time.perf_counter() - start
    ids = outcome.members["id"].to_numpy()
    return seconds, outcome.groups.select("confidence", a=ids[0::2], b=ids[1::2])


def theirs(python: Path, tool: str, keys: str, books: Books) -> tuple[float, pl.DataFrame] | str:
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("a.parquet", "b.parquet", "found.csv")]
        for side, file in ((books.side_a, files[0]), (books.side_b, files[1])):
            as_asked(side).write_parquet(file)
        command: list[str | Path] = [
            python,
            ROOT / "benchmarks" / "shared" / "linkage.py",
            tool,
            keys,
            *files,
        ]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60 * MINUTES)
        except subprocess.TimeoutExpired:
            return f"over {MINUTES} minutes"
        if done.returncode:
            return f"ended with {done.returncode}: {(done.stderr.strip().splitlines() or [''])[-1][:80]}"
        return float(done.stdout.split()[-1]), pl.read_csv(files[2]).cast(pl.Int64)


def count_right(books: Books, pairs: pl.DataFrame) -> int:
    """Pairs with the true partner, or with one of its twins: equal in amount, day and payer, so that none can tell."""
    partner = as_asked(books.side_b).select(b="id", like=pl.struct("amount", "day", "payer"))
    wanted = books.truth.join(partner, on="b").select("a", true="like")
    found = pairs.join(partner, on="b").join(wanted, on="a")
    return found.filter(pl.col("like") == pl.col("true")).height


def show(name: str, books: Books, found: tuple[float, pl.DataFrame] | str) -> None:
    if isinstance(found, str):
        print(f"{name:<22}{found}", flush=True)
        return
    seconds, pairs = found
    right = count_right(books, pairs)
    share = right / max(pairs.height, 1)
    print(
        f"{name:<22}{seconds:>9.2f}{right:>10,}{pairs.height - right:>9,}{share:>11.4f}"
        f"{right / books.truth.height:>9.3f}",
        flush=True,
    )


def main(sizes: list[int]) -> None:
    python = environment.ensure(
        ROOT / "benchmarks" / "requirements.lock", venv=ROOT / ".tieout" / "bench-tools"
    )
    for size in sizes:
        books = generate(2, Shape(size=size, payers=max(size // 15, 1)))
        for keys in KEYS:
            print(
                f"\n{size:,} payments, {books.truth.height:,} true pairs; equal {keys}, 4 days apart; "
                f"load {os.getloadavg()[0]:.1f}"
            )
            print(f"{'':22}{'seconds':>9}{'right':>10}{'wrong':>9}{'precision':>11}{'recall':>9}", flush=True)
            compare(python, size, keys, books)


def compare(python: Path, size: int, keys: str, books: Books) -> None:
    for policy in POLICIES:
        seconds, pairs = ours(books, rule(keys, policy))
        show(f"tieout, {policy}", books, (seconds, pairs))
        if policy == "best":
            show(f"  of it sure to {SURE}", books, (seconds, pairs.filter(pl.col("confidence") >= SURE)))
    for tool, most in MOST.items():
        if size <= most:
            show(tool, books, theirs(python, tool, keys, books))


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [10_000, 100_000, 1_000_000])
