"""The words and references that records share, and how much it says that two records share one. Used by all relations.

A word counts by how rare it is on the side where it was found; a number that nobody else there has counts by how likely it
would have been met by accident among numbers of its shape, so that two sides' own running numbers say little.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from rules.engine.intervals import unfold
from rules.engine.investigation.records import Records
from rules.engine.investigation.words import NUMBERED
from rules.engine.sides import Bools, Floats, Ints

LIKE_A_REFERENCE = 5  # characters, a digit among them
SURE_AT_MOST = 1e7
ALWAYS = 50  # records without the word are always reckoned with: in a small frame a word that all have is not common yet
COMMON = 10  # a word that one in so many records has, or more, joins nothing
FEW_RECORDS = 48  # that have it are always few enough
KEPT = 0.5  # of true pairs whose texts could agree, how many share their rarest word
PAIRS = 1_000_000  # compared at a time, each with all its words
UNKNOWN = -1


@dataclass(frozen=True)
class Words:
    """The distinct words of each record of a frame: those of row r are `code[start[r]:start[r + 1]]`, the most telling first."""

    start: Ints
    code: Ints

    def of(self, rows: Ints) -> tuple[Ints, Ints]:
        """All words of these rows: the place among `rows`, and the word."""
        number, place = unfold(self.start[rows], self.start[rows + 1])
        return number, self.code[place]


@dataclass(frozen=True)
class Shared:
    """What pairs share: the most telling word (UNKNOWN where none) and how many times likelier the pair is by it."""

    word: Ints
    likelier: Floats


class Vocabulary:
    """The words of one frame (`asked`, whose records are explained) and of another (`found`, where they are looked for)."""

    def __init__(self, asked: Records, found: Records) -> None:
        tables = [one.words for one in (asked, found)]
        known = pl.concat([table["word"] for table in tables]).unique().sort()
        self.text = known
        codes = [known.search_sorted(table["word"]).to_numpy().astype(np.int64) for table in tables]
        rows = [table["row"].to_numpy().astype(np.int64) for table in tables]
        self.size = max(len(known), 1)
        self.found_size = max(len(found), 1)
        self.held = np.bincount(codes[1], minlength=self.size)
        self.is_reference = _like_references(known)
        self.telling = (self.found_size + ALWAYS) / (
            np.maximum(self.held - 1, 0) + _by_accident(known, self.held)
        )
        self.telling = np.minimum(self.telling, SURE_AT_MOST)
        self.telling[self.held[: len(self.telling)] == 0] = 0
        self.joins = (self.held > 0) & (self.held <= max(self.found_size / COMMON, FEW_RECORDS))
        order = np.lexsort((codes[0], -self.telling[codes[0]], rows[0]))
        self.asked = _lined_up(rows[0][order], codes[0][order], len(asked))
        order = np.lexsort((codes[1], rows[1]))
        self.found = _lined_up(rows[1][order], codes[1][order], len(found))
        self._found_codes = rows[1][order] * self.size + codes[1][order]
        of_asked = np.bincount(codes[0], minlength=self.size)
        self._could_tell = (self.held > 0) & (of_asked > 0) & self.joins

    def shared(self, rows: Ints, found: Ints) -> Shared:
        """Of pairs of rows, many at a time."""
        parts = [
            self._shared(rows[start : start + PAIRS], found[start : start + PAIRS])
            for start in range(0, max(len(rows), 1), PAIRS)
        ]
        return Shared(
            *(np.concatenate([getattr(part, name) for part in parts]) for name in ("word", "likelier"))
        )

    def _shared(self, rows: Ints, found: Ints) -> Shared:
        number, word = self.asked.of(rows)
        codes = found[number] * self.size + word
        place = np.minimum(np.searchsorted(self._found_codes, codes), max(len(self._found_codes) - 1, 0))
        hit = (
            np.flatnonzero(self._found_codes[place] == codes) if len(self._found_codes) else np.zeros(0, int)
        )
        best = np.full(len(rows), UNKNOWN)
        # Words are in order of what they tell: the first one found of each pair is written last.
        best[number[hit][::-1]] = word[hit][::-1]
        telling = np.where(best >= 0, self.telling[best], 0.0) if len(self.telling) else np.zeros(len(rows))
        silent = ~(self._tellers(self.asked)[rows] & self._tellers(self.found)[found])
        nothing = np.where(silent, 1.0, 1 - KEPT)
        return Shared(best, np.where(best >= 0, 1 - KEPT + KEPT * telling, nothing))

    def _tellers(self, words: Words) -> Bools:
        """Records that have a word which both frames know and few have: where it differs, that says something."""
        sums = (
            np.concatenate(([0], np.cumsum(self._could_tell[words.code])))
            if len(words.code)
            else np.zeros(1, int)
        )
        return sums[words.start[1:]] > sums[words.start[:-1]]


def _lined_up(rows: Ints, codes: Ints, size: int) -> Words:
    return Words(np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=size)))), codes)


def _like_references(words: pl.Series) -> Bools:
    enough = words.str.len_chars() >= LIKE_A_REFERENCE
    return (enough & words.str.contains(NUMBERED)).to_numpy()


def _by_accident(words: pl.Series, held: Ints) -> Floats:
    """How many records of the other frame one would expect to have this very word though nothing joins them: a word, one; a
    number, by how densely numbers of its shape stand."""
    if not len(words):
        return np.ones(1)
    shaped = pl.DataFrame({"word": words, "held": held[: len(words)] > 0}).with_columns(
        shape=pl.col("word").str.replace_all(r"\p{L}", "a").str.replace_all(NUMBERED, "9"),
        number=pl.col("word").str.replace_all(r"[^0-9]", "").str.head(15).cast(pl.Float64, strict=False),
    )
    spread = pl.col("number").max().over("shape") - pl.col("number").min().over("shape") + 1
    rate = (pl.col("held").sum().over("shape") / spread).fill_null(1.0).clip(1e-3, 1.0)
    is_word = ~pl.col("word").str.contains(NUMBERED) | (pl.col("word").str.len_chars() < LIKE_A_REFERENCE)
    return shaped.select(pl.when(is_word).then(1.0).otherwise(rate)).to_series().to_numpy()
