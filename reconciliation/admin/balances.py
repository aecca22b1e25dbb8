"""Balances of bank accounts, as programs and people state them; stating one on the page of its account."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.widgets import UnfoldAdminDateWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from ledgers.amounts import MINUS, major, read
from ledgers.backoffice import amount_cell, link_to, refs_of
from ledgers.models import BankAccount, BankAccountBalance
from ledgers.money import exponent
from ledgers.services.balances import BalanceIn, balance_state
from ledgers.states import BalanceType
from organizations.backoffice.acts import Act
from organizations.backoffice.filters import ScopedRelatedFilter
from reconciliation.admin.base import ClearingModelAdmin
from reconciliation.admin.words import moment, people, plainly


@admin.register(BankAccountBalance)
class BankAccountBalanceAdmin(ClearingModelAdmin):
    organization_path = "bank_account__organization"
    view_scope = "records:read"
    nav_group, nav_icon, nav_order = "books", "account_balance_wallet", 45
    nav_title = gettext_lazy("Stated balances")
    intro = gettext_lazy(
        "What programs and people state that a bank account held. Balances of statement files stand in the account's proof."
    )
    empty_text = gettext_lazy("No balance is stated.")
    empty_steps = gettext_lazy(
        "Programs state balances over the API; people do on the page of a bank account."
    )
    list_display = ("date", "account_link", "balance_type", "amount_stated", "modified_at", "stater")
    list_filter = (("bank_account", ScopedRelatedFilter), "balance_type", "date")
    list_select_related = ("bank_account",)
    search_fields = ("bank_account__name", "bank_account__identifier")
    search_help_text = gettext_lazy("Name or number of the account")
    ordering = ("-date", "pk")
    fields = ("account_link", "date", "balance_type", "amount_stated", "stated")
    readonly_fields = fields
    export_columns = (
        ("Account", lambda row: row.bank_account.name),
        ("Date", lambda row: row.date),
        ("Type", lambda row: row.balance_type),
        ("Amount", lambda row: major(row.amount, exponent(row.bank_account.currency))),
        ("Currency", lambda row: row.bank_account.currency),
        ("Stated", lambda row: row.modified_at),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(bank_account__voided_at__isnull=True)

    def furnish(self, rows: list[Any]) -> None:
        names = people(rows[0].bank_account.organization_id, refs_of(rows, "modified_by")) if rows else {}
        for row in rows:
            row.stater_name = names.get(row.modified_by, row.modified_by)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        found = super().get_object(request, object_id, from_field)
        if found is not None:
            self.furnish([found])
        return found

    @display(description=gettext_lazy("Bank account"), ordering="bank_account__name")
    def account_link(self, obj: BankAccountBalance) -> str:
        return link_to(obj.bank_account)

    @display(description=gettext_lazy("Amount"), ordering="amount")
    def amount_stated(self, obj: BankAccountBalance) -> str:
        currency = obj.bank_account.currency
        return amount_cell(obj.amount, exponent(currency), currency, plus=True)

    @display(description=gettext_lazy("Stated by"))
    def stater(self, obj: Any) -> str:
        return str(obj.stater_name)

    @display(description=gettext_lazy("Stated"))
    def stated(self, obj: Any) -> str:
        return _("%(who)s on %(when)s") % {"who": obj.stater_name, "when": moment(obj.modified_at)}

    def sentence(self, request: HttpRequest, obj: BankAccountBalance) -> str:
        return _("Stated again for the same day and type, it is replaced.")


def state_act(account: BankAccount) -> Act:
    """On the page of a bank account: what it held."""
    places = exponent(account.currency)

    class BalanceForm(forms.Form):
        day = forms.DateField(label=gettext_lazy("Day"), widget=UnfoldAdminDateWidget)
        balance_type = forms.ChoiceField(
            label=gettext_lazy("Balance"),
            choices=BalanceType.choices,
            initial=BalanceType.CLOSING_LEDGER,
            widget=UnfoldAdminSelectWidget,
        )
        amount = forms.CharField(
            label=gettext_lazy("Amount"),
            widget=UnfoldAdminTextInputWidget,
            help_text=gettext_lazy("Like 1250.00, or -1250.00 where it is overdrawn."),
        )

        def clean_amount(self) -> int:
            text = self.cleaned_data["amount"].strip()
            minor = read(text, places)
            if minor is None:
                raise forms.ValidationError(
                    _("Write it like 1250.00, with at most %(n)s decimals.") % {"n": places}
                )
            return -minor if text[:1] in ("-", MINUS) else minor

    return Act(
        "state-balance",
        _("State a balance"),
        partial(_state, account),
        "records:write",
        form=BalanceForm,
        explain=_("Stated again for the same day and type, it is replaced. Statements state their own."),
        success=_("The balance is stated."),
    )


def _state(
    account: BankAccount, *, day: date, balance_type: str, amount: int, **act: Any
) -> BankAccountBalance:
    stated = BalanceIn(day, balance_type, amount)
    return plainly(balance_state, account)(bank_account=account, stated=stated, **act)
