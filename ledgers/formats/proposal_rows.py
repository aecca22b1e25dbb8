"""Rows that are no lines: continuations, details, totals, footers; used by the proposal."""

import re
from typing import TYPE_CHECKING

from ledgers.formats.declaration import JOIN, REFUSE, SKIP
from ledgers.formats.proposal_account import escaped
from ledgers.formats.proposal_dates import day_of
from ledgers.formats.proposal_questions import Question
from ledgers.formats.proposal_roles import Roles
from ledgers.formats.proposal_table import Found, Row
from ledgers.formats.proposal_words import BALANCE_ROWS, plain_name

if TYPE_CHECKING:
    from ledgers.formats.proposal import Draft

PREFIX_MAX = 40
SKIPS_MAX = 5


def propose_rows(roles: Roles, found: Found, draft: "Draft") -> None:
    if "date_format" not in draft.told:
        return
    kinds = {row.line: _kind(row, roles, draft.told["date_format"]) for row in found.body}
    width = len(found.names) if found.names is not None else found.dialect.width
    lines = [row.line for row in found.body if kinds[row.line] == "line"]
    if not lines:
        return
    below = [row for row in found.body if row.line > lines[-1] and kinds[row.line] in ("odd", "undated")]
    ends = [row for row in below if kinds[row.line] == "odd" or _after_gap(row, found)]
    if ends and found.complete:
        _footer(ends[0], found, kinds, draft)
    last = ends[0].line if ends else found.body[-1].line + 1
    above = [row for row in found.body if row.line < last]
    if found.names is None:
        width = len(found.body[0].cells)
    if any(len(row.cells) < width and not row.blank for row in above if kinds[row.line] != "odd"):
        draft.settle("short_rows", True)
    if any(kinds[row.line] == "undated" for row in above):
        draft.settle("undated_rows", JOIN)
    if bare := [row for row in above if kinds[row.line] == "bare"]:
        draft.told["rows_without_amount"] = SKIP
        choices = [
            ("pass them over", {"rows_without_amount": SKIP}),
            ("refuse the file", {"rows_without_amount": REFUSE}),
        ]
        why = f"{len(bare):,} rows have a date and no amount."
        draft.questions.append(
            Question.of_changes("rows_without_amount", choices, why, _text(bare[0], found)[:200])
        )
    for row in above:
        if kinds[row.line] == "line" and any(_is_sum(cell) for cell in row.cells):
            kinds[row.line] = "sum"
    _skips([row for row in above if kinds[row.line] in ("odd", "sum")], found, kinds, draft)


def _kind(row: Row, roles: Roles, date_format: str) -> str:
    def cells(*names: str) -> list[str]:
        places = [column.place for name in names for column in roles.columns.get(name, [])]
        return [row.cells[place].strip() for place in places if place < len(row.cells)]

    dates, money = (
        [text for text in cells("booking_date", "value_date") if text],
        any(cells("amount", "debit", "credit")),
    )
    if row.blank:
        return "blank"
    if not dates:
        return "odd" if money else "undated"
    if not all(day_of(text, date_format) for text in dates):
        return "odd"
    return "line" if money else "bare"


def _after_gap(row: Row, found: Found) -> bool:
    """Whether a blank line stands above the row: the table is over."""
    above = [each for each in found.dialect.rows if each.line < row.line]
    if not above:
        return False
    height = sum(cell.count("\n") for cell in above[-1].cells) + 1
    return above[-1].blank or above[-1].line + height < row.line


def _text(row: Row, found: Found) -> str:
    return found.dialect.delimiter.join(row.cells)


def _pattern(row: Row, found: Found) -> str:
    """The row's beginning, up to its first cell with text."""
    text = ""
    for place, cell in enumerate(row.cells):
        text += (found.dialect.delimiter if place else "") + cell
        if cell.strip():
            break
    return "^" + escaped(text[:PREFIX_MAX].split("\n")[0])


def _footer(row: Row, found: Found, kinds: dict[int, str], draft: "Draft") -> None:
    pattern = _pattern(row, found)
    if any(_hits(pattern, each, found) for each in found.body if each.line < row.line):
        return
    draft.told["footer_pattern"] = pattern
    choices = [
        ("the table ends there", {"footer_pattern": pattern}),
        ("it is a line of the statement", {"footer_pattern": ""}),
    ]
    why = f"Line {row.line:,} is none of the table's lines, and nothing below it is."
    draft.questions.append(Question.of_changes("footer_pattern", choices, why, _text(row, found)[:200]))


def _skips(odd: list[Row], found: Found, kinds: dict[int, str], draft: "Draft") -> None:
    delimiter = found.dialect.delimiter
    lines = [row for row in found.body if kinds[row.line] == "line"]
    sums = [row for row in odd if kinds[row.line] == "sum"]
    patterns = list(dict.fromkeys(_pattern(row, found) for row in odd if kinds[row.line] == "odd"))
    if len(patterns) > 1 and all(not row.cells[0].strip() for row in odd):
        patterns = ["^" + escaped(delimiter)]
    patterns += dict.fromkeys(_sum_pattern(row, found) for row in sums)
    pattern = "|".join(patterns)
    if not patterns or len(patterns) > SKIPS_MAX or len(pattern) > 255:
        return
    if any(_hits(each, row, found) for each in patterns for row in lines):
        return
    draft.told["skip_pattern"] = pattern
    choices = [
        ("they are no lines: pass them over", {"skip_pattern": pattern}),
        ("leave them in", {"skip_pattern": ""}),
    ]
    why = f"{len(odd):,} rows between the lines have no date, or state a balance or a sum."
    draft.questions.append(Question.of_changes("skip_pattern", choices, why, _text(odd[0], found)[:200]))


def _is_sum(cell: str) -> bool:
    return 4 < len(cell) < 40 and not cell[0].isdigit() and plain_name(cell) in BALANCE_ROWS


def _sum_pattern(row: Row, found: Found) -> str:
    """The cell that says that the row is a sum, with the delimiters around it."""
    word = next(cell for cell in row.cells if _is_sum(cell))
    mark = escaped(found.dialect.delimiter)
    return f"(?:^|{mark}){escaped(word)}(?:{mark}|$)"


def _hits(pattern: str, row: Row, found: Found) -> bool:
    return re.search(pattern, _text(row, found)) is not None
