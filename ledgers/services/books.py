"""Ledgers and bank accounts as plain master data. The API calls these directly; wiring them is the upper floor's act."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from ledgers.models import BankAccount, BankAccountBalance, DataStream, Ledger, Record, Statement
from ledgers.money import exponent
from ledgers.states import LedgerType, StreamKind
from organizations import audit
from organizations.actors import Actor
from organizations.models import Calendar
from organizations.refusals import Conflict, Invalid, NotFound

CURRENCY = re.compile(r"[A-Z]{3}")
CHANGEABLE = frozenset(
    {
        "description",
        "allows_direct_booking",
        "closing_date",
        "metadata",
        "type",
        "opening_balance",
        "opening_date",
    }
)


FIXED_BY_ROWS = ("type", "opening_balance", "opening_balance_on")


def ledger_create(
    *,
    organization_id: int,
    code: str,
    type: str,
    currency: str,
    description: str = "",
    parent: Ledger | None = None,
    allows_direct_booking: bool = True,
    opening_balance: int | None = None,
    opening_date: date | None = None,
    metadata: Mapping[str, Any] | None = None,
    by: Actor,
    at: datetime,
) -> Ledger:
    """A new ledger. `opening_balance` in minor units (+ is money in) needs its day.

    Refuses: a code in use ("ledger.code_taken"), an unknown type or currency form, a parent of another currency.
    """
    _checked_type(type)
    checked_currency(currency)
    _checked_parent(parent, currency)
    _checked_opening(opening_balance, opening_date)
    ledger = Ledger(
        organization_id=organization_id,
        code=code,
        description=description,
        type=type,
        currency=currency,
        decimal_places=exponent(currency),
        parent=parent,
        allows_direct_booking=allows_direct_booking,
        opening_balance=opening_balance,
        opening_balance_on=opening_date if opening_balance is not None else None,
        opening_date=opening_date,
        metadata=dict(metadata or {}),
        created_at=at,
        created_by=by.ref,
        modified_at=at,
        modified_by=by.ref,
    )
    _insert(ledger)
    audit.record(
        action="ledger.created", organization_id=organization_id, by=by, at=at, subject=ledger, code=code
    )
    return ledger


def _checked_parent(parent: Ledger | None, currency: str) -> None:
    if parent is not None and parent.currency != currency:
        raise Invalid(
            _("The parent ledger is kept in %(currency)s; a subledger must be too.")
            % {"currency": parent.currency},
            code="ledger.currency_differs",
        )


def _insert(ledger: Ledger) -> None:
    try:
        with transaction.atomic():
            ledger.save(force_insert=True)
    except IntegrityError:
        raise Conflict(
            _("A ledger with code %(code)s exists already. Choose another code.") % {"code": ledger.code},
            code="ledger.code_taken",
            word="ledger_code_taken",
        ) from None


def ledger_change(*, ledger: Ledger, changes: Mapping[str, Any], by: Actor, at: datetime) -> Ledger:
    """Change what may change. A type can't once the ledger has entries ("ledger.has_entries"), since effects hang on it;
    an opening balance not even once it has statement lines, since open items hang on it."""
    unknown = set(changes) - CHANGEABLE
    if unknown:
        raise Invalid(
            _("%(fields)s cannot be changed.") % {"fields": ", ".join(sorted(unknown))},
            code="ledger.field_fixed",
            issues=[{"path": [name], "message": _("This cannot be changed.")} for name in sorted(unknown)],
        )
    ledger = Ledger.objects.select_for_update().get(pk=ledger.pk)
    before = {name: getattr(ledger, name) for name in FIXED_BY_ROWS}
    for name, value in changes.items():
        setattr(ledger, name, value)
    _checked_type(ledger.type)
    # One that a person confirmed has a day of its own: only a change of the opening itself touches it.
    if "opening_balance" in changes or "opening_date" in changes:
        _checked_opening(ledger.opening_balance, ledger.opening_date)
        ledger.opening_balance_on = ledger.opening_date if ledger.opening_balance is not None else None
    _refuse_with_rows(ledger, {name for name, value in before.items() if getattr(ledger, name) != value})
    ledger.modified_at, ledger.modified_by = at, by.ref
    ledger.save()
    audit.record(
        action="ledger.changed",
        organization_id=ledger.organization_id,
        by=by,
        at=at,
        subject=ledger,
        fields=sorted(changes),
    )
    return ledger


def _refuse_with_rows(ledger: Ledger, changed: set[str]) -> None:
    if not changed:
        return
    has_rows = DataStream.objects.filter(ledger=ledger).exists()  # made with the first entry
    if changed != {"type"}:
        has_rows |= Statement.objects.filter(bank_account__ledger=ledger, voided_at__isnull=True).exists()
    if has_rows:
        raise Conflict(
            _("The ledger has entries, so its type cannot change any more. Open a new ledger instead.")
            if "type" in changed
            else _(
                "The ledger has entries or lines already. Confirm its opening balance instead of changing it."
            ),
            code="ledger.has_entries",
            word="ledger_has_entries",
        )


def _checked_type(type: str) -> None:
    if type not in LedgerType.values:
        raise Invalid(
            _("Type %(type)s is not one of %(types)s.")
            % {"type": type, "types": ", ".join(LedgerType.values)},
            code="ledger.type_unknown",
            issues=[{"path": ["type"], "message": _("Not a ledger type.")}],
        )


def _checked_opening(balance: int | None, day: date | None) -> None:
    if balance is not None and day is None:
        raise Invalid(
            _("An opening balance needs the day it stands for. Give opening_date too."),
            code="ledger.opening_without_day",
            issues=[{"path": ["opening_date"], "message": _("Required beside opening_balance.")}],
        )


def checked_currency(currency: str) -> None:
    """Refuse what does not look like an ISO 4217 code."""
    if not CURRENCY.fullmatch(currency):
        raise Invalid(
            _("%(currency)s is not a currency code of three capital letters, such as EUR.")
            % {"currency": currency},
            code="currency.form",
            issues=[{"path": ["currency_code"], "message": _("Three capital letters.")}],
        )


def normal_identifier(text: str) -> str:
    """An IBAN or account id as it is stored and compared: without blanks, capital letters."""
    return "".join(text.split()).upper()


def account_create(
    *, organization_id: int, name: str, identifier: str = "", currency: str = "", by: Actor, at: datetime
) -> BankAccount:
    """A bank account that belongs to no ledger yet. Refuses an identifier in use ("bank_account.taken")."""
    if currency:
        checked_currency(currency)
    account = BankAccount(
        organization_id=organization_id,
        name=name,
        identifier=normal_identifier(identifier),
        currency=currency,
        created_at=at,
        created_by=by.ref,
        modified_at=at,
        modified_by=by.ref,
    )
    _save_account(account)
    audit.record(
        action="bank_account.created", organization_id=organization_id, by=by, at=at, subject=account
    )
    return account


def account_locked(account_id: int, *, organization_id: int, alone: bool = False) -> BankAccount:
    """The live account, its row held against deletion and other changes; `alone` waits for statements that are coming in
    too. NotFound "bank_account.not_found"."""
    rows = BankAccount.objects.of(organization_id).live()
    held = rows.select_for_update(of=("self",), no_key=not alone)
    account = held.select_related("ledger").filter(pk=account_id).first()
    if account is None:
        raise NotFound(_("There is no bank account with this id."), code="bank_account.not_found")
    return account


def account_change(
    *,
    account: BankAccount,
    name: str | None = None,
    currency: str | None = None,
    by: Actor,
    at: datetime,
) -> BankAccount:
    """Another name, which its statement stream takes too; another currency, "" for none, as long as no amount hangs on the
    one it has (Conflict "bank_account.currency_fixed")."""
    row = account_locked(account.pk, organization_id=by.organization_id, alone=True)
    before = (row.name, row.currency)
    row.name = row.name if name is None else name
    if currency is not None and currency != row.currency:
        _refuse_currency(row, currency)
        row.currency = currency
    if before == (row.name, row.currency):
        return row
    row.modified_at, row.modified_by = at, by.ref
    _save_account(row)
    DataStream.objects.live().filter(bank_account=row, kind=StreamKind.STATEMENT).update(name=row.name)
    audit.record(
        action="bank_account.changed",
        organization_id=row.organization_id,
        by=by,
        at=at,
        subject=row,
        name_before=before[0],
        name=row.name,
        currency_before=before[1],
        currency=row.currency,
    )
    return row


def _refuse_currency(account: BankAccount, currency: str) -> None:
    """Amounts are minor units of the currency they came in: another one would make 100.00 EUR 100 JPY."""
    if currency:
        checked_currency(currency)
    reason = _fixes_currency(account, currency)
    if reason:
        raise Conflict(
            _("The currency of account %(name)s cannot change: %(reason)s. Open another account instead.")
            % {"name": account.name, "reason": reason},
            code="bank_account.currency_fixed",
        )


def _fixes_currency(account: BankAccount, currency: str) -> str:
    """What hangs on the currency that it has. One that has none yet gets that of its statements."""
    if account.ledger is not None:
        texts = {"code": account.ledger.code, "currency": account.ledger.currency}
        return _("it belongs to ledger %(code)s, which is kept in %(currency)s") % texts
    stated = Statement.objects.filter(bank_account=account, voided_at__isnull=True)
    other = stated.exclude(currency=currency).first()
    if other is not None:
        return _("it has statements in %(currency)s") % {"currency": other.currency}
    if not account.currency:
        return ""
    if BankAccountBalance.objects.filter(bank_account=account).exists():
        return _("balances are stated in %(currency)s") % {"currency": account.currency}
    if Record.objects.live().filter(stream__bank_account=account).exists():
        return _("its streams have records")
    return ""


def _save_account(account: BankAccount) -> None:
    """Insert or update it; the number and currency of an account are taken once ("bank_account.taken")."""
    try:
        with transaction.atomic():
            account.save()
    except IntegrityError:
        raise Conflict(
            _("The account %(identifier)s is known already. Use it, or give another one.")
            % {"identifier": account.identifier},
            code="bank_account.taken",
            word="bank_account_taken",
        ) from None


def account_calendar(
    *, account: BankAccount, calendar: Calendar | None, by: Actor, at: datetime
) -> BankAccount:
    """On whose business days the bank writes statements; None: Monday to Friday."""
    assert calendar is None or calendar.organization_id == account.organization_id
    account.calendar, account.modified_at, account.modified_by = calendar, at, by.ref
    account.save(update_fields=["calendar", "modified_at", "modified_by"])
    audit.record(
        action="bank_account.calendar_chosen",
        organization_id=account.organization_id,
        by=by,
        at=at,
        subject=account,
        calendar=calendar.name if calendar else "",
    )
    return account
