"""MT940 statements and MT942 interim reports: own reader, as a stream; pages of one statement are joined.

Source: SWIFT Standards, category 9.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from ledgers.formats import mt_values
from ledgers.formats.events import Balance, Event, FileRefused
from ledgers.formats.gathering import Gathering, Statement, cut_off, no_currency
from ledgers.formats.mt_details import details, joined
from ledgers.formats.mt_fields import END, ENVELOPE, Field, fields
from ledgers.formats.raw_lines import FieldNames, RawLine, json_text
from ledgers.formats.typed import shown
from ledgers.money import exponent, format_minor, parse_one

NAMES = FieldNames(amount=":61:", date=":61:", value_date=":61:")

FINAL, PAGE = "62F", "62M"

_ONE_LINE = frozenset({"21", "28", "28C", "34F", "13", "13D", "60F", "60M"})
"""Fields of one line that others of the same message follow: more lines are a field whose tag was damaged."""

_POINTERS = frozenset({"EREF", "KREF", "MARF", "PREF", "EREF+", "KREF+", "MREF+"})
"""Written for the owner's reference where field 86 has it."""


def read(file: BinaryIO, *, currency: str | None = None, encoding: str | None = None) -> Iterator[Event]:
    """Every statement of the file in its order. `currency` is taken where an interim report states none.

    Booked are all lines but those marked EC or ED, which are counted as pending. Raises FileRefused, at the end for lines that
    cannot be taken (`file.rows`), else at once; take back the lines that came before.
    """
    reader = _Reader(currency)
    for one in fields(file, encoding=encoding):
        yield from reader.take(one)
    yield from reader.finish()


@dataclass(slots=True)
class _Message:
    """What the message under way said so far."""

    line: int
    reference: str = ""
    account: str = ""
    number: str = ""
    page: str = ""
    opening: Balance | None = None
    closing: Balance | None = None
    currency: str = ""
    interim: bool = False
    enveloped: bool = False
    ended: bool = False
    statement: Statement | None = None
    totals: dict[str, tuple[int, str, int]] = field(default_factory=dict)
    booked: dict[str, tuple[int, int]] = field(default_factory=lambda: {"90C": (0, 0), "90D": (0, 0)})
    expected: dict[str, tuple[int, int]] = field(default_factory=lambda: {"90C": (0, 0), "90D": (0, 0)})


