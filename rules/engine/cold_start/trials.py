"""Every rule for pairs that may be worth proposing, tried on the sample: each form of text, or none, with equal or close
amounts and each window of days. Used by `search`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rules.engine.cold_start.chance import ChanceOfAmounts
from rules.engine.cold_start.equal import Count, Line, draw
from rules.engine.cold_start.estimate import Estimate, wrong_pairs
from rules.engine.cold_start.forms import Form
from rules.engine.cold_start.near import EQUAL, TOLERANCES, NearPairs, Tolerance, near_pairs
from rules.engine.cold_start.pool import Keys, Pool, Window
from rules.engine.cold_start.windows import Counts, excess, windows


class World(Protocol):
    """Candidate pairs here, or in a world of the shifted calendar."""

    def histogram(self) -> Counts: ...

    def count(self, window: Window) -> Count: ...


@dataclass(frozen=True, slots=True)
class Trial:
    """A rule for pairs and how it did on the sample.

    `covered`: the share of records with a candidate beyond those that have one by accident. `strangers`: pairs expected
    whose text and amount agree by accident on the very days.
    """

    form: Form | None
    tolerance: Tolerance
    window: Window
    estimate: Estimate
    covered: float
    strangers: float

    @property
    def place(self) -> tuple[object, ...]:
        """Its place where several do the same: the strictest first."""
        loose = (EQUAL, *TOLERANCES).index(self.tolerance)
        form = (0, self.form.place) if self.form is not None else (1,)
        return loose, form, self.window[1] - self.window[0], self.window


def trials(pool: Pool, forms: Sequence[Form], least: int, *, tolerances: bool) -> Iterator[Trial]:
    """Trials in which at least so many more pairs of the sample agree than by accident."""
    chance = ChanceOfAmounts(pool)
    for form in (None, *forms):
        yield from _FormTrials(pool, form, chance, least).all(tolerances=tolerances and form is not None)


class _FormTrials:
    """The trials of one form of text."""

    def __init__(self, pool: Pool, form: Form | None, chance: ChanceOfAmounts, least: int) -> None:
        self._pool, self._form, self._chance, self._least = pool, form, chance, least
        self._shifts = pool.books.calendar.trying
        self._reach = pool.books.calendar.reach

    def all(self, *, tolerances: bool) -> Iterator[Trial]:
        same_price = self._lines(self._pool.keys(self._form, of=self._pool.price))
        worlds = self._near_worlds() if tolerances else None
        close = same_price[0] if worlds is None else worlds[0]
        strangers = self._same_text() - close.histogram()
        agreed = excess(same_price[0].histogram(), [line.histogram() for line in same_price[1:]])
        if agreed.sum() >= self._least:
            yield from self._each_window(EQUAL, same_price, agreed, strangers)
        if worlds is not None:
            yield from self._each_tolerance(worlds, float(agreed.sum()), strangers)

    def _lines(self, keys: Keys) -> list[Line]:
        return [draw(self._pool, keys, shift) for shift in (0, *self._shifts)]

    def _same_text(self) -> Counts:
        """Pairs with the same text by days apart, whatever their amounts; none where no text is compared."""
        if self._form is None:
            return np.zeros(2 * self._reach + 1, np.int64)
        return draw(self._pool, self._pool.keys(self._form, of=self._pool.unit)).histogram()

    def _near_worlds(self) -> list[NearPairs] | None:
        keys = self._pool.keys(self._form, of=self._pool.unit)
        here = near_pairs(self._pool, keys)
        if here is None or int(here.sampled.sum()) < self._least:
            return None
        worlds = [here]
        for shift in self._shifts:
            world = near_pairs(self._pool, keys, shift)
            if world is None:
                return None
            worlds.append(world)
        return worlds

    def _each_tolerance(
        self, worlds: Sequence[NearPairs], agreed: float, strangers: Counts
    ) -> Iterator[Trial]:
        """The tolerances under which more pairs agree than under the stricter ones."""
        for tolerance in TOLERANCES:
            within = [world.only(world.within(tolerance)) for world in worlds]
            more = excess(within[0].histogram(), [world.histogram() for world in within[1:]])
            if more.sum() - agreed >= self._least:
                agreed = float(more.sum())
                yield from self._each_window(tolerance, within, more, strangers)

    def _each_window(
        self, tolerance: Tolerance, worlds: Sequence[World], more: np.ndarray, strangers: Counts
    ) -> Iterator[Trial]:
        size = len(self._pool.sample)
        chance = self._chance.of(tolerance)
        wide = dict.fromkeys(self._pool.widened(window) for window in windows(more, self._reach))
        for low, high in wide:
            here, *elsewhere = [world.count((low, high)) for world in worlds]
            covered = (here.covered - np.mean([world.covered for world in elsewhere])) / max(size, 1)
            unrelated = float(strangers[low + self._reach : high + self._reach + 1].sum()) * chance
            accidents = max(float(np.mean([world.sole for world in elsewhere])), unrelated)
            estimate = Estimate(here.sole, wrong_pairs(accidents, float(covered)))
            yield Trial(self._form, tolerance, (low, high), estimate, float(covered), unrelated)
