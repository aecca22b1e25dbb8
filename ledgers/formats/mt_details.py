"""Field 86 of an MT statement line: free text, or one of its structures, as references, parties and description.

Structures: subfields ?00 to ?63 behind a business code (German banks, others with > or < for the question mark), SEPA tags
EREF+ to ABWE+ in their text, and code words between slashes (/EREF/…/REMI/…: Dutch banks).
"""

import re
from collections.abc import Iterable

WIDTH, CHUNK = 65, 27
"""Characters of a full line of the field, and of a full subfield: behind a full one the text goes on within the word."""

_SUBFIELDS = re.compile(r"(?P<code>[0-9]{3})?(?P<sign>[?<>~^@|])(?=[0-9][0-9])")
_SEPA = re.compile(
    r"(?:^|(?<=\s))(EREF|KREF|MREF|CRED|DEBT|COAM|OAMT|SVWZ|ABWA|ABWE|IBAN|BIC|PURP|RREF)\+[ ]?"
)
_SLASH_WORDS = "TRTP|IBAN|BBAN|BIC|NAME|REMI|EREF|KREF|PREF|MARF|CSID|RTRN|ULTC|ULTD|ULTB|BENM|ORDP|ADDR|ISDT|PURP|TRCD|CNTP|NRTX"
_SLASHED = re.compile(rf"/({_SLASH_WORDS})/")

Found = dict[str, str]
"""reference words: end_to_end_id, own_reference; description; counterparty; all else is metadata."""

_SEPA_NAMES = {
    "EREF": "end_to_end_id",
    "KREF": "own_reference",
    "MREF": "mandate_id",
    "CRED": "creditor_id",
    "DEBT": "debtor_id",
    "COAM": "charges",
    "OAMT": "original_amount",
    "ABWA": "ultimate_debtor",
    "ABWE": "ultimate_creditor",
    "IBAN": "counterparty_account",
    "BIC": "counterparty_bank",
    "PURP": "purpose_code",
    "RREF": "return_reference",
    "SVWZ": "description",
}

_SLASH_NAMES = {
    "TRTP": "posting_text",
    "IBAN": "counterparty_account",
    "BBAN": "counterparty_account",
    "BIC": "counterparty_bank",
    "NAME": "counterparty",
    "REMI": "description",
    "EREF": "end_to_end_id",
    "KREF": "own_reference",
    "PREF": "payment_information_id",
    "MARF": "mandate_id",
    "CSID": "creditor_id",
    "RTRN": "return_reason",
    "ULTC": "ultimate_creditor",
    "ULTD": "ultimate_debtor",
    "ULTB": "ultimate_creditor",
    "ADDR": "counterparty_address",
    "ISDT": "original_date",
    "PURP": "purpose_code",
    "TRCD": "transaction_code",
}

_OTHER_SUBFIELDS = {
    "00": "posting_text",
    "10": "posting_batch",
    "30": "counterparty_bank",
    "31": "counterparty_account",
    "34": "text_key",
    "38": "counterparty_account",
}

PURPOSE = frozenset(f"{number}" for number in (*range(20, 30), *range(60, 64)))


def details(lines: list[str]) -> Found:
    """What the field says, under the names above."""
    if not lines:
        return {}
    if head := _SUBFIELDS.match(lines[0]):
        return _subfields("".join(lines), head["code"] or "", head["sign"])
    if _SLASHED.match(lines[0].lstrip()):
        return _slashed("".join(lines))
    return _tagged(joined(lines, WIDTH))


def joined(parts: Iterable[str], full: int) -> str:
    """The parts as one text: behind a part of full width the word goes on, behind a shorter one a new one begins."""
    text, open_end = "", False
    for part in parts:
        if text and not (open_end and not _SEPA.match(part)):
            text += " "
        text += part
        open_end = len(part) >= full
    return re.sub(r"\s+", " ", text).strip()


def _subfields(text: str, code: str, sign: str) -> Found:
    found: Found = {"business_code": code} if code else {}
    purpose: list[str] = []
    name: list[str] = []
    for part in re.split(rf"{re.escape(sign)}(?=[0-9][0-9])", text)[1:]:
        number, value = part[:2], part[2:]
        if number in PURPOSE:
            purpose.append(value)
        elif number in {"32", "33"}:
            name.append(value)
        elif number in _OTHER_SUBFIELDS and value.strip():
            found.setdefault(_OTHER_SUBFIELDS[number], value.strip())
    told = _tagged(joined(purpose, CHUNK))
    found = {**told, **found}
    if name and (who := joined(name, CHUNK)):
        found["counterparty"] = who
    if "description" not in found and "posting_text" in found:
        found["description"] = found["posting_text"]
    return found


def _tagged(text: str) -> Found:
    """Text with SEPA tags in it, or without any. What stands before the first tag belongs to the description."""
    before, *tagged = _SEPA.split(text)
    found: Found = {}
    for tag, value in zip(tagged[::2], tagged[1::2], strict=True):
        if value.strip():
            found.setdefault(_SEPA_NAMES[tag], value.strip())
    description = " ".join(part for part in (before.strip(), found.get("description", "")) if part)
    return {**found, "description": description} if description else found


def _slashed(text: str) -> Found:
    before, *worded = _SLASHED.split(text)
    found: Found = {"description": before.strip()} if before.strip() else {}
    for word, value in zip(worded[::2], worded[1::2], strict=True):
        value = re.sub(r"\s+", " ", value).strip()
        if word == "CNTP":
            for name, part in zip(_COUNTERPARTY, value.split("/"), strict=False):
                if part.strip():
                    found.setdefault(name, part.strip())
        elif word in _SLASH_NAMES and (value := _bare(word, value)):
            found.setdefault(_SLASH_NAMES[word], value)
    return found


_COUNTERPARTY = ("counterparty_account", "counterparty_bank", "counterparty", "counterparty_city")


def _bare(word: str, value: str) -> str:
    """The value without the slashes that end it and the words that say how it is structured."""
    if word == "REMI":
        value = re.sub(r"^(?:USTD/{1,2}|STRD/CUR/)", "", value)
    return value.strip("/ ").strip()
