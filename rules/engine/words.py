"""`token_in` and `has_token` as a hash join: the rarest word of the value against the words of the text. The exact
condition (comparators) is checked on what comes out. Called by `candidates`."""

from __future__ import annotations

import numpy as np
import polars as pl

from rules.engine.fields import WORD
from rules.engine.keys import Lineup, sorting
from rules.engine.sides import Hashes, Ints, Side
from rules.engine.tree import Leaf

MIX = np.uint64(0x9E3779B97F4A7C15)  # odd: multiplying by it loses nothing
SEED = 43


def word_lineup(
    leaf: Leaf, a: Side, b: Side, rows_a: Ints, rows_b: Ints, key_a: Hashes, key_b: Hashes
) -> Lineup:
    """Pairs with equal keys where the rarest word of the value is a word of the text: from the value's side (as if it
    were Side A) to the text's side."""
    value_side_is_a = leaf.operand == "token_in"
    values, texts = a.values(leaf.key).gather(rows_a), b.values(leaf.value).gather(rows_b)
    if not value_side_is_a:
        values, texts = texts, values
    value_key, text_key = (key_a, key_b) if value_side_is_a else (key_b, key_a)
    value_place, value_code = _words(values, value_key)
    text_place, text_code = _words(texts, text_key)
    known = pl.Series(text_code).is_in(pl.Series(value_code).implode()).to_numpy()
    text_place, text_code = text_place[known], text_code[known]
    order = sorting(text_code)
    place, lo, hi = _rarest(value_place, value_code, text_code[order])
    return Lineup(place, text_place[order], lo, hi)


def _words(texts: pl.Series, keys: Hashes) -> tuple[Ints, Hashes]:
    """The words of each text, in order of texts: the text's place, and a number for the word with the text's key."""
    words = texts.str.to_lowercase().str.extract_all(WORD)
    place = np.repeat(np.arange(len(texts)), words.list.len().fill_null(0).to_numpy())
    return place, keys[place] * MIX ^ words.explode(empty_as_null=False, keep_nulls=False).hash(
        SEED
    ).to_numpy()


def _rarest(place: Ints, code: Hashes, text_code: Hashes) -> tuple[Ints, Ints, Ints]:
    """For each value the word that the fewest texts have, with its texts as an interval. A value with a word that no
    text has can match none."""
    order = sorting(code)  # asked in order, the binary searches stay in the cache
    lo, hi = np.empty(len(code), np.int64), np.empty(len(code), np.int64)
    lo[order] = np.searchsorted(text_code, code[order])
    hi[order] = np.searchsorted(text_code, code[order], side="right")
    if not len(place):
        return place, lo, hi
    first = np.flatnonzero(np.concatenate(([True], place[1:] != place[:-1])))
    bits = len(place).bit_length()
    best = np.minimum.reduceat((hi - lo) << bits | np.arange(len(place)), first) & ((1 << bits) - 1)
    return place[best], lo[best], hi[best]
