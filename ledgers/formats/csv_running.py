"""The running balance of a CSV statement: whether amounts explain it, and the opening and closing that it states."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from ledgers.formats.events import Balance

KIND = "RUNB"
"""How a balance that was worked out of a running balance is named."""

BREAKS_SHARE = 4
"""Steps for each one that may break; with more breaks the column is no running balance of these lines."""


@dataclass(slots=True)
class _Order:
    """Checks one order of lines. `level` is what must stay the same: the balance before the first line, or behind the last."""

    first: int | None = None
    last: int | None = None
    breaks: int = 0

    def add(self, levels: pl.Series) -> None:
        if levels.is_empty():
            return
        start, end = int(levels[0]), int(levels[-1])
        self.breaks += int((levels.diff().drop_nulls() != 0).sum())
        if self.first is None:
            self.first = start
        elif self.last != start:
            self.breaks += 1
        self.last = end


class RunningBalance:
    """Follows a statement batch by batch. Rows need not all state a balance; the lines may run either way."""

    def __init__(self) -> None:
        self.steps = -1
        self._sum = 0
        self._oldest_first, self._newest_first = _Order(), _Order()
        self._days: list[date] = []

    def add(self, frame: pl.DataFrame) -> None:
        """A frame with amount, direction, date and balance, in the order of the file."""
        signed = pl.when(pl.col("direction") == "credit").then(pl.col("amount")).otherwise(-pl.col("amount"))
        frame = frame.select("date", "balance", signed=signed.cast(pl.Int128))
        frame = frame.with_columns(
            sum=pl.col("signed").cum_sum() + self._sum, balance=pl.col("balance").cast(pl.Int128)
        )
        self._sum += int(frame["signed"].sum())
        self._days += [day for day in (frame["date"].min(), frame["date"].max()) if isinstance(day, date)]
        stated = frame.filter(pl.col("balance").is_not_null())
        self.steps += stated.height
        self._oldest_first.add(stated.select(pl.col("balance") - pl.col("sum")).to_series())
        self._newest_first.add(
            stated.select(pl.col("balance") + pl.col("sum") - pl.col("signed")).to_series()
        )

    @property
    def breaks(self) -> int:
        """Steps that the amounts do not explain, in the order that explains more."""
        return min(self._oldest_first.breaks, self._newest_first.breaks) if self.steps > 0 else 0

    def balances(self, currency: str) -> tuple[Balance | None, Balance | None]:
        """Opening and closing as the column states them, gap and all; none where its order cannot be told."""
        old, new = self._oldest_first, self._newest_first
        if self.steps < 1 or old.breaks == new.breaks or self.breaks * BREAKS_SHARE > self.steps:
            return None, None
        if old.breaks < new.breaks:
            opening, closing = old.first or 0, (old.last or 0) + self._sum
        else:
            opening, closing = (new.last or 0) - self._sum, new.first or 0
        first, last = min(self._days), max(self._days)
        return Balance(opening, first, KIND, currency), Balance(closing, last, KIND, currency)
