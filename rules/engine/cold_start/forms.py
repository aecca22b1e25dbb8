"""Forms of text: in which field and how cut down two texts may be equal. Which forms are worth trying on these records.
Used by `search`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl

from rules.engine.fields import FIELDS, METADATA, expression
from rules.engine.sides import Bools, Hashes, Ints, Side
from rules.engine.tree import Transform, Value

FOUND_LEAST = 0.01  # of Side A's records have a text that Side B has too
CHANCE_MOST = 0.20  # of all pairs share a text
FORMS_MAX = 60
NOT_COMPARED = frozenset({"direction", "currency"})
SEED = 20_260_331
NO_TEXT = np.uint64(0)

Chain = tuple[Transform, ...]
SAME: Chain = ()
LETTERS_AND_DIGITS: Chain = (Transform("alphanumeric_only"), Transform("lowercase"))
DIGITS: Chain = (Transform("digits_only"),)
FIRST_CHARS: tuple[Chain, ...] = tuple((Transform("first_n_chars", n),) for n in (12, 10, 8, 6, 5, 4))
FIRST_WORDS: tuple[Chain, ...] = tuple((Transform("first_words", n),) for n in (3, 2, 1))
# Each family from the strictest form to the loosest: what a form joins, those after it join too.
FAMILIES: tuple[tuple[Chain, ...], ...] = (
    (SAME, *FIRST_CHARS),
    (SAME, LETTERS_AND_DIGITS),
    (SAME, DIGITS),
    (SAME, *FIRST_WORDS),
)
# Which is proposed where several do the same.
PREFERENCE: tuple[Chain, ...] = (
    SAME,
    LETTERS_AND_DIGITS,
    *FIRST_WORDS[:2],
    *FIRST_CHARS,
    DIGITS,
    FIRST_WORDS[2],
)


@dataclass(frozen=True, slots=True)
class Form:
    """Side A's field and Side B's, equal after the same transforms."""

    field_a: str
    field_b: str
    chain: Chain

    @property
    def place(self) -> tuple[int, int, int, str, str]:
        """Its place in the order of preference: the plainest form, then the field that a person would look at first."""
        rank_a, rank_b = _field_rank(self.field_a), _field_rank(self.field_b)
        return PREFERENCE.index(self.chain), max(rank_a, rank_b), rank_a, self.field_a, self.field_b


def _field_rank(field: str) -> int:
    known = list(FIELDS)
    return known.index(field) if field in known else len(known)


class Texts:
    """The texts of one side, each form of a field computed once per distinct text: a number per record, equal where the
    texts are, NO_TEXT where nothing is left of it."""

    def __init__(self, side: Side) -> None:
        self._side = side
        self._forms = cache(self._form)
        self._codes = cache(self._coded)

    def fields(self) -> list[str]:
        """The fields with a text in any record."""
        return [field for field in self._side.frame.columns if self._is_text(field) and self._has_any(field)]

    def _is_text(self, field: str) -> bool:
        return field.startswith(METADATA) or (FIELDS.get(field) == "text" and field not in NOT_COMPARED)

    def _has_any(self, field: str) -> bool:
        return bool((self._side.frame[field].fill_null("") != "").any())

    def codes(self, field: str) -> tuple[Ints, pl.Series]:
        """Each record's text by its number among the distinct ones, and these."""
        return self._codes(field)

    def _coded(self, field: str) -> tuple[Ints, pl.Series]:
        texts = self._side.frame[field].fill_null("")
        known = texts.unique(maintain_order=True)
        place = pl.DataFrame({field: known, "code": np.arange(len(known))})
        coded = texts.to_frame().join(place, on=field, how="left", maintain_order="left")
        return coded["code"].to_numpy(), known

    def of(self, field: str, chain: Chain) -> Hashes:
        """The number of each record's text in this form."""
        return self._forms(field, chain)[self.codes(field)[0]]

    def distinct(self, field: str, chain: Chain) -> Hashes:
        """The numbers of the distinct texts in this form, in order of `codes`."""
        return self._forms(field, chain)

    def _form(self, field: str, chain: Chain) -> Hashes:
        known = self.codes(field)[1].alias(field)
        cut = known.to_frame().select(expression(Value(field, chain)).alias(field))[field]
        return np.where(cut.is_null().to_numpy(), NO_TEXT, cut.hash(SEED).to_numpy() | np.uint64(1))


@dataclass(frozen=True, slots=True)
class Overlap:
    """How far one form of two fields joins the sides."""

    found: float
    chance: float
    distinct: int


def worth_trying(a: Texts, b: Texts, open_a: Bools, open_b: Bools) -> list[Form]:
    """The forms that some of Side A's open records share with Side B, and not just with anybody; the best joined first."""
    found: dict[Form, float] = {}
    for field_a in a.fields():
        for field_b in b.fields():
            found.update(_of_fields(a, b, field_a, field_b, open_a, open_b))
    order = sorted(found, key=lambda form: (-found[form], form.place))
    return sorted(order[:FORMS_MAX], key=lambda form: form.place)


def _of_fields(
    a: Texts, b: Texts, field_a: str, field_b: str, open_a: Bools, open_b: Bools
) -> Iterator[tuple[Form, float]]:
    count_a = np.bincount(a.codes(field_a)[0][open_a], minlength=len(a.codes(field_a)[1]))
    count_b = np.bincount(b.codes(field_b)[0][open_b], minlength=len(b.codes(field_b)[1]))
    size = max(int(np.count_nonzero(open_a)), 1)
    seen: set[Chain] = set()
    for family in FAMILIES:
        loosest = _overlap(a, b, Form(field_a, field_b, family[-1]), count_a, count_b)
        if loosest.found < FOUND_LEAST * size:
            continue
        stricter = -1
        for chain in family:
            form = Form(field_a, field_b, chain)
            overlap = _overlap(a, b, form, count_a, count_b)
            same, stricter = overlap.distinct == stricter, overlap.distinct
            # As many distinct texts as the stricter form leaves: it joins the very same records.
            if same or chain in seen or overlap.found < FOUND_LEAST * size or overlap.chance >= CHANCE_MOST:
                continue
            seen.add(chain)
            yield form, overlap.found


def _overlap(a: Texts, b: Texts, form: Form, count_a: Ints, count_b: Ints) -> Overlap:
    known_a, sum_a = _summed(a.distinct(form.field_a, form.chain), count_a)
    known_b, sum_b = _summed(b.distinct(form.field_b, form.chain), count_b)
    if not len(known_a) or not len(known_b):
        return Overlap(0.0, 0.0, 0)
    place = np.minimum(np.searchsorted(known_b, known_a), len(known_b) - 1)
    both = known_b[place] == known_a
    shared = float((sum_a[both] * sum_b[place[both]]).sum()) / (sum_a.sum() * sum_b.sum())
    distinct = len(known_a) + len(known_b) - int(np.count_nonzero(both))
    return Overlap(float(sum_a[both].sum()), shared, distinct)


def _summed(texts: Hashes, count: Ints) -> tuple[Hashes, np.ndarray]:
    used = (texts != NO_TEXT) & (count > 0)
    known, place = np.unique(texts[used], return_inverse=True)
    return known, np.bincount(place, count[used].astype(float), minlength=len(known))