class _Reader:
    def __init__(self, currency: str | None):
        self._gathering = Gathering(NAMES)
        self._default_currency = currency
        self._message: _Message | None = None
        self._page: tuple[_Message, Statement] | None = None  # a statement whose last page may not have come
        self._entry: tuple[Field, mt_values.Entry, list[str]] | None = None
        self._enveloped = False
        self._unsure: Statement | None = None

    def take(self, one: Field) -> Iterator[Event]:
        if one.tag == "86":
            if self._entry is not None:
                self._entry[2].extend(one.lines)
            return
        self._finish_entry()
        if one.tag in (END, ENVELOPE, "20"):
            yield from self._message_over(mark=one.tag == END)
            self._enveloped = one.tag == ENVELOPE or (self._enveloped and one.tag == "20")
            if one.tag == "20":
                self._message = _Message(one.line, reference=one.text, enveloped=self._enveloped)
                self._enveloped = False
            return
        if self._message is None:
            self._gathering.errors.add_one(one.line, f":{one.tag}:", "the field stands before any :20:")
            return
        self._take_field(one, self._message)
        yield from self._gathering.due()

    def finish(self) -> Iterator[Event]:
        self._finish_entry()
        yield from self._message_over(mark=False, last=True)
        yield from self._gathering.finish(what="statement (a field :20: begins one)")
        if self._unsure is not None and not self._unsure.adds_up():
            raise cut_off(
                "The file ends within the closing balance, which does not agree with the lines before it."
            )

    def _take_field(self, one: Field, message: _Message) -> None:
        if one.tag in _ONE_LINE and any(line.strip() for line in one.lines[1:]):
            self._fault(one, f"{shown(one.lines[1])} behind it belongs to no field")
        if one.tag in {"25", "25P"}:
            self._said_once(one, message.account)
            message.account = one.text
        elif one.tag in {"28", "28C"}:
            self._said_once(one, message.number)
            message.number, _, message.page = one.text.partition("/")
        elif one.tag in {"34F", "13", "13D"}:
            message.interim = True
            if one.tag == "34F":
                message.currency = one.text[:3]
        elif one.tag in {"60F", "60M", FINAL, PAGE}:
            self._take_balance(one, message)
        elif one.tag in {"90C", "90D"}:
            self._take_total(one, message)
        elif one.tag == "61":
            self._take_entry(one, message)

    def _said_once(self, one: Field, before: str) -> None:
        if before:
            self._fault(
                one, f"{shown(one.text)} is stated beside {shown(before)}; a field :20: is missing before it"
            )

    def _take_balance(self, one: Field, message: _Message) -> None:
        found = mt_values.balance(one.text, one.tag)
        if isinstance(found, str):
            self._fault(one, found)
            return
        if message.currency not in ("", found.currency):
            self._fault(one, f"the balance is in {found.currency}, the statement in {message.currency}")
        message.currency = found.currency
        if one.tag.startswith("60"):
            if message.opening is not None or message.statement is not None:
                self._fault(one, "a second opening balance in one message; a field :20: is missing before it")
            message.opening = found
            return
        if message.closing is not None:
            self._fault(one, "a second closing balance in one message; a field :20: is missing before it")
        message.closing = found
        statement = self._started(message)
        statement.closing = found
        self._unsure = None if one.whole or mt_values.has_all_decimals(one.text, found) else statement

    def _take_total(self, one: Field, message: _Message) -> None:
        found = mt_values.total(one.text)
        if isinstance(found, str):
            self._fault(one, found)
        elif one.tag in message.totals:
            self._fault(one, "the total is stated twice in one message")
        else:
            message.totals[one.tag] = found
            message.currency = message.currency or found[1]

    def _take_entry(self, one: Field, message: _Message) -> None:
        found = mt_values.entry(one.lines[0].rstrip())
        if isinstance(found, str):
            self._fault(one, found)
        elif message.closing is not None:
            self._fault(one, "the line stands behind the closing balance")
        else:
            self._started(message)
            self._entry = (one, found, [])

    def _fault(self, one: Field, why: str) -> None:
        self._gathering.errors.add_one(one.line, f":{one.tag}:", why)

    def _started(self, message: _Message) -> Statement:
        """The statement of the message: a new one, or the one whose next page this is."""
        if message.statement is None:
            if self._page is not None and _goes_on(self._page[0], message):
                message.statement = self._page[1]
            else:
                self._end_page()
                message.statement = self._begin(message)
            self._page = (message, message.statement)
        return message.statement

    def _begin(self, message: _Message) -> Statement:
        currency = message.currency or self._default_currency
        if currency is None:
            raise no_currency(f"statement in line {message.line:,}")
        return self._gathering.begin(
            currency=currency,
            account=_account(message.account, currency),
            number=message.reference,
            sequence=message.number if message.number.strip("0") else "",  # 00000: the bank does not number
            opening=message.opening,
        )

    def _end_page(self) -> None:
        if self._page is not None:
            self._page[1].ended = True
        self._page = None

    def _finish_entry(self) -> None:
        message = self._message
        if self._entry is None or message is None or message.statement is None:
            return
        (one, entry, described), self._entry = self._entry, None
        statement = message.statement
        minor = parse_one(entry.amount, exponent(statement.currency), spare_zeros=True)
        seen = message.expected if entry.mark in mt_values.EXPECTED else message.booked
        side = "90C" if entry.mark in mt_values.CREDITS else "90D"
        seen[side] = (seen[side][0] + 1, seen[side][1] + (minor if isinstance(minor, int) else 0))
        if entry.mark in mt_values.EXPECTED:
            statement.pending += 1
        else:
            self._gathering.add(_raw(one, entry, details(described), statement))

    def _message_over(self, *, mark: bool, last: bool = False) -> Iterator[Event]:
        message, self._message = self._message, None
        if message is not None:
            self._check_whole(message, mark=mark, last=last)
            if message.closing is None or message.closing.kind == FINAL:
                self._end_page()
            yield from self._gathering.due()
        if last:
            self._end_page()

    def _check_whole(self, message: _Message, *, mark: bool, last: bool) -> None:
        """Raises FileRefused `file.cut_off` where the message lacks its end, `file.totals` where its totals disagree."""
        named = f"The statement that begins in line {message.line:,}"
        if message.enveloped and not mark:
            raise cut_off(f"{named} has no end (-}}).")
        if (
            message.opening is not None
            or message.closing is not None
            or not (message.interim or message.totals)
        ):
            lacks = "opening balance (:60F:)" if message.opening is None else "closing balance (:62F:)"
            if message.opening is None or message.closing is None:
                self._gathering.errors.refuse_if_any()
                raise cut_off(f"{named} has no {lacks}.")
            return
        self._started(message)
        if last and not mark and not message.totals:
            raise cut_off(
                f"The interim report that begins in line {message.line:,} has neither totals nor an end."
            )
        for tag, stated in message.totals.items():
            _check_total(message, tag, stated)


