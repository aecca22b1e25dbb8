"""How often a rule is right, by what it finds here and what it still finds by accident. Used by `trials` and `dry_run`."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Literal

Rating = Literal["high", "medium"]
ONE_SIDED_95 = 1.6448536269514722
COST_OF_WRONG = 20  # right pairs that one wrong pair outweighs
PROPOSED_AT = 0.95
PAIRS_LEAST = 20
HIGH_AT = 0.98
HIGH_PAIRS = 30


@dataclass(frozen=True, slots=True)
class Estimate:
    """`pairs` found of the sample, `wrong` of them expected to be accidents."""

    pairs: int
    wrong: float

    @property
    def precision(self) -> float:
        """The share that is right, as if there were one more pair and it were wrong: of few pairs nobody can tell more."""
        return 1 - (min(self.wrong, self.pairs) + 1) / (self.pairs + 1)

    @property
    def lower_bound(self) -> float:
        """The one-sided 95% lower bound by Wilson's score of the share expected to be right."""
        return wilson(1 - min(self.wrong / self.pairs, 1.0), self.pairs) if self.pairs else 0.0

    @property
    def worth(self) -> float:
        return self.pairs - COST_OF_WRONG * self.wrong

    @property
    def is_proposed(self) -> bool:
        return self.pairs >= PAIRS_LEAST and self.lower_bound >= PROPOSED_AT

    @property
    def rating(self) -> Rating:
        return "high" if self.pairs >= HIGH_PAIRS and self.lower_bound >= HIGH_AT else "medium"


def wilson(share: float, size: int) -> float:
    """The lower end of the one-sided 95% interval for a share of so many."""
    if not size:
        return 0.0
    square = ONE_SIDED_95**2
    middle = share + square / (2 * size)
    spread = ONE_SIDED_95 * sqrt(share * (1 - share) / size + square / (4 * size * size))
    return max((middle - spread) / (1 + square / size), 0.0)


def in_the_way(covered: float) -> float:
    """The share of accidents that can be wrong pairs here, where so many records have their true partner: a record that has
    it has a second candidate beside it, and is no sole pair. Half of what that spares is left unsaid."""
    return 1 - min(max(covered, 0.0), 1.0) / 2
