"""OFX 1 (SGML) and OFX 2 (XML), also as QFX: own reader of bank and credit card statements, as a stream."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import BinaryIO

from ledgers.formats.events import Balance, Event, FileRefused
from ledgers.formats.gathering import Gathering, Statement, cut_off, no_currency
from ledgers.formats.ofx_tags import Tag, tags
from ledgers.formats.raw_lines import FieldNames, RawLine, json_text
from ledgers.formats.typed import shown
from ledgers.money import exponent, parse_one

NAMES = FieldNames(amount="TRNAMT", date="DTPOSTED", value_date="DTAVAIL")

STATEMENTS = frozenset({"STMTRS", "CCSTMTRS"})
ACCOUNTS = frozenset({"BANKACCTFROM", "CCACCTFROM"})
AGGREGATES = frozenset(
    {
        "OFX",
        "BANKMSGSRSV1",
        "CREDITCARDMSGSRSV1",
        "STMTTRNRS",
        "CCSTMTTRNRS",
        "BANKTRANLIST",
        "STMTTRN",
        "LEDGERBAL",
    }
    | STATEMENTS
    | ACCOUNTS
)
"""What must be closed by a tag of its own. Any other tag without a value may be an empty value."""

ONCE = ("TRNAMT", "DTPOSTED", "FITID")
"""Values that a transaction states once."""

DEPTH_MAX, VALUES_MAX = 64, 200

_DATE = re.compile(
    r"([0-9]{4})([0-9]{2})([0-9]{2})(?:(?:[01][0-9]|2[0-4])[0-5][0-9](?:[0-5][0-9](?:\.[0-9]+)?)?)?\s*(?:\[[^\[\]]*\])?"
)


def read(file: BinaryIO, *, currency: str | None = None, encoding: str | None = None) -> Iterator[Event]:
    """Every statement of the file in its order. `currency` is taken where a statement names none; `encoding`, where it is
    given, instead of the header's.

    Raises FileRefused, at the end for transactions that cannot be taken (`file.rows`), else at once; take back what came before.
    """
    reader = _Reader(currency)
    for tag in tags(file, encoding=encoding):
        if tag.name:
            reader.take(tag)
            yield from reader.gathering.due()
    yield from reader.finish()


@dataclass(slots=True)
class _Node:
    """An element that is open: an aggregate, or a value that is empty and not closed."""

    name: str
    line: int
    values: dict[str, str] = field(default_factory=dict)
    twice: set[str] = field(default_factory=set)
    within: dict[str, "_Node"] = field(default_factory=dict)  # aggregates of a transaction, such as PAYEE

    def put(self, name: str, value: str) -> None:
        if name in self.values:
            self.twice.add(name)
        elif len(self.values) < VALUES_MAX:
            self.values[name] = value


class _Reader:
    def __init__(self, currency: str | None):
        self.gathering = Gathering(NAMES)
        self._default_currency = currency
        self._stack: list[_Node] = []
        self._last = ""  # the value that may still be closed
        self._whole = False
        self._said: dict[str, str] = {}  # what the statement under way says of itself
        self._in_statement = False
        self._statement: Statement | None = None
        self._transactions = 0

    def take(self, tag: Tag) -> None:
        if self._whole:
            raise _broken(tag.line, f"<{tag.name}> stands behind the end of the file (</OFX>)")
        if tag.closes:
            self._close(tag)
        elif tag.value and tag.name not in AGGREGATES:
            self._last = tag.name
            self._value(tag)
        else:
            self._open(tag)

    def finish(self) -> Iterator[Event]:
        if not self._whole:
            self.gathering.errors.refuse_if_any()
            raise cut_off("The file has no end (</OFX>).")
        yield from self.gathering.finish(what="bank or credit card statement (STMTRS, CCSTMTRS)")

    def _value(self, tag: Tag) -> None:
        if not self._stack:
            raise _broken(tag.line, f"<{tag.name}> stands before <OFX>")
        self._stack[-1].put(tag.name, tag.value)
        if self._in_statement and tag.name in {"CURDEF", "DTSTART", "DTEND"}:
            self._said.setdefault(tag.name, tag.value)

    def _open(self, tag: Tag) -> None:
        self._last = ""
        if not self._stack and tag.name != "OFX":
            raise _broken(tag.line, f"<{tag.name}> stands before <OFX>")
        if len(self._stack) >= DEPTH_MAX:
            raise _broken(tag.line, f"more than {DEPTH_MAX} elements within each other")
        if tag.name == "INVSTMTRS":
            message = (
                f"Line {tag.line:,}: the file holds an investment statement (INVSTMTRS), which is not read: securities are no"
                " bank lines. Export the bank account or the credit card by itself."
            )
            raise FileRefused("file.investment", message)
        if tag.name == "STMTTRN" and (not self._in_statement or self._inside("STMTTRN")):
            raise _broken(tag.line, "<STMTTRN> stands within another transaction, or outside of a statement")
        if tag.name in STATEMENTS:
            if self._in_statement:
                raise _broken(tag.line, f"<{tag.name}> stands within another statement")
            self._in_statement, self._said, self._statement = True, {}, None
        self._stack.append(_Node(tag.name, tag.line))
        if tag.value:
            self.gathering.errors.add_one(
                tag.line, tag.name, f"{shown(tag.value)} stands where elements belong"
            )

    def _close(self, tag: Tag) -> None:
        last, self._last = self._last, ""
        if tag.name == last:
            return
        if not self._inside(tag.name):
            raise _broken(tag.line, f"</{tag.name}> closes what is not open")
        while (node := self._stack.pop()).name != tag.name:
            if node.name in AGGREGATES:
                raise _broken(
                    tag.line, f"</{tag.name}> stands where <{node.name}> of line {node.line:,} is still open"
                )
            for name, value in node.values.items():  # it was an empty value: what followed stands beside it
                self._stack[-1].put(name, value)
            self._stack[-1].within |= node.within
        if tag.value:
            self.gathering.errors.add_one(
                tag.line, tag.name, f"{shown(tag.value)} stands where elements belong"
            )
        self._closed(node)

    def _closed(self, node: _Node) -> None:
        if node.name == "STMTTRN":
            self._transaction(node)
        elif node.name in STATEMENTS:
            self._begun(node.line).ended = True
            self._in_statement = False
        elif node.name in ACCOUNTS and self._in_statement and not self._inside("STMTTRN"):
            self._said["account"] = node.values.get("ACCTID", "")
        elif node.name == "LEDGERBAL" and self._in_statement:
            self._balance(node)
        elif node.name == "STATUS" and self._stack[-1].name in {"STMTTRNRS", "CCSTMTTRNRS"}:
            _refuse_error(node)
        elif node.name == "OFX":
            self._whole = not self._stack
        elif self._stack and self._inside("STMTTRN"):
            self._stack[-1].within[node.name] = node

    def _inside(self, name: str) -> bool:
        return any(node.name == name for node in self._stack)

    def _begun(self, line: int) -> Statement:
        if self._statement is None:
            currency = self._said.get("CURDEF", "").upper() or self._default_currency
            if currency is None:
                raise no_currency(f"statement in line {line:,} (CURDEF)")
            if not re.fullmatch("[A-Z]{3}", currency):
                self.gathering.errors.add_one(line, "CURDEF", f"{shown(currency)} is not a currency code")
            self._statement = self.gathering.begin(
                currency=currency,
                account=self._said.get("account") or None,
                from_date=self._day("DTSTART", line),
                to_date=self._day("DTEND", line),
            )
        return self._statement

    def _day(self, name: str, line: int) -> date | None:
        text = self._said.get(name)
        if text is None:
            return None
        try:
            return date.fromisoformat(_iso(text))
        except ValueError:
            self.gathering.errors.add_one(line, name, f"{shown(text)} is not a date; 20260331 would be one")
            return None

    def _balance(self, node: _Node) -> None:
        statement = self._begun(node.line)
        amount, day = node.values.get("BALAMT", ""), node.values.get("DTASOF", "")
        minor = parse_one(_plain(amount), exponent(statement.currency), spare_zeros=True)
        try:
            on = date.fromisoformat(_iso(day)) if day else None
        except ValueError:
            self.gathering.errors.add_one(
                node.line, "DTASOF", f"{shown(day)} is not a date; 20260331 would be one"
            )
            return
        if isinstance(minor, str):
            self.gathering.errors.add_one(
                node.line, "BALAMT", f"{shown(amount)} is not an amount in {statement.currency}"
            )
            return
        if statement.closing is not None:
            self.gathering.errors.add_one(node.line, "LEDGERBAL", "the statement states its balance twice")
        statement.closing = Balance(minor, on, "LEDGERBAL", statement.currency)

    def _transaction(self, node: _Node) -> None:
        self._transactions += 1
        statement = self._begun(node.line)
        for name in ONCE:
            if name in node.twice:
                self.gathering.errors.add_one(node.line, name, "the transaction states it twice")
        if not node.values.get("DTPOSTED"):
            self.gathering.errors.add_one(node.line, "DTPOSTED", "the date is missing")
        else:
            self.gathering.add(_raw(node, statement, self._transactions))


def _raw(node: _Node, statement: Statement, number: int) -> RawLine:
    """The line, as docs/files.md says."""
    get = node.values.get
    own = node.within.get("CURRENCY")
    original = node.within.get("ORIGCURRENCY")
    payee, other = node.within.get("PAYEE"), node.within.get("BANKACCTTO") or node.within.get("CCACCTTO")
    name = get("NAME") or get("EXTDNAME") or (payee.values.get("NAME", "") if payee else "")
    kept = {
        "transaction_type": get("TRNTYPE", ""),
        "posted_at": get("DTPOSTED", "") if len(get("DTPOSTED", "")) > 8 else "",
        "cheque_number": get("CHECKNUM", ""),
        "reference_number": get("REFNUM", ""),
        "counterparty_account": other.values.get("ACCTID", "") if other else "",
        "original_currency": original.values.get("CURSYM", "") if original else "",
        "exchange_rate": (own or original).values.get("CURRATE", "") if own or original else "",  # type: ignore[union-attr]
        "server_id": get("SRVRTID", ""),
        "corrects": get("CORRECTFITID", ""),
        "correction": get("CORRECTACTION", ""),
    }
    return RawLine(
        statement.index,
        number,
        node.line,
        _plain(get("TRNAMT", "")),
        own.values.get("CURSYM", "").upper() if own else statement.currency,
        "",
        _iso(get("DTPOSTED", "")),
        _iso(get("DTAVAIL", "")),
        get("REFNUM") or get("CHECKNUM") or "",
        get("MEMO") or name,
        name,
        get("FITID", ""),
        "",
        json_text({key: text for key, text in kept.items() if text}),
    )


def _plain(amount: str) -> str:
    """OFX writes a comma or a point before the decimals and marks no thousands; both at once are no amount."""
    return amount.replace(",", ".") if amount.count(",") == 1 and "." not in amount else amount


def _iso(text: str) -> str:
    """The day that an OFX date-time writes, as it is written: no time zone moves it. Other texts as they are."""
    found = _DATE.fullmatch(text.strip())
    return f"{found[1]}-{found[2]}-{found[3]}" if found else text


def _refuse_error(node: _Node) -> None:
    if node.values.get("SEVERITY", "").upper() == "ERROR":
        said = node.values.get("MESSAGE") or f"code {node.values.get('CODE', 'unknown')}"
        message = f"Line {node.line:,}: instead of a statement the bank sent an error: {said[:200]}."
        raise FileRefused("file.empty", f"{message} Download the statement again.")


def _broken(line: int, why: str) -> FileRefused:
    message = f"The OFX file is broken at line {line:,}: {why}. Download it from the bank again."
    return FileRefused("file.structure", message)
