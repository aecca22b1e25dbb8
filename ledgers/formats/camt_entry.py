"""One camt entry with its transaction details, as the raw texts of one line; typed later, a batch at a time."""

from typing import Any, NamedTuple

from ledgers.formats.camt_details import KEPT, MOVED, Details, given, to_json, transaction_code
from ledgers.formats.xml_paths import Found


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


def raw_line(
    found: Found, details: Details, *, statement: int, line_no: int, source_line: int, credit: bool
) -> RawLine:
    """The line of an entry, as docs/files.md says. `credit` says which party is the other one."""
    agreed, batch, get = details.agreed, details.batch, found.get
    end_to_end = given(agreed.get("end_to_end_id"))
    reference = end_to_end or given(agreed.get("transaction_id"))
    if (
        not reference and details.count != 1
    ):  # details that differ have no reference in common but their batch's
        named = (
            batch.get("batch_payment_information_id"),
            agreed.get("payment_information_id"),
            batch.get("batch_message_id"),
        )
        reference = next((given(name) for name in named if given(name)), "")
    side = "debtor" if credit else "creditor"
    servicer, entry = given(get("servicer_reference")), given(get("entry_reference"))
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
        to_json(_metadata(found, details, side, described=bool(text))),
    )


def _metadata(found: Found, details: Details, side: str, *, described: bool) -> dict[str, Any]:
    """What else is worth keeping, under names that a rule can read as metadata.<key>."""
    kept: dict[str, Any] = {}
    if code := transaction_code(found) or transaction_code(details.agreed):
        kept["bank_transaction_code"] = code
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
    kept |= {name: agreed[name] for name in KEPT if name in agreed}
    moved = agreed if details.count == 1 else {}
    kept |= {name: text for name in MOVED if (text := found.get(name) or moved.get(name))}
    return kept | details.footing(found)
