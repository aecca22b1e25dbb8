"""How likely an explanation is against accident: what is known before looking, days apart, and how rare such an amount is.

The odds of a candidate against "nothing explains it": how often the cause occurs × how likely a true partner looks like this
/ how many accidental candidates look like this. Everything that is added up or compared here is such odds.
"""

from __future__ import annotations

import numpy as np

from rules.engine.investigation.findings import CAUSES, Cause
from rules.engine.sides import Floats, Ints

BEFORE: dict[Cause, float] = {
    Cause.EQUAL_AMOUNT: 0.08,
    Cause.OUTSIDE_WINDOW: 0.08,
    Cause.SWAPPED_DIGITS: 0.03,
    Cause.SIGN_SLIP: 0.03,
    Cause.DECIMAL_SLIP: 0.025,
    Cause.FEE: 0.05,
    Cause.SPLIT_PAYMENT: 0.04,
    Cause.COMBINED_PAYMENT: 0.04,
    Cause.OTHER_CURRENCY: 0.03,
    Cause.DUPLICATE: 0.03,
    Cause.SAME_REFERENCE: 0.03,
}
"""Of overdue records, how many are explained by each cause, where two in three are explained by none: odds against that."""

STRAY = 0.07  # of true partners that are near in time as a rule, how many are anywhere within reach
SLOW = 35.0  # days by which late partners thin out

NUMBER = {cause: np.int64(place) for place, cause in enumerate(CAUSES)}


def before(cause: Ints) -> Floats:
    return np.array([BEFORE[one] for one in CAUSES])[cause]


def near(days: Ints, window: int, reach: int) -> Floats:
    """The share of true partners that stand so many days away: most within the rules' window, a few anywhere."""
    thin = np.exp(-1 / (window / 2 + 0.5))
    return (1 - STRAY) * thin ** np.abs(days) * (1 - thin) / (1 + thin) + STRAY / (2 * reach + 1)


def late(days: Ints, window: int, reach: int) -> Floats:
    """The same where it is being late that kept them from matching."""
    thin = np.exp(-1 / SLOW)
    return (1 - STRAY) * thin ** np.maximum(np.abs(days) - window, 0) * (1 - thin) / 2 + STRAY / (
        2 * reach + 1
    )


def slow(days: Ints, window: int, reach: int) -> Floats:
    """The same where nothing says when: near at best, but weeks later as well."""
    thin = np.exp(-1 / SLOW)
    return near(days, window, reach) / 2 + thin ** np.abs(days) * (1 - thin) / (1 + thin) / 2
