"""How many partners with equal keys would fall into a pair's window by accident: what makes a common amount less sure
than a reference, also where no rival is seen. Called by both paths.

Of each pair: (other records with its key values on the worse side, at least the key's general rate of repeats) × the
days of the window / the days that the records cover.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rules.engine.candidates import Crowd, usable
from rules.engine.census import Census, by_accident, census_of_counts, share_of_days
from rules.engine.comparators import is_date, is_money, leaf_holds, numbers, reach
from rules.engine.keys import Positions, key_codes, key_columns, line_up, sorting
from rules.engine.line import Runs
from rules.engine.plan import Alternative
from rules.engine.sides import Floats, Hashes, Ints, Side
from rules.engine.tree import Leaf


def on_line(runs: Runs, at_a: Ints, at_b: Ints) -> Floats:
    """Of pairs as places on the line."""
    others = np.maximum(runs.same_a[at_a], runs.same_b[at_b]) - 1
    return by_accident(others, runs.repeats, runs.census)


def of_pairs(
    found: tuple[Alternative, ...], crowds: list[Crowd], a: Side, b: Side, rows_a: Ints, rows_b: Ints
) -> Floats:
    """Of pairs of rows for which one of the alternatives holds: by the alternative that leaves least to chance."""
    least = np.full(len(rows_a), np.inf)
    for alternative, crowd in zip(found, crowds, strict=True):
        holds = np.ones(len(rows_a), bool)
        if len(found) > 1:
            for leaf in alternative.leaves:
                holds &= leaf_holds(leaf, a, b, rows_a, rows_b)
        some = np.flatnonzero(holds)
        if len(some):
            chance = _of_one(alternative, crowd, a, b, rows_a[some], rows_b[some])
            least[some] = np.minimum(least[some], chance)
    return least


def _of_one(alternative: Alternative, crowd: Crowd, a: Side, b: Side, rows_a: Ints, rows_b: Ints) -> Floats:
    by_keys = _by_keys(alternative, crowd, a, b, rows_a, rows_b)
    if not (alternative.words or alternative.residual):
        return by_keys
    # What the other conditions keep of it shows in how many candidates there are beyond one per record.
    mean = float(by_keys.mean())
    return by_keys * min(crowd.accidental / mean, 1.0) if mean else by_keys


def _by_keys(alternative: Alternative, crowd: Crowd, a: Side, b: Side, rows_a: Ints, rows_b: Ints) -> Floats:
    use_a, use_b = (np.flatnonzero(use) for use in usable(alternative, a, b))
    keys = key_columns(a, b, [(leaf.key, leaf.value) for leaf in alternative.keys])
    key_a, key_b = key_codes([(left.gather(use_a), right.gather(use_b)) for left, right in keys])
    money = [leaf for leaf in alternative.bands if is_money(leaf)]
    if money:
        of_a, of_b = _within_band(money[0], a, b, use_a, use_b, key_a, key_b)
    else:
        of_a, of_b = _with_key(key_a), _with_key(key_b)
    repeats = max(_repeats(of_a), _repeats(of_b))
    same = np.maximum(_at(of_a, use_a, rows_a, len(a)), _at(of_b, use_b, rows_b, len(b))) - 1
    share = _share(alternative, a, b)
    if alternative.words or alternative.residual or share >= 1:
        found = Census(len(use_a), len(use_b), 0.0, 0.0, 1.0)
    else:
        in_reach = of_a if money else _across(key_a, key_b)
        found = census_of_counts(len(use_b), crowd.per_a[use_a], in_reach, share)
    return by_accident(same, repeats, replace(found, share=share))


def _repeats(count: Ints) -> float:
    """How many others a key has, on average over keys: a key that n records have is met n times, each time as 1/n."""
    seen = count[count > 0]
    return float(len(seen) / (1 / seen).sum() - 1) if len(seen) else 0.0


def _at(count: Ints, use: Ints, rows: Ints, size: int) -> Ints:
    spread = np.ones(size, np.int64)
    spread[use] = count
    return spread[rows]


def _with_key(keys: Hashes) -> Ints:
    """For each record how many of its side have its key."""
    if not len(keys):
        return np.zeros(0, np.int64)
    order = sorting(keys)
    new = np.concatenate(([True], keys[order][1:] != keys[order][:-1]))
    size = np.diff(np.append(np.flatnonzero(new), len(keys)))
    count = np.empty(len(keys), np.int64)
    count[order] = np.repeat(size, size)
    return count


def _across(key_a: Hashes, key_b: Hashes) -> Ints:
    """For each Side A record how many of Side B have its key."""
    known = np.sort(key_b)
    return np.searchsorted(known, key_a, side="right") - np.searchsorted(known, key_a)


def _within_band(
    leaf: Leaf, a: Side, b: Side, use_a: Ints, use_b: Ints, key_a: Hashes, key_b: Hashes
) -> tuple[Ints, Ints]:
    """For each record how many of the other side have its key and an amount within the tolerance, on whatever day."""
    low, high = reach(leaf, a)
    positions = Positions(numbers(a, leaf.key)[use_a], numbers(b, leaf.value)[use_b], low[use_a], high[use_a])
    lineup = line_up(key_a, key_b, positions)
    of_a, of_b = np.empty(len(use_a), np.int64), np.empty(len(use_b), np.int64)
    of_a[lineup.rows_a] = lineup.hi - lineup.lo
    size = len(use_b)
    change = np.bincount(lineup.lo, minlength=size + 1) - np.bincount(lineup.hi, minlength=size + 1)
    of_b[lineup.rows_b] = np.cumsum(change[:size])
    return of_a, of_b


def _share(alternative: Alternative, a: Side, b: Side) -> float:
    """Of the narrowest date window."""
    shares = [1.0]
    for leaf in alternative.bands:
        if not is_date(leaf):
            continue
        shares.append(share_of_days(_width(leaf), a.days(leaf.key), b.days(leaf.value)))
    return min(shares)


def _width(leaf: Leaf) -> int:
    if leaf.days is not None:
        return leaf.days[1] - leaf.days[0] + 1
    assert leaf.tolerance is not None
    return 2 * int(leaf.tolerance.amount) + 1


def of_sums(known: Ints, values: Ints, slack: Ints, tried: Ints) -> Floats:
    """Of rollups: how many of the sets tried would meet the single record by accident. `known`: the values of all single
    records. Per group: its single record's value, how far a sum may be from it (minor units), and how many sets were
    tried for it.

    The rate of equal sums is that at which the values themselves agree, at least as if they were spread evenly.
    """
    if not len(values):
        return np.zeros(0)
    known = np.sort(known)
    repeats = _others_near(known, known, np.zeros_like(known)).mean()
    spread = max(float(known[-1]) - float(known[0]), float(np.abs(known).max())) + 1
    evenly = np.minimum((2 * slack.astype(float) + 1) / spread, 1.0)
    return tried * np.maximum(np.maximum(_others_near(known, values, slack), repeats), evenly)


def _others_near(known: Ints, values: Ints, slack: Ints) -> Floats:
    """For each value, itself one of the known, the share of the others that are so near."""
    near = np.searchsorted(known, values + slack, side="right") - np.searchsorted(known, values - slack)
    return (near - 1) / max(len(known) - 1, 1)
