"""Bank accounts: which exist, and to which ledger each belongs."""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Max, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget

from ledgers.backoffice import link_to
from ledgers.models import BankAccount, Ledger, Statement
from ledgers.services.books import account_calendar
from organizations.backoffice.acts import Act
from organizations.backoffice.current import actor_of, current_organization
from organizations.models import Calendar
from reconciliation.admin.account_proof import proof_context
from reconciliation.admin.balances import state_act
from reconciliation.admin.base import ClearingModelAdmin
from reconciliation.admin.ledgers import CurrencyForm
from reconciliation.services.wiring import bank_account_attach, bank_account_create


@admin.register(BankAccount)
class BankAccountAdmin(ClearingModelAdmin):
    view_scope = "ledgers:read"
    add_scope = "imports:write"
    form = CurrencyForm
    nav_icon, nav_order = "account_balance", 20
    intro = gettext_lazy(
        "Accounts at banks. A statement file is read into the ledger that its account belongs to."
    )
    empty_text = gettext_lazy("There is no bank account yet.")
    empty_steps = gettext_lazy(
        "Add one with its IBAN and its ledger, or upload a file to a run: a ledger without an account remembers the file's."
    )
    list_display = ("name", "identifier", "currency", "ledger_link", "statements", "last_day", "created_at")
    list_filter = ("ledger", "currency", "created_at")
    list_select_related = ("ledger", "calendar")
    search_fields = ("name", "identifier", "ledger__code")
    search_help_text = gettext_lazy("Name, IBAN, or code of the ledger")
    ordering = ("name", "pk")
    change_form_outer_before_template = "reconciliation/account_before.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(voided_at__isnull=True)

    def furnish(self, rows: list[Any]) -> None:
        live = Statement.objects.filter(bank_account__in=[row.pk for row in rows], voided_at__isnull=True)
        found = {
            row["bank_account"]: row
            for row in live.order_by().values("bank_account").annotate(n=Count("pk"), last=Max("to_date"))
        }
        for row in rows:
            row.stated = found.get(row.pk, {"n": 0, "last": None})

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        found = super().get_object(request, object_id, from_field)
        if found is not None:
            self.furnish([found])
        return found

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ("name", "identifier", "currency", "ledger")
        return (
            "name",
            "identifier",
            "currency",
            "ledger_link",
            "calendar",
            "statements",
            "last_day",
            "uuid",
            "created_at",
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else self.get_fields(request, obj)

    @display(description=gettext_lazy("Ledger"), ordering="ledger__code")
    def ledger_link(self, obj: BankAccount) -> str:
        return link_to(obj.ledger)

    @display(description=gettext_lazy("Statements"))
    def statements(self, obj: Any) -> int:
        return obj.stated["n"]

    @display(description=gettext_lazy("Stated until"))
    def last_day(self, obj: Any) -> Any:
        return obj.stated["last"]

    def list_summary(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[tuple[str, str]]:
        without = queryset.order_by().aggregate(n=Count("pk", filter=Q(ledger__isnull=True)))["n"]
        return [(_("Without a ledger"), f"{without:,}")]

    def sentence(self, request: HttpRequest, obj: BankAccount) -> str:
        if obj.ledger is None:
            return _("This account belongs to no ledger yet, so its statements cannot be reconciled.")
        return _("Statements of this account are reconciled with ledger %(code)s.") % {
            "code": obj.ledger.code
        }

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        obj = kwargs.get("obj")
        if obj is not None:
            context |= proof_context(obj, request.GET)
        return super().render_change_form(request, context, *args, **kwargs)

    def save_act(self, request: HttpRequest, obj: BankAccount, form: Any, change: bool) -> BankAccount:
        return bank_account_create(
            organization_id=current_organization(request).pk,
            name=form.cleaned_data["name"],
            identifier=form.cleaned_data["identifier"],
            currency=form.cleaned_data["currency"],
            ledger=form.cleaned_data["ledger"],
            by=actor_of(request),
            at=timezone.now(),
        )

    def acts(self, request: HttpRequest, obj: BankAccount) -> list[Act]:
        ledgers = Ledger.objects.of(obj.organization_id)
        if obj.currency:
            ledgers = ledgers.filter(currency=obj.currency)

        class AttachForm(forms.Form):
            ledger = forms.ModelChoiceField(
                label=_("Ledger"), queryset=ledgers, widget=UnfoldAdminSelectWidget
            )

        class CalendarForm(forms.Form):
            calendar = forms.ModelChoiceField(
                label=_("Calendar"),
                queryset=Calendar.objects.filter(organization_id=obj.organization_id),
                required=False,
                empty_label=_("Monday to Friday"),
                widget=UnfoldAdminSelectWidget,
            )

        taken = _("It belongs to ledger %(code)s already.") % {"code": obj.ledger.code} if obj.ledger else ""
        return [
            Act(
                "attach",
                _("Put to a ledger"),
                partial(bank_account_attach, bank_account=obj),
                "imports:write",
                against=taken,
                form=AttachForm,
                explain=_(
                    "Lines of this account that are here already become open in that ledger's reconciliation."
                ),
                success=_("The account belongs to the ledger now."),
            ),
            Act(
                "choose-calendar",
                _("Choose its calendar"),
                partial(account_calendar, account=obj),
                "imports:write",
                form=CalendarForm,
                initial={"calendar": obj.calendar_id},
                explain=_("Business days of the calendar without a statement are shown as missing."),
                success=_("The calendar is chosen."),
            ),
            state_act(obj),
        ]
