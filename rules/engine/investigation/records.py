"""The records of an investigation as arrays: the same amounts, currencies and days on both sides, ready to be compared. Made
by `search`, read by everything else here."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from rules.engine.investigation.findings import MATCHED, RECORDS
from rules.engine.investigation.words import words_of
from rules.engine.sides import Bools, Ints

LARGEST = 2**52 - 1  # minor units; what is larger is left out, so that no sum and no code overflows
UNITS_MOST = 1000
SIGNS_LEARNT_FROM = 20  # matches
ONE_SIGN = 0.9  # of them, or of a side's records


@dataclass(frozen=True)
class Records:
    """Records of one side, by id. `value`: the amount as it is compared (see `signs`); `unit`: currency with decimal places as
    a number; `day`: days since 1970."""

    frame: pl.DataFrame
    value: Ints
    unit: Ints

    @cached_property
    def words(self) -> pl.DataFrame:
        """Of each row."""
        return words_of(self.frame)

    @property
    def ids(self) -> Ints:
        return self.frame["id"].to_numpy()

    @property
    def day(self) -> Ints:
        return self.frame["date"].to_physical().to_numpy().astype(np.int64)

    @property
    def amount(self) -> Ints:
        return self.frame["amount"].to_numpy()

    def __len__(self) -> int:
        return self.frame.height

    def days_covered(self) -> int:
        return int(self.day.max() - self.day.min()) + 1 if len(self) else 1


@dataclass(frozen=True)
class Books:
    """Everything an investigation looks at. `asked`: which of the own records are to be explained. `matched_own`, `matched_other`:
    matched records of either side. `sign`: what the other side's amount is for an own one of +1; 0 where signs say nothing."""

    own: Records
    other: Records
    matched_own: Records
    matched_other: Records
    asked: Bools
    own_is_a: bool
    magnitude: bool
    sign: int
    window: int
    reach: int


def load(
    asked: pl.DataFrame,
    own: pl.DataFrame,
    other: pl.DataFrame,
    matched: pl.DataFrame,
    *,
    magnitude: bool,
    window: int,
    reach: int,
) -> Books:
    """Sorts and types the frames; each record is in one place only, and on its own side."""
    asked, own, other = (_typed(frame, RECORDS) for frame in (asked, own, other))
    side = asked["side"].min() or "a"
    asked = asked.filter(pl.col("side") == side)
    own = pl.concat([asked, own.filter(pl.col("side") == side)]).unique("id", keep="first").sort("id")
    other = other.filter(pl.col("side") != side, ~pl.col("id").is_in(own["id"].implode()))
    open_ids = pl.concat([own["id"], other["id"]])
    matched = _typed(matched, MATCHED).filter(~pl.col("id").is_in(open_ids.implode()))
    of_own, of_other = (matched.filter(ours) for ours in (pl.col("side") == side, pl.col("side") != side))
    sign = _sign(own, other, of_own, of_other) if magnitude else 1
    frames = (own, other, of_own, of_other)
    units = _units(frames)
    ours, theirs, our_matched, their_matched = (
        Records(frame, _values(frame, is_own, sign), unit)
        for frame, unit, is_own in zip(frames, units, (True, False, True, False), strict=True)
    )
    is_asked = own["id"].is_in(asked["id"].implode()).to_numpy()
    return Books(
        ours, theirs, our_matched, their_matched, is_asked, side == "a", magnitude, sign, window, reach
    )


def _typed(frame: pl.DataFrame, schema: dict) -> pl.DataFrame:
    texts = [name for name, kind in schema.items() if kind == pl.String]
    frame = frame.select(pl.col(name).cast(kind) for name, kind in schema.items())
    frame = frame.with_columns(pl.col(texts).fill_null(""))
    fits = (pl.col("amount") != 0) & pl.col("amount").is_between(-LARGEST, LARGEST)
    return frame.filter(fits, pl.col("date").is_not_null()).unique("id", keep="any").sort("id")


def _values(frame: pl.DataFrame, ours: bool, sign: int) -> Ints:
    amount = frame["amount"].to_numpy()
    if sign == 0:
        return np.abs(amount)
    return amount if ours else amount * sign


def _units(frames: tuple[pl.DataFrame, ...]) -> list[Ints]:
    """Currency with decimal places as a number, the same in all frames."""
    named = [frame.select(pl.concat_str("currency", pl.lit(":"), "decimal_places")) for frame in frames]
    columns = [frame.to_series() for frame in named]
    known = pl.concat(columns).unique().sort()
    numbers = [known.search_sorted(column).to_numpy().astype(np.int64) for column in columns]
    return [np.minimum(number, UNITS_MOST) for number in numbers]


def _sign(own: pl.DataFrame, other: pl.DataFrame, of_own: pl.DataFrame, of_other: pl.DataFrame) -> int:
    """Which sign the other side has for a record: as matches show it, else as the sides look."""
    sums = [
        frame.group_by("match").agg(total=pl.col("amount").cast(pl.Float64).sum())
        for frame in (of_own, of_other)
    ]
    both = (
        sums[0].join(sums[1], on="match").select(same=pl.col("total").sign() == pl.col("total_right").sign())
    )
    if both.height >= SIGNS_LEARNT_FROM:
        same = float(both["same"].mean() or 0)  # type: ignore[arg-type]
        return 1 if same >= ONE_SIGN else -1 if same <= 1 - ONE_SIGN else 0
    positive = [float((frame["amount"] > 0).mean() or 0) for frame in (own, other)]  # type: ignore[arg-type]
    apart = abs(positive[0] - positive[1]) >= ONE_SIGN
    return -1 if apart and min(own.height, other.height) >= SIGNS_LEARNT_FROM else 1
