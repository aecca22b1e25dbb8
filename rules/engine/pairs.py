"""The pair path: or-groups, several bands, words and other conditions. Candidates are enumerated, within a budget, over
classes of twins; then assigned. Called by `one_to_one`, and for what the line path leaves to it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from rules.engine.ambiguity import certain
from rules.engine.assignment import Edges, assign
from rules.engine.candidates import BUDGET, Crowd, candidates
from rules.engine.chance import of_pairs
from rules.engine.confidence import Evidence
from rules.engine.found import NONE, Found, TooBroad, joined
from rules.engine.intervals import distinct, unfold
from rules.engine.plan import Alternative
from rules.engine.rivals_of_pairs import among_classes
from rules.engine.sides import Bools, Ints, Side
from rules.engine.tree import OnAmbiguity, Value
from rules.engine.twins import Twins, twins


@dataclass(frozen=True, slots=True)
class Job:
    """What a one-to-one rule asks of one step: the alternatives, what counts as cost, and what is not to be offered."""

    alternatives: tuple[Alternative, ...]
    on_ambiguity: OnAmbiguity
    dates: tuple[Value, Value]
    magnitude: bool
    named: tuple[frozenset[str], frozenset[str]]

    def edges(self, a: Side, b: Side, rows_a: Ints, rows_b: Ints) -> Edges:
        measure_a, measure_b = a.measure[rows_a], b.measure[rows_b]
        if self.magnitude:
            measure_a, measure_b = np.abs(measure_a), np.abs(measure_b)
        day_a, day_b = a.days(self.dates[0])[rows_a], b.days(self.dates[1])[rows_b]
        return Edges(rows_a, rows_b, np.abs(measure_a - measure_b), np.abs(day_b - day_a), day_a + day_b)


@dataclass(frozen=True, slots=True)
class Classes:
    """Candidate pairs of classes of twins, and which of them meet no other class: there twins pair up in order."""

    a: Ints
    b: Ints
    alone: Bools

    @classmethod
    def of(cls, a: Ints, b: Ints) -> Classes:
        alone = (np.bincount(a)[a] == 1) & (np.bincount(b)[b] == 1) if len(a) else np.zeros(0, bool)
        return cls(a, b, alone)


@dataclass(frozen=True, slots=True)
class Choice:
    """What was found among the candidates, and what it was chosen from."""

    found: Found
    classes: Classes
    twins: tuple[Twins, Twins]
    crowds: list[Crowd]


def pair_by_candidates(job: Job, a: Side, b: Side, refused: tuple[Ints, Ints]) -> Found:
    """Raises TooBroad where the candidates exceed the budget. `refused`: pairs of rows that are no candidates."""
    choice = choose_among_candidates(job, a, b, refused)
    found, (twins_a, twins_b) = choice.found, choice.twins
    near, far = choice.classes.a, choice.classes.b
    cost = job.edges(a, b, twins_a.first[near], twins_b.first[far])
    edges = Edges(near, far, cost.amount, cost.days, cost.age)
    others = among_classes(edges, choice.twins, (found.a, found.b), refused)
    of_first = twins_a.first[twins_a.of]
    crowds = [replace(crowd, per_a=crowd.per_a[of_first]) for crowd in choice.crowds]
    by_accident = of_pairs(job.alternatives, crowds, a, b, found.a, found.b)
    return replace(found, evidence=Evidence(others.weight, others.count, by_accident, others.ids(a, b)))


def with_rivals_of_all(job: Job, a: Side, b: Side, refused: tuple[Ints, Ints], found: Found) -> Found:
    """What a later step found, with the rivals that an earlier one took: they count more than any that is left.
    Rows and sides are those that the rule began with."""
    one_a, one_b = np.ones(len(a), np.int64), np.ones(len(b), np.int64)
    only_a, only_b = np.zeros_like(one_a), np.zeros_like(one_b)
    only_a[found.a] = only_b[found.b] = 1
    try:
        of_a, _crowds = candidates(job.alternatives, a, b, (only_a, one_b))
        of_b, _crowds = candidates(job.alternatives, a, b, (one_a, only_b))
    except TooBroad:
        return found  # its own step's rivals stand
    codes = distinct(np.concatenate([rows_a * len(b) + rows_b for rows_a, rows_b in (of_a, of_b)]))
    edges = job.edges(a, b, codes // max(len(b), 1), codes % max(len(b), 1))
    each = Twins.of_each(len(a)), Twins.of_each(len(b))
    others = among_classes(edges, each, (found.a, found.b), refused)
    evidence = Evidence(others.weight, others.count, found.evidence.chance, others.ids(a, b))
    return replace(found, evidence=evidence)


def choose_among_candidates(job: Job, a: Side, b: Side, refused: tuple[Ints, Ints]) -> Choice:
    """The same without the evidence, for whoever has its own."""
    twins_a, twins_b = twins(a, job.named[0]), twins(b, job.named[1])
    weights = _spread(twins_a, len(a)), _spread(twins_b, len(b))
    (rows_a, rows_b), crowds = candidates(job.alternatives, a, b, weights)
    class_a, class_b = twins_a.of[rows_a], twins_b.of[rows_b]
    touched = _refused_among(class_a, class_b, twins_a, twins_b, refused)
    gone = touched == twins_a.size[class_a] * twins_b.size[class_b]
    classes = Classes.of(class_a[~gone], class_b[~gone])
    touched = touched[~gone]
    blocks = _blocks(classes, classes.alone & (touched == 0), twins_a, twins_b)
    expand = classes.alone & (touched > 0) if job.on_ambiguity == "sole" else ~classes.alone | (touched > 0)
    edges = _expanded(job, a, b, classes, expand, twins_a, twins_b, refused)
    chosen, proven = assign(edges)
    assigned = Found(edges.a[chosen], edges.b[chosen], proven=proven)
    if job.on_ambiguity == "sole":
        left_open = _rows_of(np.unique(classes.a[~classes.alone]), twins_a)
        assigned = Found(assigned.a, assigned.b, left_open, proven=proven)
    elif job.on_ambiguity == "abstain":
        assigned = certain(edges, chosen, twins_a.of, twins_b.of)
    found = replace(joined([blocks, assigned]), candidates=len(rows_a))
    return Choice(found, classes, (twins_a, twins_b), crowds)


def _spread(twins_: Twins, size: int) -> Ints:
    """For the first row of each class how many records it stands for; 0 for the others."""
    weights = np.zeros(size, np.int64)
    weights[twins_.first] = twins_.size
    return weights


def _refused_among(
    class_a: Ints, class_b: Ints, twins_a: Twins, twins_b: Twins, refused: tuple[Ints, Ints]
) -> Ints:
    """How many refused pairs of records each pair of classes holds."""
    width = len(twins_b.size)
    codes = class_a * width + class_b
    of_refused = twins_a.of[refused[0]] * width + twins_b.of[refused[1]]
    distinct, count = np.unique(of_refused, return_counts=True)
    if not len(distinct):
        return np.zeros(len(codes), np.int64)
    place = np.minimum(np.searchsorted(distinct, codes), len(distinct) - 1)
    return np.where(distinct[place] == codes, count[place], 0)


def _rows_of(classes: Ints, twins_: Twins) -> Ints:
    return twins_.rows[unfold(twins_.start[classes], twins_.start[classes + 1])[1]]


def _blocks(classes: Classes, chosen: Bools, twins_a: Twins, twins_b: Twins) -> Found:
    """Twins that meet only each other, in order: the oldest of both first."""
    class_a, class_b = classes.a[chosen], classes.b[chosen]
    count = np.minimum(twins_a.size[class_a], twins_b.size[class_b])
    start_a, start_b = twins_a.start[class_a], twins_b.start[class_b]
    return Found(
        twins_a.rows[unfold(start_a, start_a + count)[1]], twins_b.rows[unfold(start_b, start_b + count)[1]]
    )


def _expanded(
    job: Job,
    a: Side,
    b: Side,
    classes: Classes,
    chosen: Bools,
    twins_a: Twins,
    twins_b: Twins,
    refused: tuple[Ints, Ints],
) -> Edges:
    """The candidate pairs of records behind pairs of classes, without the refused ones."""
    class_a, class_b = classes.a[chosen], classes.b[chosen]
    total = int((twins_a.size[class_a] * twins_b.size[class_b]).sum())
    if total > BUDGET:
        raise TooBroad(total)
    number, place_a = unfold(twins_a.start[class_a], twins_a.start[class_a + 1])
    with_b = class_b[number]
    again, place_b = unfold(twins_b.start[with_b], twins_b.start[with_b + 1])
    rows_a, rows_b = twins_a.rows[place_a[again]], twins_b.rows[place_b]
    codes = rows_a * len(b) + rows_b
    if len(refused[0]):
        allowed = ~np.isin(codes, refused[0] * len(b) + refused[1])
        rows_a, rows_b, codes = rows_a[allowed], rows_b[allowed], codes[allowed]
    order = np.argsort(codes)
    return job.edges(a, b, rows_a[order], rows_b[order]) if len(order) else job.edges(a, b, NONE, NONE)
