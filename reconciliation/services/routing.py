"""Which statement of a file belongs to which account: a run takes its ledger's and names the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.utils.translation import gettext as _

from ledgers.models import BankAccount, Ledger
from ledgers.services.books import normal_identifier
from ledgers.services.parsing import ParsedStatement
from organizations.actors import Actor
from organizations.refusals import Unreadable
from reconciliation.services.wiring import account_remember, bank_account_attach


@dataclass(slots=True)
class Routes:
    """Statements with the account that each goes to, and those of other accounts as the answer names them."""

    taken: list[tuple[ParsedStatement, BankAccount]] = field(default_factory=list)
    skipped: list[dict[str, object]] = field(default_factory=list)


def route_to_ledger(
    statements: Sequence[ParsedStatement], *, ledger: Ledger, by: Actor, at: datetime
) -> Routes:
    """Split a file by account for a run of this ledger.

    Refused ("file.wrong_account"): the ledger's account isn't in the file, the currency differs, or the ledger knows no
    account and the file has several. A ledger without an account takes a one-account file and remembers it.
    """
    named = sorted({normal_identifier(s.start.account) for s in statements if s.start.account})
    own = own_accounts(ledger)
    if not any(account.identifier for account in own) and (named or not own):
        # One import at a time gives the ledger its first account: the next one finds it.
        Ledger.objects.select_for_update(no_key=True).get(pk=ledger.pk)
        own = own_accounts(ledger)
    others = {
        (account.identifier, account.currency): account
        for account in BankAccount.objects.of(ledger.organization_id).live().filter(identifier__in=named)
    }
    if not any(account.identifier for account in own) and named:
        own = [_first_account(ledger, named, others, by=by, at=at)]
    routes, kept_apart = Routes(), _kept_apart(statements, own, ledger)
    for statement in statements:
        account = _account_of(statement, own)
        if account is None or statement.start.index in kept_apart:
            routes.skipped.append(_skipped(statement, others))
        else:
            check_currency(statement, ledger)
            routes.taken.append((statement, account))
    if not statements or routes.taken:
        return routes
    if not named:
        for statement in statements:
            check_currency(statement, ledger)
        sole = sole_account(ledger, own, by=by, at=at)
        return Routes([(statement, sole) for statement in statements])
    raise _wrong_account(
        _(
            "The file is of %(named)s; ledger %(code)s has account %(own)s. Upload it to that account's ledger."
        )
        % {
            "named": ", ".join(named),
            "code": ledger.code,
            "own": ", ".join(account.identifier or account.name for account in own),
        },
        routes,
    )


def own_accounts(ledger: Ledger) -> list[BankAccount]:
    """With their ledger; the oldest first."""
    return list(BankAccount.objects.live().filter(ledger=ledger).select_related("ledger").order_by("pk"))


def _kept_apart(
    statements: Sequence[ParsedStatement], own: Sequence[BankAccount], ledger: Ledger
) -> set[int]:
    """Of an account that the bank keeps in several currencies under one number: the statements in other currencies.

    Where none is in the ledger's currency nothing is kept apart: the file is refused and says why.
    """
    named = [s for s in statements if s.start.currency and _account_of(s, own) is not None]
    other = {s.start.index for s in named if s.start.currency != ledger.currency}
    return other if len(other) < len(named) else set()


def _first_account(
    ledger: Ledger, named: list[str], others: dict[tuple[str, str], BankAccount], *, by: Actor, at: datetime
) -> BankAccount:
    if len(named) > 1:
        raise _wrong_account(
            _(
                "The file has several accounts (%(named)s) and ledger %(code)s knows none. Give the ledger its account first."
            )
            % {"named": ", ".join(named), "code": ledger.code}
        )
    # A bank may keep one number in several currencies: those are accounts of their own.
    known = [others[key] for key in ((named[0], ledger.currency), (named[0], "")) if key in others]
    if any(account.ledger_id not in (None, ledger.pk) for account in known):
        raise _wrong_account(
            _("Account %(account)s belongs to another ledger. Upload the file to a run of that ledger.")
            % {"account": named[0]}
        )
    if known:
        return bank_account_attach(bank_account=known[0], ledger=ledger, by=by, at=at)
    return account_remember(ledger=ledger, identifier=named[0], by=by, at=at)


def _account_of(statement: ParsedStatement, own: Sequence[BankAccount]) -> BankAccount | None:
    if not statement.start.account:
        return None
    identifier = normal_identifier(statement.start.account)
    same = [account for account in own if account.identifier == identifier]
    currency = statement.start.currency
    if len(same) > 1 and currency:
        same = [account for account in same if account.currency == currency]
    return same[0] if same else None


def sole_account(ledger: Ledger, own: Sequence[BankAccount], *, by: Actor, at: datetime) -> BankAccount:
    """For files that name no account, such as CSV; made where the ledger has none. Raises Unreadable "file.wrong_account"
    where it has several."""
    if len(own) > 1:
        raise _wrong_account(
            _("The file names no account and ledger %(code)s has several. Use a file that names its account.")
            % {"code": ledger.code}
        )
    return own[0] if own else account_remember(ledger=ledger, identifier="", by=by, at=at)


def check_currency(statement: ParsedStatement, ledger: Ledger) -> None:
    """Raises Unreadable "file.wrong_account" where a line is in another currency than the ledger."""
    found = {sums.currency for sums in statement.booked.sums} | {statement.start.currency or ledger.currency}
    wrong = sorted(found - {ledger.currency})
    if wrong:
        raise _wrong_account(
            _(
                "The statement of %(account)s has lines in %(wrong)s, but ledger %(code)s is kept in %(currency)s."
            )
            % {
                "account": statement.start.account or _("this file"),
                "wrong": ", ".join(wrong),
                "code": ledger.code,
                "currency": ledger.currency,
            }
        )


def _skipped(statement: ParsedStatement, others: dict[tuple[str, str], BankAccount]) -> dict[str, object]:
    identifier = normal_identifier(statement.start.account or "")
    same = {currency: account for (name, currency), account in others.items() if name == identifier}
    known = same.get(statement.start.currency or "") or next(iter(same.values()), None)
    ledger = known.ledger if known is not None else None
    return {
        "account": identifier,
        "lines": statement.booked.lines,
        "ledger_id": str(ledger.uuid) if ledger is not None else None,
    }


def _wrong_account(message: str, routes: Routes | None = None) -> Unreadable:
    details: dict[str, object] = {"rows": []}
    if routes is not None:
        details["skipped_statements"] = routes.skipped
    return Unreadable(message, code="file.wrong_account", word="wrong_account", details=details)
