"""Larger sets that add up, by the combination search, for records that nothing else explains: as far as its budget goes. Used
by `sets`.

The budget of one investigation, for payments in parts and for combined ones: the DEEP_MOST largest amounts of those whose pool
could reach the amount at all, each with the POOL nearest records, in sets of up to LARGEST of them; about 5 ms each. What was
not reached is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np

from rules.engine.combinations import combinations
from rules.engine.investigation.density import ROUND
from rules.engine.investigation.records import Records
from rules.engine.investigation.sums import (
    KEPT,
    LARGEST,
    NOBODY,
    SHARE,
    TRIED,
    Pools,
    Sets,
    joined_sets,
    nearness,
)
from rules.engine.sides import Bools, Ints

POOL = 28
DEEP_MOST = 120  # records
MANY_AS_ROUND = 0.8  # of a pool, for its sums to be as round


@dataclass(frozen=True)
class Deep:
    """`unfinished`: the targets whose larger sets were not, or not all, tried."""

    sets: Sets
    unfinished: Ints


def deeper(pools: Pools, unexplained: Bools, targets: Records, candidates: Records) -> Deep:
    """The larger sets for targets (rows) that are `unexplained`."""
    value = (
        np.where(pools.rows == NOBODY, 0, np.abs(candidates.value[pools.rows]))
        if len(candidates)
        else pools.rows
    )
    goal = np.abs(targets.value[pools.target])
    reach = -np.sort(-value[:, :POOL], axis=1)[:, :LARGEST].sum(axis=1) >= goal
    places = np.flatnonzero(unexplained[pools.target] & reach & (pools.size > min(TRIED)))
    places = places[np.lexsort((pools.target[places], -goal[places]))]
    found, unfinished = [], pools.target[places[DEEP_MOST:]].tolist()
    for place in places[:DEEP_MOST].tolist():
        items = value[place, : min(pools.size[place], POOL)]
        sets, complete = _sets_of_one(pools, place, items, targets, candidates)
        found += [sets] if len(sets.target) else []
        unfinished += [] if complete else [int(pools.target[place])]
    return Deep(joined_sets(found), np.array(unfinished, np.int64))


def _sets_of_one(
    pools: Pools, place: int, items: Ints, targets: Records, candidates: Records
) -> tuple[Sets, bool]:
    target, rows = pools.target[place], pools.rows[place, : len(items)]
    goal = int(abs(targets.value[target]))
    days = np.abs(candidates.day[rows] - targets.day[target])
    found = combinations(items.tolist(), goal, largest=LARGEST, costs=days.tolist(), counted=False)
    chosen = np.full((min(len(found.sets), KEPT), LARGEST), NOBODY)
    for number, one in enumerate(found.sets[:KEPT]):
        chosen[number, : len(one)] = rows[list(one)]
    size = (chosen != NOBODY).sum(axis=1)
    every = np.full(len(chosen), target)
    complete = found.complete_to == LARGEST and pools.size[place] <= len(items)
    sets = Sets(
        every,
        chosen,
        nearness(chosen, size, every, targets, candidates),
        np.array([SHARE.get(one, 0.0) for one in range(LARGEST + 1)])[size],
        np.array([_by_accident(items, goal, one) for one in size.tolist()]),
        size,
        np.full(len(chosen), found.count),
        np.full(len(chosen), len(items)),
        np.full(len(chosen), complete and found.exact),
    )
    return sets, complete


def _by_accident(items: Ints, goal: int, size: int) -> float:
    """How many sets of a size meet the goal by accident, if their sums were spread evenly over twice their mean."""
    steps = [one for one in ROUND if goal % one == 0 and (items % one == 0).mean() >= MANY_AS_ROUND]
    return comb(len(items), size) * max(steps) / max(2 * size * float(items.mean()), max(steps))
