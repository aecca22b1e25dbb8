"""What a rule's conditions say to some records: those of a pair, or of a group whose one side adds up. Used by `explain`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from rules.engine.comparators import is_money, leaf_holds, scope_holds
from rules.engine.explained import Condition, Seen, Shown, seen, shown, unit_of
from rules.engine.plan import alternatives
from rules.engine.sides import Bools, Ints, Side
from rules.engine.tree import Leaf, Path, RuleSpec, Scope, SideName, Value

Balance = Literal["eq", "same_direction", "not_zero"]


class Case:
    """Some records before a one-to-one rule. `rows`: the pairs of rows that its conditions look at."""

    def __init__(self, rule: RuleSpec, a: Side, b: Side, magnitude: bool) -> None:
        self.rule, self.a, self.b, self.magnitude = rule, a, b, magnitude
        rows = np.indices((len(a), len(b))).reshape(2, -1)
        self.rows: tuple[Ints, Ints] = (rows[0], rows[1])
        self.held: dict[Leaf | Scope, Bools] = {}
        """Whether each condition holds, by pair of rows."""

    # --- Conditions of the tree -------------------------------------------------------------------------------

    def condition(self, node: Leaf | Scope, path: Path) -> Condition:
        if isinstance(node, Scope):
            self.held[node] = scope_holds(node, self.side(node.side))[self.rows["ab".index(node.side)]]
            return self.scope(node, path)
        self.held[node] = leaf_holds(node, self.a, self.b, *self.rows)
        return self.leaf(node, path, self.held[node])

    def side(self, name: SideName) -> Side:
        return self.a if name == "a" else self.b

    def leaf(self, leaf: Leaf, path: Path, holds: Bools) -> Condition:
        """It holds if it holds for each pair."""
        found = seen(self.a, self.b, leaf.key, leaf.value, self.rows, holds)
        unit = unit_of(leaf.key, leaf.value)
        return Condition(
            path, leaf.key.field, leaf.operand, leaf.value.field, bool(holds.all()), found, unit=unit
        )

    def scope(self, scope: Scope, path: Path) -> Condition:
        """It holds if it holds for each record of its side."""
        literals = scope.literal if isinstance(scope.literal, tuple) else (scope.literal,)
        literal = ", ".join(one if isinstance(one, str) else f"{float(one):.15g}" for one in literals)
        value = Value(scope.field, (), scope.form)
        holds = scope_holds(scope, self.side(scope.side))
        return self.alone(path, scope.side, value, scope.operand, literal, holds)

    def alone(
        self, path: Path, name: SideName, value: Value, operand: str, literal: str, holds: Bools
    ) -> Condition:
        """A condition on one side."""
        side = self.side(name)
        rows = np.arange(len(side))
        columns = (
            side.ids.tolist(),
            shown(side, Value(value.field), rows),
            shown(side, value, rows),
            holds.tolist(),
        )
        found = [_of_one_side(name, *row) for row in zip(*columns, strict=True)]
        key, other = (value.field, "") if name == "a" else ("", value.field)
        return Condition(
            path,
            key,
            operand,
            other,
            bool(holds.all()),
            tuple(found),
            unit=unit_of(value, value),
            side=name,
            literal=literal,
        )

    # --- What is asked beside the tree ------------------------------------------------------------------------

    def before(self) -> Iterator[Condition]:
        """No record of 0, one currency, one number of decimals. What holds as a matter of course is left out."""
        for name, side in (("a", self.a), ("b", self.b)):
            if (side.measure == 0).any():
                which: SideName = "a" if name == "a" else "b"
                yield self.alone(("measure",), which, Value(self.measure), "neq", "0", side.measure != 0)
        yield self.same("currency")
        if not (places := self.same("decimal_places")).holds:
            yield places

    def after(self) -> Iterator[Condition]:
        """Equal `group_by` fields, and what may become of a difference."""
        for place, field in enumerate(self.rule.group_by):
            same = Leaf(self.rule.value(field), "eq", self.rule.value(field))
            yield self.leaf(same, ("group_by", place), leaf_holds(same, self.a, self.b, *self.rows))
        wanted = self._may_differ()
        if wanted is not None:
            yield self.balance(wanted)

    def same(self, field: str) -> Condition:
        """One value in all records."""
        rows_a, rows_b = self.rows
        left, right = self.a.frame[field].gather(rows_a), self.b.frame[field].gather(rows_b)
        ids = self.a.ids[rows_a].tolist(), self.b.ids[rows_b].tolist()
        found = tuple(
            Seen(id_a, id_b, one, other, one, other, None, one == other)
            for id_a, id_b, one, other in zip(*ids, left.to_list(), right.to_list(), strict=True)
        )
        return Condition((field,), field, "eq", field, all(one.holds for one in found), found)

    def balance(self, wanted: Balance) -> Condition:
        """What the sums of both sides must be to each other, in what sums are compared in."""
        sums = sum(self.a.measure.tolist()), sum(self.b.measure.tolist())
        left, right = (abs(one) for one in sums) if self.magnitude else sums
        equal = left == right
        directed = (sums[0] > 0) == (sums[1] > 0) and 0 not in sums
        holds = {"eq": equal, "same_direction": equal or directed, "not_zero": 0 not in sums}[wanted]
        total = Seen(None, None, *sums, left, right, left - right, holds)
        return Condition(
            ("on_difference",), self.measure, wanted, self.measure, holds, total=total, unit="minor"
        )

    @property
    def measure(self) -> str:
        return "signed_amount" if self.magnitude else "effect"

    def _may_differ(self) -> Balance | None:
        """A difference needs a rule that allows one, or an amount within a tolerance in what holds of the tree."""
        if self.rule.must_balance:
            return "eq"
        if self.rule.on_difference == "allow":
            return None
        if self.rule.on_difference == "suggest_partial":
            return "same_direction"
        for alternative in alternatives(self.rule.filters):
            conditions: list[Leaf | Scope] = [*alternative.leaves, *alternative.scopes]
            loose = any(is_money(leaf) for leaf in alternative.bands)
            if loose and all(self.held[one].all() for one in conditions):
                return None if self.magnitude else "same_direction"
        return "eq"


def _of_one_side(name: SideName, record: int, raw: Shown, value: Shown, holds: bool) -> Seen:
    if name == "a":
        return Seen(record, None, raw, None, value, None, None, holds)
    return Seen(None, record, None, raw, None, value, None, holds)
