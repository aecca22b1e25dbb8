"""The engine's meaning, slow and obvious: every pair is tried, every set of pairs is listed. For a handful of records.

It reads the rule's JSON by itself and shares no code with the engine.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from tests.rules.engine.books import Record
from tests.rules.engine.oracle_conditions import Types, day_of, holds, value_of

Pair = tuple[Record, Record]


def loose(node: dict[str, Any], a: Record, b: Record, types: Types) -> bool:
    """Whether the tree is true by an alternative that allows another amount."""
    if "rules" in node:
        parts = node["rules"]
        if node.get("operand") == "or":
            return any(loose(part, a, b, types) for part in parts)
        return all(holds(part, a, b, types) for part in parts) and any(
            loose(part, a, b, types) for part in parts
        )
    money = node.get("key") in ("amount", "effect", "signed_amount")
    return money and "tolerance_amount" in node and holds(node, a, b, types)


def cost_dates(node: dict[str, Any]) -> tuple[str, str] | None:
    """The fields of the first date window of the tree."""
    if "rules" in node:
        return next((found for part in node["rules"] if (found := cost_dates(part))), None)
    window = "days" in node or node.get("tolerance_unit") == "day"
    return (node["key"], node["value"]) if window else None


def names(node: dict[str, Any], end: str, side: str) -> set[str]:
    """The fields that a tree reads on one side."""
    if "rules" in node:
        return set().union(*(names(rule, end, side) for rule in node["rules"]))
    if "side" in node:
        return {node["field"]} if node["side"] == side else set()
    return {node[end]}


class OneToOne:
    """A one-to-one rule over a handful of records."""

    def __init__(self, rule: dict[str, Any], side_a: Sequence[Record], side_b: Sequence[Record]) -> None:
        self.rule = rule
        self.types: Types = rule.get("metadata_types", {})
        self.dates = cost_dates(rule["filters"]) or ("date", "date")
        self.side_a, self.side_b = side_a, side_b

    def cost(self, a: Record, b: Record) -> tuple[int, int, int]:
        """Amount difference, days apart, age."""
        left, right = day_of(a, self.dates[0], self.types), day_of(b, self.dates[1], self.types)
        return abs(a.measure - b.measure), abs((right - left).days), left.toordinal() + right.toordinal()

    def allowed(self, a: Record, b: Record) -> bool:
        if (
            a.currency != b.currency
            or not a.measure
            or not b.measure
            or not holds(self.rule["filters"], a, b, self.types)
        ):
            return False
        if any(
            (value := value_of(a, name, None, self.types)) is None
            or value != value_of(b, name, None, self.types)
            for name in self.rule.get("group_by", ())
        ):
            return False
        kind = self.rule.get("on_difference", "refuse")
        if kind == "allow" or a.measure == b.measure:
            return True
        if kind == "refuse" and (
            self.rule.get("must_balance", True) or not loose(self.rule["filters"], a, b, self.types)
        ):
            return False
        return (a.measure > 0) == (b.measure > 0)

    def steps(self, refused: set[tuple[int, int]]) -> Iterator[list[Pair]]:
        """Candidates of equal amounts, then all of them."""
        edges = [
            (a, b)
            for a in self.side_a
            for b in self.side_b
            if (a.id, b.id) not in refused and self.allowed(a, b)
        ]
        yield [(a, b) for a, b in edges if a.measure == b.measure]
        yield edges

    def total(self, pairs: Sequence[Pair], parts: int = 3) -> tuple[int, ...]:
        """The most pairs first (as a negative), then the least of each cost."""
        costs = [self.cost(a, b)[:parts] for a, b in pairs]
        return (-len(costs), *(sum(cost[part] for cost in costs) for part in range(parts)))

    def best(self, edges: list[Pair]) -> tuple[int, ...]:
        return min(self.total(chosen) for chosen in assignments(edges))

    def twin_a(self, record: Record) -> tuple[Any, ...]:
        return self._twin(record, "key", "a")

    def twin_b(self, record: Record) -> tuple[Any, ...]:
        return self._twin(record, "value", "b")

    def _twin(self, record: Record, end: str, side: str) -> tuple[Any, ...]:
        """What makes two records of one side interchangeable: all that the rule names there, and who and what for."""
        named = {"currency", "date", "measure", "reference", "counterparty", *self.rule.get("group_by", ())}
        return tuple(record.value(name) for name in sorted(named | names(self.rule["filters"], end, side)))

    def sole(self, edges: list[Pair]) -> list[tuple[Any, Any, int]]:
        """Classes of twins that meet only each other, with how many pairs they make."""
        classes = {(self.twin_a(a), self.twin_b(b)) for a, b in edges}
        count_a, count_b = Counter(a for a, _ in classes), Counter(b for _, b in classes)
        found = []
        for twin_a, twin_b in classes:
            if count_a[twin_a] == count_b[twin_b] == 1:
                own = [(a, b) for a, b in edges if self.twin_a(a) == twin_a]
                found.append((twin_a, twin_b, -self.best(own)[0]))
        return found

    def ambiguous(self, edges: list[Pair], chosen: Sequence[Pair]) -> list[Pair]:
        """Chosen pairs that not every assignment of equal size, amounts and days has, twins being interchangeable."""
        goal, mine = self.total(chosen, 2), self.as_classes(chosen)
        rivals = [self.as_classes(other) for other in assignments(edges) if self.total(other, 2) == goal]
        unsure = {pair for rival in rivals for pair in mine if rival[pair] != mine[pair]}
        return [(a, b) for a, b in chosen if (self.twin_a(a), self.twin_b(b)) in unsure]

    def as_classes(self, pairs: Sequence[Pair]) -> Counter[tuple[Any, Any]]:
        return Counter((self.twin_a(a), self.twin_b(b)) for a, b in pairs)


def assignments(edges: list[Pair]) -> Iterator[list[Pair]]:
    """Every set of edges in which no record stands twice."""
    if not edges:
        yield []
        return
    first = edges[0][0]
    rest = [(a, b) for a, b in edges if a.id != first.id]
    yield from assignments(rest)
    for a, b in edges:
        if a.id == first.id:
            for others in assignments([(c, d) for c, d in rest if d.id != b.id]):
                yield [(a, b), *others]
