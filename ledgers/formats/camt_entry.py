"""One camt entry with its transaction details, as the raw texts of one line; typed later, a batch at a time."""

from json import JSONEncoder
from typing import Any, NamedTuple

from ledgers.formats.camt_paths import DETAIL_DATES
from ledgers.formats.xml_paths import Found

TEXT_MAX = 4_000
"""Characters of description that several details may add up to. One detail's text is never cut."""

_json = JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class RawLine(NamedTuple):
    """What an entry says, as text: the columns of a frame before anything is parsed."""

    statement: int  # index of the statement in the file
    line_no: int  # number of the entry in the file, from 1
    source_line: int
    amount_text: str
    currency: str
    indicator: str
    booking_text: str
    value_text: str
    detail_date: str
    reference: str
    description: str
    counterparty: str
    external_id: str
    end_to_end_id: str
    metadata: str


class Details:
    """The transaction details of one entry, taken one by one: what they all agree on, and their texts.

    They are added up, not kept, so that an entry of a hundred thousand details takes the memory of one.
    """

    def __init__(self) -> None:
        self.count = 0
        self.agreed: Found = {}
        self.batch: Found = {}
        self.date = ""
        self._texts: list[str] = []
        self._length = 0

    def add(self, found: Found) -> None:
        """Take one detail. A field stays only while every detail says the same."""
        texts = found.pop("texts", ())
        if not self.date:
            self.date = next((found[name] for name in DETAIL_DATES if name in found), "")
        if self.count:
            self.agreed = {name: text for name, text in self.agreed.items() if found.get(name) == text}
        else:
            self.agreed = found
        if self.count:  # what an earlier detail said is not said again
            texts = [text for text in texts if text not in self._texts]
        for text in texts:
            if self.count == 0 or self._length + len(text) <= TEXT_MAX:
                self._length += len(text)
                self._texts.append(text)
        self.count += 1

    @property
    def text(self) -> str:
        return " ".join(self._texts)


def raw_line(
    found: Found, details: Details, *, statement: int, line_no: int, source_line: int, credit: bool
) -> RawLine:
    """The line of an entry, as docs/files.md says. `credit` says which party is the other one."""
    agreed, batch, get = details.agreed, details.batch, found.get
    end_to_end = _given(agreed.get("end_to_end_id"))
    reference = end_to_end or _given(agreed.get("transaction_id"))
    if (
        not reference and details.count != 1
    ):  # details that differ have no reference in common but their batch's
        named = (
            batch.get("batch_payment_information_id"),
            agreed.get("payment_information_id"),
            batch.get("batch_message_id"),
        )
        reference = next((_given(name) for name in named if _given(name)), "")
    side = "debtor" if credit else "creditor"
    servicer, entry = _given(get("servicer_reference")), _given(get("entry_reference"))
    text = details.text
    return RawLine(
        statement,
        line_no,
        source_line,
        get("amount", ""),
        get("currency", ""),
        get("indicator", ""),
        get("booking_date", ""),
        get("value_date", ""),
        details.date,
        reference,
        text or get("additional_information", ""),
        agreed.get(side) or agreed.get(f"ultimate_{side}", ""),
        servicer or entry,
        end_to_end,
        _json(_metadata(found, details, side, described=bool(text))),
    )


def _metadata(found: Found, details: Details, side: str, *, described: bool) -> dict[str, Any]:
    """What else is worth keeping, under names that a rule can read as metadata.<key>."""
    kept: dict[str, Any] = {}
    code = [found[name] for name in ("domain", "family", "sub_family") if name in found]
    if code:
        kept["bank_transaction_code"] = "/".join(code)
    for name in ("proprietary_code", "entry_reference"):
        if name in found:
            kept[name] = found[name]
    if found.get("reversal") in {"true", "1"}:
        kept["reversal"] = True
    if described and "additional_information" in found:
        kept["additional_information"] = found["additional_information"]
    kept |= details.batch
    if details.count > 1:
        kept["details"] = details.count
    agreed = details.agreed
    if f"{side}_account" in agreed:
        kept["counterparty_account"] = agreed[f"{side}_account"]
    kept |= {name: agreed[name] for name in _KEPT if name in agreed}
    return kept


_KEPT = (
    "transaction_id",
    "instruction_id",
    "payment_information_id",
    "mandate_id",
    "cheque_number",
    "uetr",
    "transaction_servicer_reference",
    "creditor_reference",
    "return_reason",
    "additional_transaction_information",
    "ultimate_debtor",
    "ultimate_creditor",
)


def _given(text: str | None) -> str:
    """Banks write NOTPROVIDED where the sender gave no reference."""
    return "" if text is None or text.upper() == "NOTPROVIDED" else text
