"""Statements of one account, day by day, written as files of several formats and imported; and its proof."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from ledgers.models import BankAccount, Statement
from ledgers.selectors.account_proof import DAYS_MAX, AccountProof, account_proof
from organizations.actors import Actor
from tests.ledgers.formats.camt_files import balance, document, entry, statement
from tests.reconciliation.accounts import Accounts

MONDAY = date(2026, 3, 2)

Line = tuple[date, int, str]  # day, signed minor units, text


def day(number: int) -> date:
    """Of March 2026; the second is a Monday."""
    return date(2026, 3, number)


def lines(*amounts: int, on: date = MONDAY, days: int = 0) -> list[Line]:
    """One line per amount; each `days` behind the one before it."""
    return [
        (on + timedelta(days=place * days), amount, f"{on:%d} line {place}")
        for place, amount in enumerate(amounts)
    ]


@dataclass(frozen=True)
class Said:
    """One statement as a bank would send it. Balances in minor units; None: not stated."""

    lines: Sequence[Line] = ()
    opening: int | None = None
    closing: int | None = None
    first: date | None = None
    last: date | None = None
    sequence: str = ""

    def adding_up(self) -> Said:
        """Closes as its lines give."""
        total = (self.opening or 0) + sum(amount for _day, amount, _text in self.lines)
        return Said(self.lines, self.opening, total, self.first, self.last, self.sequence)


def chain(*days: Said, opening: int = 100_00) -> list[Said]:
    """Each opens as the one before closed."""
    said = []
    for each in days:
        whole = Said(each.lines, opening, None, each.first, each.last, each.sequence).adding_up()
        said.append(whole)
        opening = whole.closing or 0
    return said


def of_day(number: int, *amounts: int, sequence: str = "") -> Said:
    on = day(number)
    return Said(lines(*amounts, on=on), first=on, last=on, sequence=sequence)


def camt(*said: Said) -> str:
    return document(*(_camt_statement(each, place) for place, each in enumerate(said, start=1)))


def _camt_statement(said: Said, place: int) -> str:
    parts = []
    if said.first and said.last:
        parts.append(
            f"<FrToDt><FrDtTm>{said.first}T00:00:00</FrDtTm><ToDtTm>{said.last}T23:59:59</ToDtTm></FrToDt>"
        )
    for kind, amount, on in (("OPBD", said.opening, said.first), ("CLBD", said.closing, said.last)):
        if amount is not None:
            parts.append(balance(kind, major(abs(amount)), str(on), indicator=mark(amount)))
    for on, amount, text in said.lines:
        parts.append(
            entry(
                major(abs(amount)),
                indicator=mark(amount),
                booked=f"<Dt>{on}</Dt>",
                details=f"<TxDtls><RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls>",
            )
        )
    return statement(*parts, number=f"S{place}", sequence=said.sequence)


def mark(amount: int) -> str:
    return "CRDT" if amount >= 0 else "DBIT"


def major(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02}"


def csv(rows: Sequence[Line], balances: Sequence[int | None]) -> str:
    """With a running balance."""
    body = [
        f"{on},{'-' if amount < 0 else ''}{major(abs(amount))},EUR,{text},{_signed(held)}"
        for (on, amount, text), held in zip(rows, balances, strict=True)
    ]
    return "\n".join(["date,amount,currency,description,balance", *body, ""])


def _signed(minor: int | None) -> str:
    return "" if minor is None else ("-" if minor < 0 else "") + major(abs(minor))


def row(line: Line, **more: Any) -> dict[str, Any]:
    """For the writers of MT940, BAI2 and OFX."""
    on, amount, text = line
    told = {
        "date": on,
        "value_date": None,
        "amount": abs(amount),
        "direction": "credit" if amount >= 0 else "debit",
        "reference": "",
        "description": text,
        "counterparty": "",
        "external_id": "",
    }
    return {**told, **more}


@dataclass
class Proving:
    """Imports files of one account and proves it."""

    by: Actor
    accounts: Accounts = field(init=False)

    def __post_init__(self) -> None:
        self.accounts = Accounts(self.by)

    def upload(self, content: str | bytes) -> None:
        self.accounts.upload(content.encode() if isinstance(content, str) else content)

    @property
    def account(self) -> BankAccount:
        (stream,) = self.accounts.streams.values()
        return BankAccount.objects.select_related("ledger", "calendar").get(pk=stream.bank_account_id)

    def proof(self, first: int | date = 2, last: int | date = 6) -> AccountProof:
        """Of days of March 2026, or of any."""
        since, until = (day(each) if isinstance(each, int) else each for each in (first, last))
        return account_proof(self.account, since=since, until=until)

    def states(self, first: int = 2, last: int = 6) -> list[str]:
        return [each.state.value for each in self.proof(first, last).days]

    def whole(self) -> AccountProof:
        """Of all days that its statements are of."""
        return whole_proof(self.account)


def whole_proof(account: BankAccount) -> AccountProof:
    rows = Statement.objects.filter(bank_account=account, voided_at=None, ends_on__isnull=False)
    until = max(row.ends_on for row in rows)
    since = max(min(row.begins_on for row in rows), until - timedelta(days=DAYS_MAX - 1))
    return account_proof(account, since=since, until=until)


def told(proof: AccountProof) -> list[tuple[str, date, date, int]]:
    return [(each.kind.value, each.since, each.day, each.amount) for each in proof.breaks]
