"""What cold start gives back: proposed rules with their figures, and the steps that it took. Made by `search`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rules.engine.cold_start.bodies import Body
from rules.engine.cold_start.estimate import Estimate, Rating
from rules.engine.cold_start.pool import Window

StepName = Literal["read", "again", "forms", "tried", "found", "nothing_more", "too_short"]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the search with its figures, for people who wait for it or ask how it went."""

    name: StepName
    figures: dict[str, int]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A rule to propose.

    `body` is what `parse_rule` takes. `estimate`: pairs of the sample (of a rollup: groups) and how many of them are wrong;
    `by_accident`: how many the rule finds where nothing belongs together. `matched` of `sampled` Side A records. `found`:
    pairs or groups over all open records. `window`: days of Side B after Side A, of a rule for pairs.
    """

    body: Body
    estimate: Estimate
    by_accident: float
    matched: int
    sampled: int
    found: int
    window: Window | None = None

    @property
    def precision(self) -> float:
        return self.estimate.precision

    @property
    def lower_bound(self) -> float:
        return self.estimate.lower_bound

    @property
    def pairs(self) -> int:
        return self.estimate.pairs

    @property
    def rating(self) -> Rating:
        return self.estimate.rating

    @property
    def sample_match_rate(self) -> str:
        return f"{self.matched}/{self.sampled}"

    @property
    def is_pairs(self) -> bool:
        return self.body["cardinality"] == "one_to_one"

    @property
    def is_equal(self) -> bool:
        """Whether amounts must be equal."""
        return not any("tolerance_amount" in leaf for leaf in self.body["filters"]["rules"])


@dataclass(frozen=True, slots=True)
class ColdStart:
    """Proposals in the order in which they are to run, the steps, and how rules proposed before do now (None: cannot be
    told)."""

    proposals: tuple[Proposal, ...] = ()
    steps: tuple[Step, ...] = ()
    checked: tuple[Estimate | None, ...] = ()
