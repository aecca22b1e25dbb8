"""One run of the hammer in a database of its own, told on standard output."""

from __future__ import annotations

import argparse
import os
import shutil
from collections import Counter

from django.conf import settings

from tests import databases
from tests.hammer import checks, switches
from tests.hammer.crowd import crowd
from tests.hammer.driver import Driver, Plan, Report
from tests.hammer.kills import Death, kill_at_points
from tests.hammer.kinds import IDLE
from tests.hammer.scenarios import broken
from tests.hammer.world import build
from tests.settings import storage
from tests.tasks import broker

SHOWN = 20
GROUPS = 40  # of the pass whose worker is killed


def strike(chosen: argparse.Namespace) -> int:
    unknown = set(chosen.switch_off) - switches.SWITCHES.keys()
    if unknown:
        print(f"There is no protection {', '.join(unknown)}; there are: {', '.join(switches.SWITCHES)}.")
        return 2
    plan = Plan(
        seed=chosen.seed,
        acts=chosen.acts,
        seconds=None if chosen.acts else chosen.seconds,
        processes=chosen.processes,
        threads=chosen.threads,
        switched_off=tuple(chosen.switch_off),
    )
    with databases.cloned_database("hammer"):
        world = build(plan.seed)
        report = Driver(world, plan).run()
        problems = checks.problems(world, report)
    tell(report)
    for name in plan.switched_off:
        with databases.cloned_database("scenario"):
            problems += [f"forced, without {name}: {text}" for text in broken(name)]
    return conclude(problems)


def kills(chosen: argparse.Namespace) -> int:
    def tell(death: Death) -> None:
        print(f"killed after {death.after:>3} transactions: {death.status}, {death.written} groups written")

    with databases.cloned_database("hammer"):
        problems = kill_at_points(points=chosen.kills, size=GROUPS, seed=chosen.seed, tell=tell)
    return conclude(problems)


def people(chosen: argparse.Namespace) -> int:
    chunk_groups = chosen.chunk or settings.CHUNK_GROUPS
    with databases.cloned_database("hammer"):
        seen = crowd(
            people=chosen.people,
            lines=chosen.lines,
            records=chosen.records,
            chunk_groups=chunk_groups,
            seed=chosen.seed,
        )
    waits = sorted(seen.waits) or [0.0]
    print(f"{chosen.people} people, {chosen.lines:,} lines, {chosen.records:,} records: {dict(seen.answers)}")
    print(f"waits: half within {waits[len(waits) // 2]:.3f} s, longest {waits[-1]:.3f} s")
    print(
        f"{len(seen.chunks)} chunks of {chunk_groups:,} groups, the longest {max(seen.chunks, default=0):.3f} s"
    )
    print(f"groups: {seen.found:,} found, {seen.written:,} written, {seen.lost:,} lost to people")
    return conclude(seen.problems)


def tidy() -> None:
    """The files that were uploaded, and the messages that nobody heard."""
    shutil.rmtree(storage, ignore_errors=True)
    with broker() as keys:
        for key in keys.scan_iter(f"{os.environ['TIEOUT_QUEUE_PREFIX']}*", count=1000):
            keys.delete(key)


def conclude(problems: list[str]) -> int:
    """Each kind of problem once, with how often it happened."""
    for problem, count in Counter(problems).most_common(SHOWN):
        print(f"\n{count} x {problem}")
    print(f"\n{len(problems)} problems" if problems else "\nEverything holds.")
    return 1 if problems else 0


def tell(report: Report) -> None:
    print(f"{'kind':<14}{'acts':>7}{'ok':>7}  refused")
    for kind, results in sorted(report.by_kind().items()):
        done = {name: count for name, count in results.most_common() if name not in {"ok", IDLE}}
        shown = ", ".join(f"{name} {count}" for name, count in done.items())
        print(f"{kind:<14}{sum(results.values()) - results[IDLE]:>7}{results['ok']:>7}  {shown}")
    p50, p99, longest = (report.percentile(share) for share in (0.5, 0.99, 1))
    print(
        f"{len(report.acts())} acts, {report.kills} kills, {report.cuts} connections cut, {report.deadlocks} deadlocks;"
        f" half within {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, longest {longest * 1000:.0f} ms"
    )
