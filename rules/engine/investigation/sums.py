"""Sets of records that add up to one of the other side: payments in parts, and several paid at once. Used by `search`.

Of each record only those few are tried that share a telling word with it, all sets of two to four of them for all records at
once by one product of matrices. The sums that come near without meeting tell how many would meet by accident.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from itertools import combinations as every
from math import comb

import numpy as np

from rules.engine.investigation.density import ROUND
from rules.engine.investigation.records import Records
from rules.engine.sides import Bools, Floats, Ints

POOL = 48  # records tried for one
TRIED = {2: 48, 3: 28, 4: 16}  # sets of so many, of how many of the pool
LARGEST = 6  # records in a set, by the deeper search
SHARE = {2: 0.5, 3: 0.28, 4: 0.14, 5: 0.05, 6: 0.03}  # of payments in parts that have so many
WITHIN = 45  # days
CHUNK = 500  # records at a time: 10 MB of sums
NEAR = 0.2  # of the amount: sums so near are what would meet by accident
LEAST = 0.5  # of them are always reckoned with
KEPT = 4  # sets of a record, the closest in time
FADES = 20.0  # days by which sets far in time count less
NOBODY = -1
TOO_LARGE = 1e17


@dataclass(frozen=True)
class Pools:
    """For each target (a row) its pool: rows of the other frame in POOL columns, the nearest by word and day first, NOBODY where
    there are no more. `size`: how many there would have been."""

    target: Ints
    rows: Ints
    size: Ints

    def only(self, chosen: Ints | slice) -> Pools:
        return Pools(self.target[chosen], self.rows[chosen], self.size[chosen])


@dataclass(frozen=True)
class Sets:
    """Sets that add up. `target`: the single record's row; `members`: rows, NOBODY beyond the last; `near`: how much less it
    counts by days; `by_accident`: sums of such a size expected to meet; `likely`: of payments in parts, how many have so many;
    `size`: of the set; `count`: sets that meet in the pool of `pool` records, of which
    `complete` says whether all were tried."""

    target: Ints
    members: Ints
    near: Floats
    likely: Floats
    by_accident: Floats
    size: Ints
    count: Ints
    pool: Ints
    complete: Bools

    def only(self, chosen: Ints) -> Sets:
        return Sets(*(getattr(self, field.name)[chosen] for field in fields(self)))


@cache
def _subsets() -> tuple[Ints, Floats]:
    """All sets of places in a pool: their members, NOBODY beyond the last, and as columns of 0 and 1."""
    chosen = [places for size, most in TRIED.items() for places in every(range(most), size)]
    members = np.full((len(chosen), LARGEST), NOBODY)
    columns = np.zeros((POOL, len(chosen)))
    for number, places in enumerate(chosen):
        members[number, : len(places)] = places
        columns[list(places), number] = 1
    return members, columns


def pools(target: Ints, candidate: Ints, targets: Records, candidates: Records, telling: Floats) -> Pools:
    """From pairs that share a word: records of the same currency and sign that are smaller and not too far in time."""
    own, other = targets.value[target], candidates.value[candidate]
    days = np.abs(candidates.day[candidate] - targets.day[target])
    fits = (targets.unit[target] == candidates.unit[candidate]) & (np.sign(own) == np.sign(other))
    some = np.flatnonzero(fits & (np.abs(other) < np.abs(own)) & (days <= WITHIN))
    order = some[np.lexsort((candidate[some], days[some], -telling[some], target[some]))]
    target, candidate = target[order], candidate[order]
    known, first, size = np.unique(target, return_index=True, return_counts=True)
    place = np.arange(len(target)) - np.repeat(first, size)
    rows = np.full((len(known), POOL), NOBODY)
    kept = place < POOL
    rows[np.repeat(np.arange(len(known)), size)[kept], place[kept]] = candidate[kept]
    enough = size >= min(TRIED)
    return Pools(known[enough], rows[enough], size[enough])


def joined_pools(parts: list[Pools]) -> Pools:
    none = np.zeros(0, np.int64)
    parts = [Pools(none, np.zeros((0, POOL), np.int64), none), *parts]
    return Pools(*(np.concatenate([getattr(one, field.name) for one in parts]) for field in fields(Pools)))


def joined_sets(parts: list[Sets]) -> Sets:
    if not parts:
        none, share = np.zeros(0, np.int64), np.zeros(0)
        return Sets(none, np.zeros((0, LARGEST), np.int64), share, share, share, none, none, none, none > 0)
    return Sets(*(np.concatenate([getattr(one, field.name) for one in parts]) for field in fields(Sets)))


def sets_of(pools: Pools, targets: Records, candidates: Records) -> Sets:
    """All sets of the pools that add up exactly to their target, the best few of each."""
    return joined_sets(
        [
            _of_chunk(pools.only(slice(start, start + CHUNK)), targets, candidates)
            for start in range(0, len(pools.target), CHUNK)
        ]
    )


def _of_chunk(pools: Pools, targets: Records, candidates: Records) -> Sets:
    members, columns = _subsets()
    goal = np.abs(targets.value[pools.target]).astype(float)
    value = np.where(pools.rows == NOBODY, TOO_LARGE, np.abs(candidates.value[pools.rows]).astype(float))
    sums = value @ columns
    meets = sums == goal[:, None]
    some = np.flatnonzero(meets.any(axis=1))
    place, number = np.nonzero(meets[some])
    row = some[place]
    chosen = np.where(members[number] == NOBODY, NOBODY, pools.rows[row[:, None], members[number]])
    size = (chosen != NOBODY).sum(axis=1)
    found = Sets(
        pools.target[row],
        chosen,
        nearness(chosen, size, pools.target[row], targets, candidates),
        np.array([SHARE.get(one, 0.0) for one in range(max(SHARE) + 1)])[size],
        _by_accident(sums[some], goal[some], value[some])[place, size],
        size,
        np.bincount(row, minlength=len(goal))[row],
        np.minimum(pools.size[row], POOL),
        pools.size[row] <= min(TRIED.values()),
    )
    order = np.lexsort((number, -found.near * found.likely / found.by_accident, row))
    return found.only(order[_rank(row[order]) < KEPT])


def nearness(chosen: Ints, size: Ints, target: Ints, targets: Records, candidates: Records) -> Floats:
    days = np.abs(candidates.day[chosen] - targets.day[target][:, None])
    return np.exp(-np.where(chosen == NOBODY, 0, days).sum(axis=1) / size / FADES)


def _rank(groups: Ints) -> Ints:
    """The place of each within its group; equal ones stand together."""
    new = np.concatenate(([True], groups[1:] != groups[:-1])) if len(groups) else np.zeros(0, bool)
    starts = np.flatnonzero(new)
    return np.arange(len(groups)) - np.repeat(starts, np.diff(np.append(starts, len(groups))))


def _by_accident(sums: Floats, goal: Floats, value: Floats) -> Floats:
    """How many sums of a pool meet the goal by accident, by size (a column each)."""
    found = np.zeros((len(goal), max(TRIED) + 1))
    first = 0
    for size, most in TRIED.items():
        part = slice(first, first + comb(most, size))
        found[:, size] = _of_size(sums[:, part], goal, value, size)
        first = part.stop
    return found


def _of_size(sums: Floats, goal: Floats, value: Floats, size: int) -> Floats:
    """As many as lie around the goal and are as round as it is, per round figure; some at least, if the pool is as round."""
    near = (np.abs(sums - goal[:, None]) <= NEAR * goal[:, None]) & (sums != goal[:, None])
    row, place = np.nonzero(near)
    sums_near = sums[row, place]
    members = np.maximum((value < TOO_LARGE).sum(axis=1), 1)
    found = np.zeros(len(goal))
    for step in ROUND:
        others = np.bincount(row[sums_near % step == 0], minlength=len(goal))
        as_round = ((value % step == 0) & (value < TOO_LARGE)).sum(axis=1) / members
        cells = np.maximum(2 * NEAR * goal / step, 1)
        rate = np.maximum(others, LEAST * as_round**size) / cells
        found = np.where(goal % step == 0, np.maximum(found, rate), found)
    return found
