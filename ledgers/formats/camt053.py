"""camt.053 bank statements (ISO 20022): read as a stream, one line for each booked entry, memory flat in the file's size."""

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from ledgers.formats.camt_entry import Details, RawLine, raw_line
from ledgers.formats.camt_paths import Trees, trees
from ledgers.formats.camt_statement import StatementState
from ledgers.formats.camt_typed import typed
from ledgers.formats.events import BATCH_ROWS, ROW_ERRORS_KEPT, Event, FileRefused, Lines, RowErrors
from ledgers.formats.typed import add_up, shown
from ledgers.formats.xml_file import Name, XmlFile, let_go
from ledgers.formats.xml_paths import collect

NAMESPACE = re.compile(r"(?:^|[:$])camt\.053\.001\.[0-9]+$")

BOOKED, NOT_BOOKED = "BOOK", frozenset({"PDNG", "INFO", "FUTR"})

STATEMENTS_TOGETHER = 1_000
"""Short statements are typed together, up to so many: a frame for each would cost more than its lines."""


def read(file: BinaryIO, *, currency: str | None = None) -> Iterator[Event]:
    """Every statement of the file in its order. `currency` stands in where neither an entry nor its account states one.

    An entry is booked where its status is BOOK, or where no entry of the whole file has a status. Raises FileRefused, at
    the end for entries that cannot be taken (`file.rows`), else at once; take back the lines that came before.
    """
    xml = XmlFile(file)
    reader = _Reader(_accepted(xml), currency)
    for element in xml.elements(list(reader.handlers)):
        if events := reader.handlers[element.tag](element):
            yield from events
    yield from reader.finish()


def _accepted(xml: XmlFile) -> str:
    """The namespace that is read: any version of camt.053, or none. Else FileRefused `file.namespace`."""
    namespace = xml.root.namespace
    if xml.root.local != "Document" or (namespace and not NAMESPACE.search(namespace)):
        raise _not_camt053(f"is a {_described(xml.root)}")
    if xml.message != Name(namespace, "BkToCstmrStmt"):
        holds = f"holds a {_described(xml.message)}" if xml.message else "holds no message"
        raise _not_camt053(holds)
    return namespace


def _described(name: Name) -> str:
    return f"<{name.local}>" + (f" of {name.namespace}" if name.namespace else "")


def _not_camt053(what: str) -> FileRefused:
    message = (
        f"The XML {what}, not a camt.053 bank statement (BkToCstmrStmt)."
        " Ask the bank for camt.053 statements, or export the statement as CSV."
    )
    return FileRefused("file.namespace", message)


class _Reader:
    """Takes elements as they end, and gives events in the order of the file."""

    def __init__(self, namespace: str, currency: str | None):
        self._trees: Trees = trees(namespace)
        self._default_currency = currency
        prefix = f"{{{namespace}}}" if namespace else ""
        self._statement_tag, self._entry_tag = f"{prefix}Stmt", f"{prefix}Ntry"
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
        self._details = Details()
        self._statements = self._entries = self._stated = 0
        self._unstated: list[
            tuple[int, int]
        ] = []  # (line, entry) of entries without a status, the first of them
        self._unstated_count = 0

    def finish(self) -> Iterator[Event]:
        """The rest of the events; raises FileRefused where the file cannot be taken as a whole."""
        if not self._statements:
            message = (
                "The file holds no statement (Stmt). Ask the bank for the statement of these days again."
            )
            raise FileRefused("file.empty", message)
        yield from self._flush()
        if self._stated and self._unstated_count:
            for line, entry in self._unstated:
                why = f"entry {entry:,} has no status, though others of the file have: booked or not is not stated"
                self._errors.add_one(line, "Sts", why)
            self._errors.add([], total=self._unstated_count - len(self._unstated))
        self._errors.refuse_if_any()

    def _detail_ended(self, element: Any) -> None:
        if _parent_tag(element) == self._details_tag:
            self._details.add(collect(element, self._trees.detail, {}))
        let_go(element)

    def _batch_ended(self, element: Any) -> None:
        if _parent_tag(element) == self._details_tag:
            collect(element, self._trees.batch, self._details.batch)

    def _entry_ended(self, element: Any) -> Iterator[Event] | None:
        details, self._details = self._details, Details()
        if _parent_tag(element) != self._statement_tag:
            return None
        self._entries += 1
        statement = self._statement()
        found = collect(element, self._trees.entry, {})
        if self._is_booked(found.get("status", ""), element, statement):
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
        return self._flush() if len(self._rows) >= BATCH_ROWS else None

    def _statement_ended(self, element: Any) -> Iterator[Event] | None:
        statement = self._statement()
        for child in element:
            statement.take(child, self._errors)
        statement.ended = True
        self._current = None
        let_go(element)
        return self._flush() if len(self._waiting) >= STATEMENTS_TOGETHER else None

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
        waiting = self._waiting
        self._waiting = [statement for statement in waiting if not statement.ended]
        frame = typed(rows, waiting, self._default_currency, self._errors)
        if self._errors:  # nothing of the file will be kept; only its faults are still of use
            return
        by_index = {statement.index: statement for statement in waiting}
        for index, *sums in add_up(frame, ["statement", "currency"]).iter_rows():
            by_index[index].sums.add(*sums)
        parts = frame.partition_by("statement", as_dict=True, include_key=False)
        for statement in waiting:
            if start := statement.start():
                yield start
            if (statement.index,) in parts:
                yield Lines(statement.index, parts[statement.index,])
            if statement.ended:
                yield statement.end()


def _parent_tag(element: Any) -> str | None:
    parent = element.getparent()
    return parent.tag if parent is not None else None
