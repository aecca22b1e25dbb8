"""Refused pairs in a part of the line that is too big for the pair path: another free partner, an exchange with another
pair, or none. Called by `line_policy`; the loop runs over the refused pairs that came up, not over records."""

from __future__ import annotations

import numpy as np

from rules.engine.line import Line
from rules.engine.sides import Ints

NOBODY = -1


def without_refused(line: Line, at_a: Ints, at_b: Ints, refused: tuple[Ints, Ints]) -> tuple[Ints, Ints]:
    """Pairs, as places on the line, none of them refused. `refused` as places on the line."""
    partner_a = np.full(len(line.rows_a), NOBODY, np.int64)
    partner_b = np.full(len(line.rows_b), NOBODY, np.int64)
    partner_a[at_a], partner_b[at_b] = at_b, at_a
    not_for: dict[int, list[int]] = {}
    for a, b in zip(refused[0].tolist(), refused[1].tolist(), strict=True):
        not_for.setdefault(a, []).append(b)
    taboo = set(zip(refused[0].tolist(), refused[1].tolist(), strict=True))
    for a, b in sorted(taboo):
        if partner_a[a] == b:
            _mend(line, partner_a, partner_b, a, np.array(not_for[a]), taboo)
    left = np.flatnonzero(partner_a != NOBODY)
    return left, partner_a[left]


def _mend(
    line: Line, partner_a: Ints, partner_b: Ints, a: int, not_for_a: Ints, taboo: set[tuple[int, int]]
) -> None:
    """Gives `a` the nearest free partner; else the partner of a record that can take its own; else nobody."""
    b = int(partner_a[a])
    partner_a[a] = partner_b[b] = NOBODY
    near = np.arange(line.lo[a], line.hi[a])
    near = near[~np.isin(near, not_for_a)]
    near = near[np.argsort(np.abs(line.day_b[near] - line.day_a[a]), kind="stable")]
    free = near[partner_b[near] == NOBODY]
    if len(free):
        partner_a[a], partner_b[free[0]] = free[0], a
        return
    others = partner_b[near]
    may = (line.lo[others] <= b) & (b < line.hi[others])
    for other, theirs in zip(others[may].tolist(), near[may].tolist(), strict=True):
        if (other, b) not in taboo:
            partner_a[a], partner_b[theirs] = theirs, a
            partner_a[other], partner_b[b] = b, other
            return
