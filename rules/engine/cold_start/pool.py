"""What is still open of both sides while rules are sought, as arrays: days, amounts, and which Side A records are looked at
closely. Made by `search`, read by the counting modules."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from rules.engine.cold_start.calendar import Calendar
from rules.engine.cold_start.forms import NO_TEXT, Form, Texts
from rules.engine.cold_start.tolerances import EQUAL, Tolerance
from rules.engine.sides import Bools, Ints, Side

NO_KEY = -1
Window = tuple[int, int]
"""Days of Side B after Side A, from and to."""


@dataclass(frozen=True)
class Books:
    """Both sides as given, once for the whole search. `sample`: the Side A records that are looked at closely."""

    a: Side
    b: Side
    magnitude: bool
    calendar: Calendar
    sample: Bools

    @cached_property
    def sampled(self) -> int:
        return int(np.count_nonzero(self.sample))

    @cached_property
    def texts(self) -> tuple[Texts, Texts]:
        return Texts(self.a), Texts(self.b)

    @cached_property
    def days(self) -> tuple[Ints, Ints]:
        return self.a.days("date"), self.b.days("date")

    @cached_property
    def money(self) -> tuple[Ints, Ints]:
        """What is compared, in minor units."""
        measures = self.a.measure, self.b.measure
        return (np.abs(measures[0]), np.abs(measures[1])) if self.magnitude else measures

    @cached_property
    def unit(self) -> tuple[Ints, Ints]:
        """The currency with its decimal places, as a number."""
        return _numbered([side.frame.select("currency", "decimal_places") for side in (self.a, self.b)])

    @cached_property
    def price(self) -> tuple[Ints, Ints]:
        """Currency and amount, as a number."""
        frames = [
            pl.DataFrame({"unit": unit, "money": money})
            for unit, money in zip(self.unit, self.money, strict=True)
        ]
        return _numbered(frames)


def _numbered(frames: list[pl.DataFrame]) -> tuple[Ints, Ints]:
    """Equal rows of the two frames have equal numbers, from 0."""
    both = pl.concat(frames)
    codes = both.select(pl.struct(pl.all()).rank("dense").cast(pl.Int64) - 1).to_series().to_numpy()
    return codes[: frames[0].height], codes[frames[0].height :]


@dataclass(frozen=True)
class Pool:
    """Rows of both sides that no rule has matched yet. `looked_at`: the days that the rules before looked at; `room`: how
    far they let amounts differ."""

    books: Books
    rows_a: Ints
    rows_b: Ints
    looked_at: Window | None = None
    room: Tolerance = EQUAL

    @classmethod
    def whole(cls, books: Books) -> Pool:
        return cls(books, np.arange(len(books.a)), np.arange(len(books.b)))

    def without(
        self, taken_a: Ints, taken_b: Ints, window: Window | None = None, tolerance: Tolerance = EQUAL
    ) -> Pool:
        """What is left when a rule with this window and tolerance has taken these rows of the books."""
        keep_a, keep_b = ~np.isin(self.rows_a, taken_a), ~np.isin(self.rows_b, taken_b)
        looked_at = self.looked_at if window is None else self.widened(window)
        room = tolerance if tolerance.holds(self.room) else self.room
        return Pool(self.books, self.rows_a[keep_a], self.rows_b[keep_b], looked_at, room)

    def widened(self, window: Window) -> Window:
        """The window with the days that the rules before looked at. A record that they left open because it had several
        candidates would have but one where a rule looked at fewer days, and as often as not the wrong one."""
        if self.looked_at is None:
            return window
        return min(window[0], self.looked_at[0]), max(window[1], self.looked_at[1])

    @property
    def is_fresh(self) -> bool:
        """Whether no rule has taken anything. What is left by one is not like what was there: rivals are missing, and of some
        records the true partner."""
        return self.size == (len(self.books.a), len(self.books.b))

    @property
    def size(self) -> tuple[int, int]:
        return len(self.rows_a), len(self.rows_b)

    @property
    def is_open(self) -> tuple[Bools, Bools]:
        """For each row of the books whether it is here."""
        marks = np.zeros(len(self.books.a), bool), np.zeros(len(self.books.b), bool)
        marks[0][self.rows_a], marks[1][self.rows_b] = True, True
        return marks

    @cached_property
    def sample(self) -> Ints:
        """Places among `rows_a` of the records that are looked at closely."""
        return np.flatnonzero(self.books.sample[self.rows_a])

    @cached_property
    def day_a(self) -> Ints:
        return self.books.days[0][self.rows_a]

    @cached_property
    def day_b(self) -> Ints:
        return self.books.days[1][self.rows_b]

    @cached_property
    def money(self) -> tuple[Ints, Ints]:
        return self.books.money[0][self.rows_a], self.books.money[1][self.rows_b]

    @cached_property
    def unit(self) -> tuple[Ints, Ints]:
        return self.books.unit[0][self.rows_a], self.books.unit[1][self.rows_b]

    @cached_property
    def price(self) -> tuple[Ints, Ints]:
        return self.books.price[0][self.rows_a], self.books.price[1][self.rows_b]

    def keys(self, form: Form | None, *, of: tuple[Ints, Ints]) -> Keys:
        """A number per record that is equal where the form's text and `of` (unit or price) are: only those that a
        record of the sample has are kept apart, all others are NO_KEY."""
        key_a, key_b = of
        if form is not None:
            text_a = self.books.texts[0].of(form.field_a, form.chain)[self.rows_a]
            text_b = self.books.texts[1].of(form.field_b, form.chain)[self.rows_b]
            known = np.unique(text_a[self.sample])
            known = known[known != NO_TEXT]
            width = int(max(key_a.max(initial=0), key_b.max(initial=0))) + 1
            key_a = _paired(_among(known, text_a), key_a, width)
            key_b = _paired(_among(known, text_b), key_b, width)
        known_keys = np.unique(key_a[self.sample])
        known_keys = known_keys[known_keys != NO_KEY]
        return Keys(_among(known_keys, key_a), _among(known_keys, key_b), len(known_keys))


def _among(known: np.ndarray, values: np.ndarray) -> Ints:
    """The place of each value among the known ones (in order), or NO_KEY."""
    if not len(known):
        return np.full(len(values), NO_KEY, np.int64)
    place = np.minimum(np.searchsorted(known, values), len(known) - 1)
    return np.where(known[place] == values, place, NO_KEY)


def _paired(text: Ints, other: Ints, width: int) -> Ints:
    return np.where(text == NO_KEY, NO_KEY, text * width + other)


@dataclass(frozen=True, slots=True)
class Keys:
    a: Ints
    b: Ints
    size: int
