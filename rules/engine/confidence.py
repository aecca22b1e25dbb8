"""How likely a match is right, from numbers that can be shown: an estimate that is tested against the truth
(tests/rules/engine/test_confidence.py). Read by `matching`, and by whoever explains a match.

min(score, share / (1 + 0.2 × chance)), share = 1 / (1 + rivals). `rivals`: the other candidates of either record, each
1 / (1 + how much worse its cost is); the worse side counts. `chance`: how many partners with equal keys would fall into
the window by accident.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from rules.engine.fields import kind_of
from rules.engine.plan import NOT_SELECTIVE, plan
from rules.engine.sides import Floats, Ints
from rules.engine.tree import Leaf, RuleSpec

WEIGHT_OF_CHANCE = 0.2
IN_PART = 0.5  # what a match that does not add up is at most
NOBODY = -1
STEPS = 1000
EPSILON = 1e-6  # 0.29 × 1000 is a little below 290


def _no_floats() -> Floats:
    return np.zeros(0)


def _no_ints() -> Ints:
    return np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the confidence of each match hangs on, in the order of the matches.

    `count`: how many other candidates the side with more of them had. `runner_up`: the id of the record that would have
    been taken next, NOBODY where there is none.
    """

    rivals: Floats = field(default_factory=_no_floats)
    count: Ints = field(default_factory=_no_ints)
    chance: Floats = field(default_factory=_no_floats)
    runner_up: Ints = field(default_factory=_no_ints)

    def only(self, chosen: Ints) -> Evidence:
        return Evidence(self.rivals[chosen], self.count[chosen], self.chance[chosen], self.runner_up[chosen])


def joined_evidence(parts: list[Evidence]) -> Evidence:
    """Of several finds over different records as one."""
    return Evidence(
        np.concatenate([part.rivals for part in parts] or [_no_floats()]),
        np.concatenate([part.count for part in parts] or [_no_ints()]),
        np.concatenate([part.chance for part in parts] or [_no_floats()]),
        np.concatenate([part.runner_up for part in parts] or [_no_ints()]),
    )


def stated(
    score: float, rivals: Floats | float, chance: Floats | float, partial: np.ndarray | bool = False
) -> Floats:
    """The confidence in thousandths, rounded down: nothing is shown, or accepted, as surer than it is. `score`: the
    rule's ceiling."""
    found = np.minimum(score, 1 / (1 + np.asarray(rivals)) / (1 + WEIGHT_OF_CHANCE * np.asarray(chance)))
    found = np.where(partial, np.minimum(found, IN_PART), found)
    return np.asarray(np.floor(found * STEPS + EPSILON) / STEPS)


def may_accept(rule: RuleSpec) -> bool:
    """Whether a rule can be let accept by itself at all: never by amounts and dates alone, never in part."""
    says_more = (any(_says_who(rule, leaf) for leaf in one.leaves) for one in plan(rule))
    return rule.on_difference != "suggest_partial" and all(says_more)


def _says_who(rule: RuleSpec, leaf: Leaf) -> bool:
    """A text or reference of both sides that agree: no amount, number or date, nor the currency or direction."""
    agrees = leaf.operand in ("eq", "in", "contains", "token_in", "has_token", "similar")
    fields = {leaf.key.field, leaf.value.field}
    return (
        agrees and not fields & NOT_SELECTIVE and all(kind_of(rule.value(name)) == "text" for name in fields)
    )
