"""Records in another currency: the rate at which two currencies stand, learnt from records that share a rare word. Used by
`pairs`."""

from __future__ import annotations

from itertools import product

import numpy as np

from rules.engine.sides import Floats, Ints

TELLING = 20  # times likelier by the word they share: a pair to learn from
PAIRS_LEAST = 5
AROUND = 0.025  # of the rate: how far it moves within reach
HELD = 0.9  # of conversions that stay so near to it
ANY_RATE = 4.0  # how wide rates of unrelated amounts scatter, as powers of e
SAME_FIGURE = 0.15  # of records in another currency that have the same figure: only the currency is wrong


def learnt_rates(unit: Ints, other_unit: Ints, log_rate: Floats) -> dict[tuple[int, int], float]:
    """The logarithm of the rate for each two currencies on which enough pairs agree, more than by accident; either way round,
    and by way of a third one."""
    swap = unit > other_unit
    low, high = np.where(swap, other_unit, unit), np.where(swap, unit, other_unit)
    log_rate = np.where(swap, -log_rate, log_rate)
    found = {}
    for one, other in sorted(set(zip(low.tolist(), high.tolist(), strict=True))):
        rates = np.sort(log_rate[(low == one) & (high == other)])
        near = np.searchsorted(rates, rates + AROUND, side="right") - np.searchsorted(rates, rates - AROUND)
        by_accident = len(rates) * 2 * AROUND / ANY_RATE
        if near.max(initial=0) >= max(PAIRS_LEAST, 2 * by_accident + 3 * np.sqrt(by_accident)):
            found[one, other] = float(rates[int(np.argmax(near))])
            found[other, one] = -found[one, other]
    for (one, middle), (again, other) in product(list(found), repeat=2):
        if middle == again and one != other:
            found.setdefault((one, other), found[one, middle] + found[again, other])
    return found


def likelier_by_rate(
    unit: Ints, other_unit: Ints, log_rate: Floats, rates: dict[tuple[int, int], float]
) -> Floats:
    """How many times likelier amounts at this rate are for a conversion than for unrelated records; 1 where no rate is known."""
    found = np.ones(len(unit))
    for (one, other), rate in rates.items():
        some = (unit == one) & (other_unit == other)
        close = np.abs(log_rate - rate) <= AROUND
        found[some] = np.where(close, HELD * ANY_RATE / (2 * AROUND), 1 - HELD)[some]
    return found
