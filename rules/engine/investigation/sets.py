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
    claimed = np.bincount(pairs.found, _standing(pairs, len(books.own)), minlength=len(books.other))
    # What the record itself makes of a part is no other claim to it.
    free = _free(sets.members, claimed)
    rating = odds.BEFORE[Cause.SPLIT_PAYMENT] * sets.near * free / sets.by_accident
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
    explained = np.bincount(pairs.own, pairs.odds, minlength=len(books.own))
    claimed = np.bincount(pairs.found, _standing(pairs, len(books.own)), minlength=len(books.other))
    rating = odds.BEFORE[Cause.COMBINED_PAYMENT] * sets.near / sets.by_accident / (1 + claimed[sets.target])
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


def _free(members: Ints, claimed: Floats) -> Floats:
    """How far the members of sets are free of other claims."""
    if not len(claimed):
        return np.ones(len(members))
    return np.where(members == NOBODY, 1.0, 1 / (1 + claimed[np.maximum(members, 0)])).prod(axis=1)


def _standing(pairs: Pairs, own_size: int) -> Floats:
    """The odds of each pair beside the other candidates of its record."""
    total = np.bincount(pairs.own, pairs.odds, minlength=own_size)
    return pairs.odds / (1 + total[pairs.own] - pairs.odds)
