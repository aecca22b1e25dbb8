"""Confirming a ledger's opening balance: the form and the act, offered on the ledger's page and on its runs'."""

from __future__ import annotations

from datetime import date, datetime
from functools import partial

from django import forms
from django.utils.functional import lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminDateWidget, UnfoldAdminTextInputWidget

from ledgers.amounts import major, read, shown
from ledgers.models import Ledger, Statement
from ledgers.money import exponent
from organizations.actors import Actor
from organizations.backoffice.acts import Act
from organizations.refusals import Invalid
from reconciliation.selectors.ledger_proof import ledger_proof
from reconciliation.services.opening import open_before, opening_confirm


class OpeningForm(forms.Form):
    balance = forms.CharField(
        label=gettext_lazy("Balance"),
        max_length=40,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("What the bank accounts held, with a minus where they owed: 1250.00"),
    )
    day = forms.DateField(
        label=gettext_lazy("At the start of"),
        widget=UnfoldAdminDateWidget,
        help_text=gettext_lazy("The first day that is reconciled here."),
    )


def opening_of(text: str, currency: str, field: str = "opening") -> int | None:
    """The opening balance in minor units; None for an empty box. Refuses what is no amount of the currency."""
    if not text.strip():
        return None
    minor = read(text, exponent(currency))
    if minor is None:
        problem = _("Write it like 1250.00, with the decimals of the currency.")
        raise Invalid(problem, code="ledger.opening", issues=[{"path": [field], "message": problem}])
    return -minor if text.strip()[0] in "-\u2212" else minor


def opening_act(ledger: Ledger) -> Act:
    """What it says and fills in is asked for only when the form is shown: pages offer the act to everybody."""
    return Act(
        "confirm-opening",
        _("Change the opening balance")
        if ledger.opening_balance is not None
        else _("Confirm the opening balance"),
        partial(_confirm, ledger=ledger),
        "ledgers:post",
        form=OpeningForm,
        initial={"balance": partial(_balance_text, ledger), "day": lambda: stated_opening(ledger)[1]},
        explain=lazy(_question, str)(ledger),
        success=_("The opening balance is confirmed."),
    )


def _balance_text(ledger: Ledger) -> str:
    balance, _day = stated_opening(ledger)
    return "" if balance is None else str(major(balance, ledger.decimal_places))


def stated_opening(ledger: Ledger) -> tuple[int | None, date | None]:
    """What was confirmed, else what the first statements state: the balance and its day."""
    if ledger.opening_balance is not None:
        return ledger.opening_balance, ledger.opening_balance_on
    stated = Statement.objects.filter(
        stream__bank_account__ledger=ledger, voided_at=None, opening_amount__isnull=False
    )
    first = stated.order_by("opening_on", "from_date", "pk").first()
    day = (first.opening_on or first.from_date) if first is not None else None
    return (ledger_proof(ledger, day).opening_difference, day) if day is not None else (None, None)


def _question(ledger: Ledger) -> str:
    _balance, day = stated_opening(ledger)
    text = _(
        "From that day on the bank's balance is held against the books, and the difference at its start counts as "
        "explained. Entries before it are no longer open, and lines before it are closed."
    )
    if day is None:
        return text
    older = _("%(n)s open lines and entries are older than %(day)s.") % {
        "n": f"{open_before(ledger, day):,}",
        "day": day,
    }
    if ledger.opening_balance is not None:
        now = _("Confirmed so far: %(amount)s on %(day)s.") % {
            "amount": shown(ledger.opening_balance, ledger.decimal_places, ledger.currency),
            "day": ledger.opening_balance_on,
        }
        return f"{text} {older} {now}"
    return f"{text} {older}"


def _confirm(*, ledger: Ledger, balance: str, day: date, by: Actor, at: datetime) -> Ledger:
    minor = opening_of(balance, ledger.currency, "balance")
    assert minor is not None, "the form requires it"
    return opening_confirm(ledger=ledger, balance=minor, day=day, by=by, at=at)
