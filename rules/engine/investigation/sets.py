"""Payments in parts and several paid at once, with their odds against accident. Used by `search`; the sums are those of `sums`."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from rules.engine.investigation import odds
from rules.engine.investigation.findings import Cause
from rules.engine.investigation.pairs import OpenSearch, Pairs, Search
from rules.engine.investigation.records import Books
from rules.engine.investigation.sums import NOBODY, POOL, Sets, pools, sets_of
from rules.engine.sides import Floats, Ints


@dataclass(frozen=True)
class Parts:
    """Sets with their odds; `own`: the row of the record explained, `set`: the place of its set."""

    sets: Sets
    own: Ints
    set: Ints
    odds: Floats


def splits(books: Books, search: OpenSearch, pairs: Pairs) -> Parts:
    """Several records of the other side that add up to one that was asked about."""
    own, found = search.by_word_alike(np.flatnonzero(books.asked), POOL)
    telling = search.vocabulary.shared(own, found).likelier
    sets = sets_of(pools(own, found, books.own, books.other, telling), books.own, books.other)
    claimed = _claimed(pairs, books)
    # What the record itself makes of a part is no other claim to it.
    free = _free(sets.members, claimed)
    related = _related(sets, pairs, len(books.other), sets.target[:, None], sets.members)
    rating = (odds.BEFORE[Cause.SPLIT_PAYMENT] + related) * sets.near * sets.likely * free / sets.by_accident
    return Parts(sets, sets.target, np.arange(len(sets.target)), rating)


def combined(books: Books, pairs: Pairs) -> Parts:
    """Records of the own side, one of them asked about at least, that add up to one of the other side."""
    turned = replace(books, own=books.other, other=books.own)
    search = Search(turned, books.own)
    target, member = search.by_word_alike(np.arange(len(books.other)), POOL)
    telling = search.vocabulary.shared(target, member).likelier
    found = pools(target, member, books.other, books.own, telling)
    use = (
        (books.asked[np.maximum(found.rows, 0)] & (found.rows != NOBODY)).any(axis=1)
        if len(books.own)
        else slice(0)
    )
    sets = sets_of(
        replace(found, target=found.target[use], rows=found.rows[use], size=found.size[use]),
        books.other,
        books.own,
    )
    single = np.where(pairs.cause == odds.NUMBER[Cause.SAME_REFERENCE], 0.0, pairs.odds)
    explained = np.bincount(pairs.own, single, minlength=len(books.own)).astype(float)
    claimed = _claimed(pairs, books)
    related = _related(sets, pairs, len(books.other), sets.members, sets.target[:, None])
    rating = (odds.BEFORE[Cause.COMBINED_PAYMENT] + related) * sets.near * sets.likely / sets.by_accident
    rating /= 1 + claimed[sets.target]
    place, column = (
        np.nonzero((sets.members != NOBODY) & books.asked[np.maximum(sets.members, 0)])
        if len(books.own)
        else (NONE, NONE)
    )
    own = sets.members[place, column]
    # Siblings that something else explains make it less likely; so does what explains the record, but elsewhere.
    free = _free(sets.members, explained)[place] * (1 + explained[own])
    return Parts(sets, own, place, rating[place] * free)


NONE = np.zeros(0, np.int64)


def _related(sets: Sets, pairs: Pairs, other_size: int, own: Ints, found: Ints) -> Floats:
    """How much likelier a set is because one of its members has the single record's reference: that such a record is in the set
    is more than one would expect of a set that meets by accident. `own`, `found`: the rows of each set's pairs."""
    by_reference = np.flatnonzero(pairs.cause == odds.NUMBER[Cause.SAME_REFERENCE])
    known = pairs.own[by_reference] * other_size + pairs.found[by_reference]
    if not len(known) or not len(sets.target):
        return np.zeros(len(sets.target))
    asked = np.where(sets.members == NOBODY, -1, own * other_size + found)
    place = np.minimum(np.searchsorted(known, asked), len(known) - 1)
    rating = np.where(known[place] == asked, pairs.odds[by_reference][place], 0.0).max(axis=1)
    return rating * sets.pool / sets.size


def _free(members: Ints, claimed: Floats) -> Floats:
    """How far the members of sets are free of other claims."""
    if not len(claimed):
        return np.ones(len(members))
    return np.where(members == NOBODY, 1.0, 1 / (1 + claimed[np.maximum(members, 0)])).prod(axis=1)


def _claimed(pairs: Pairs, books: Books) -> Floats:
    """How far each record of the other side is claimed as what explains a single record: the odds beside that record's other
    candidates. A shared reference alone is no claim: parts share it."""
    total = np.bincount(pairs.own, pairs.odds, minlength=len(books.own))
    standing = pairs.odds / (1 + total[pairs.own] - pairs.odds)
    standing = np.where(pairs.cause == odds.NUMBER[Cause.SAME_REFERENCE], 0.0, standing)
    return np.bincount(pairs.found, standing, minlength=len(books.other)).astype(float)
