"""Ledgers: made, described, filled from a CSV of the user's books, reconciled by runs."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any, BinaryIO

from django import forms
from django.contrib import admin
from django.db.models import Count, F, QuerySet, Window
from django.db.models.functions import RowNumber
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextInputWidget,
)

from ledgers.amounts import major, shown
from ledgers.backoffice import amount_cell, count_cell, link_to
from ledgers.models import Ledger
from ledgers.selectors import LedgerBalance, balances
from ledgers.services.books import CURRENCY, ledger_change, ledger_create
from organizations.actors import Actor
from organizations.backoffice.acts import Act
from organizations.backoffice.base import RefusalForm
from organizations.backoffice.current import actor_of, current_organization
from organizations.backoffice.uploads import too_large, was_cut
from organizations.refusals import Invalid, Unreadable
from reconciliation.admin.base import ClearingModelAdmin
from reconciliation.admin.opening import opening_act, opening_of
from reconciliation.models import Run
from reconciliation.selectors.accounts import account_rows
from reconciliation.services.books import books_import
from reconciliation.services.runs import run_create
from reconciliation.services.wiring import bank_account_create
from reconciliation.states import RunMode

FAULTS_SHOWN = 25
RUNS_SHOWN = 3


class CurrencyForm(RefusalForm):
    """Takes "eur" for EUR, and says what a currency code looks like."""

    def clean_currency(self) -> str:
        code = str(self.cleaned_data["currency"]).strip().upper()
        if code and not CURRENCY.fullmatch(code):
            raise forms.ValidationError(_("Three letters, such as EUR."))
        return code


class LedgerForm(CurrencyForm):
    opening = forms.CharField(
        label=gettext_lazy("Opening balance"),
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy(
            "What the account held when these books begin, like 1250.00. Minus for an overdraft."
        ),
    )
    opening_day = forms.DateField(
        label=gettext_lazy("on the day"),
        required=False,
        widget=UnfoldAdminSingleDateWidget,
        help_text=gettext_lazy("Entries before this day are taken as settled by the opening balance."),
    )

    class Meta:
        model = Ledger
        fields = ("code", "description", "type", "currency", "parent", "allows_direct_booking")


class RunForm(forms.Form):
    note = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=500,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("What you call it: “March 2026, house bank”."),
    )
    mode = forms.ChoiceField(
        label=gettext_lazy("Mode"),
        choices=RunMode.choices,
        initial=RunMode.MANUAL,
        widget=UnfoldAdminSelectWidget,
    )


class BooksForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("Books (CSV)"),
        required=False,  # what is missing, and why, is said by `books_take`
        widget=UnfoldAdminFileFieldWidget,
        help_text=gettext_lazy(
            "Columns: date, amount and direction (debit or credit), or debit and credit; reference, description, ledger, journal."
        ),
    )


class AccountForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=255, widget=UnfoldAdminTextInputWidget)
    identifier = forms.CharField(
        label=gettext_lazy("IBAN or other id"),
        max_length=64,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy(
            "As it stands in the bank's files. Empty: taken from the first file that names one."
        ),
    )


@admin.register(Ledger)
class LedgerAdmin(ClearingModelAdmin):
    view_scope = "ledgers:read"
    add_scope = change_scope = "ledgers:post"
    nav_icon, nav_order = "menu_book", 10
    form = LedgerForm
    intro = gettext_lazy(
        "Accounts of your books. Each is reconciled against the statements of its bank account."
    )
    empty_text = gettext_lazy("There is no ledger yet.")
    empty_steps = gettext_lazy(
        "Add the account of your books that mirrors a bank account; its entries come by CSV or API."
    )
    list_display = (
        "code",
        "description",
        "type_label",
        "amount_balance",
        "count_entries",
        "count_unreconciled",
        "last_entry",
        "accounts",
        "open_runs",
    )
    list_filter = ("type", "currency", "created_at")
    search_fields = ("code", "description", "bank_accounts__identifier", "=uuid")
    search_help_text = gettext_lazy("Code, name, or the bank account's id")
    ordering = ("code",)
    export_columns = (
        ("Code", lambda ledger: ledger.code),
        ("Name", lambda ledger: ledger.description),
        ("Type", lambda ledger: ledger.get_type_display()),
        ("Currency", lambda ledger: ledger.currency),
        ("Balance", lambda ledger: major(ledger.balance.posted(ledger), ledger.decimal_places)),
        ("Entries", lambda ledger: ledger.balance.entries),
        ("Unreconciled", lambda ledger: ledger.unreconciled_now),
        ("Last entry", lambda ledger: ledger.balance.last_date),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).prefetch_related("bank_accounts")

    def furnish(self, rows: list[Any]) -> None:
        if not rows:
            return
        ids = [row.pk for row in rows]
        sums = balances(ids)
        counts: QuerySet[Any] = account_rows(organization_id=rows[0].organization_id)
        unreconciled = dict(counts.filter(pk__in=ids).values_list("pk", "unreconciled_count"))
        runs = newest_runs(ids)
        for row in rows:
            row.balance = sums.get(row.pk, LedgerBalance())
            row.unreconciled_now = unreconciled.get(row.pk, 0)
            row.runs_shown = [run for run in runs if run.ledger_id == row.pk]
            row.run_count = row.runs_shown[0].of_ledger if row.runs_shown else 0

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        found = super().get_object(request, object_id, from_field)
        if found is not None:
            self.furnish([found])
        return found

    # --- Columns and facts ------------------------------------------------------------------------------------------

    @display(description=gettext_lazy("Type"), ordering="type")
    def type_label(self, obj: Ledger) -> str:
        return obj.get_type_display()

    @display(description=gettext_lazy("Balance"))
    def amount_balance(self, obj: Any) -> str:
        return amount_cell(obj.balance.posted(obj), obj.decimal_places, obj.currency)

    @display(description=gettext_lazy("Entries"))
    def count_entries(self, obj: Any) -> str:
        url = reverse("admin:ledgers_record_changelist") + f"?stream__ledger__id__exact={obj.pk}"
        return format_html(
            '<a class="tieout-link tieout-amount" href="{}">{}</a>', url, f"{obj.balance.entries:,}"
        )

    @display(description=gettext_lazy("Unreconciled"))
    def count_unreconciled(self, obj: Any) -> str:
        return count_cell(obj.unreconciled_now)

    @display(description=gettext_lazy("Last entry"))
    def last_entry(self, obj: Any) -> Any:
        return obj.balance.last_date

    @display(description=gettext_lazy("Bank accounts"))
    def accounts(self, obj: Ledger) -> str:
        live = [account for account in obj.bank_accounts.all() if account.voided_at is None]
        return format_html_join(", ", "{}", ((link_to(account),) for account in live)) or "–"

    @display(description=gettext_lazy("Runs"))
    def open_runs(self, obj: Any) -> str:
        links = format_html_join(", ", "{}", ((link_to(run),) for run in obj.runs_shown))
        more = obj.run_count - len(obj.runs_shown)
        return format_html("{}{}", links, f" +{more}" if more else "") if links else "–"

    @display(description=gettext_lazy("Opening balance"))
    def opening_shown(self, obj: Ledger) -> str:
        if obj.opening_balance is None:
            return "–"
        amount = shown(obj.opening_balance, obj.decimal_places, obj.currency)
        return _("%(amount)s on %(day)s") % {"amount": amount, "day": obj.opening_balance_on}

    @display(description=gettext_lazy("Rules"))
    def rules_link(self, obj: Ledger) -> str:
        return link_to(getattr(obj, "reconciliation", None), _("in order"))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return (*LedgerForm.Meta.fields, "opening", "opening_day")
        facts = (
            "amount_balance",
            "count_entries",
            "count_unreconciled",
            "last_entry",
            "accounts",
            "open_runs",
            "opening_shown",
            "rules_link",
        )
        return (
            "code",
            "description",
            "type_label",
            "currency",
            "parent",
            "allows_direct_booking",
            *facts,
            "uuid",
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ()
        return [
            name
            for name in self.get_fields(request, obj)
            if name not in ("description", "allows_direct_booking")
        ]

    def list_summary(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[tuple[str, str]]:
        """Balances of one currency, added up as their types read them."""
        rows = list(queryset.order_by()[:1_000])
        sums = balances([row.pk for row in rows])
        totals: dict[tuple[str, int], int] = {}
        for row in rows:
            key = (row.currency, row.decimal_places)
            totals[key] = totals.get(key, 0) + sums.get(row.pk, LedgerBalance()).posted(row)
        found = [
            (_("Balances in %(currency)s") % {"currency": currency}, shown(total, places, currency))
            for (currency, places), total in sorted(totals.items())
        ]
        return found[:4]

    def sentence(self, request: HttpRequest, obj: Any) -> str:
        text = _("%(type)s account in %(currency)s with %(n)s entries, %(open)s of them not reconciled.")
        return text % {
            "type": obj.get_type_display(),
            "currency": obj.currency,
            "n": f"{obj.balance.entries:,}",
            "open": f"{obj.unreconciled_now:,}",
        }

    # --- Making and changing -----------------------------------------------------------------------------------------

    def save_act(self, request: HttpRequest, obj: Ledger, form: Any, change: bool) -> Ledger:
        given = form.cleaned_data
        told: dict[str, Any] = {"by": actor_of(request), "at": timezone.now()}
        if change:
            changes = {name: given[name] for name in ("description", "allows_direct_booking")}
            return ledger_change(ledger=self.stored(request, obj), changes=changes, **told)
        return ledger_create(
            organization_id=current_organization(request).pk,
            code=given["code"],
            type=given["type"],
            currency=given["currency"],
            description=given["description"],
            parent=given["parent"],
            allows_direct_booking=given["allows_direct_booking"],
            opening_balance=opening_of(given["opening"], given["currency"]),
            opening_date=given["opening_day"],
            **told,
        )

    # --- Acts --------------------------------------------------------------------------------------------------------

    def acts(self, request: HttpRequest, obj: Any) -> list[Act]:
        closed = "" if obj.allows_direct_booking else _("This ledger takes no direct bookings.")
        return [
            Act(
                "start-run",
                _("Start a run"),
                partial(run_create, organization_id=obj.organization_id, ledger=obj),
                "imports:write",
                form=RunForm,
                explain=_(
                    "A run takes the bank's statement files for this ledger and matches them with its entries."
                ),
                after=to_run,
            ),
            Act(
                "import-books",
                _("Import books (CSV)"),
                partial(books_take, request=request, ledger=obj),
                "ledgers:post",
                against=closed,
                form=BooksForm,
                explain=_(
                    "All lines are posted, or none. A line that was imported before is not posted twice."
                ),
                success=lambda counts: (
                    _("%(new)s entries are posted, %(known)s were known already.")
                    % {"new": counts.imported, "known": counts.already_known}
                ),
            ),
            Act(
                "add-account",
                _("Add a bank account"),
                partial(bank_account_create, organization_id=obj.organization_id, ledger=obj),
                "imports:write",
                form=AccountForm,
                explain=_(
                    "The account at the bank that this ledger mirrors. Its statements are read into this ledger's runs."
                ),
                success=_("The bank account belongs to this ledger."),
            ),
            opening_act(obj),
        ]


def newest_runs(ledger_ids: list[int]) -> list[Any]:
    """The three newest live runs of each ledger, with `of_ledger`: how many it has."""
    mine: dict[str, Any] = {"partition_by": F("ledger_id")}
    rows = Run.objects.live().filter(ledger__in=ledger_ids)
    numbered = rows.annotate(
        place=Window(RowNumber(), order_by=("-created_at", "-pk"), **mine),
        of_ledger=Window(Count("pk"), **mine),
    )
    return list(numbered.filter(place__lte=RUNS_SHOWN).order_by("ledger_id", "place"))


def to_run(request: HttpRequest, made: tuple[Run, bool]) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:reconciliation_run_change", args=[made[0].pk]))


def books_take(*, request: HttpRequest, ledger: Ledger, file: Any, by: Actor, at: datetime) -> Any:
    """Import a CSV of the books; what is wrong in it is told line by line."""
    if was_cut(request):
        raise Invalid(too_large(), code="file.too_large")
    if file is None:
        raise Invalid(_("Choose a file first."), code="file.missing")
    stream: BinaryIO = file.file
    stream.seek(0)  # the act may be run again
    try:
        return books_import(
            organization_id=ledger.organization_id,
            file=stream,
            filename=file.name,
            ledger=ledger,
            by=by,
            at=at,
        )
    except Unreadable as refusal:
        rows = refusal.details.get("rows", [])[:FAULTS_SHOWN]
        issues = [
            {"path": [_("line %(n)s") % {"n": row["line"]}, row["field"]], "message": row["message"]}
            for row in rows
        ]
        raise Unreadable(
            refusal.message, code=refusal.code, details=refusal.details, issues=issues
        ) from refusal
