"""How two texts are compared: parts, whole words, lists, likeness. Each takes two columns of equal length and says for
each row whether it holds. Called by `comparators`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
from rapidfuzz import fuzz, process

from rules.engine.fields import NOT_WORD, WORD

Texts = Callable[[pl.Series, pl.Series], pl.Series]

_STRING = (
    r'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-ce-fA-CE-F][0-9a-fA-F]{3}|\\u[dD][0-7][0-9a-fA-F]{2})*"'
)
_ELEMENT = rf"(?:{_STRING}|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null)"
LIST_TEXT = rf"^\s*\[\s*(?:{_ELEMENT}(?:\s*,\s*{_ELEMENT})*)?\s*\]\s*$"
"""A JSON array without arrays or objects in it."""


def is_list(text: pl.Expr) -> pl.Expr:
    return text.str.contains(r"^\s*\[") & text.str.contains(LIST_TEXT)


def _unquoted(element: pl.Expr) -> pl.Expr:
    """A JSON scalar as its text: a string without its quotes, anything else as written."""
    quoted = element.str.starts_with('"')
    escaped = quoted & element.str.contains("\\", literal=True)
    decoded = pl.when(escaped).then(element).str.json_decode(pl.String)
    return (
        pl.when(escaped).then(decoded).when(quoted).then(element.str.slice(1, element.str.len_chars() - 2))
    ).otherwise(element)


def elements(text: pl.Expr) -> pl.Expr:
    """What a text lists: a JSON array's elements (without null), else what stands between commas, else itself."""
    of_list = pl.when(is_list(text)).then(text).str.extract_all(_ELEMENT)
    listed = of_list.list.filter(pl.element() != "null").list.eval(_unquoted(pl.element()))
    between = text.str.split(",").list.eval(pl.element().str.strip_chars(" "))
    separated = between.list.filter(pl.element() != "")
    return (
        pl.when(is_list(text))
        .then(listed)
        .when(text.str.contains(",", literal=True))
        .then(separated)
        .otherwise(pl.concat_list(text))
    )


def _select(holds: pl.Expr, text: pl.Series, part: pl.Series) -> pl.Series:
    return pl.DataFrame({"text": text, "part": part}).select(holds).to_series()


def _part(text: pl.Series, part: pl.Series) -> pl.Series:
    return _select(pl.col("text").str.contains(pl.col("part"), literal=True), text, part)


def contains(text: pl.Series, part: pl.Series) -> pl.Series:
    """Whether the text has the part in it; a JSON array, whether it has it as an element."""
    holds = _part(text, part)
    lists = pl.DataFrame({"text": text}).select(is_list(pl.col("text"))).to_series().arg_true()
    if not len(lists):
        return holds
    return holds.scatter(lists, among(part.gather(lists), text.gather(lists)))


def among(value: pl.Series, listed: pl.Series) -> pl.Series:
    """Whether the value is one of what the other text lists; nothing is in a missing list, nor is a missing value."""
    known = pl.col("text").is_not_null() & pl.col("part").is_not_null()
    return _select(pl.when(known).then(elements(pl.col("text")).list.contains(pl.col("part"))), listed, value)


def with_borders(text: pl.Series) -> pl.Series:
    """The text with a mark wherever a word may begin (\\x01) or end (\\x02): at its ends and beside all that is neither
    letter nor digit. A value stands in a text as whole words exactly if its marked form is part of the marked text."""
    return "\x01" + text.str.replace_all(f"({NOT_WORD})", "\x02$1\x01") + "\x02"


def word_in(word: pl.Series, text: pl.Series) -> pl.Series:
    """Whether the whole value occurs in the text, whatever the case, bordered by neither letter nor digit."""
    word, text = word.str.to_lowercase(), text.str.to_lowercase()
    inside = (_part(text, word) & word.str.contains(WORD)).fill_null(False).arg_true()
    word_inside, text_inside = word.gather(inside), text.gather(inside)
    # Between blanks it surely is a word; only where it stands otherwise are all its borders looked at.
    whole = _part(" " + text_inside + " ", " " + word_inside + " ")
    unsure = (~whole).arg_true()
    bordered = _part(with_borders(text_inside.gather(unsure)), with_borders(word_inside.gather(unsure)))
    found = np.zeros(len(word), bool)
    found[inside.filter(whole).to_numpy()] = True
    found[inside.gather(unsure).filter(bordered).to_numpy()] = True
    return pl.Series(found)


def similar(min_score: float) -> Texts:
    """Whether two texts are alike by at least this score (0 to 100): rapidfuzz's token_set_ratio, case and punctuation
    as written."""

    def holds(a: pl.Series, b: pl.Series) -> pl.Series:
        known = (a.is_not_null() & b.is_not_null()).arg_true()
        found = np.zeros(len(a), bool)
        if len(known):
            left, right = a.gather(known).to_list(), b.gather(known).to_list()
            score = process.cpdist(left, right, scorer=fuzz.token_set_ratio, dtype=np.float64)
            found[known.to_numpy()] = score >= min_score
        return pl.Series(found)

    return holds


COMPARATORS: dict[str, Texts] = {
    "eq": lambda a, b: a == b,
    "neq": lambda a, b: a != b,
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
    "contains": contains,
    "token_in": word_in,
    "has_token": lambda a, b: word_in(b, a),
    "in": among,
    "not_in": lambda a, b: ~among(a, b),
}
# Worth asking only once for each pair of different texts.
COSTLY = frozenset({"contains", "token_in", "has_token", "in", "not_in", "similar"})


def comparator(operand: str, min_score: float | None) -> Texts:
    return COMPARATORS[operand] if min_score is None else similar(min_score)
