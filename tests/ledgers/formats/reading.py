"""Reads a file from bytes as the services do, and gives what came out in one piece."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import polars as pl
import pytest

from ledgers.formats import (
    BALANCE_COLUMN,
    BATCH_ROWS,
    DETAIL_SCHEMA,
    HEAD_BYTES,
    LINE_SCHEMA,
    DetailLines,
    FileRefused,
    Lines,
    StatementEnd,
    StatementStart,
    detect,
    read_entries,
    read_statements,
)

WITH_BALANCE = {**LINE_SCHEMA, BALANCE_COLUMN: pl.Int64()}


@dataclass
class Reading:
    starts: list[StatementStart] = field(default_factory=list)
    ends: list[StatementEnd] = field(default_factory=list)
    frames: list[tuple[int, pl.DataFrame]] = field(default_factory=list)
    detail_frames: list[tuple[int, pl.DataFrame]] = field(default_factory=list)

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [row for _, frame in self.frames for row in frame.to_dicts()]

    @property
    def details(self) -> list[dict[str, Any]]:
        return [row for _, frame in self.detail_frames for row in frame.to_dicts()]

    @property
    def row(self) -> dict[str, Any]:
        """The only line."""
        (only,) = self.rows
        return only

    @property
    def end(self) -> StatementEnd:
        (only,) = self.ends
        return only

    def column(self, name: str) -> list[Any]:
        return [row[name] for row in self.rows]


def read(
    content: bytes | str,
    *,
    currency: str | None = "EUR",
    file: Any = None,
    format: str | None = None,
    **declared: str | None,
) -> Reading:
    content = content.encode() if isinstance(content, str) else content
    got = Reading()
    format = format or detect(content[:HEAD_BYTES])
    events = read_statements(file or BytesIO(content), format=format, currency=currency, **declared)
    for event in events:
        if isinstance(event, StatementStart):
            got.starts.append(event)
        elif isinstance(event, Lines):
            assert event.frame.schema in (pl.Schema(LINE_SCHEMA), pl.Schema(WITH_BALANCE))
            got.frames.append((event.index, event.frame))
        elif isinstance(event, DetailLines):
            assert event.frame.schema == pl.Schema(DETAIL_SCHEMA)
            assert event.index == got.starts[-1].index
            assert event.frame.height <= BATCH_ROWS
            got.detail_frames.append((event.index, event.frame))
        else:
            got.ends.append(event)
    return got


def refused(content: bytes | str, **options: Any) -> FileRefused:
    with pytest.raises(FileRefused) as caught:
        read(content, **options)
    assert_helpful(caught.value)
    return caught.value


def faults(content: bytes | str, **options: Any) -> list[tuple[int, str]]:
    """(line, field) of each row error."""
    refusal = refused(content, **options)
    assert refusal.code == "file.rows"
    assert refusal.row_errors == len(refusal.rows)
    return [(row.line, row.field) for row in refusal.rows]


def entries(content: bytes | str, *, currency: str | None = "EUR", **options: Any) -> list[dict[str, Any]]:
    content = content.encode() if isinstance(content, str) else content
    options.setdefault("ledger_code", "1000")
    frames = list(read_entries(BytesIO(content), currency=currency, **options))
    return [row for frame in frames for row in frame.to_dicts()]


def entry_faults(content: bytes | str, **options: Any) -> list[tuple[int, str]]:
    with pytest.raises(FileRefused) as caught:
        entries(content, **options)
    assert caught.value.code == "file.rows"
    return [(row.line, row.field) for row in caught.value.rows]


def assert_helpful(refusal: FileRefused) -> None:
    """A refusal says what and what now, in sentences; each row error says why."""
    assert refusal.code.startswith("file.")
    assert refusal.message.endswith(".")
    assert len(refusal.message) < 1_000
    assert all(row.line >= 1 and row.message for row in refusal.rows)
    assert refusal.row_errors >= len(refusal.rows)


class LazyFile:
    """A file that is made while it is read: of any size, in no memory. `given` is how much was taken."""

    def __init__(self, pieces: Iterable[bytes]):
        self._pieces: Iterator[bytes] = iter(pieces)
        self._rest = b""
        self.given = 0

    def read(self, size: int = -1) -> bytes:
        while len(self._rest) < size or size < 0:
            piece = next(self._pieces, None)
            if piece is None:
                break
            self._rest += piece
        data, self._rest = (self._rest, b"") if size < 0 else (self._rest[:size], self._rest[size:])
        self.given += len(data)
        return data
