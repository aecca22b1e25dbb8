"""The engine's meaning, slow and obvious: every pair is tried, every set of pairs is listed. For a handful of records.

It reads the rule's JSON by itself and shares no code with the engine.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from tests.rules.engine.books import Record

Pair = tuple[Record, Record]
TEXTS = {
    "lowercase": lambda text, n: text.lower(),
    "uppercase": lambda text, n: text.upper(),
    "alphanumeric_only": lambda text, n: "".join(sign for sign in text if sign.isascii() and sign.isalnum()),
    "digits_only": lambda text, n: "".join(sign for sign in text if sign in "0123456789"),
    "first_n_chars": lambda text, n: text[:n],
    "first_words": lambda text, n: " ".join(_words(text)[:n]),
}


def _words(text: str) -> list[str]:
    return "".join(sign if sign.isalnum() else " " for sign in text.lower()).split()


def value_of(record: Record, name: str, transforms: Any) -> Any:
    value: Any = record.value(name)
    for transform in transforms if isinstance(transforms, list) else [transforms] if transforms else []:
        spec = transform if isinstance(transform, dict) else {"name": transform}
        value = TEXTS[spec["name"]](str(value), spec.get("args", {}).get("n"))
    return None if value in ("", None) else value


def token_in(word: str, text: str) -> bool:
    word, text = word.lower(), text.lower()
    if not any(sign.isalnum() for sign in word):
        return False
    for start in range(len(text) - len(word) + 1):
        before, after = text[start - 1 : start] if start else "", text[start + len(word) :][:1]
        if text[start : start + len(word)] == word and not before.isalnum() and not after.isalnum():
            return True
    return False


COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: a == b,
    "neq": lambda a, b: a != b,
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
    "contains": lambda a, b: b in a,
    "token_in": token_in,
    "has_token": lambda a, b: token_in(b, a),
}


def near(leaf: dict[str, Any], left: Any, right: Any, places: int) -> bool:
    if "days" in leaf:
        return bool(leaf["days"][0] <= (right - left).days <= leaf["days"][1])
    unit = leaf.get("tolerance_unit") or ("dollar" if isinstance(left, int) else "day")
    if unit == "month":
        return (left.year, left.month) == (right.year, right.month)
    if unit == "day":
        return bool(abs((right - left).days) <= leaf["tolerance_amount"])
    amount = Decimal(str(leaf["tolerance_amount"]))
    return abs(left - right) <= (amount * 10**places if unit == "dollar" else amount / 100 * abs(left))


def holds(node: dict[str, Any], a: Record, b: Record) -> bool:
    """Whether a tree is true for a pair."""
    if "rules" in node:
        results = [holds(rule, a, b) for rule in node["rules"]]
        return any(results) if node.get("operand") == "or" else all(results)
    if "side" in node:
        return in_scope(node, a if node["side"] == "a" else b)
    transforms = node.get("transforms", {})
    left, right = (
        value_of(a, node["key"], transforms.get("key")),
        value_of(b, node["value"], transforms.get("value")),
    )
    if left is None or right is None:
        return False
    if "days" in node or "tolerance_unit" in node or "tolerance_amount" in node:
        return near(node, left, right, a.decimal_places)
    return COMPARE[node["operand"]](left, right)


def in_scope(node: dict[str, Any], record: Record) -> bool:
    value = value_of(record, node["field"], None)
    literal: Any = node["literal"]
    if value is None:
        return False
    if isinstance(value, int):
        literal = Decimal(str(literal)) * 10**record.decimal_places
    elif not isinstance(value, str):
        value = value.isoformat()
    return COMPARE[node["operand"]](value, literal)


def loose(node: dict[str, Any], a: Record, b: Record) -> bool:
    """Whether the tree is true by an alternative that allows another amount."""
    if "rules" in node:
        parts = node["rules"]
        if node.get("operand") == "or":
            return any(loose(part, a, b) for part in parts)
        return all(holds(part, a, b) for part in parts) and any(loose(part, a, b) for part in parts)
    money = node.get("key") in ("amount", "effect", "signed_amount")
    return money and "tolerance_amount" in node and holds(node, a, b)


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
        self.dates = cost_dates(rule["filters"]) or ("date", "date")
        self.side_a, self.side_b = side_a, side_b

    def cost(self, a: Record, b: Record) -> tuple[int, int, int]:
        """Amount difference, days apart, age."""
        left, right = a.value(self.dates[0]) or a.date, b.value(self.dates[1]) or b.date
        return abs(a.measure - b.measure), abs((right - left).days), left.toordinal() + right.toordinal()

    def allowed(self, a: Record, b: Record) -> bool:
        if (
            a.currency != b.currency
            or not a.measure
            or not b.measure
            or not holds(self.rule["filters"], a, b)
        ):
            return False
        if any(
            a.value(name) != b.value(name) or a.value(name) in ("", None)
            for name in self.rule.get("group_by", ())
        ):
            return False
        kind = self.rule.get("on_difference", "refuse")
        if kind == "allow" or a.measure == b.measure:
            return True
        if kind == "refuse" and (
            self.rule.get("must_balance", True) or not loose(self.rule["filters"], a, b)
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
