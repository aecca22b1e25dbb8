"""Every rule for pairs that may be worth proposing, tried on the sample: each form of text, or none, with equal or close
amounts and each window of days. Used by `search`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rules.engine.cold_start.busy_days import BusyDays
from rules.engine.cold_start.chance import ChanceOfAmounts
from rules.engine.cold_start.equal import Line, draw
from rules.engine.cold_start.estimate import Estimate, in_the_way
from rules.engine.cold_start.exposure import World, exposure
from rules.engine.cold_start.forms import Form
from rules.engine.cold_start.near import NearPairs, near_pairs
from rules.engine.cold_start.pool import Keys, Pool, Window
from rules.engine.cold_start.tolerances import EQUAL, TOLERANCES, Tolerance
from rules.engine.cold_start.windows import Counts, excess, windows
from rules.engine.sides import Floats


@dataclass(frozen=True, slots=True)
class Trial:
    """A rule for pairs and how it did on the sample.

    `exposed`: the share of accidents that can be wrong pairs here. `strangers`: pairs expected whose text and amount agree by
    accident on the very days.
    """

    form: Form | None
    tolerance: Tolerance
    window: Window
    estimate: Estimate
    exposed: float
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
        yield from _FormTrials(pool, form, chance).all(least, tolerances=tolerances and form is not None)


def trial_of(pool: Pool, form: Form | None, tolerance: Tolerance, window: Window) -> Trial | None:
    """One rule tried by itself; None where too many pairs would have to be looked at, or days too far apart."""
    if max(-window[0], window[1]) > pool.books.calendar.reach:
        return None
    return _FormTrials(pool, form, ChanceOfAmounts(pool)).one(tolerance, window)


class _FormTrials:
    """The trials of one form of text."""

    def __init__(self, pool: Pool, form: Form | None, chance: ChanceOfAmounts) -> None:
        self._pool, self._form, self._chance = pool, form, chance
        self._shifts = pool.books.calendar.trying
        self._reach = pool.books.calendar.reach

    def all(self, least: int, *, tolerances: bool) -> Iterator[Trial]:
        same_price = self._lines()
        strangers = self._strangers(same_price[0])
        agreed = excess(same_price[0].histogram(), [line.histogram() for line in same_price[1:]])
        if agreed.sum() >= least:
            yield from self._each_window(EQUAL, same_price, agreed, strangers)
        worlds = self._near_worlds(least) if tolerances else None
        if worlds is not None:
            yield from self._each_tolerance(worlds, float(agreed.sum()), least, strangers)

    def one(self, tolerance: Tolerance, window: Window) -> Trial | None:
        same_price = self._lines()
        strangers = self._strangers(same_price[0])
        if tolerance == EQUAL:
            return self._trial(EQUAL, same_price, window, strangers)
        worlds = self._near_worlds(least=0)
        if worlds is None:
            return None
        within = [world.only(world.within(tolerance)) for world in worlds]
        return self._trial(tolerance, within, window, strangers)

    def _lines(self) -> list[Line]:
        keys = self._pool.keys(self._form, of=self._pool.price)
        return [draw(self._pool, keys, shift) for shift in (0, *self._shifts)]

    @cached_property
    def _same_text(self) -> Keys:
        return self._pool.keys(self._form, of=self._pool.unit)

    @cached_property
    def _busy_days(self) -> BusyDays:
        return BusyDays.of([draw(self._pool, self._same_text, shift) for shift in (0, *self._shifts)])

    @cached_property
    def _near(self) -> NearPairs | None:
        return near_pairs(self._pool, self._same_text)

    def _near_worlds(self, least: int) -> list[NearPairs] | None:
        here = self._near
        if here is None or int(here.sampled.sum()) < least:
            return None
        elsewhere = [near_pairs(self._pool, self._same_text, shift) for shift in self._shifts]
        known = [world for world in (here, *elsewhere) if world is not None]
        return known if len(known) > len(elsewhere) else None

    def _strangers(self, same_price: Line) -> Counts:
        """Pairs with the same text and clearly other amounts, by days apart; none where no text is compared (there it is
        `BusyDays` that tells). Where close amounts are too many to tell apart, any other amounts."""
        if self._form is None:
            return np.zeros(2 * self._reach + 1, np.int64)
        close: World = same_price if self._near is None else self._near
        return draw(self._pool, self._same_text).histogram() - close.histogram()

    def _each_tolerance(
        self, worlds: Sequence[NearPairs], agreed: float, least: int, strangers: Counts
    ) -> Iterator[Trial]:
        """The tolerances under which more pairs agree than under the stricter ones; none that is stricter than an earlier
        rule's: it would settle what that one left open, and as often as not wrongly."""
        for tolerance in TOLERANCES:
            within = [world.only(world.within(tolerance)) for world in worlds]
            more = excess(within[0].histogram(), [world.histogram() for world in within[1:]])
            if tolerance.holds(self._pool.room) and more.sum() - agreed >= least:
                agreed = float(more.sum())
                yield from self._each_window(tolerance, within, more, strangers)

    def _each_window(
        self, tolerance: Tolerance, worlds: Sequence[World], more: Floats, strangers: Counts
    ) -> Iterator[Trial]:
        wide = dict.fromkeys(self._pool.widened(window) for window in windows(more, self._reach))
        for window in wide:
            yield self._trial(tolerance, worlds, window, strangers)

    def _trial(
        self, tolerance: Tolerance, worlds: Sequence[World], window: Window, strangers: Counts
    ) -> Trial:
        here, *elsewhere = [world.count(window) for world in worlds]
        by_accident = float(np.mean([world.covered for world in elsewhere]))
        exposed = in_the_way((here.covered - by_accident) / max(len(self._pool.sample), 1))
        if self._pool.is_fresh:
            exposed = min(exposed, exposure(worlds[0], worlds[1:], window))
        if self._form is None:
            unrelated = self._busy_days.accidents(
                [world.histogram() for world in worlds[1:]], elsewhere, window
            )
        else:
            inside = strangers[window[0] + self._reach : window[1] + self._reach + 1]
            unrelated = float(inside.sum()) * self._chance.of(tolerance)
        accidents = max(float(np.mean([world.sole for world in elsewhere])), unrelated)
        return Trial(
            self._form, tolerance, window, Estimate(here.sole, accidents * exposed), exposed, unrelated
        )
