"""Cold start: rules proposed from open records of which nobody has said what belongs together, by the shifted calendar: what
a rule still matches when Side B stands in other weeks is what it matches by accident. Pure, like the engine that it uses.
Called by reconciliation's services."""

from rules.engine.cold_start.bodies import likeness
from rules.engine.cold_start.estimate import PAIRS_LEAST, Estimate, wilson
from rules.engine.cold_start.forms import Form
from rules.engine.cold_start.proposals import ColdStart, Proposal, Step
from rules.engine.cold_start.search import propose

__all__ = [
    "PAIRS_LEAST",
    "ColdStart",
    "Estimate",
    "Form",
    "Proposal",
    "Step",
    "likeness",
    "propose",
    "wilson",
]
