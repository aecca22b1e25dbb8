"""One side's open records as the matchers use them: rows in id order, columns as arrays. Made by `matching`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from rules.engine.fields import expression, kind_of_field
from rules.engine.tree import Value

Ints = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

BASE_TYPES: dict[str, pl.DataType | type[pl.DataType]] = {
    "id": pl.Int64,
    "currency": pl.String,
    "decimal_places": pl.Int16,
    "date": pl.Date,
    "measure": pl.Int64,
}
# Two records equal in these and in all that the rule names are twins: which of them is taken makes no difference.
TWIN_FIELDS = ("reference", "counterparty")


def _type_of(column: str) -> pl.DataType | type[pl.DataType]:
    """The same on both sides, else equal values would not compare."""
    if column in BASE_TYPES:
        return BASE_TYPES[column]
    return {"money": pl.Int64, "date": pl.Date}.get(kind_of_field(column) or "text", pl.String)


class Side:
    """The open records of one side, sorted by id. Rows are named by their place here; values are kept once computed."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self.frame = frame
        self._values: dict[Value, pl.Series] = {}

    @classmethod
    def load(cls, frame: pl.DataFrame) -> Side:
        """Sorts and types a frame of records, without those of measure 0: they never match by a pass. Columns that no
        rule can name are left behind."""
        frame = cls.of_all(frame).frame
        if (frame["measure"] == 0).any():
            frame = frame.filter(pl.col("measure") != 0)
        return cls(frame.rechunk())

    @classmethod
    def of_all(cls, frame: pl.DataFrame) -> Side:
        """The same with those of measure 0: for what is said about records, not for what is matched."""
        # Metadata stays text here: each rule reads it by its own types.
        known = [name for name in frame.columns if name in BASE_TYPES or kind_of_field(name)]
        frame = frame.select(pl.col(name).cast(_type_of(name)) for name in known)
        return cls(frame if frame["id"].is_sorted() else frame.sort("id"))

    def __len__(self) -> int:
        return self.frame.height

    def without(self, rows: Ints) -> Side:
        """What is left when these rows are taken."""
        if not len(rows):
            return self
        keep = np.ones(len(self), bool)
        keep[rows] = False
        return Side(self.frame.filter(pl.Series(keep)))

    def only(self, rows: Ints) -> Side:
        return Side(self.frame[rows])

    @property
    def ids(self) -> Ints:
        return self.frame["id"].to_numpy()

    @property
    def measure(self) -> Ints:
        return self.frame["measure"].to_numpy()

    @property
    def decimal_places(self) -> Ints:
        return self.frame["decimal_places"].to_numpy().astype(np.int64)

    def values(self, value: Value) -> pl.Series:
        """A field with its transforms, per row; null where missing."""
        if value not in self._values:
            self._values[value] = self.frame.select(expression(value).alias("value"))["value"]
        return self._values[value]

    def days(self, field: str | Value) -> Ints:
        """A date field as day numbers; where it is missing, the record's date."""
        days = self.values(Value(field) if isinstance(field, str) else field).to_physical()
        if days.null_count():
            days = days.fill_null(self.frame["date"].to_physical())
        return days.to_numpy().astype(np.int64)

    def rows_of(self, ids: Ints) -> Ints:
        """The rows of these ids; −1 where an id is not here."""
        own = self.ids
        if not len(own):
            return np.full(len(ids), -1, np.int64)
        place = np.minimum(np.searchsorted(own, ids), len(own) - 1)
        return np.where(own[place] == ids, place, -1)
