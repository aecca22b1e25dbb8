"""Running balances: in which order of a statement's lines they run, and what the account held before and after them.

A reader gives them as the column `balance` of its lines; the import keeps what is worked out here.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal

import polars as pl

from ledgers.formats.events import BALANCE_COLUMN

Order = Literal["unstated", "oldest", "newest", "unclear"]

BREAKS_JUDGED = 3
"""So few breaks are breaks in any file; where more than half of the balances break, the lines are in another order."""


@dataclass(slots=True)
class _Walk:
    """One order's view: what the account held before the first line, as each balance implies it. It changes only where
    a line is missing, too much or altered."""

    breaks: int = 0
    first: int | None = None
    last: int | None = None

    def add(self, implied: pl.Series) -> None:
        if implied.is_empty():
            return
        before = implied.shift(1, fill_value=implied[0] if self.last is None else self.last)
        self.breaks += int((implied != before).sum())
        self.first = int(implied[0]) if self.first is None else self.first
        self.last = int(implied[-1])


class RunningBalance:
    """Takes a statement's lines frame by frame. Sums are wider than 64 bits, so that none wraps round."""

    def __init__(self) -> None:
        self._oldest, self._newest = _Walk(), _Walk()
        self._total = 0
        self._count = 0
        self._first_on: date | None = None
        self._last_on: date | None = None

    def add(self, frame: pl.DataFrame) -> None:
        if BALANCE_COLUMN not in frame.columns or frame.is_empty():
            return  # then no frame of the statement has balances
        amount = pl.col("amount")
        signed = pl.when(pl.col("direction") == "credit").then(amount).otherwise(-amount).cast(pl.Int128)
        lines = frame.select("date", BALANCE_COLUMN, signed=signed)
        lines = lines.with_columns(through=pl.col("signed").cum_sum() + pl.lit(self._total, pl.Int128))
        stated = lines.filter(pl.col(BALANCE_COLUMN).is_not_null())
        balance, through = stated[BALANCE_COLUMN].cast(pl.Int128), stated["through"]
        self._oldest.add(balance - through)
        self._newest.add(balance + through - stated["signed"])
        self._total = int(lines["through"][-1])
        self._count += stated.height
        if stated.height:
            self._first_on = self._first_on or stated["date"][0]
            self._last_on = stated["date"][-1]

    @property
    def order(self) -> Order:
        """That of the days; where they are all one, or many balances break in it, that with fewer breaks."""
        if not self._count:
            return "unstated"
        oldest, newest = self._oldest.breaks, self._newest.breaks
        if min(oldest, newest) > max(BREAKS_JUDGED, (self._count - 1) / 2):
            return "unclear"
        by_days = self._order_of_days
        if by_days is not None and (oldest if by_days == "oldest" else newest) <= BREAKS_JUDGED:
            return by_days
        return "oldest" if oldest <= newest else "newest"

    @property
    def _order_of_days(self) -> Literal["oldest", "newest"] | None:
        if self._first_on is None or self._last_on is None or self._first_on == self._last_on:
            return None
        return "oldest" if self._first_on < self._last_on else "newest"

    @property
    def opening(self) -> int | None:
        """Before the first of the lines in time, in minor units; None where no balance says it."""
        if self.order == "oldest":
            return self._oldest.first
        if self.order == "newest" and self._newest.last is not None:
            return self._newest.last - self._total
        return None

    @property
    def closing(self) -> int | None:
        """Behind the last of the lines in time."""
        if self.order == "oldest" and self._oldest.last is not None:
            return self._oldest.last + self._total
        return self._newest.first if self.order == "newest" else None
