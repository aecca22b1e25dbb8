"""Fees taken off on the way: the schedules that these records show, and what an amount becomes by one. Used by `pairs`.

A schedule is learnt from pairs that belong together by something else than their amounts: records of one accepted match, or
open ones that share a rare word. Any two such pairs of one schedule give the same percentage and the same fixed part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rules.engine.investigation.derived import Derived, joined
from rules.engine.sides import Bools, Floats, Ints

PERCENT_MOST = 0.08  # of the gross amount; more is no fee
FIXED_MOST = 50  # major units
LEARNT_FROM = 250  # pairs of a currency
PAIRS_LEAST = 5
SCHEDULES_MOST = 6
STEP = 1e-4  # of a percentage: 0.01%
USUAL = ((0.029, 30), (0.014, 20), (0.015, 25), (0.029, 0), (0.0175, 0), (0.025, 0), (0.0, 500), (0.0, 1500))
USUAL_SHARE = 0.01  # of fees, that one of these takes that nobody has seen here
EXACT, OFF_BY_ONE = 0.8, 0.1  # of fees of a schedule: as we round, or a minor unit more or less
UNSEEN = 0.10  # of fees, that no schedule known here explains


@dataclass(frozen=True)
class Schedules:
    """Of one currency: the share of fees that each takes, and from how many pairs it was learnt. Parallel arrays."""

    percent: Floats
    fixed: Ints
    share: Floats
    pairs: Ints

    def fee(self, gross: Ints) -> Ints:
        """Of gross amounts (a row each), by each schedule (a column each)."""
        return np.floor(gross[:, None] * self.percent + 0.5).astype(np.int64) + self.fixed


def is_fee(gross: Ints, net: Ints, decimal_places: Ints) -> Bools:
    """Whether so much could be a fee. Magnitudes."""
    return (net > 0) & (gross > net) & (gross - net <= band(gross, decimal_places))


def band(gross: Ints, decimal_places: Ints) -> Floats:
    """The largest fee that is looked at: it leaves three quarters at least."""
    fixed = FIXED_MOST * 10.0 ** np.minimum(decimal_places, 9)
    return np.minimum(np.maximum(gross * PERCENT_MOST, np.minimum(fixed, gross * 0.25)), gross * 0.25)


def learnt(gross: Ints, net: Ints, decimal_places: int) -> Schedules:
    """The schedules of one currency that several pairs follow, the most followed first, then the usual ones."""
    order = np.lexsort((net, gross))
    gross, net = gross[order], net[order]
    if len(gross) > LEARNT_FROM:
        spread = np.linspace(0, len(gross) - 1, LEARNT_FROM).astype(np.int64)
        gross, net = gross[spread], net[spread]
    percent: list[float] = []
    fixed: list[int] = []
    pairs: list[int] = []
    fee = gross - net
    while len(fee) >= PAIRS_LEAST and len(percent) < SCHEDULES_MOST:
        found = _most_followed(gross, fee)
        follows = np.abs(fee - np.floor(gross * found[0] + 0.5) - found[1]) <= 1
        if np.count_nonzero(follows) < _least(gross, fee):
            break
        percent.append(found[0])
        fixed.append(found[1])
        pairs.append(int(np.count_nonzero(follows)))
        gross, fee = gross[~follows], fee[~follows]
    usual = [one for one in USUAL if decimal_places == 2 and one not in zip(percent, fixed, strict=True)]
    seen = np.array(pairs, np.int64)
    share = seen / (seen.sum() + 3) * (1 - UNSEEN - USUAL_SHARE * len(usual))
    return Schedules(
        np.array([*percent, *(one for one, _ in usual)], float),
        np.array([*fixed, *(one for _, one in usual)], np.int64),
        np.concatenate((share, np.full(len(usual), USUAL_SHARE))),
        np.concatenate((seen, np.zeros(len(usual), np.int64))),
    )


def _least(gross: Ints, fee: Ints) -> float:
    """How many pairs must follow a schedule: more of many, where the best of all that were tried is followed by accident too;
    none where they are the same few prices again and again."""
    distinct = len(np.unique(np.column_stack((gross, fee)), axis=0))
    return PAIRS_LEAST + 0.04 * len(fee) if distinct >= PAIRS_LEAST else np.inf


def _most_followed(gross: Ints, fee: Ints) -> tuple[float, int]:
    """The schedule that most pairs follow, of those on which two pairs agree. Ties: the plainest."""
    one, two = np.triu_indices(len(gross), 1)
    apart = np.abs(gross[one] - gross[two]) >= 500
    one, two = one[apart], two[apart]
    percent = (fee[one] - fee[two]) / (gross[one] - gross[two])
    steps = np.concatenate((np.round(percent / STEP), np.zeros(len(fee)), np.round(fee / gross / STEP)))
    steps = steps.astype(np.int64)
    of_gross, of_fee = np.concatenate((gross[one], gross, gross)), np.concatenate((fee[one], fee, fee))
    fixed = of_fee - np.floor(of_gross * steps * STEP + 0.5).astype(np.int64)
    fixed[len(one) + len(fee) :] = 0
    possible = (steps >= 0) & (steps * STEP <= PERCENT_MOST) & (fixed >= 0)
    if not possible.any():
        return 0.0, 0
    known, votes = np.unique(np.column_stack((steps, fixed))[possible], axis=0, return_counts=True)
    best = known[np.lexsort((known[:, 1], known[:, 0], -votes))[:60]]
    followed = np.abs(fee[:, None] - np.floor(gross[:, None] * (best[:, 0] * STEP) + 0.5) - best[:, 1])
    place = int(np.argmax((followed <= 1).sum(axis=0) + 0.5 * (followed == 0).sum(axis=0)))
    return round(float(best[place, 0] * STEP), 6), int(best[place, 1])


def after_fee(value: Ints, schedules: Schedules) -> Derived:
    """What amounts become when a fee is taken off, and what they were before one was. `detail`: the schedule's place."""
    size, sign, rows = np.abs(value), np.sign(value), np.arange(len(value))
    fees = schedules.fee(size)
    parts = []
    for place in range(len(schedules.percent)):
        gross = np.floor((size + schedules.fixed[place]) / (1 - schedules.percent[place]) + 0.5).astype(
            np.int64
        )
        for off in (-1, 0, 1):
            share = schedules.share[place] / 2 * (OFF_BY_ONE if off else EXACT)
            for other, takes in ((size - fees[:, place] + off, fees[:, place]), (gross + off, gross - size)):
                some = rows[
                    (other > 0) & (takes + off > 0) & (other != size) & (4 * takes <= np.maximum(size, other))
                ]
                detail = np.full(len(some), place)
                parts.append(Derived(some, (sign * other)[some], np.full(len(some), share), detail))
    return joined(parts)


def explained(gross: Ints, net: Ints, decimal_places: Ints, schedules: Schedules) -> tuple[Floats, Ints]:
    """Of pairs: how likely such a fee is, per minor unit; and by which schedule, −1 by none."""
    likely = UNSEEN / np.maximum(band(gross, decimal_places), 1)
    which = np.full(len(gross), -1)
    off = np.abs(schedules.fee(gross) - (gross - net)[:, None])
    for place in range(len(schedules.percent)):
        share = schedules.share[place] / 2 * np.where(off[:, place] == 0, EXACT, OFF_BY_ONE)
        better = (off[:, place] <= 1) & (share > likely)
        likely, which = np.where(better, share, likely), np.where(better, place, which)
    return likely, which
