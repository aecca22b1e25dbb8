"""Calendars of business days, made and changed by who may change policies."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.postgres.forms import SimpleArrayField
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextareaWidget

from organizations.backoffice.base import RefusalForm, ScopedModelAdmin
from organizations.backoffice.current import actor_of, current_organization
from organizations.models import Calendar
from organizations.models.calendars import saturday_and_sunday
from organizations.services.tenants import calendar_save

WEEKDAYS = [
    (1, gettext_lazy("Monday")),
    (2, gettext_lazy("Tuesday")),
    (3, gettext_lazy("Wednesday")),
    (4, gettext_lazy("Thursday")),
    (5, gettext_lazy("Friday")),
    (6, gettext_lazy("Saturday")),
    (7, gettext_lazy("Sunday")),
]

COMING = 12


class CalendarForm(RefusalForm):
    weekend = forms.TypedMultipleChoiceField(
        label=gettext_lazy("Weekend"),
        choices=WEEKDAYS,
        coerce=int,
        initial=saturday_and_sunday,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=gettext_lazy("Days of the week that are no business days."),
    )
    holidays = SimpleArrayField(
        forms.DateField(),
        label=gettext_lazy("Other holidays"),
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text=gettext_lazy("Days like 2026-12-24, with commas between them."),
    )


@admin.register(Calendar)
class CalendarAdmin(ScopedModelAdmin):
    form = CalendarForm
    view_scope = "reconciliations:read"
    add_scope = change_scope = "policies:write"
    nav_icon, nav_order = "calendar_month", 40
    intro = gettext_lazy("Which days are business days. Deadlines that count business days read them here.")
    empty_text = gettext_lazy("There is no calendar yet.")
    empty_steps = gettext_lazy(
        "Without one, business days are Monday to Friday. Add one per place whose holidays matter."
    )
    list_display = ("name", "country_text", "weekend_text", "holiday_count")
    search_fields = ("name", "country")
    fields = ("name", "country", "subdivision", "weekend", "holidays", "coming")
    readonly_fields = ("coming",)

    @display(description=gettext_lazy("Country"))
    def country_text(self, obj: Calendar) -> str:
        return " ".join(part for part in (obj.country, obj.subdivision) if part) or "–"

    @display(description=gettext_lazy("Next holidays"))
    def coming(self, obj: Calendar) -> str:
        """The next ones from today on, of the country and those listed, so that people see what counts."""
        if obj.pk is None:
            return _("Shown once it is saved.")
        today = timezone.now().astimezone(obj.organization.zone).date()
        days = obj.holidays_between(today, today + timedelta(days=366))
        return ", ".join(day.isoformat() for day in days[:COMING]) or _("None within a year.")

    @display(description=gettext_lazy("Weekend"))
    def weekend_text(self, obj: Calendar) -> str:
        return ", ".join(str(name) for day, name in WEEKDAYS if day in obj.weekend) or "–"

    @display(description=gettext_lazy("Other holidays"))
    def holiday_count(self, obj: Calendar) -> int:
        return len(obj.holidays)

    def sentence(self, request: HttpRequest, obj: Calendar) -> str:
        return _(
            "A day is a business day unless it is on the weekend, a public holiday there, or listed below."
        )

    def save_act(self, request: HttpRequest, obj: Calendar, form: Any, change: bool) -> Calendar:
        return calendar_save(
            organization_id=current_organization(request).pk,
            calendar=self.stored(request, obj) if change else None,
            by=actor_of(request),
            at=timezone.now(),
            **form.cleaned_data,
        )
