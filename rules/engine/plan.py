"""A rule's tree in its normal form: alternatives of conditions that must all hold, each split by how it is used:
exact keys, words, bands, scopes, and the rest. Read by `parse` (too broad?) and by the matchers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product

from rules.engine.fields import kind_of
from rules.engine.tree import Group, Leaf, Node, RuleSpec, Scope, Value

MAX_ALTERNATIVES = 64
NOT_SELECTIVE = frozenset({"currency", "direction"})
BOOKED = Value("date")


class TooManyAlternatives(ValueError):
    """The or-groups of a tree multiply beyond MAX_ALTERNATIVES."""


@dataclass(frozen=True)
class Alternative:
    """Conditions that must all hold. A tree is an `or` of these."""

    leaves: tuple[Leaf, ...]
    scopes: tuple[Scope, ...]

    @cached_property
    def keys(self) -> tuple[Leaf, ...]:
        """Equal on both sides: a hash join."""
        return tuple(leaf for leaf in self.leaves if leaf.is_exact)

    @cached_property
    def words(self) -> tuple[Leaf, ...]:
        """The whole value of one side is a word of the other's text: a hash join on words."""
        return tuple(leaf for leaf in self.leaves if leaf.operand in ("token_in", "has_token"))

    @cached_property
    def bands(self) -> tuple[Leaf, ...]:
        """An amount, number or date within a tolerance or window."""
        return tuple(leaf for leaf in self.leaves if leaf.is_band)

    @cached_property
    def residual(self) -> tuple[Leaf, ...]:
        """The rest, evaluated on candidates only."""
        used = {*self.keys, *self.words, *self.bands}
        return tuple(leaf for leaf in self.leaves if leaf not in used)

    @property
    def is_selective(self) -> bool:
        keys = [
            leaf
            for leaf in self.keys
            if leaf.key.field not in NOT_SELECTIVE or leaf.value.field not in NOT_SELECTIVE
        ]
        return bool(keys or self.words or self.bands)


def alternatives(tree: Group) -> tuple[Alternative, ...]:
    """The normal form of a tree. Raises TooManyAlternatives."""
    return tuple(dict.fromkeys(_alternative(conditions) for conditions in _expand(tree)))


def _expand(node: Node) -> list[tuple[Leaf | Scope, ...]]:
    if not isinstance(node, Group):
        return [(node,)]
    parts = [_expand(rule) for rule in node.rules]
    if node.operand == "or":
        found = [conditions for part in parts for conditions in part]
    else:
        size = 1
        for part in parts:
            size *= len(part)
            if size > MAX_ALTERNATIVES:
                raise TooManyAlternatives
        found = [tuple(condition for part in chosen for condition in part) for chosen in product(*parts)]
    if len(found) > MAX_ALTERNATIVES:
        raise TooManyAlternatives
    return found


def _alternative(conditions: tuple[Leaf | Scope, ...]) -> Alternative:
    once = dict.fromkeys(conditions)
    return Alternative(
        tuple(condition for condition in once if isinstance(condition, Leaf)),
        tuple(condition for condition in once if isinstance(condition, Scope)),
    )


def plan(rule: RuleSpec) -> tuple[Alternative, ...]:
    """The alternatives of a rule, with the equality of `group_by` fields that a one-to-one rule asks for."""
    found = alternatives(rule.filters)
    if rule.cardinality != "one_to_one" or not rule.group_by:
        return found
    same = tuple(Leaf(rule.value(field), "eq", rule.value(field)) for field in rule.group_by)
    return tuple(Alternative((*alternative.leaves, *same), alternative.scopes) for alternative in found)


def named_values(rule: RuleSpec) -> tuple[set[str], set[str]]:
    """The fields that a rule reads on Side A and on Side B."""
    a: set[str] = set()
    b: set[str] = set()
    for alternative in plan(rule):
        a.update(leaf.key.field for leaf in alternative.leaves)
        b.update(leaf.value.field for leaf in alternative.leaves)
        a.update(scope.field for scope in alternative.scopes if scope.side == "a")
        b.update(scope.field for scope in alternative.scopes if scope.side == "b")
    if rule.rollup is not None:
        many, single = (a, b) if rule.cardinality == "many_to_one" else (b, a)
        many.update((*rule.group_by, rule.rollup.date_field))
        if rule.rollup.kind == "date":
            single.update(rule.group_by[1:])
    return a, b


def cost_dates(found: tuple[Alternative, ...]) -> tuple[Value, Value]:
    """The dates whose distance is a pair's cost: those of the first date window, else both booking dates."""
    for alternative in found:
        for leaf in alternative.bands:
            if kind_of(leaf.key) == "date":
                return leaf.key, leaf.value
    return BOOKED, BOOKED
