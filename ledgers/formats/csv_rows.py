"""Which rows of a CSV table are lines: rows passed over, the footer, rows of another width; used by the CSV table."""

from dataclasses import dataclass

import polars as pl

from ledgers.formats.declaration import Declaration
from ledgers.formats.events import RowErrors


@dataclass(frozen=True, slots=True)
class OddRow:
    """A row that is not as wide as the header, or not well formed."""

    line: int
    text: str
    message: str


@dataclass(slots=True)
class Tally:
    """What of a file became no line, by why; for whoever shows a reading before it is kept."""

    passed_over: int = 0  # rows that the skip pattern names
    undated: int = 0  # continuation rows, passed over or joined
    without_amount: int = 0
    pending: int = 0
    void: int = 0
    footer_line: int | None = None


@dataclass(slots=True)
class RowRules:
    """The declared rules about rows. Knows the footer once it has come."""

    skip: str = ""
    footer: str = ""
    short_rows: bool = False
    delimiter: str = ","
    tally: Tally | None = None
    footer_line: int | None = None

    @classmethod
    def of(cls, declaration: Declaration, tally: Tally) -> "RowRules":
        return cls(
            declaration.skip_pattern,
            declaration.footer_pattern,
            declaration.short_rows,
            declaration.delimiter,
            tally,
        )

    def fitted(self, row: list[str], width: int) -> list[str] | None:
        """The row in the width of the header where only empty cells are too many, or cells may lack; None where not."""
        if len(row) > width:
            return None if any(cell.strip() for cell in row[width:]) else row[:width]
        return row + [""] * (width - len(row)) if self.short_rows else None

    def sift(self, frame: pl.DataFrame, odd: list[OddRow], errors: RowErrors) -> pl.DataFrame:
        """The rows that may be lines, with `below` (the footer too) where one is declared; odd rows that are none of the declared ones to `errors`."""
        if self.skip or self.footer:
            columns = [name for name in frame.columns if name != "line_no"]
            texts = frame.select(pl.concat_str(columns, separator=self.delimiter)).to_series()
            odd_texts = pl.Series([row.text for row in odd], dtype=pl.String)
            self._find_footer(frame["line_no"], texts, odd, odd_texts)
            if self.skip:
                skipped, odd_skipped = texts.str.contains(self.skip), odd_texts.str.contains(self.skip)
                frame = frame.filter(~skipped)
                odd = [row for row, gone in zip(odd, odd_skipped, strict=True) if not gone]
                if self.tally is not None:
                    self.tally.passed_over += int(skipped.sum()) + int(odd_skipped.sum())
        for row in odd:
            if self.footer_line is None or row.line < self.footer_line:
                errors.add_one(row.line, "", row.message)
        if self.footer_line is None:
            return frame.with_columns(below=pl.lit(False)) if self.footer else frame
        return frame.with_columns(below=pl.col("line_no") >= self.footer_line)

    def _find_footer(
        self, lines: pl.Series, texts: pl.Series, odd: list[OddRow], odd_texts: pl.Series
    ) -> None:
        if not self.footer or self.footer_line is not None:
            return
        found = lines.filter(texts.str.contains(self.footer)).to_list()
        found += [row.line for row, hit in zip(odd, odd_texts.str.contains(self.footer), strict=True) if hit]
        self.footer_line = min(found, default=None)
        if self.tally is not None:
            self.tally.footer_line = self.footer_line
