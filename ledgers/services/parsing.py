"""Reads a whole file before anything of it is written: statements with their lines, spooled so that memory stays flat.

Called by the import services, outside any transaction.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import polars as pl

from ledgers.formats import read_statements
from ledgers.formats.events import DetailLines, Lines, StatementEnd, StatementStart
from ledgers.services.dedup import base_keys

FRAMES_IN_MEMORY = 5


@dataclass(slots=True)
class ParsedStatement:
    """A statement as read. `bases` holds the dedup base of every line, 16 bytes each, in file order."""

    start: StatementStart
    end: StatementEnd | None = None
    bases: list[pl.Series] = field(default_factory=list)
    _frames: list[pl.DataFrame | Path] = field(default_factory=list)
    _details: list[pl.DataFrame | Path] = field(default_factory=list)

    def add(self, frame: pl.DataFrame, folder: Path, *, spool: bool) -> None:
        self.bases.append(base_keys(frame))
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

    def read(self, file: BinaryIO, *, format: str, currency: str | None) -> Self:
        """Read every statement; raises FileRefused, with every bad line named."""
        by_index: dict[int, ParsedStatement] = {}
        folder, frames = Path(self._folder.name), 0
        for event in read_statements(file, format=format, currency=currency):
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
