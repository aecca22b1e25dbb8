"""A person's own settings: name, time zone, language. One page, the same in every organization."""

from __future__ import annotations

import zoneinfo
from functools import partial
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from organizations.backoffice.acts import run_act
from organizations.backoffice.current import actor_of
from organizations.models import User
from organizations.services.people import settings_change


def zones() -> list[tuple[str, str]]:
    names = sorted(
        name for name in zoneinfo.available_timezones() if "/" in name and not name.startswith("Etc/")
    )
    return [("", _("The organization's")), ("UTC", "UTC"), *((name, name) for name in names)]


def languages() -> list[tuple[str, str]]:
    return [("", _("The browser's")), *((code, str(name)) for code, name in settings.LANGUAGES)]


class PersonalForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=150,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("How others see you. Empty: your sign-in name."),
    )
    time_zone = forms.ChoiceField(
        label=gettext_lazy("Time zone"), choices=zones, required=False, widget=UnfoldAdminSelectWidget
    )
    locale = forms.ChoiceField(
        label=gettext_lazy("Language"), choices=languages, required=False, widget=UnfoldAdminSelectWidget
    )


def personal_settings(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """The page. Wrapped by the site's `admin_view`, so the person is signed in and a member."""
    user: Any = request.user
    initial = {"name": user.get_full_name(), "time_zone": user.time_zone, "locale": user.locale}
    form = PersonalForm(request.POST) if request.method == "POST" else PersonalForm(initial=initial)
    if request.method == "POST" and form.is_valid():
        stored = User.objects.get(pk=user.pk)
        act = partial(
            settings_change, user=stored, **form.cleaned_data, by=actor_of(request), at=timezone.now()
        )
        if run_act(request, act, _("Your settings are saved.")):
            return redirect(f"{site.name}:personal_settings")
    context = {**site.each_context(request), "title": _("Your settings"), "form": form}
    return render(request, "admin/tieout/personal.html", context)
