"""The rivals of chosen pairs among enumerated candidates, reckoned over classes of twins: the pair path's counterpart of
`rivals.on_line`. How much worse a rival is: minor units of the amounts' difference, and days apart, added up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rules.engine.assignment import Edges
from rules.engine.confidence import NOBODY
from rules.engine.intervals import unfold
from rules.engine.keys import sorting
from rules.engine.rivals import Rivals, places, weight
from rules.engine.sides import Floats, Ints
from rules.engine.twins import Twins

BITE = 4_000_000  # candidates looked at at a time
QUESTIONS = 100_000_000  # beyond so many comparisons each rival counts in full, however much worse it is
FAR = 1 << 62


@dataclass(frozen=True, slots=True)
class Entries:
    """Candidate pairs of classes in order of the side that looks (`near`), as that side sees them."""

    near: Ints
    far: Ints
    size: Ints  # how many records the far class has
    cost: Ints
    order: Ints  # by which one candidate comes before another; not exact where numbers grow too big
    start: Ints  # where each class of the near side begins

    def of(self, near: Ints, far: Ints, width: int) -> Ints:
        """The entry of a pair of classes, NOBODY where they are no candidates."""
        if not len(self.near):
            return np.full(len(near), NOBODY, np.int64)
        codes = self.near * width + self.far
        wanted = near * width + far
        place = np.minimum(np.searchsorted(codes, wanted), len(codes) - 1)
        return np.where(codes[place] == wanted, place, NOBODY)


@dataclass(frozen=True, slots=True)
class _Question:
    """Chosen pairs as one side sees them: its class, the class and row of the partner, and the entry of the two."""

    near: Ints
    far_row: Ints
    entry: Ints


def among_classes(
    edges: Edges, twins: tuple[Twins, Twins], rows: tuple[Ints, Ints], refused: tuple[Ints, Ints]
) -> Rivals:
    """The rivals of pairs of `rows`. `edges`: all candidate pairs of classes with what they cost; `refused`: pairs of
    rows that are nobody's rivals."""
    twins_a, twins_b = twins
    rows_a, rows_b = rows
    flipped = Edges(edges.b, edges.a, edges.amount, edges.days, edges.age)
    seen_a = _one_side(edges, twins_a, twins_b, rows_a, rows_b, refused)
    seen_b = _one_side(flipped, twins_b, twins_a, rows_b, rows_a, (refused[1], refused[0]))
    is_b = seen_a.worse <= seen_b.worse
    return Rivals(
        np.maximum(seen_a.weight, seen_b.weight),
        np.maximum(seen_a.count, seen_b.count),
        np.where(is_b, seen_a.next_row, seen_b.next_row),
        is_b,
    )


@dataclass(frozen=True, slots=True)
class _Answer:
    weight: Floats
    count: Ints
    next_row: Ints
    worse: Ints


def _one_side(
    edges: Edges, near: Twins, far: Twins, near_rows: Ints, far_rows: Ints, refused: tuple[Ints, Ints]
) -> _Answer:
    """What the near side's records could have had instead."""
    total = np.bincount(edges.a, far.size[edges.b], minlength=len(near.size)).astype(np.int64)
    classes = near.of[near_rows]
    found = _Answer(
        np.zeros(len(classes)),
        total[classes] - 1,
        np.full(len(classes), NOBODY, np.int64),
        np.full(len(classes), FAR, np.int64),
    )
    several = np.flatnonzero(total[classes] > 1)
    if not len(several):
        return found
    wanted = np.zeros(len(near.size), bool)
    wanted[classes[several]] = True
    entries = _entries(edges, np.flatnonzero(wanted[edges.a]), far, len(near.size))
    far_classes = far.of[far_rows[several]]
    asked = _Question(
        classes[several],
        far_rows[several],
        entries.of(classes[several], far_classes, len(far.size)),
    )
    found.weight[several] = _weights(entries, asked.entry)
    next_entry, next_row = _nearest(entries, asked, far)
    found.next_row[several] = next_row
    found.worse[several] = np.where(
        next_row == NOBODY, FAR, entries.cost[next_entry] - entries.cost[asked.entry]
    )
    _take_out_refused(found, several, asked, entries, near_rows, near, far, refused)
    return found