def _check_total(message: _Message, tag: str, stated: tuple[int, str, int]) -> None:
    """Whether a bank counts what it expects is its choice, so both ways of counting agree."""
    booked, expected = message.booked[tag], message.expected[tag]
    number, currency, minor = stated
    if (number, minor) not in (booked, (booked[0] + expected[0], booked[1] + expected[1])):
        text = (
            f"The report that begins in line {message.line:,} states in :{tag}: {number:,} lines of"
            f" {format_minor(minor, currency)} {currency}, but holds {booked[0]:,} of"
            f" {format_minor(booked[1], currency)}. Ask the bank for the report again."
        )
        raise FileRefused("file.totals", text)


def _goes_on(before: _Message, page: _Message) -> bool:
    """Whether a message is the next page: it opens with the intermediate balance with which the one before it closed."""
    if (
        before.closing is None
        or page.opening is None
        or before.closing.kind != PAGE
        or page.opening.kind != "60M"
    ):
        return False
    return (
        (before.account, before.number, _next(before.page))
        == (page.account, page.number, page.page.lstrip("0"))
        and before.closing.amount_signed_minor == page.opening.amount_signed_minor
        and before.closing.currency == page.opening.currency
    )


def _next(page: str) -> str:
    return str(int(page) + 1) if page.isascii() and page.isdigit() else ""


def _account(text: str, currency: str) -> str | None:
    """The account without blanks; without the currency that some banks write behind its number."""
    account = "".join(text.split())
    bare = account.removesuffix(currency)
    return (bare if bare[-1:].isdigit() else account) or None


def _raw(one: Field, entry: mt_values.Entry, found: dict[str, str], statement: Statement) -> RawLine:
    """The line, as docs/files.md says."""
    end_to_end = mt_values.given(found.pop("end_to_end_id", ""))
    own = mt_values.given(found.get("own_reference", ""))
    customer = "" if entry.customer in _POINTERS else entry.customer
    supplementary = joined((part for part in (entry.rest, *one.lines[1:]) if part), 34)
    description = found.pop("description", "") or supplementary
    counterparty = found.pop("counterparty", "")
    kept = {"transaction_type": entry.kind, "customer_reference": customer, **found}
    if description != supplementary:
        kept["supplementary"] = supplementary
    kept["value_date_as_stated"] = entry.stated_value
    kept["reversal"] = "true" if entry.mark in {"RC", "RD"} else ""
    return RawLine(
        statement.index,
        one.line,
        one.line,
        entry.amount,
        statement.currency,
        mt_values.DIRECTIONS[entry.mark],
        entry.date_text,
        entry.value_text,
        end_to_end or customer or own,
        description,
        counterparty,
        entry.bank,
        end_to_end,
        json_text({name: text for name, text in kept.items() if text}),
    )
