"""many_to_one and one_to_many."""

from __future__ import annotations

from rules.engine.outcome import Groups
from rules.engine.refused import Refused
from rules.engine.sides import Side
from rules.engine.tree import RuleSpec


def roll_up(rule: RuleSpec, a: Side, b: Side, refused: Refused, magnitude: bool) -> tuple[Groups, int]:
    raise NotImplementedError
