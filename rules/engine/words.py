"""`token_in` and `has_token` as a hash join: the rarest word of the value against the words of the text. The exact
condition (comparators) is checked on what comes out. Called by `candidates`."""

from __future__ import annotations

import numpy as np
import polars as pl

from rules.engine.fields import WORD
from rules.engine.keys import Lineup
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
    known = np.isin(text_code, value_code)
    text_place, text_code = text_place[known], text_code[known]
    order = np.argsort(text_code, kind="stable")
    text_place, text_code = text_place[order], text_code[order]
    place, lo, hi = _rarest(value_place, value_code, text_code)
    return Lineup(place, text_place, lo, hi)


def _words(texts: pl.Series, keys: Hashes) -> tuple[Ints, Hashes]:
    """Each distinct word of each text: the text's place, and a number for the word together with the text's key."""
    frame = pl.DataFrame(
        {"place": np.arange(len(texts)), "word": texts.str.to_lowercase().str.extract_all(WORD)}
    )
    frame = frame.explode("word").drop_nulls().with_columns(pl.col("word").hash(SEED)).unique()
    place = frame["place"].to_numpy()
    return place, keys[place] * MIX ^ frame["word"].to_numpy()


def _rarest(place: Ints, code: Hashes, text_code: Hashes) -> tuple[Ints, Ints, Ints]:
    """For each value the word that the fewest texts have, with its texts as an interval. A value with a word that no
    text has can match none."""
    lo, hi = np.searchsorted(text_code, code), np.searchsorted(text_code, code, side="right")
    order = np.lexsort((code, hi - lo, place))
    first = np.concatenate(([True], np.diff(place[order]) > 0)) if len(order) else np.zeros(0, bool)
    best = order[first]
    best = best[hi[best] > lo[best]]
    return place[best], lo[best], hi[best]
