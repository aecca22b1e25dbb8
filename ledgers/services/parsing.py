"""Reads a whole file before anything of it is written: statements with their lines, spooled so that memory stays flat.

Called by the import services, outside any transaction.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import polars as pl

from ledgers.formats import read_statements
from ledgers.formats.declaration import Declaration
from ledgers.formats.events import Balance, DetailLines, Lines, StatementEnd, StatementStart
from ledgers.formats.running import RunningBalance
from ledgers.services.dedup import base_keys

FRAMES_IN_MEMORY = 5

RUNNING = "running"
"""The kind of a balance that a line states."""


@dataclass(slots=True)
class ParsedStatement:
    """A statement as read. `bases` holds the dedup base of every line, 16 bytes each, in file order."""

    start: StatementStart
    end: StatementEnd | None = None
    bases: list[pl.Series] = field(default_factory=list)
    running: RunningBalance = field(default_factory=RunningBalance)
    _first_on: date | None = None
    _last_on: date | None = None
    _frames: list[pl.DataFrame | Path] = field(default_factory=list)
    _details: list[pl.DataFrame | Path] = field(default_factory=list)

    def add(self, frame: pl.DataFrame, folder: Path, *, spool: bool) -> None:
        self.bases.append(base_keys(frame))
        self.running.add(frame)
        days = [self._first_on, self._last_on, frame["date"].min(), frame["date"].max()]
        known = [day for day in days if isinstance(day, date)]
        self._first_on, self._last_on = min(known, default=None), max(known, default=None)
        self._frames.append(_kept(frame, folder / f"{self.start.index}-{len(self._frames)}.arrow", spool))

    def add_details(self, frame: pl.DataFrame, folder: Path, *, spool: bool) -> None:
        """Details of lines that came or will come; in no sum, and no line of the statement."""
        place = folder / f"{self.start.index}-details-{len(self._details)}.arrow"
        self._details.append(_kept(frame, place, spool))

    def frames(self) -> Iterator[pl.DataFrame]:
        yield from map(_read_back, self._frames)

    def details(self) -> Iterator[pl.DataFrame]:
        yield from map(_read_back, self._details)

    @property
    def has_details(self) -> bool:
        return bool(self._details)

    @property
    def booked(self) -> StatementEnd:
        assert self.end is not None, "the reader ends every statement that it starts"
        return self.end

    @property
    def opening(self) -> Balance | None:
        """As the file states it, else as the first running balance gives it."""
        if self.booked.opening or self.booked.closing or self.running.opening is None:
            return self.booked.opening
        return Balance(self.running.opening, self._first_on, RUNNING)

    @property
    def closing(self) -> Balance | None:
        """As the file states it, else as the last running balance gives it."""
        if self.booked.opening or self.booked.closing or self.running.closing is None:
            return self.booked.closing
        return Balance(self.running.closing, self._last_on, RUNNING)

    @property
    def begins_on(self) -> date | None:
        """Its first day: as stated, else that of its lines. Banks date an opening balance by its day or the one before."""
        first = self.start.from_date
        if first is None and self._first_on is not None:
            first = max(self._first_on, self._opening_on or self._first_on)
        ends = self.ends_on
        return min(first, ends) if first is not None and ends is not None else first or ends

    @property
    def ends_on(self) -> date | None:
        closing = self.booked.closing.date if self.booked.closing else None
        return closing or self.start.to_date or self._last_on or self.start.from_date or self._opening_on

    @property
    def _opening_on(self) -> date | None:
        return self.booked.opening.date if self.booked.opening else None


def _kept(frame: pl.DataFrame, place: Path, spool: bool) -> pl.DataFrame | Path:
    if not spool:
        return frame
    frame.write_ipc(place)
    return place


def _read_back(kept: pl.DataFrame | Path) -> pl.DataFrame:
    return pl.read_ipc(kept) if isinstance(kept, Path) else kept


class ParsedFile:
    """All statements of a file. Use as a context manager: its spool goes when it ends."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="tieout-import-")
        self.statements: list[ParsedStatement] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def read(
        self,
        file: BinaryIO,
        *,
        format: str,
        currency: str | None,
        declaration: Declaration | None = None,
    ) -> Self:
        """Read every statement; raises FileRefused, with every bad line named. `declaration` is for CSV only."""
        by_index: dict[int, ParsedStatement] = {}
        folder, frames = Path(self._folder.name), 0
        for event in read_statements(file, format=format, currency=currency, declaration=declaration):
            match event:
                case StatementStart():
                    by_index[event.index] = ParsedStatement(event)
                    self.statements.append(by_index[event.index])
                case Lines():
                    frames += 1
                    by_index[event.index].add(event.frame, folder, spool=frames > FRAMES_IN_MEMORY)
                case DetailLines():
                    frames += 1
                    by_index[event.index].add_details(event.frame, folder, spool=frames > FRAMES_IN_MEMORY)
                case StatementEnd():
                    by_index[event.index].end = event
        return self