def _entries(edges: Edges, some: Ints, far: Twins, classes: int) -> Entries:
    """In order of the near side's class, then the far side's."""
    a, b = edges.a[some], edges.b[some]
    width = len(far.size)
    if len(a) > 1 and ((a[1:] < a[:-1]) | ((a[1:] == a[:-1]) & (b[1:] < b[:-1]))).any():
        order = sorting(a * width + b)
        some, a, b = some[order], a[order], b[order]
    amount, days = edges.amount[some], edges.days[some]
    top = int(days.max(initial=0)) + 1
    first = amount * top + days if int(amount.max(initial=0)) < FAR // (2 * top) else amount
    return Entries(
        a,
        b,
        far.size[b],
        np.minimum(amount, FAR // 4) + days,
        first,
        np.searchsorted(a, np.arange(classes + 1)),
    )


def _weights(entries: Entries, asked: Ints) -> Floats:
    """Each distinct pair of classes is one question; it is asked of every candidate of the near class."""
    one, back = np.unique(asked, return_inverse=True)
    lo, hi = entries.start[entries.near[one]], entries.start[entries.near[one] + 1]
    if int((hi - lo).sum()) > QUESTIONS:
        total = np.concatenate(([0], np.cumsum(entries.size)))
        return (total[hi] - total[lo])[back] - 1.0
    found = np.empty(len(one))
    bites = np.cumsum(hi - lo) // BITE
    for bite in np.unique(bites):
        some = np.flatnonzero(bites == bite)
        number, place = unfold(lo[some], hi[some])
        worse = entries.cost[place] - entries.cost[one[some]][number]
        found[some] = np.bincount(number, weight(worse) * entries.size[place], minlength=len(some))
    return found[back] - 1


def _nearest(entries: Entries, asked: _Question, far: Twins) -> tuple[Ints, Ints]:
    """The entry and the row of the best other candidate: of the near class's best two entries one is not the own."""
    best, second = _best_two(entries)
    first, next_ = best[asked.near], second[asked.near]
    alone = entries.size[asked.entry] == 1
    entry = np.where((first == asked.entry) & alone, next_, first)
    has = entry != NOBODY
    start = far.start[entries.far[entry]]
    row = far.rows[start]
    twin = row == asked.far_row
    row[twin] = far.rows[start[twin] + 1]
    return entry, np.where(has, row, NOBODY)


def _best_two(entries: Entries) -> tuple[Ints, Ints]:
    """For each class the place of its best entry and of its second best; NOBODY where there is none."""
    filled = np.flatnonzero(np.diff(entries.start))
    starts = entries.start[filled]
    every = np.arange(len(entries.near))
    order = entries.order.copy()
    found = []
    for _ in range(2):
        least = np.minimum.reduceat(order, starts)
        sizes = np.diff(np.append(starts, len(order)))
        is_least = (order == np.repeat(least, sizes)) & (order < FAR)
        place = np.minimum.reduceat(np.where(is_least, every, len(every)), starts)
        best = np.full(len(entries.start) - 1, NOBODY, np.int64)
        best[filled] = np.where(place < len(every), place, NOBODY)
        order[place[place < len(every)]] = FAR
        found.append(best)
    return found[0], found[1]


def _take_out_refused(
    found: _Answer,
    several: Ints,
    asked: _Question,
    entries: Entries,
    near_rows: Ints,
    near: Twins,
    far: Twins,
    refused: tuple[Ints, Ints],
) -> None:
    """A refused pair is no rival. The loop runs over the chosen pairs whose next best was refused."""
    if not len(refused[0]):
        return
    pair = places(near_rows, refused[0])
    at = places(several, pair)
    entry = entries.of(near.of[refused[0]], far.of[refused[1]], len(far.size))
    here = (pair != NOBODY) & (at != NOBODY) & (entry != NOBODY)
    pair, at, entry, row = pair[here], at[here], entry[here], refused[1][here]
    np.subtract.at(found.weight, pair, weight(entries.cost[entry] - entries.cost[asked.entry[at]]))
    np.subtract.at(found.count, pair, 1)
    for number in np.unique(pair[found.next_row[pair] == row]).tolist():
        own = int(places(several, np.array([number]))[0])
        _next_allowed(found, number, own, asked, entries, far, row[pair == number])


def _next_allowed(
    found: _Answer, number: int, own: int, asked: _Question, entries: Entries, far: Twins, barred: Ints
) -> None:
    found.next_row[number], found.worse[number] = NOBODY, FAR
    lo, hi = entries.start[asked.near[own]], entries.start[asked.near[own] + 1]
    for entry in (lo + np.argsort(entries.order[lo:hi], kind="stable")).tolist():
        rows = far.rows[far.start[entries.far[entry]] : far.start[entries.far[entry] + 1]]
        rows = rows[(rows != asked.far_row[own]) & ~np.isin(rows, barred)]
        if len(rows):
            found.next_row[number] = rows[0]
            found.worse[number] = entries.cost[entry] - entries.cost[asked.entry[own]]
            return
