"""The words of each record's texts. Used by `records`, and through it by `vocabulary`."""

from __future__ import annotations

import polars as pl

from rules.engine.fields import WORD

LETTERS_LEAST = 3
TEXTS = ("reference", "description", "counterparty", "external_id")
NUMBERED = r"\p{N}"


def words_of(frame: pl.DataFrame) -> pl.DataFrame:
    """Each record's words: letters and digits between other signs, and what stands between blanks if it has a digit, without
    other signs ("INV-2031/7" is inv20317 as well)."""
    text = pl.concat_str(pl.col(TEXTS), separator=" ").str.to_lowercase()
    plain = text.str.extract_all(WORD)
    whole = text.str.replace_all(r"[^\p{L}\p{N}\s]+", "").str.extract_all(WORD)
    table = frame.select(
        row=pl.int_range(pl.len(), dtype=pl.Int64),
        word=pl.concat_list(plain, whole.list.filter(pl.element().str.contains(NUMBERED))),
    )
    table = table.explode("word", empty_as_null=False, keep_nulls=False)
    return table.filter(pl.col("word").str.len_chars() >= LETTERS_LEAST).unique().sort("row", "word")
