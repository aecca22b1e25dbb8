"""What a rule whose one side adds up says to a group of records. Used by `explain`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from rules.engine.cohorts import day_of
from rules.engine.comparators import is_money, leaf_holds, numbers, slack
from rules.engine.explain_case import Balance, Case
from rules.engine.explained import Condition, Seen, seen, shown, unit_of
from rules.engine.sides import Bools, Side
from rules.engine.tree import Leaf, Path, RuleSpec, Scope, SideName, Value
from rules.engine.variants import Variant, variants

SUM_MAX = 1 << 62  # the engine matches no sum beyond


class RollupCase(Case):
    """Some records before a rule whose one side adds up to a single record of the other."""

    def __init__(self, rule: RuleSpec, a: Side, b: Side, magnitude: bool) -> None:
        super().__init__(rule, a, b, magnitude)
        assert rule.rollup is not None
        self.rollup = rule.rollup
        self.many_is_a = rule.cardinality == "many_to_one"
        self.many, self.single = (a, b) if self.many_is_a else (b, a)
        self.many_name: SideName = "a" if self.many_is_a else "b"

    def condition(self, node: Leaf | Scope, path: Path) -> Condition:
        """An amount that must be equal is one of sums; anything else is asked of every member."""
        if isinstance(node, Scope) or node.operand != "eq" or not is_money(node):
            return super().condition(node, path)
        found = self._sum(node, path)
        self.held[node] = np.full(len(self.rows[0]), found.holds)
        return found

    def _sum(self, leaf: Leaf, path: Path) -> Condition:
        of_many, of_single = (leaf.key, leaf.value) if self.many_is_a else (leaf.value, leaf.key)
        net = sum(self.many.measure.tolist())
        # Of `amount` it is the magnitude of the net sum.
        added = abs(net) if of_many.field == "amount" else sum(numbers(self.many, of_many).tolist())
        target = int(numbers(self.single, of_single)[0])
        of_a, of_b = (added, target) if self.many_is_a else (target, added)
        room = 0
        if leaf.tolerance is not None and abs(of_a) < SUM_MAX:
            room = int(slack(leaf.tolerance, np.array([of_a]), self.single.decimal_places)[0])
        holds = abs(added - target) <= room and abs(net) < 2 * SUM_MAX
        parts = seen(self.a, self.b, leaf.key, leaf.value, self.rows, np.full(len(self.rows[0]), holds))
        total = Seen(None, None, of_a, of_b, of_a, of_b, of_a - of_b, holds)
        unit = unit_of(leaf.key, leaf.value)
        return Condition(path, leaf.key.field, "eq", leaf.value.field, holds, parts, total, unit=unit)

    # --- What is asked beside the tree --------------------------------------------------------------------------

    def after(self) -> Iterator[Condition]:
        """That all members are one group, within the days, and what may become of a difference. Which of several ways
        through the tree is taken decides on some of it: the first that does for all, else the first that holds."""
        ways = variants(self.rule)
        holding = [way for way in ways if self._holds(way)]
        whole = [way for way in holding if all(one.holds for one in self._of_way(way))]
        if not holding and self._each_somehow():
            yield Condition(("filters",), "", "one_way", "", False)
        yield from self._one_group()
        yield from self._days()
        yield from self._of_way((whole or holding or list(ways))[0])

    def _holds(self, way: Variant) -> bool:
        return bool(self._members_met(way).all())

    def _each_somehow(self) -> bool:
        """Whether every member meets the tree by itself, one way or another."""
        return bool(np.logical_or.reduce([self._members_met(way) for way in variants(self.rule)]).all())

    def _members_met(self, way: Variant) -> Bools:
        """For each member whether this way holds: what it asks of the whole set, and one of what it asks of each."""
        each = np.logical_or.reduce([self._met([*one.leaves, *one.scopes]) for one in way.each])
        return self._met([*way.pointing, *way.amounts, *way.scopes]) & each

    def _met(self, conditions: Sequence[Leaf | Scope]) -> Bools:
        held = [np.ones(len(self.rows[0]), bool), *(self.held[one] for one in conditions)]
        met: Bools = np.logical_and.reduce(held)
        return met

    def _of_way(self, way: Variant) -> Iterator[Condition]:
        """The same segment on both sides where this way says nothing about it; what its amounts let the sums be."""
        if self.rollup.kind == "date":
            ends = [leaf.key if self.many_is_a else leaf.value for leaf in way.pointing]
            named = {end.field for end in ends}
            for place, field in enumerate(self.rule.group_by[1:], start=1):
                if field not in named:
                    same = Leaf(self.rule.value(field), "eq", self.rule.value(field))
                    holds = leaf_holds(same, self.a, self.b, *self.rows)
                    yield self.leaf(same, ("group_by", place), holds)
        yield self.balance(self._may_be(way))

    def _may_be(self, way: Variant) -> Balance:
        if self.rule.must_balance or all(leaf.tolerance is None for leaf in way.amounts):
            return "eq"
        return "not_zero" if self.magnitude or self.rule.on_difference == "allow" else "same_direction"

    def _one_group(self) -> Iterator[Condition]:
        """All members have the same values of `group_by`, none missing. By date the first of them is the day."""
        rows = np.arange(len(self.many))
        for place, field in enumerate(self.rule.group_by):
            value = self.rule.value(field)
            path: Path = ("group_by", place)
            if place == 0 and self.rollup.kind == "date":
                known = self.many.values(day_of(self.rule, field)).is_not_null().to_numpy()
                if not known.all():
                    yield self.alone(path, self.many_name, value, "known", "", known)
                continue
            values = shown(self.many, value, rows)
            holds = np.array([one is not None and one == values[0] for one in values])
            text = "" if values[0] is None else str(values[0])
            yield self.alone(path, self.many_name, value, "eq", text, holds)

    def _days(self) -> Iterator[Condition]:
        """Every member's day is at most so many days before the single record's date, and not after it."""
        days = self.rollup.lookback_days
        if days is None:
            return
        value = day_of(self.rule, self.rollup.date_field)
        known = self.many.values(value).is_not_null().to_numpy()
        back = int(self.single.days("date")[0]) - self.many.days(value)
        holds = known & (back >= 0) & (back <= days)
        found = seen(self.a, self.b, *self._ends(value), self.rows, holds)
        key, other = self._ends(value)
        path: Path = ("rollup", "lookback_days")
        yield Condition(
            path,
            key.field,
            "within",
            other.field,
            bool(holds.all()),
            found,
            unit="days",
            literal=str(days),
        )

    def _ends(self, of_many: Value) -> tuple[Value, Value]:
        """The many side's day and the single record's date, as Side A and Side B."""
        return (of_many, Value("date")) if self.many_is_a else (Value("date"), of_many)
