"""Writes the balances that programs and people state of bank accounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.utils.translation import gettext as _

from ledgers.models import BankAccount, BankAccountBalance
from ledgers.money import MINOR_MAX
from ledgers.services.books import account_locked
from ledgers.states import BalanceType
from organizations import audit
from organizations.actors import Actor
from organizations.refusals import Invalid

ROWS_MAX = 1_000
"""In one act (contract of the stream surface, row 60)."""


@dataclass(frozen=True, slots=True)
class BalanceIn:
    """What an account held by the end or start of a day, as `balance_type` says: minor units, credit +."""

    date: date
    balance_type: str
    amount: int


def balance_state(
    *, bank_account: BankAccount, stated: BalanceIn, by: Actor, at: datetime
) -> BankAccountBalance:
    """State one balance; stated before for that day and type, it is replaced."""
    return balances_state(bank_account=bank_account, stated=[stated], by=by, at=at)[0]


def balances_state(
    *, bank_account: BankAccount, stated: Sequence[BalanceIn], by: Actor, at: datetime
) -> list[BankAccountBalance]:
    """State 1 to 1,000 balances of an account, all or nothing. Of a day and type that comes twice the last one counts; the
    rows come back in the order in which each came first.

    Invalid "balance.invalid": how many they are, a type that does not exist, an amount beyond 64 bits. NotFound where the
    account is gone.
    """
    _check(stated)
    account = account_locked(bank_account.pk, organization_id=by.organization_id)
    wanted = {(row.date, row.balance_type): row for row in stated}
    BankAccountBalance.objects.bulk_create(
        [
            BankAccountBalance(
                bank_account=account,
                date=row.date,
                balance_type=row.balance_type,
                amount=row.amount,
                created_at=at,
                created_by=by.ref,
                modified_at=at,
                modified_by=by.ref,
            )
            for row in wanted.values()
        ],
        update_conflicts=True,
        unique_fields=["bank_account", "date", "balance_type"],
        update_fields=["amount", "modified_at", "modified_by"],
    )
    days = [day for day, _type in wanted]
    audit.record(
        action="bank_account.balances_stated",
        organization_id=account.organization_id,
        by=by,
        at=at,
        subject=account,
        balances=len(wanted),
        since=min(days).isoformat(),
        until=max(days).isoformat(),
    )
    rows = BankAccountBalance.objects.filter(bank_account=account, date__in=set(days))
    found = {(row.date, row.balance_type): row for row in rows}
    return [found[key] for key in wanted]


def _check(stated: Sequence[BalanceIn]) -> None:
    if not 1 <= len(stated) <= ROWS_MAX:
        message = _("Send 1 to %(most)s balances at once.") % {"most": ROWS_MAX}
        raise _invalid(["balances"], message)
    for place, row in enumerate(stated):
        if row.balance_type not in BalanceType.values:
            message = _("Write one of %(types)s.") % {"types": ", ".join(BalanceType.values)}
            raise _invalid(["balances", place, "balance_type"], message)
        if abs(row.amount) > MINOR_MAX:
            raise _invalid(["balances", place, "amount_cents"], _("This amount is too large."))


def _invalid(path: list[str | int], message: str) -> Invalid:
    where = ".".join(str(step) for step in path)
    return Invalid(f"{where}: {message}", code="balance.invalid", issues=[{"path": path, "message": message}])
