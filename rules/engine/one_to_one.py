"""One-to-one rules: the steps of a rule, what on_difference means for them, and which path each takes. Called by
`matching`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rules.engine.comparators import is_money
from rules.engine.fields import kind_of
from rules.engine.found import Found, joined
from rules.engine.line_policy import pair_on_line
from rules.engine.pairs import Job, pair_by_candidates, with_rivals_of_all
from rules.engine.plan import Alternative, cost_dates, named_values, plan
from rules.engine.refused import Refused
from rules.engine.sides import Side
from rules.engine.tree import Leaf, RuleSpec, Value

SAME_SIGN = Leaf(Value("sign"), "eq", Value("sign"))


def pair(rule: RuleSpec, a: Side, b: Side, refused: Refused, magnitude: bool) -> Found:
    """The pairs of a rule. Raises TooBroad.

    Where amounts may differ it goes in two steps, equal amounts first, then the rest: "the most pairs" holds in each.
    """
    alternatives = plan(rule)
    named = named_values(rule)
    steps = _steps(rule, alternatives, a, b, magnitude)
    done: list[Found] = []
    whole, rows_a, rows_b = (a, b), np.arange(len(a)), np.arange(len(b))
    for number, (step, equal) in enumerate(steps):
        job = Job(
            step,
            rule.on_ambiguity,
            cost_dates(alternatives),
            magnitude,
            (frozenset(named[0]), frozenset(named[1])),
        )
        path = pair_on_line if equal and _is_line(step) else pair_by_candidates
        found = path(job, a, b, refused.pairs(a, b))
        found = replace(found, a=rows_a[found.a], b=rows_b[found.b], ambiguous=rows_a[found.ambiguous])
        done.append(found if not number else with_rivals_of_all(job, *whole, refused.pairs(*whole), found))
        if number + 1 < len(steps):
            rows_a = _others(len(a), np.concatenate((found.a, found.ambiguous)))
            rows_b = _others(len(b), found.b)
            a, b = a.only(rows_a), b.only(rows_b)
    return joined(done)


def _others(size: int, taken: np.ndarray) -> np.ndarray:
    left = np.ones(size, bool)
    left[taken] = False
    return np.flatnonzero(left)


def _is_line(step: tuple[Alternative, ...]) -> bool:
    """One alternative of exact keys and at most one date window."""
    if len(step) > 1 or step[0].words or step[0].residual:
        return False
    return len(step[0].bands) <= 1 and all(kind_of(leaf.key) == "date" for leaf in step[0].bands)


Step = tuple[tuple[Alternative, ...], bool]


def _steps(
    rule: RuleSpec, alternatives: tuple[Alternative, ...], a: Side, b: Side, magnitude: bool
) -> list[Step]:
    """The alternatives of each step, and whether all its pairs have equal amounts (in what sums are compared in)."""
    balanced = tuple(_balanced(alternative, a, b, magnitude) for alternative in alternatives)
    equal: Step = (balanced, True)
    loose = [any(is_money(leaf) for leaf in one.bands) for one in alternatives]
    if rule.must_balance or all(one is exact for one, exact in zip(alternatives, balanced, strict=True)):
        return [equal]
    if rule.on_difference == "refuse":
        # A difference needs an amount within a tolerance, and never means the other direction.
        if not any(loose):
            return [equal]
        apart = tuple(_with(one, SAME_SIGN) if not magnitude else one for one in alternatives)
        mixed = zip(apart, balanced, loose, strict=True)
        return [equal, (tuple(one if free else exact for one, exact, free in mixed), False)]
    if rule.on_difference == "suggest_partial":
        return [equal, (tuple(_with(one, SAME_SIGN) for one in alternatives), False)]
    return [equal, (alternatives, False)]


def _with(alternative: Alternative, leaf: Leaf) -> Alternative:
    return Alternative((*alternative.leaves, leaf), alternative.scopes)


def _balanced(alternative: Alternative, a: Side, b: Side, magnitude: bool) -> Alternative:
    """The alternative for equal amounts only: with that condition, unless one of its own says it, and without
    tolerances that it makes needless. The very same object where nothing changes."""
    measure = "magnitude" if magnitude else "measure"
    meanings = {leaf: _meanings(a, leaf.key) & _meanings(b, leaf.value) for leaf in alternative.leaves}
    implied = {"magnitude"} if magnitude else {"measure", "magnitude"}
    needless = {leaf for leaf in alternative.bands if is_money(leaf) and meanings[leaf] & implied}
    leaves = tuple(leaf for leaf in alternative.leaves if leaf not in needless)
    if any(measure in meanings[leaf] for leaf in alternative.keys):
        return alternative if not needless else Alternative(leaves, alternative.scopes)
    return Alternative((*leaves, Leaf(Value(measure), "eq", Value(measure))), alternative.scopes)


def _meanings(side: Side, value: Value) -> set[str]:
    """Whether an amount field of these records is just what sums are compared in, or its magnitude."""
    if kind_of(value) != "money":
        return set()
    values = side.values(value)
    if values.null_count():
        return set()
    return {name for name in ("measure", "magnitude") if (values == side.values(Value(name))).all()}
