"""Payments in parts and several paid at once, with their odds against accident. Used by `search`; the sums are those of `sums`."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from rules.engine.investigation import odds
from rules.engine.investigation.deep import deeper
from rules.engine.investigation.findings import Cause
from rules.engine.investigation.pairs import OpenSearch, Pairs, Search
from rules.engine.investigation.records import Books, Records
from rules.engine.investigation.sums import (
    NOBODY,
    POOL,
    Pools,
    Sets,
    joined_pools,
    joined_sets,
    pools,
    sets_of,
)
from rules.engine.sides import Bools, Floats, Ints

FEW = 16  # open records of a side, of which all may be parts, whatever their words
TARGETS = 20_000  # whose pools are found at a time: 2 million pairs for each word that they have
SOME_ODDS = 0.5  # from which a single record explains enough for larger sets not to be searched


@dataclass(frozen=True)
class Parts:
    """Sets with their odds; `own`: the row of the record explained, `set`: the place of its set. `looked_at`: own rows with the
    records of the other side that were tried for them. `unfinished`: own rows for which the search ended before its end."""

    sets: Sets
    own: Ints
    set: Ints
    odds: Floats
    looked_at: tuple[Ints, Ints]
    unfinished: Ints


def splits(books: Books, search: OpenSearch, pairs: Pairs) -> Parts:
    """Several records of the other side that add up to one that was asked about."""
    own, found = _tried(search, np.flatnonzero(books.asked))
    telling = search.vocabulary.shared(own, found).likelier
    pool = pools(own, found, books.own, books.other, telling)
    sets, unfinished = _searched(pool, _explained(pairs, books), books.own, books.other)
    related = _related(sets, pairs, len(books.other), sets.target[:, None], sets.members)
    rating = (odds.BEFORE[Cause.SPLIT_PAYMENT] + related) * sets.near * sets.likely / sets.by_accident
    return Parts(sets, sets.target, np.arange(len(sets.target)), rating, (own, found), unfinished)


def combined(books: Books, pairs: Pairs, near: Ints) -> Parts:
    """Records of the own side, one of them asked about at least, that add up to one of the other side. `near`: rows of the other
    side that share a word with a record asked about."""
    search = Search(replace(books, own=books.other, other=books.own), books.own)
    near = np.unique(near)
    pool = joined_pools(
        [_own_pools(search, near[start : start + TARGETS], books) for start in range(0, len(near), TARGETS)]
    )
    claimed, explained = _claimed(pairs, books), _explained(pairs, books)
    sets, unfinished = _searched(pool, claimed, books.other, books.own)
    related = _related(sets, pairs, len(books.other), sets.members, sets.target[:, None])
    rating = (odds.BEFORE[Cause.COMBINED_PAYMENT] + related) * sets.near * sets.likely / sets.by_accident
    place, column = np.nonzero(_are_asked(sets.members, books))
    own = sets.members[place, column]
    # Siblings that something else explains make it less likely; so does what explains the record, but elsewhere.
    free = _free(sets.members, explained)[place] * (1 + explained[own])
    waiting = pool.rows[np.isin(pool.target, unfinished)]
    waiting = np.unique(waiting[_are_asked(waiting, books)])
    row, column = np.nonzero(_are_asked(pool.rows, books))
    looked_at = pool.rows[row, column], pool.target[row]
    return Parts(sets, own, place, rating[place] * free, looked_at, waiting)


def _own_pools(search: Search, near: Ints, books: Books) -> Pools:
    """Of some records of the other side, those with a record asked about."""
    target, member = _tried(search, near)
    telling = search.vocabulary.shared(target, member).likelier
    pool = pools(target, member, books.other, books.own, telling)
    return pool.only(np.flatnonzero(_are_asked(pool.rows, books).any(axis=1)))


def _tried(search: Search, rows: Ints) -> tuple[Ints, Ints]:
    """Which records may be parts of which: those that share a telling word; where there are few in all, any of them."""
    size = len(search.found)
    if size > FEW:
        return search.by_word_alike(rows, POOL)
    return np.repeat(rows, size), np.tile(np.arange(size), len(rows))


def _searched(pool: Pools, explained: Floats, targets: Records, candidates: Records) -> tuple[Sets, Ints]:
    """Small sets of all pools; larger ones of those records that neither these nor a single record explain."""
    small = sets_of(pool, targets, candidates)
    unexplained = explained < SOME_ODDS
    unexplained[small.target] = False
    deep = deeper(pool, unexplained, targets, candidates)
    return joined_sets([small, deep.sets]), deep.unfinished


def _are_asked(rows: Ints, books: Books) -> Bools:
    if not len(books.own):
        return np.zeros(rows.shape, bool)
    return (rows != NOBODY) & books.asked[np.maximum(rows, 0)]


def _explained(pairs: Pairs, books: Books) -> Floats:
    """The odds of what explains each own record by a single one; a shared reference alone explains nothing: parts share it."""
    single = np.where(pairs.cause == odds.NUMBER[Cause.SAME_REFERENCE], 0.0, pairs.odds)
    return np.bincount(pairs.own, single, minlength=len(books.own)).astype(float)


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
