"""The line path of a one-to-one rule: what on_ambiguity and refused pairs mean there, and which parts leave it for the
pair path. Called by `one_to_one`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rules.engine import chance, rivals
from rules.engine.candidates import BUDGET, usable
from rules.engine.confidence import Evidence
from rules.engine.found import Found, TooBroad, joined
from rules.engine.keys import key_columns
from rules.engine.line import Components, Line, Runs, components, draw_line, pair_in_order, part_of
from rules.engine.line_refused import without_refused
from rules.engine.line_solvers import OPEN, Window
from rules.engine.pairs import Job, choose_among_candidates
from rules.engine.plan import Alternative
from rules.engine.rivals import places
from rules.engine.sides import Bools, Ints, Side
from rules.engine.tree import Leaf
from rules.engine.twins import Twins, twins

ASIDE_PAIRS = 100_000  # a part of the line with more pairs never leaves it
ASIDE_BITE = 5_000_000  # pairs of whole parts that leave it at a time
ASIDE_TOTAL = 5 * BUDGET
Rows = tuple[Ints, Ints]


def window_of(alternative: Alternative) -> Window:
    """The days that a rule on the line allows; without a date window all of them."""
    if not alternative.bands:
        return OPEN
    leaf: Leaf = alternative.bands[0]
    if leaf.days is not None:
        return Window(*leaf.days)
    assert leaf.tolerance is not None
    return Window(-int(leaf.tolerance.amount), int(leaf.tolerance.amount))


def pair_on_line(job: Job, a: Side, b: Side, refused: Rows) -> Found:
    """One step of a rule with one alternative of exact keys and at most one date window, amounts being equal."""
    (alternative,) = job.alternatives
    window = window_of(alternative)
    classes = None if job.on_ambiguity == "best" else (twins(a, job.named[0]), twins(b, job.named[1]))
    line, runs = draw_line(
        key_columns(a, b, [(leaf.key, leaf.value) for leaf in alternative.keys]),
        (a.days(job.dates[0]), b.days(job.dates[1])),
        window,
        usable(alternative, a, b),
        None if classes is None else (classes[0].of, classes[1].of),
    )
    candidates = line.pairs
    parts = components(line)
    aside, left_open = _leaving(job, line, parts, refused, classes)
    found = [_aside(job, a, b, part_of(line, parts, aside), refused)] if aside.any() else []
    found.append(Found(ambiguous=part_of(line, parts, left_open).rows_a))
    rest = line if not (aside.any() or left_open.any()) else part_of(line, parts, ~(aside | left_open))
    if job.on_ambiguity == "sole" and classes is not None:
        rest, ambiguous = _only_sole(rest, *classes)
        found.append(Found(ambiguous=ambiguous))
    found.append(_offered(rest, window, refused))
    done = joined(found)
    evidence = _evidence(done, a, b, line, runs, refused)
    return replace(done, candidates=candidates, evidence=evidence)


def _evidence(found: Found, a: Side, b: Side, line: Line, runs: Runs, refused: Rows) -> Evidence:
    """By all candidates of the line, whichever way a pair was chosen."""
    at_a, at_b = places(line.rows_a, found.a), places(line.rows_b, found.b)
    others = rivals.on_line(line, runs, at_a, at_b, refused)
    return Evidence(others.weight, others.count, chance.on_line(runs, at_a, at_b), others.ids(a, b))


def _leaving(
    job: Job, line: Line, parts: Components, refused: Rows, classes: tuple[Twins, Twins] | None
) -> tuple[Bools, Bools]:
    """Which parts go to the pair path (refused pairs, possible ties), and which stay open since they are too big to be
    searched for ties."""
    pairs = np.add.reduceat(line.hi - line.lo, parts.start_a[:-1]) if len(parts) else np.zeros(0, np.int64)
    big = pairs > ASIDE_PAIRS
    wanted = _touched(line, parts, refused)
    left_open = np.zeros(len(parts), bool)
    if job.on_ambiguity == "abstain" and classes is not None:
        one_a = _constant(classes[0].of[line.rows_a], parts.start_a)
        one_b = _constant(classes[1].of[line.rows_b], parts.start_b)
        wanted |= ~(one_a & one_b)
        left_open = wanted & big
    wanted &= ~big
    if int(pairs[wanted].sum()) > ASIDE_TOTAL:
        raise TooBroad(int(pairs[wanted].sum()))
    return wanted, left_open


def _constant(values: Ints, start: Ints) -> Bools:
    """For each part whether all its values are the same (equal values stand together)."""
    changes = np.concatenate(([0], np.cumsum(values[1:] != values[:-1]), [0]))
    return changes[start[1:] - 1] == changes[start[:-1]]


def _touched(line: Line, parts: Components, refused: Rows) -> Bools:
    """The parts that hold both records of a refused pair."""
    touched = np.zeros(len(parts), bool)
    if len(refused[0]) and len(parts):
        place_a, place_b = _places_of(line.rows_a, refused[0]), _places_of(line.rows_b, refused[1])
        part_a = np.searchsorted(parts.start_a, place_a, side="right") - 1
        part_b = np.searchsorted(parts.start_b, place_b, side="right") - 1
        touched[part_a[(part_a == part_b) & (place_a >= 0) & (place_b >= 0)]] = True
    return touched


def _aside(job: Job, a: Side, b: Side, line: Line, refused: Rows) -> Found:
    """Parts of the line by the pair path, in bites of whole parts that fit its budget."""
    parts = components(line)
    pairs = np.cumsum(np.add.reduceat(line.hi - line.lo, parts.start_a[:-1]))
    bite = pairs // ASIDE_BITE
    found = []
    for number in np.unique(bite):
        some = part_of(line, parts, bite == number)
        rows_a, rows_b = np.sort(some.rows_a), np.sort(some.rows_b)
        own = _renumbered(refused, rows_a, rows_b)
        one = choose_among_candidates(job, a.only(rows_a), b.only(rows_b), own).found
        found.append(replace(one, a=rows_a[one.a], b=rows_b[one.b], ambiguous=rows_a[one.ambiguous]))
    return joined(found)


def _renumbered(refused: Rows, rows_a: Ints, rows_b: Ints) -> Rows:
    """Refused pairs as rows of a part."""
    here = np.isin(refused[0], rows_a) & np.isin(refused[1], rows_b)
    return np.searchsorted(rows_a, refused[0][here]), np.searchsorted(rows_b, refused[1][here])


def _only_sole(line: Line, twins_a: Twins, twins_b: Twins) -> tuple[Line, Ints]:
    """Only records whose candidates are all twins of each other, on both sides; and the Side A rows that are left open."""
    back_lo = np.searchsorted(line.hi, np.arange(len(line.rows_b)), side="right")
    back_hi = np.searchsorted(line.lo, np.arange(len(line.rows_b)), side="right")
    one_a = _run_end(twins_b.of[line.rows_b])[line.lo] >= line.hi if len(line.rows_b) else np.zeros(0, bool)
    one_b = _run_end(twins_a.of[line.rows_a])[back_lo] >= back_hi if len(line.rows_a) else np.zeros(0, bool)
    keep_a, keep_b = one_a & one_b[line.lo], one_b & one_a[back_lo]
    place = np.concatenate(([0], np.cumsum(keep_b)))
    sole = Line(
        line.rows_a[keep_a],
        line.rows_b[keep_b],
        place[line.lo[keep_a]],
        place[line.hi[keep_a]],
        line.day_a[keep_a],
        line.day_b[keep_b],
    )
    return sole, line.rows_a[~keep_a]


def _run_end(values: Ints) -> Ints:
    """For each place the end of the run of equal values that it is in."""
    ends = np.append(np.flatnonzero(values[1:] != values[:-1]) + 1, len(values))
    return ends[np.searchsorted(ends, np.arange(len(values)), side="right")]


def _offered(line: Line, window: Window, refused: Rows) -> Found:
    """The pairs of what stays on the line, none of them refused."""
    at_a, at_b, proven = pair_in_order(line, window)
    places_a, places_b = _places_of(line.rows_a, refused[0]), _places_of(line.rows_b, refused[1])
    here = (places_a >= 0) & (places_b >= 0)
    if here.any():
        partner = np.full(len(line.rows_a), -1, np.int64)
        partner[at_a] = at_b
        if (partner[places_a[here]] == places_b[here]).any():
            at_a, at_b = without_refused(line, at_a, at_b, (places_a[here], places_b[here]))
            proven = False
    return Found(line.rows_a[at_a], line.rows_b[at_b], proven=proven)


def _places_of(rows: Ints, wanted: Ints) -> Ints:
    """Where these rows of a side stand on the line; −1 where they don't."""
    if not len(wanted) or not len(rows):
        return np.full(len(wanted), -1, np.int64)
    order = np.argsort(rows)
    place = order[np.minimum(np.searchsorted(rows[order], wanted), len(rows) - 1)]
    return np.where(rows[place] == wanted, place, -1)
