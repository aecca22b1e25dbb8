"""What answers show of bank accounts and of the balances stated of them, and what requests say."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from api.shared.fields import Body, Day, Id, InstantField, MinorUnits, TextOrNull
from api.shared.schema import with_example
from api.shared.values import NUMBER_MAX
from api.streams import account_examples as examples
from ledgers.services.balances import ROWS_MAX
from ledgers.states import BalanceType

NAME_MAX = 255
Whole = serializers.IntegerField
Shape = serializers.Serializer[Any]


@with_example(examples.ACCOUNT)
class BankAccountShape(Shape):
    id = Whole(source="pk")
    name = serializers.CharField()
    currency = TextOrNull(help_text="ISO 4217; null where nobody said.")
    created_at = InstantField()
    updated_at = InstantField(source="modified_at")

    class Meta:
        ref_name = "BankAccount"


@with_example(examples.BALANCE)
class BankAccountBalanceShape(Shape):
    id = Whole(source="pk")
    bank_account_id = Whole()
    date = serializers.DateField()
    balance_type = serializers.ChoiceField(BalanceType.choices)
    amount_cents = Whole(
        source="amount", help_text="Minor units of the account's currency; below zero: overdrawn."
    )
    created_at = InstantField()
    updated_at = InstantField(source="modified_at")

    class Meta:
        ref_name = "BankAccountBalance"


@with_example(examples.BALANCES)
class BankAccountBalancesShape(Shape):
    count = Whole(help_text="How many were sent.")
    balances = BankAccountBalanceShape(many=True)

    class Meta:
        ref_name = "BankAccountBalances"


class Currency(serializers.RegexField):
    def __init__(self, **kwargs: Any) -> None:
        words: dict[str, Any] = {"invalid": _("Write three capital letters, such as EUR.")}
        super().__init__("^[A-Z]{3}$", required=False, allow_null=True, error_messages=words, **kwargs)


@with_example(examples.NEW_ACCOUNT)
class NewBankAccountBody(Body):
    name = serializers.CharField(max_length=NAME_MAX)
    currency = Currency(help_text="ISO 4217. Left out: that of the first ledger it is put to.")


@with_example({"name": "House bank, Frankfurt"})
class BankAccountChangeBody(Body):
    name = serializers.CharField(max_length=NAME_MAX, required=False)
    currency = Currency(help_text="Changes only as long as no amount hangs on it.")


class StatedMinor(MinorUnits):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(at_least=-NUMBER_MAX, **kwargs)


class StatedBody(Body):
    date = Day()
    balance_type = serializers.ChoiceField(BalanceType.choices)
    amount_cents = StatedMinor(help_text="Minor units of the account's currency; below zero: overdrawn.")


@with_example(examples.NEW_BALANCE)
class BankAccountBalanceBody(StatedBody):
    bank_account_id = Id()


@with_example(examples.NEW_BALANCES)
class BankAccountBalancesBody(Body):
    bank_account_id = Id()
    balances = serializers.ListField(child=StatedBody(), min_length=1, max_length=ROWS_MAX)
