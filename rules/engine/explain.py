"""Why records match by a rule, or why not: each condition with what it saw of them, and the first that failed.

The engine's own comparators decide each condition, so what is said here cannot differ from what a pass does. Called by
reconciliation's explanations; pure.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from rules.engine.explain_case import Case
from rules.engine.explain_rollup import RollupCase
from rules.engine.explained import Condition, Explained, GroupOutcome
from rules.engine.matching import SignMode
from rules.engine.sides import Bools, Side
from rules.engine.tree import Group, Node, Path, RuleSpec


def explain(
    rule: RuleSpec, side_a: pl.DataFrame, side_b: pl.DataFrame, *, sign_mode: SignMode = "effect"
) -> Explained:
    """What a rule says to exactly these records as one group. Frames as `match` takes them, with records of 0 too; the
    order of rows never matters. Whether a record is taken, or another group would be better, is not asked here.
    """
    a, b = Side.of_all(side_a), Side.of_all(side_b)
    size = _size(rule, a, b)
    if not size.holds:
        return Explained(False, (size,), (), size.path)
    case = (Case if rule.cardinality == "one_to_one" else RollupCase)(rule, a, b, sign_mode == "magnitude")
    before = list(case.before())
    walk = _Walk(case)
    failed = walk.into(rule.filters, ("filters",))
    after = list(case.after())
    conditions = (*before, *walk.conditions, *after)
    first = [_failed(before), failed, _failed(after)]
    found = next((path for path in first if path is not None), None)
    return Explained(found is None, conditions, tuple(walk.groups), found)


def _size(rule: RuleSpec, a: Side, b: Side) -> Condition:
    """How many records the rule takes together."""
    many_a, many_b = rule.cardinality == "many_to_one", rule.cardinality == "one_to_many"
    fits = (len(a) == 1 or (many_a and len(a) > 0)) and (len(b) == 1 or (many_b and len(b) > 0))
    return Condition(("cardinality",), "", rule.cardinality, "", fits, literal=f"{len(a)}:{len(b)}")


def _failed(conditions: list[Condition]) -> Path | None:
    return next((condition.path for condition in conditions if not condition.holds), None)


class _Walk:
    """Goes through a tree, asks every condition, and remembers them in the tree's order."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.conditions: list[Condition] = []
        self.groups: list[GroupOutcome] = []

    def into(self, node: Node, path: Path) -> Path | None:
        """The path of what failed first; None where the node holds."""
        return self._into(node, path)[1]

    def _into(self, node: Node, path: Path) -> tuple[Bools, Path | None]:
        """Whether the node holds, for each pair of rows: members of a group may take different ways through an `or`."""
        if not isinstance(node, Group):
            condition = self.case.condition(node, path)
            self.conditions.append(condition)
            return self.case.held[node], None if condition.holds else path
        place = len(self.groups)
        parts = [self._into(rule, (*path, "rules", number)) for number, rule in enumerate(node.rules)]
        join = np.logical_or if node.operand == "or" else np.logical_and
        held: Bools = join.reduce([found for found, _failed in parts])
        self.groups.insert(place, GroupOutcome(path, node.operand, bool(held.all())))
        if held.all():
            return held, None
        broken = [failed for _found, failed in parts if failed is not None]
        # Of several ways that all failed none is the one to blame.
        return held, path if node.operand == "or" and len(broken) > 1 else broken[0]
