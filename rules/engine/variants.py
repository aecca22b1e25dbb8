"""The alternatives of a rule with a rollup, by what a set of records must meet as a whole, and what each of its records
must meet by itself. Called by `rollups`."""

from __future__ import annotations

from dataclasses import dataclass

from rules.engine.comparators import is_money
from rules.engine.plan import Alternative, alternatives
from rules.engine.tree import Leaf, RuleSpec, Scope


@dataclass(frozen=True, slots=True)
class Each:
    """Conditions that one member meets beside the single record."""

    leaves: tuple[Leaf, ...]
    scopes: tuple[Scope, ...]


@dataclass(frozen=True, slots=True)
class Variant:
    """One way in which a set may meet a single record.

    `pointing`: which group of members the single record means. `amounts`: what the sum must meet. `scopes`: of the
    single record. `each`: every member meets one of these; members of one set need not meet the same.
    """

    pointing: tuple[Leaf, ...]
    amounts: tuple[Leaf, ...]
    scopes: tuple[Scope, ...]
    each: tuple[Each, ...]


Whole = tuple[tuple[Leaf, ...], tuple[Leaf, ...], tuple[Scope, ...]]


def variants(rule: RuleSpec) -> tuple[Variant, ...]:
    """In order as written: alternatives that ask the same of the whole set are one variant."""
    found: dict[Whole, list[Each]] = {}
    for alternative in alternatives(rule.filters):
        whole, each = _split(rule, alternative)
        found.setdefault(whole, []).append(each)
    return tuple(Variant(*whole, tuple(each)) for whole, each in found.items())


def _split(rule: RuleSpec, alternative: Alternative) -> tuple[Whole, Each]:
    many_is_a = rule.cardinality == "many_to_one"
    assert rule.rollup is not None
    groups = rule.group_by if rule.rollup.kind == "identifier" else rule.group_by[1:]
    pointing = tuple(
        leaf
        for leaf in alternative.keys
        if (leaf.key if many_is_a else leaf.value).field in groups and not is_money(leaf)
    )
    amounts = tuple(leaf for leaf in alternative.leaves if leaf.operand == "eq" and is_money(leaf))
    leaves = tuple(leaf for leaf in alternative.leaves if leaf not in {*pointing, *amounts})
    of_single = tuple(scope for scope in alternative.scopes if (scope.side == "b") == many_is_a)
    of_many = tuple(scope for scope in alternative.scopes if scope not in of_single)
    return (pointing, amounts, of_single), Each(leaves, of_many)
