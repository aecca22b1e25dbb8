"""Routes every statement of a file to its own account, and so to its ledger, by the number that the file names.

Called by the imports without a run. A file that names an account which no ledger has is held back whole: nothing is
imported in half, nothing is lost, and it is read again once the account has its ledger.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from ledgers.models import BankAccount, Ledger
from ledgers.services.books import normal_identifier
from ledgers.services.parsing import ParsedStatement
from organizations.actors import Actor
from organizations.refusals import Unreadable
from reconciliation.services.routing import Routes, check_currency, own_accounts, sole_account

UNKNOWN_ACCOUNT, NO_ACCOUNT = "file.unknown_account", "file.no_account"

NAMED_MAX = 10

AccountKey = tuple[str, str]
"""Number and currency: a bank may keep one number in several."""


def route_by_account(
    statements: Sequence[ParsedStatement],
    *,
    organization_id: int,
    nameless: Ledger | None,
    left_out: Collection[AccountKey] = (),
    by: Actor,
    at: datetime,
) -> Routes:
    """Each statement with its account. `nameless` is the ledger that a person chose for statements that name none;
    `left_out` are accounts without a ledger whose statements a person left out.

    Refuses ("file.unknown_account", with the accounts that need a ledger in `skipped_statements`; "file.no_account";
    "file.wrong_account" where lines are in another currency than the ledger).
    """
    known = _known(statements, organization_id)
    routes, lacking = Routes(), []
    for statement in statements:
        if not statement.start.account:
            routes.taken.append((statement, _chosen_account(nameless, by=by, at=at)))
            continue
        account = _account_of(statement, known)
        if account is None or account.ledger is None:
            lacking.append((statement, account))
        else:
            routes.taken.append((statement, account))
    rows = _rows(lacking, left_out)
    if not all(row["left_out"] for row in rows):
        raise _unknown(rows)
    routes.skipped += rows
    for statement, account in routes.taken:
        assert account.ledger is not None, "only accounts with a ledger are taken"
        check_currency(statement, account.ledger)
    return routes


def currency_of(statement: ParsedStatement) -> str:
    """As the statement says it, else that of all its lines; empty where neither says one."""
    if statement.start.currency:
        return statement.start.currency
    sums = statement.booked.sums
    return sums[0].currency if len(sums) == 1 else ""


def _known(statements: Sequence[ParsedStatement], organization_id: int) -> dict[str, list[BankAccount]]:
    named = {normal_identifier(s.start.account) for s in statements if s.start.account}
    rows = BankAccount.objects.of(organization_id).live().filter(identifier__in=named)
    found: dict[str, list[BankAccount]] = {}
    for account in rows.select_related("ledger").order_by("pk"):
        found.setdefault(account.identifier, []).append(account)
    return found


def _account_of(statement: ParsedStatement, known: dict[str, list[BankAccount]]) -> BankAccount | None:
    """A bank may keep one number in several currencies: those are accounts of their own."""
    same = known.get(normal_identifier(statement.start.account or ""), [])
    currency = currency_of(statement)
    if not currency:
        return same[0] if len(same) == 1 else None
    by_currency = {account.currency: account for account in same}
    return by_currency.get(currency) or by_currency.get("")


def _chosen_account(ledger: Ledger | None, *, by: Actor, at: datetime) -> BankAccount:
    """Of the ledger that was chosen for a file that names no account, such as CSV."""
    if ledger is None:
        raise Unreadable(
            _("The file names no account, so it could be of any ledger. Say which ledger it belongs to."),
            code=NO_ACCOUNT,
            word="wrong_account",
        )
    return sole_account(ledger, own_accounts(ledger), by=by, at=at)


def _rows(
    lacking: Sequence[tuple[ParsedStatement, BankAccount | None]], left_out: Collection[AccountKey]
) -> list[dict[str, Any]]:
    rows: dict[AccountKey, dict[str, Any]] = {}
    for statement, account in lacking:
        number, currency = normal_identifier(statement.start.account or ""), currency_of(statement)
        row = rows.setdefault(
            (number, currency),
            {
                "account": number,
                "currency": currency,
                "lines": 0,
                "ledger_id": None,
                "known": account is not None,
                "left_out": (number, currency) in left_out,
            },
        )
        row["lines"] += statement.booked.lines
    return list(rows.values())


def left_out_of(rows: Sequence[Mapping[str, Any]]) -> set[AccountKey]:
    """Which accounts a person left out, as the file's row keeps it."""
    return {(row["account"], row.get("currency", "")) for row in rows if row.get("left_out")}


def _unknown(rows: Sequence[dict[str, Any]]) -> Unreadable:
    asked = [row["account"] for row in rows if not row["left_out"]]
    names = asked[:NAMED_MAX]
    more = " …" if len(asked) > NAMED_MAX else ""
    return Unreadable(
        _(
            "Nothing was imported yet: no ledger has the account %(names)s. Say to which ledger it belongs, or leave it "
            "out, and the file is read again."
        )
        % {"names": ", ".join(names) + more},
        code=UNKNOWN_ACCOUNT,
        word="wrong_account",
        details={"rows": [], "skipped_statements": list(rows)},
    )
