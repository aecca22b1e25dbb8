"""Writes camt.053 files as two banks' systems would: version 02 with a statement for each day, version 08 with one for
the days since the last. Amounts come in minor units, + money in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias

from lxml import etree

from ledgers.money import format_minor
from reconciliation.demo.happenings import Account, BankLine

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.{}"
Element: TypeAlias = Any  # lxml has no types


@dataclass(frozen=True, slots=True)
class StatedDays:
    """One statement: its days, its lines as the file states them, and the balances that the bank really had."""

    first: date
    last: date
    sequence: int
    opening: int
    closing: int
    lines: Sequence[BankLine]


def version_02(account: Account, statements: Sequence[StatedDays]) -> bytes:
    """As of the first years of SEPA: a statement per day, Sts as text, unstructured remittance."""
    root, message = _document("02", account, statements[-1].last)
    for stated in statements:
        statement = _statement(message, account, stated, f"{stated.first:%Y-%m-%d}")
        _balances(statement, account, stated)
        for line in stated.lines:
            _entry(statement, account, line, _status_02, _dates_02, _details_02)
    return _written(root)


def version_08(account: Account, statements: Sequence[StatedDays]) -> bytes:
    """As banks send since the ISO 20022 migration: Sts/Cd, date-times, Pty around names, structured remittance."""
    root, message = _document("08", account, statements[-1].last)
    for stated in statements:
        statement = _statement(message, account, stated, f"STMT{stated.sequence:05d}", period=True)
        _balances(statement, account, stated)
        _summary(statement, account, stated)
        for line in stated.lines:
            _entry(statement, account, line, _status_08, _dates_08, _details_08)
    return _written(root)


def put(parent: Element, path: str, text: object = None, **attributes: str) -> Element:
    """Add the elements of a path below the parent, always new ones; the last one gets text and attributes."""
    for name in path.split("/"):
        parent = etree.SubElement(parent, f"{{{etree.QName(parent).namespace}}}{name}")
    if text is not None:
        parent.text = str(text)
    for key, value in attributes.items():
        parent.set(key, value)
    return parent


def _document(version: str, account: Account, last: date) -> tuple[Element, Element]:
    namespace = NAMESPACE.format(version)
    root = etree.Element(f"{{{namespace}}}Document", nsmap={None: namespace})
    message = put(root, "BkToCstmrStmt")
    header = put(message, "GrpHdr")
    put(header, "MsgId", f"{account.bic[:4]}{last:%Y%m%d}{version}")
    put(header, "CreDtTm", f"{last}T21:05:00+01:00")
    put(header, "MsgPgntn/PgNb", 1)
    put(header.find("{*}MsgPgntn"), "LastPgInd", "true")
    return root, message


def _statement(
    message: Element, account: Account, stated: StatedDays, name: str, *, period: bool = False
) -> Element:
    statement = put(message, "Stmt")
    put(statement, "Id", name)
    put(statement, "ElctrncSeqNb", stated.sequence)
    put(statement, "CreDtTm", f"{stated.last}T21:00:00+01:00")
    if period:
        days = put(statement, "FrToDt")
        put(days, "FrDtTm", f"{stated.first}T00:00:00+01:00")
        put(days, "ToDtTm", f"{stated.last}T23:59:59+01:00")
    owner = put(statement, "Acct")
    put(owner, "Id/IBAN", account.iban)
    put(owner, "Ccy", account.currency)
    put(owner, "Ownr/Nm", "Tieout Demo")
    bank = put(owner, "Svcr/FinInstnId")
    put(bank, "BICFI" if period else "BIC", account.bic)
    put(bank, "Nm", account.bank)
    return statement


def _balances(statement: Element, account: Account, stated: StatedDays) -> None:
    for kind, amount, day in (("OPBD", stated.opening, stated.first), ("CLBD", stated.closing, stated.last)):
        balance = put(statement, "Bal")
        put(balance, "Tp/CdOrPrtry/Cd", kind)
        _money(balance, account, amount)
        put(balance, "Dt/Dt", day)


def _summary(statement: Element, account: Account, stated: StatedDays) -> None:
    summary = put(statement, "TxsSummry/TtlNtries")
    put(summary, "NbOfNtries", len(stated.lines))


def _money(parent: Element, account: Account, amount: int) -> None:
    put(parent, "Amt", format_minor(abs(amount), account.currency), Ccy=account.currency)
    put(parent, "CdtDbtInd", "CRDT" if amount >= 0 else "DBIT")


def _entry(
    statement: Element,
    account: Account,
    line: BankLine,
    status: Callable[[Element], None],
    dates: Callable[[Element, BankLine], None],
    details: Callable[[Element, Account, BankLine], None],
) -> None:
    entry = put(statement, "Ntry")
    _money(entry, account, line.amount)
    status(entry)
    dates(entry, line)
    put(entry, "AcctSvcrRef", line.id)
    domain, family, sub_family = line.code
    code = put(entry, "BkTxCd/Domn")
    put(code, "Cd", domain)
    family_code = put(code, "Fmly")
    put(family_code, "Cd", family)
    put(family_code, "SubFmlyCd", sub_family)
    details(entry, account, line)


def _status_02(entry: Element) -> None:
    put(entry, "Sts", "BOOK")


def _status_08(entry: Element) -> None:
    put(entry, "Sts/Cd", "BOOK")


def _dates_02(entry: Element, line: BankLine) -> None:
    put(entry, "BookgDt/Dt", line.day)
    put(entry, "ValDt/Dt", line.value_day)


def _dates_08(entry: Element, line: BankLine) -> None:
    put(entry, "BookgDt/DtTm", f"{line.day}T00:00:00+01:00")
    put(entry, "ValDt/DtTm", f"{line.value_day}T00:00:00+01:00")


def _details_02(entry: Element, account: Account, line: BankLine) -> None:
    details = put(entry, "NtryDtls")
    if line.parts:
        _batch(details, account, line)
    else:
        detail = put(details, "TxDtls")
        put(detail, "Refs/EndToEndId", line.reference or "NOTPROVIDED")
        if line.party:
            put(detail, f"RltdPties/{_side(line)}/Nm", line.party)
        for text in _in_pieces(line.text):
            put(detail, "RmtInf/Ustrd", text)
        if line.return_reason:
            put(detail, "RtrInf/Rsn/Cd", line.return_reason)
    put(entry, "AddtlNtryInf", "SEPA CREDIT" if line.amount >= 0 else "SEPA DEBIT")


def _details_08(entry: Element, account: Account, line: BankLine) -> None:
    """The invoice goes as a structured creditor reference (ISO 11649) too, where the payer gave one."""
    details = put(entry, "NtryDtls")
    detail = put(details, "TxDtls")
    put(detail, "Refs/EndToEndId", line.reference or "NOTPROVIDED")
    _money(detail, account, line.amount)
    if line.party:
        put(detail, f"RltdPties/{_side(line)}/Pty/Nm", line.party)
    if line.reference:
        reference = put(detail, "RmtInf/Strd/CdtrRefInf")
        put(reference, "Tp/CdOrPrtry/Cd", "SCOR")
        put(reference, "Ref", creditor_reference(line.reference))
    else:
        put(detail, "RmtInf/Ustrd", line.text)
    if line.return_reason:
        put(detail, "RtrInf/Rsn/Cd", line.return_reason)
    put(entry, "AddtlNtryInf", line.text)


def _batch(details: Element, account: Account, line: BankLine) -> None:
    """A collective entry: each payment inside has an id of its own; what they share is the batch's."""
    batch = put(details, "Btch")
    put(batch, "PmtInfId", line.reference)
    put(batch, "NbOfTxs", len(line.parts))
    for part in line.parts:
        detail = put(details, "TxDtls")
        put(detail, "Refs/EndToEndId", part.end_to_end_id)
        amount = put(detail, "AmtDtls/TxAmt/Amt", format_minor(part.amount, account.currency))
        amount.set("Ccy", account.currency)
        put(detail, f"RltdPties/{_side(line)}/Nm", part.party)


def _side(line: BankLine) -> str:
    """The other party: who pays us, or whom we pay."""
    return "Dbtr" if line.amount >= 0 else "Cdtr"


def _in_pieces(text: str) -> Iterable[str]:
    """Unstructured text in pieces of at most 35 characters, as older systems cut it; here between words."""
    piece = ""
    for word in text.split():
        if piece and len(piece) + len(word) + 1 > 35:
            yield piece
            piece = word
        else:
            piece = f"{piece} {word}".strip()
    yield piece


def creditor_reference(text: str) -> str:
    """RF, two check digits, letters and digits: ISO 11649 (check digits by ISO 7064 MOD 97-10)."""
    body = "".join(character for character in text if character.isalnum())[:21]
    number = "".join(str(int(character, 36)) for character in body + "RF00")
    return f"RF{98 - int(number) % 97:02d}{body}"


def _written(root: Element) -> bytes:
    data: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return data
