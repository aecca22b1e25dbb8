"""One camt statement while it is read: its account, its days, its balances, and what was given of it so far."""

import re
from datetime import date
from typing import Any

from ledgers.formats.camt_paths import Trees
from ledgers.formats.events import Balance, FileRefused, RowErrors, StatementEnd, StatementStart
from ledgers.formats.typed import ISO_DAY, Sums, shown
from ledgers.formats.xml_paths import Found, collect
from ledgers.money import exponent, parse_one

OPENINGS = ("OPBD", "PRCD")
"""Balances that open a statement, the better first: opening booked, else previously closed booked."""

CLOSING = "CLBD"

TEXT_MAX = 64
"""Characters of an account's or a statement's name; the standard allows 35."""


class StatementState:
    """Elements go in with `take` as they are met, in any order; what to give out comes from `start` and `end`."""

    def __init__(self, index: int, trees: Trees):
        self.index = index
        self.pending = 0
        self.ended = False
        self.sums = Sums()
        self._trees = trees
        self._found: Found = {}
        self._balances: dict[str, Balance] = {}
        self._given: StatementStart | None = None

    def take(self, element: Any, errors: RowErrors) -> None:
        """Take a child of the statement, if it says something about the statement as a whole."""
        if element.tag in self._trees.statement:
            node = self._trees.statement[element.tag]
            if node.field is not None and (text := (element.text or "").strip()):
                self._found.setdefault(node.field, text)
            collect(element, node.below, self._found)
            self._check(element, errors)
        elif element.tag == self._trees.balance_tag:
            self._take_balance(element, errors)

    def start(self) -> StatementStart | None:
        """The start event, once. Raises FileRefused where what it said turns out to be otherwise."""
        sequence = self._found.get("electronic_sequence") or self._found.get("legal_sequence") or ""
        now = StatementStart(
            index=self.index,
            account=self._account(),
            currency=self.currency,
            number=self._found.get("number", "")[:TEXT_MAX],
            sequence=sequence[:TEXT_MAX],
            from_date=_day(self._found.get("from")),
            to_date=_day(self._found.get("to")),
        )
        if self._given is None:
            self._given = now
            return now
        if self._given.account != now.account:
            message = (
                f"Statement {self.index + 1:,} names its account after its entries, which the standard does not allow."
                " Ask the bank for a new file."
            )
            raise FileRefused("file.structure", message)
        return None

    def end(self) -> StatementEnd:
        total = self.sums.of(self.currency)
        return StatementEnd(
            index=self.index,
            opening=self.opening,
            closing=self._balances.get(CLOSING),
            lines=self.sums.lines,
            credit_sum=total.credit_sum,
            debit_sum=total.debit_sum,
            pending=self.pending,
            sums=self.sums.all(),
        )

    @property
    def opening(self) -> Balance | None:
        return next((self._balances[kind] for kind in OPENINGS if kind in self._balances), None)

    @property
    def currency(self) -> str | None:
        """The account's currency, else that of its balances, else the one in which its lines are."""
        if self._given is not None:
            return self._given.currency
        if "currency" in self._found:
            return str(self._found["currency"])
        stated = self.opening or self._balances.get(CLOSING)
        if stated is not None:
            return stated.currency
        found = self.sums.all()
        return found[0].currency if len(found) == 1 else None

    @property
    def day(self) -> date | None:
        """The one day of the statement, where its opening and its closing balance carry the same date."""
        opening, closing = self.opening, self._balances.get(CLOSING)
        if opening is None or closing is None or opening.date != closing.date:
            return None
        return opening.date

    def _account(self) -> str | None:
        if "iban" in self._found:
            return re.sub(r"\s", "", self._found["iban"]).upper()
        return self._found.get("other_id")

    def _check(self, element: Any, errors: RowErrors) -> None:
        """What cannot be read is said once, and then is as if it had not been stated."""
        for field in ("from", "to"):
            if field in self._found and _day(self._found[field]) is None:
                text = self._found.pop(field)
                errors.add_one(
                    element.sourceline, "FrToDt", f"{shown(text)} is not a date; 2026-03-31 would be one"
                )
        if not re.fullmatch("[A-Z]{3}", self._found.get("currency", "EUR")):
            text = self._found.pop("currency")
            errors.add_one(element.sourceline, "Acct", f"{shown(text)} is not a currency code")

    def _take_balance(self, element: Any, errors: RowErrors) -> None:
        found = collect(element, self._trees.balance, {})
        kind = found.get("kind", "")
        if kind not in (*OPENINGS, CLOSING):
            return
        new = _balance(kind, found, self._found.get("currency", ""))
        old = self._balances.get(kind)
        if isinstance(new, str):
            errors.add_one(element.sourceline, "Bal", f"{kind}: {new}")
        elif old is None or old.currency != new.currency == self._found.get("currency"):
            self._balances[kind] = new
        elif old.currency == new.currency and old.amount_signed_minor != new.amount_signed_minor:
            errors.add_one(
                element.sourceline, "Bal", f"the statement states {kind} twice, with different amounts"
            )


def _balance(kind: str, found: Found, account_currency: str) -> Balance | str:
    """The balance, or why it cannot be taken. Without an indicator its sign is that of its amount."""
    currency, amount_text = found.get("currency", account_currency), found.get("amount", "")
    if not re.fullmatch("[A-Z]{3}", currency):
        return f"{shown(currency)} is not a currency code"
    minor = parse_one(amount_text, exponent(currency), spare_zeros=True)
    if isinstance(minor, str):
        return f"{shown(amount_text)} is not an amount in {currency}"
    indicator = found.get("indicator")
    if indicator not in (None, "CRDT", "DBIT"):
        return f"{shown(indicator)} is neither CRDT nor DBIT"
    if indicator and minor < 0:
        return f"{shown(amount_text)} is below zero, though {indicator} says its sign"
    day = _day(found.get("date"))
    if day is None and "date" in found:
        return f"{shown(found['date'])} is not a date; 2026-03-31 would be one"
    return Balance(-minor if indicator == "DBIT" else minor, day, kind, currency)


def _day(text: str | None) -> date | None:
    """The calendar day that an xs:date or xs:dateTime writes; None where it is none."""
    if text is None or not re.fullmatch(ISO_DAY.strip("^$"), text):
        return None
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None
