"""camt.053 statements, camt.052 reports and camt.054 notifications (ISO 20022): read as a stream, one line for each booked
entry, with its details where there are several; memory flat in the file's size.
"""

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

import polars as pl

from ledgers.formats.camt_details import Details, RawDetail
from ledgers.formats.camt_entry import RawLine, raw_line
from ledgers.formats.camt_paths import MESSAGES, Message, Trees, trees
from ledgers.formats.camt_statement import StatementState
from ledgers.formats.camt_typed import typed, typed_details
from ledgers.formats.events import (
    BATCH_ROWS,
    ROW_ERRORS_KEPT,
    DetailLines,
    Event,
    FileRefused,
    Lines,
    RowErrors,
)
from ledgers.formats.typed import add_up, shown
from ledgers.formats.xml_file import Name, XmlFile, first_names, let_go, let_go_before
from ledgers.formats.xml_paths import collect

NAMESPACE = re.compile(r"(?:^|[:$])(?P<word>camt\.05[234])\.001\.[0-9]+$")

_BY_ELEMENT = {message.element: message for message in MESSAGES}

BOOKED, NOT_BOOKED = "BOOK", frozenset({"PDNG", "INFO", "FUTR"})

STATEMENTS_TOGETHER = 1_000
"""Short statements are typed together, up to so many: a frame for each would cost more than its lines."""


def word(head: bytes) -> str | None:
    """The format's word of a file that begins with these bytes, by the message in it; None where it holds none of ours."""
    try:
        names = first_names(head)
    except FileRefused:
        return None
    message = _BY_ELEMENT.get(names[1].local) if len(names) > 1 else None
    return message.word if message else None


def read(file: BinaryIO, *, currency: str | None = None) -> Iterator[Event]:
    """Every statement of the file in its order. `currency` stands in where neither an entry nor its account states one.

    An entry is booked where its status is BOOK, or where no entry of the whole file has a status. Raises FileRefused, at
    the end for entries that cannot be taken (`file.rows`), else at once; take back the lines that came before.
    """
    xml = XmlFile(file)
    reader = _Reader(xml.root.namespace, _accepted(xml), currency)
    for element in xml.elements(list(reader.handlers)):
        if events := reader.handlers[element.tag](element):
            yield from events
    yield from reader.finish()


def _accepted(xml: XmlFile) -> Message:
    """The message that is read, of any version, in its own namespace or none. Else FileRefused `file.namespace`."""
    namespace = xml.root.namespace
    named = NAMESPACE.search(namespace)
    if xml.root.local != "Document" or (namespace and not named):
        raise _not_ours(f"is a {_described(xml.root)}")
    if xml.message is None:
        raise _not_ours("holds no message")
    message = _BY_ELEMENT.get(xml.message.local)
    if message is None or xml.message.namespace != namespace or (named and named["word"] != message.word):
        raise _not_ours(f"holds a {_described(xml.message)}")
    return message


def _described(name: Name) -> str:
    return f"<{name.local}>" + (f" of {name.namespace}" if name.namespace else "")


def _not_ours(what: str) -> FileRefused:
    message = (
        f"The XML {what}, not a bank statement, report or notification (camt.053, camt.052, camt.054)."
        " Ask the bank for camt.053 statements, or export the statement as CSV."
    )
    return FileRefused("file.namespace", message)


