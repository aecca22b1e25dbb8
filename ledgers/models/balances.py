"""Balances of bank accounts that programs state, one per account, day and type."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from ledgers.models.books import BankAccount
from ledgers.states import BalanceType


class BankAccountBalance(models.Model):
    """What somebody states that an account held: minor units of its currency, credit +. Stated again, it is replaced."""

    bank_account = models.ForeignKey(BankAccount, on_delete=models.PROTECT, related_name="balances")
    date = models.DateField()
    balance_type = models.CharField(max_length=40, choices=BalanceType)
    amount = models.BigIntegerField()
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=100)
    modified_at = models.DateTimeField()
    modified_by = models.CharField(max_length=100)

    class Meta:
        ordering = ["-date", "balance_type", "pk"]
        constraints = [
            UniqueConstraint(
                fields=["bank_account", "date", "balance_type"], name="bankaccountbalance_stated_once"
            ),
            CheckConstraint(
                condition=Q(balance_type__in=BalanceType.values), name="bankaccountbalance_type_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.date} {self.get_balance_type_display()}"
