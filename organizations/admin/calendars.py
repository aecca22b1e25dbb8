"""Calendars of business days, made and changed by who may change policies."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from organizations.backoffice.base import ScopedModelAdmin
from organizations.backoffice.current import actor_of, current_organization
from organizations.models import Calendar
from organizations.services.tenants import calendar_save


@admin.register(Calendar)
class CalendarAdmin(ScopedModelAdmin):
    view_scope = "reconciliations:read"
    add_scope = change_scope = "policies:write"
    nav_icon, nav_order = "calendar_month", 40
    intro = gettext_lazy("Which days are business days. Deadlines that count business days read them here.")
    empty_text = gettext_lazy("There is no calendar yet.")
    empty_steps = gettext_lazy(
        "Without one, deadlines count every day. Add one per place whose holidays matter."
    )
    list_display = ("name", "country", "weekend_text", "holiday_count")
    search_fields = ("name", "country")
    fields = ("name", "country", "weekend", "holidays")

    @display(description=gettext_lazy("Weekend"))
    def weekend_text(self, obj: Calendar) -> str:
        return ", ".join(str(day) for day in obj.weekend) or "–"

    @display(description=gettext_lazy("Holidays"))
    def holiday_count(self, obj: Calendar) -> int:
        return len(obj.holidays)

    def sentence(self, request: HttpRequest, obj: Calendar) -> str:
        return _("A day is a business day unless it is on the weekend or among the holidays below.")

    def save_act(self, request: HttpRequest, obj: Calendar, form: Any, change: bool) -> Calendar:
        return calendar_save(
            organization_id=current_organization(request).pk,
            calendar=self.stored(request, obj) if change else None,
            by=actor_of(request),
            at=timezone.now(),
            **form.cleaned_data,
        )