class _Reader:
    """Takes elements as they end, and gives events in the order of the file."""

    def __init__(self, namespace: str, message: Message, currency: str | None):
        self._message = message
        self._trees: Trees = trees(namespace)
        self._default_currency = currency
        prefix = f"{{{namespace}}}" if namespace else ""
        self._statement_tag, self._entry_tag = f"{prefix}{message.statement}", f"{prefix}Ntry"
        self._details_tag = f"{prefix}NtryDtls"
        self.handlers = {
            self._statement_tag: self._statement_ended,
            self._entry_tag: self._entry_ended,
            f"{prefix}TxDtls": self._detail_ended,
            f"{prefix}Btch": self._batch_ended,
        }
        self._said_of_statement = (*self._trees.statement, self._trees.balance_tag)
        self._errors = RowErrors()
        self._current: StatementState | None = None
        self._waiting: list[StatementState] = []  # statements of which not everything was given yet
        self._rows: list[RawLine] = []
        self._detail_rows: list[RawDetail] = []
        self._statements = self._entries = self._stated = 0
        self._details = Details(0, 1)
        self._unstated: list[tuple[int, int]] = []  # (line, entry) of the first entries without a status
        self._unstated_count = 0

    def finish(self) -> Iterator[Event]:
        """The rest of the events; raises FileRefused where the file cannot be taken as a whole."""
        if not self._statements:
            message = (
                f"The file holds no statement ({self._message.statement})."
                " Ask the bank for the statement of these days again."
            )
            raise FileRefused("file.empty", message)
        yield from self._flush()
        if self._stated and self._unstated_count:
            for line, entry in self._unstated:
                why = f"entry {entry:,} has no status, though others of the file have: booked or not is not stated"
                self._errors.add_one(line, "Sts", why)
            self._errors.add([], total=self._unstated_count - len(self._unstated))
        self._errors.refuse_if_any()

    def _detail_ended(self, element: Any) -> Iterator[Event] | None:
        if _parent_tag(element) != self._details_tag:
            let_go(element)
            return None
        entry = element.getparent().getparent()
        found = collect(element, self._trees.detail, {})
        self._details.add(found, element.sourceline, lambda: collect(entry, self._trees.entry, {}))
        let_go(element)
        return self._flush_details(entry) if len(self._details.rows) >= BATCH_ROWS else None

    def _flush_details(self, entry: Any) -> Iterator[Event] | None:
        """In the middle of an entry: so many details that they cannot wait for it."""
        rows, self._details.rows = self._details.rows, []
        if _parent_tag(entry) != self._statement_tag or self._details.entry.get("status") in NOT_BOOKED:
            return None
        statement = self._statement()
        for sibling in let_go_before(entry, self._said_of_statement):
            statement.take(sibling, self._errors)
        self._detail_rows += rows
        return self._flush()

    def _batch_ended(self, element: Any) -> None:
        if _parent_tag(element) == self._details_tag:
            collect(element, self._trees.batch, self._details.batch)

    def _entry_ended(self, element: Any) -> Iterator[Event] | None:
        details = self._details
        if _parent_tag(element) != self._statement_tag:
            self._details = Details(self._next_statement, self._entries + 1)
            return None
        self._entries += 1
        statement = self._statement()
        self._details = Details(statement.index, self._entries + 1)
        found = collect(element, self._trees.entry, {})
        if self._is_booked(found.get("status", ""), element, statement):
            self._detail_rows += details.rows
            self._rows.append(
                raw_line(
                    found,
                    details,
                    statement=statement.index,
                    line_no=self._entries,
                    source_line=element.sourceline,
                    credit=found.get("indicator") == "CRDT",
                )
            )
        for sibling in let_go(element, self._said_of_statement):
            statement.take(sibling, self._errors)
        waiting = len(self._rows) + len(self._detail_rows)
        return self._flush() if waiting >= BATCH_ROWS else None

    def _statement_ended(self, element: Any) -> Iterator[Event] | None:
        statement = self._statement()
        for child in element:
            statement.take(child, self._errors)
        statement.ended = True
        self._current = None
        self._details = Details(self._next_statement, self._entries + 1)
        let_go(element)
        return self._flush() if len(self._waiting) >= STATEMENTS_TOGETHER else None

    @property
    def _next_statement(self) -> int:
        return self._statements if self._current is None else self._current.index

    def _statement(self) -> StatementState:
        if self._current is None:
            self._current = StatementState(self._statements, self._trees)
            self._statements += 1
            self._waiting.append(self._current)
        return self._current

    def _is_booked(self, status: str, element: Any, statement: StatementState) -> bool:
        if status:
            self._stated += 1
        else:
            self._unstated_count += 1
            if len(self._unstated) < ROW_ERRORS_KEPT:
                self._unstated.append((element.sourceline, self._entries))
        if status in NOT_BOOKED:
            statement.pending += 1
        elif status not in {"", BOOKED}:
            why = f"entry {self._entries:,}: the status {shown(status)} is none of BOOK, PDNG, INFO, FUTR"
            self._errors.add_one(element.sourceline, "Sts", why)
        return status in {"", BOOKED}

    def _flush(self) -> Iterator[Event]:
        """Type what was gathered, over the borders of statements, and give it out statement by statement."""
        rows, self._rows = self._rows, []
        detail_rows, self._detail_rows = self._detail_rows, []
        waiting = self._waiting
        self._waiting = [statement for statement in waiting if not statement.ended]
        frame = typed(rows, waiting, self._default_currency, self._errors)
        details = typed_details(detail_rows, self._errors)
        if self._errors:  # nothing of the file will be kept; only its faults are still of use
            return
        by_index = {statement.index: statement for statement in waiting}
        for index, *sums in add_up(frame, ["statement", "currency"]).iter_rows():
            by_index[index].sums.add(*sums)
        parts = frame.partition_by("statement", as_dict=True, include_key=False)
        detail_parts = details.partition_by("statement", as_dict=True, include_key=False)
        for statement in waiting:
            if start := statement.start():
                yield start
            for part in _pieces(parts.get((statement.index,))):
                yield Lines(statement.index, part)
            for part in _pieces(detail_parts.get((statement.index,))):
                yield DetailLines(statement.index, part)
            if statement.ended:
                yield statement.end()


def _pieces(frame: pl.DataFrame | None) -> Iterator[pl.DataFrame]:
    """The frame in pieces of at most BATCH_ROWS; none where there is none."""
    return frame.iter_slices(BATCH_ROWS) if frame is not None else iter(())


def _parent_tag(element: Any) -> str | None:
    parent = element.getparent()
    return parent.tag if parent is not None else None
