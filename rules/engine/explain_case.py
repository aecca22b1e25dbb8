"""What a rule's conditions say to some records: those of a pair, or of a group whose one side adds up. Used by `explain`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from rules.engine.comparators import is_money, leaf_holds, numbers, scope_holds, slack
from rules.engine.explained import Condition, Seen, Shown, seen, shown, unit_of
from rules.engine.plan import alternatives
from rules.engine.sides import Ints, Side
from rules.engine.tree import Leaf, Path, RuleSpec, Scope, SideName, Value

Balance = Literal["eq", "same_direction", "not_zero"]
SUM_MAX = 1 << 62  # the engine matches no sum beyond


class Case:
    """Some records before a one-to-one rule. `rows`: the pairs of rows that its conditions look at."""

    def __init__(self, rule: RuleSpec, a: Side, b: Side, magnitude: bool) -> None:
        self.rule, self.a, self.b, self.magnitude = rule, a, b, magnitude
        rows = np.indices((len(a), len(b))).reshape(2, -1)
        self.rows: tuple[Ints, Ints] = (rows[0], rows[1])
        self.held: dict[Leaf | Scope, bool] = {}

    # --- Conditions of the tree -------------------------------------------------------------------------------

    def condition(self, node: Leaf | Scope, path: Path) -> Condition:
        found = self.scope(node, path) if isinstance(node, Scope) else self.leaf(node, path)
        self.held[node] = found.holds
        return found

    def leaf(self, leaf: Leaf, path: Path) -> Condition:
        """It holds if it holds for each pair."""
        holds = leaf_holds(leaf, self.a, self.b, *self.rows)
        found = seen(self.a, self.b, leaf.key, leaf.value, self.rows, holds)
        unit = unit_of(leaf.key, leaf.value)
        return Condition(
            path, leaf.key.field, leaf.operand, leaf.value.field, bool(holds.all()), found, unit=unit
        )

    def scope(self, scope: Scope, path: Path) -> Condition:
        """It holds if it holds for each record of its side."""
        literals = scope.literal if isinstance(scope.literal, tuple) else (scope.literal,)
        literal = ", ".join(one if isinstance(one, str) else f"{float(one):.15g}" for one in literals)
        side = self.a if scope.side == "a" else self.b
        return self.alone(path, scope.side, scope.field, scope.operand, literal, scope_holds(scope, side))

    def alone(
        self, path: Path, name: SideName, field: str, operand: str, literal: str, holds: np.ndarray
    ) -> Condition:
        """A condition on one side."""
        side, value = (self.a if name == "a" else self.b), Value(field)
        found = [
            _of_one_side(name, one, held, ok)
            for one, held, ok in zip(
                side.ids.tolist(), shown(side, value, np.arange(len(side))), holds.tolist(), strict=True
            )
        ]
        key, other = (field, "") if name == "a" else ("", field)
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
                yield self.alone(("measure",), which, self.measure, "neq", "0", side.measure != 0)
        yield self.same("currency")
        if not (places := self.same("decimal_places")).holds:
            yield places

    def after(self) -> Iterator[Condition]:
        """Equal `group_by` fields, and what may become of a difference."""
        for place, field in enumerate(self.rule.group_by):
            yield self.leaf(Leaf(Value(field), "eq", Value(field)), ("group_by", place))
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
            if loose and all(self.held[one] for one in conditions):
                return None if self.magnitude else "same_direction"
        return "eq"


class RollupCase(Case):
    """Some records before a rule whose one side adds up to a single record of the other."""

    def __init__(self, rule: RuleSpec, a: Side, b: Side, magnitude: bool) -> None:
        super().__init__(rule, a, b, magnitude)
        self.many_is_a = rule.cardinality == "many_to_one"
        self.many, self.single = (a, b) if self.many_is_a else (b, a)

    def leaf(self, leaf: Leaf, path: Path) -> Condition:
        """An amount that must be equal is one of sums; anything else holds if it holds for every member."""
        if leaf.operand != "eq" or not is_money(leaf):
            return super().leaf(leaf, path)
        return self._sum(leaf, path)

    def _sum(self, leaf: Leaf, path: Path) -> Condition:
        of_many, of_single = (leaf.key, leaf.value) if self.many_is_a else (leaf.value, leaf.key)
        if of_many.field == "amount":  # the magnitude of the net sum
            added = abs(sum(self.many.measure.tolist()))
        else:
            added = sum(numbers(self.many, of_many).tolist())
        target = int(numbers(self.single, of_single)[0])
        of_a, of_b = (added, target) if self.many_is_a else (target, added)
        room = 0
        if leaf.tolerance is not None and abs(of_a) < SUM_MAX:
            room = int(slack(leaf.tolerance, np.array([of_a]), self.single.decimal_places)[0])
        holds = abs(added - target) <= room and abs(sum(self.many.measure.tolist())) < SUM_MAX
        parts = seen(self.a, self.b, leaf.key, leaf.value, self.rows, np.full(len(self.rows[0]), holds))
        total = Seen(None, None, of_a, of_b, of_a, of_b, of_a - of_b, holds)
        return Condition(
            path,
            leaf.key.field,
            "eq",
            leaf.value.field,
            holds,
            parts,
            total,
            unit=unit_of(leaf.key, leaf.value),
        )

    def after(self) -> Iterator[Condition]:
        yield from self._one_group()
        if self.rule.rollup is not None and self.rule.rollup.lookback_days is not None:
            yield self._lookback(self.rule.rollup.lookback_days, self.rule.rollup.date_field)
        exact = self.rule.must_balance or not self._tolerant()
        yield self.balance("eq" if exact else "not_zero" if self.magnitude else "same_direction")

    def _tolerant(self) -> bool:
        """Whether an amount of the tree may differ."""
        leaves = [leaf for leaf in self.held if isinstance(leaf, Leaf) and is_money(leaf)]
        return any(leaf.tolerance is not None for leaf in leaves)

    def _one_group(self) -> Iterator[Condition]:
        """All members have the same values of `group_by`, none missing."""
        name: SideName = "a" if self.many_is_a else "b"
        for place, field in enumerate(self.rule.group_by):
            values = shown(self.many, Value(field), np.arange(len(self.many)))
            holds = np.array([value is not None and value == values[0] for value in values])
            yield self.alone(
                ("group_by", place), name, field, "eq", "" if values[0] is None else str(values[0]), holds
            )

    def _lookback(self, days: int, field: str) -> Condition:
        """Every member's day is at most so many days before the single record's date, and not after it."""
        single = shown(self.single, Value("date"), np.zeros(1, np.int64))[0]
        day = int(self.single.days("date")[0])
        known = self.many.frame[field].is_not_null().to_numpy()
        before = day - self.many.days(field)
        holds = known & (before >= 0) & (before <= days)
        rows = np.arange(len(self.many))
        found = []
        for one, value, ok, back in zip(
            self.many.ids.tolist(),
            shown(self.many, Value(field), rows),
            holds.tolist(),
            before.tolist(),
            strict=True,
        ):
            ends = (value, single) if self.many_is_a else (single, value)
            who = (one, self.single.ids.tolist()[0]) if self.many_is_a else (self.single.ids.tolist()[0], one)
            apart = back if self.many_is_a else -back
            found.append(Seen(*who, *ends, *ends, None if value is None else apart, ok))
        key, value_field = (field, "date") if self.many_is_a else ("date", field)
        path: Path = ("rollup", "lookback_days")
        return Condition(
            path, key, "within", value_field, bool(holds.all()), tuple(found), unit="days", literal=str(days)
        )


def _of_one_side(name: SideName, record: int, value: Shown, holds: bool) -> Seen:
    if name == "a":
        return Seen(record, None, value, None, value, None, None, holds)
    return Seen(None, record, None, value, None, value, None, holds)
