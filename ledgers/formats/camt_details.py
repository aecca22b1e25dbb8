"""The transaction details of one camt entry while they are read: what they agree on, what they add up to, and, where there
are several, each as a line of its own.
"""

from collections.abc import Callable
from json import JSONEncoder
from typing import Any, NamedTuple

from ledgers.formats.camt_paths import DETAIL_DATES, MANY
from ledgers.formats.xml_paths import Found
from ledgers.money import exponent, format_minor, parse_one

TEXT_MAX = 4_000
"""Characters of description that several details may add up to. One detail's text is never cut."""

MOVED = (
    "instructed_amount",
    "instructed_currency",
    "exchange_rate",
    "charges",
    "charges_currency",
)
"""What is said of one movement's money. Of a batch it is said detail by detail, so it is no word on the whole."""

KEPT = (
    "transaction_id",
    "instruction_id",
    "payment_information_id",
    "mandate_id",
    "cheque_number",
    "uetr",
    "transaction_servicer_reference",
    "creditor_reference",
    "document_numbers",
    "additional_remittance",
    "return_reason",
    "additional_transaction_information",
    "ultimate_debtor",
    "ultimate_creditor",
)

_JOINED = MANY - {"texts"}

_CURRENCY_LETTERS = 3

to_json = JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class RawDetail(NamedTuple):
    """What one of several details says, as text: the columns of a frame before anything is parsed."""

    statement: int  # index of the statement in the file
    line_no: int  # number of the entry in the file, from 1
    number: int  # place among the entry's details, from 1
    source_line: int
    amount_text: str
    currency: str
    indicator: str
    reference: str
    description: str
    counterparty: str
    external_id: str
    end_to_end_id: str
    metadata: str


class Details:
    """Details go in one by one. `rows` are those of a batch, for the reader to take away: of an entry of a hundred thousand
    details the others are added up, not kept.
    """

    def __init__(self, statement: int, line_no: int) -> None:
        self.count = 0
        self.agreed: Found = {}
        self.batch: Found = {}
        self.date = ""
        self.entry: Found = {}  # what the entry had said by its second detail
        self.rows: list[RawDetail] = []
        self._statement, self._line_no = statement, line_no
        self._first: tuple[Found, int] = ({}, 0)
        self._texts: list[str] = []
        self._length = 0
        self._sum = self._unstated = self._foreign = 0

    def add(self, found: Found, source_line: int, entry: Callable[[], Found]) -> None:
        """Take one detail. A field of the entry's line stays only while every detail says the same.

        `entry` gives what the entry said so far; it is asked once there are several, since most entries have one.
        """
        for name in _JOINED & found.keys():
            found[name] = " ".join(found[name])
        texts = found.get("texts", [])
        if not self.date:
            self.date = next((found[name] for name in DETAIL_DATES if name in found), "")
        self.count += 1
        if self.count == 1:
            self.agreed, self._first = found, (found, source_line)
        else:
            self.agreed = {name: text for name, text in self.agreed.items() if found.get(name) == text}
            texts = [text for text in texts if text not in self._texts]  # what was said is not said again
        for text in texts:
            if self.count == 1 or self._length + len(text) <= TEXT_MAX:
                self._length += len(text)
                self._texts.append(text)
        if self.count == 2:  # now the first is known to be one of several
            self.entry = entry()
            self._take(*self._first, 1)
        if self.count > 1:
            self._take(found, source_line, self.count)

    def _take(self, found: Found, source_line: int, number: int) -> None:
        amount, currency = _amount(found)
        currency = currency or self.entry.get("currency", "")
        if not amount:  # its amount is not known: it cannot be a record, and is counted
            self._unstated += 1
            return
        indicator = found.get("indicator") or self.entry.get("indicator", "")
        self._add_up(amount, currency, indicator, self.entry)
        end_to_end = given(found.get("end_to_end_id"))
        side = "debtor" if indicator == "CRDT" else "creditor"
        self.rows.append(
            RawDetail(
                self._statement,
                self._line_no,
                number,
                source_line,
                amount,
                currency,
                indicator,
                end_to_end or given(found.get("transaction_id")),
                " ".join(found.get("texts", ())),
                found.get(side) or found.get(f"ultimate_{side}", ""),
                given(found.get("transaction_servicer_reference")),
                end_to_end,
                to_json(detail_metadata(found, side)),
            )
        )

    def _add_up(self, amount: str, currency: str, indicator: str, entry: Found) -> None:
        """Towards the sum in the entry's currency and direction. What cannot be read is said by whoever types the rows."""
        if entry.get("currency", currency) != currency:
            self._foreign += 1
            return
        minor = parse_one(amount, exponent(currency), spare_zeros=True) if currency else "no currency"
        if isinstance(minor, int):
            self._sum += minor if indicator == entry.get("indicator", "") else -minor
        else:
            self._unstated += 1

    def footing(self, entry: Found) -> dict[str, Any]:
        """For the line's metadata: where its details do not add up to it, what they add up to, or why that isn't known."""
        if self.count == 0:
            return {}
        if self.count == 1 and not self._differs(entry):
            return {}
        kept: dict[str, Any] = {}
        if self._foreign:
            kept["details_in_other_currency"] = self._foreign
        if self._unstated:
            kept["details_without_amount"] = self._unstated
        currency = entry.get("currency", "")
        if not kept and len(currency) == _CURRENCY_LETTERS:
            minor = parse_one(entry.get("amount", ""), exponent(currency), spare_zeros=True)
            if isinstance(minor, int) and minor != self._sum:
                kept["details_sum"] = format_minor(self._sum, currency)
        return kept

    def _differs(self, entry: Found) -> bool:
        """Whether a sole detail may say other money than its entry; nearly always it says it in the same letters."""
        found, _line = self._first
        amount, currency = _amount(found)
        indicator = found.get("indicator") or entry.get("indicator", "")
        if not amount or (amount, currency or entry.get("currency"), indicator) == (
            entry.get("amount"),
            entry.get("currency"),
            entry.get("indicator"),
        ):
            return False
        self._add_up(amount, currency or entry.get("currency", ""), indicator, entry)
        return True

    @property
    def text(self) -> str:
        return " ".join(self._texts)


def _amount(found: Found) -> tuple[str, str]:
    """The detail's amount in the account's currency: Amt, up to version 3 that of the transaction."""
    if "amount" in found:
        return found["amount"], found.get("currency", "")
    return found.get("transaction_amount", ""), found.get("transaction_currency", "")


def detail_metadata(found: Found, side: str) -> dict[str, Any]:
    """What else a detail says, under the names that its line's metadata has."""
    kept: dict[str, Any] = {}
    if code := transaction_code(found):
        kept["bank_transaction_code"] = code
    if "proprietary_code" in found:
        kept["proprietary_code"] = found["proprietary_code"]
    if f"{side}_account" in found:
        kept["counterparty_account"] = found[f"{side}_account"]
    return kept | {name: found[name] for name in (*MOVED, *KEPT, *DETAIL_DATES) if name in found}


def transaction_code(found: Found) -> str:
    return "/".join(found[name] for name in ("domain", "family", "sub_family") if name in found)


def given(text: str | None) -> str:
    """Banks write NOTPROVIDED where the sender gave no reference."""
    return "" if text is None or text.upper() == "NOTPROVIDED" else text
