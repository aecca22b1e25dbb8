"""An investigation of a whole slice: seconds, memory, and what was named of causes planted in it. `./dev bench investigation
[ROWS [SEED]]`: so many records asked about at once (a fifth of them with a planted cause) against as many of the other side and
twice as many matched. Nothing is asserted here: tests do, on fewer.
"""

from __future__ import annotations

import resource
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from rules.engine.investigation import CAUSES, Cause, Findings, Outcome, investigate
from tests.rules.engine.investigation.world import World

PLANTED = 0.2


def planted(size: int, seed: int) -> World:
    world = World(np.random.default_rng(seed))
    world.matches(size)
    for cause in CAUSES:
        for _ in range(int(size * PLANTED) // len(CAUSES)):
            world.plant_any(cause)
    world.strangers(max(size - len(world.own), 0), max(size - len(world.other), 0))
    return world


def show(world: World, found: Findings) -> None:
    first = {row["record"]: row for row in found.findings.filter(pl.col("rank") == 1).iter_rows(named=True)}
    outcome = dict(found.outcomes.select("record", "outcome").iter_rows())
    print(f"{'cause':<20}{'planted':>8}{'named first':>13}{'found':>8}{'found, wrong':>14}")
    for cause in CAUSES:
        right = _right(world, first, cause)
        sure = {record for record in right if outcome[record] == Outcome.MATCH_FOUND}
        wrong = sum(not right[record] for record in sure)
        share = sum(right.values()) / max(len(right), 1)
        print(f"{cause:<20}{len(right):>8,}{share:>13.3f}{len(sure):>8,}{wrong:>14}")
    nothing = Counter(outcome[record] for record in world.nothing)
    print(
        "nothing planted:",
        {name: f"{count / len(world.nothing):.4f}" for name, count in sorted(nothing.items())},
    )


def _right(world: World, first: dict[int, dict], cause: Cause) -> dict[int, bool]:
    """Of each planted record whether its cause and its records were named first."""
    return {
        one.record: one.record in first
        and first[one.record]["cause"] == cause
        and frozenset(first[one.record]["suggested"]) == one.suggested
        for one in world.planted
        if one.cause == cause
    }


def main(size: int, seed: int) -> None:
    world = planted(size, seed)
    asked, own, other, matched = world.frames([one["id"] for one in world.own])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    start, busy = time.perf_counter(), time.process_time()
    found = investigate(asked, own, other, matched, magnitude=True)
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{asked.height:,} asked of {own.height:,} × {other.height:,}, {matched.height:,} matched: {seconds:.1f} s"
    )
    print(f"({busy:.1f} s of both processors; memory {before:.2f} GB before, {peak:.2f} GB at most)")
    complete = int(found.outcomes["search_complete"].sum()) / asked.height
    print(f"{found.searched:,} candidates; larger sets searched to their end for {complete:.0%}")
    show(world, found)


if __name__ == "__main__":
    main(
        *(
            int(sys.argv[place]) if len(sys.argv) > place else default
            for place, default in ((1, 10_000), (2, 7))
        )
    )
