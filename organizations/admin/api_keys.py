"""API keys of the organization: made (the text is shown once), rotated with an overlap, revoked."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextInputWidget,
)

from organizations.backoffice.acts import Act
from organizations.backoffice.base import ScopedModelAdmin
from organizations.backoffice.current import current_organization
from organizations.models import ApiKey
from organizations.scopes import KEY_GRANTABLE, READ
from organizations.services import keys

SCOPE = "keys:manage"
STATES = {"active": "success", "expired": "warning", "revoked": "danger", "orphaned": "danger"}

WORDS = {
    "active": gettext_lazy("active"),
    "expired": gettext_lazy("expired"),
    "revoked": gettext_lazy("revoked"),
    "orphaned": gettext_lazy("orphaned"),
}


class KeyForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=keys.NAME_MAX,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("What uses it, so that you know it again: “nightly import”."),
    )
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("Permissions"),
        choices=[(scope, scope) for scope in sorted(KEY_GRANTABLE)],
        initial=sorted(READ),
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=gettext_lazy("The fewer, the better. A key never does more than its maker may."),
    )
    expires_at = forms.DateTimeField(
        label=gettext_lazy("Expires on"),
        required=False,
        widget=UnfoldAdminSingleDateWidget,
        help_text=gettext_lazy("At the beginning of that day. Empty: never."),
    )


class RotateForm(forms.Form):
    days = forms.IntegerField(
        label=gettext_lazy("Days that the old key works on"),
        min_value=0,
        max_value=keys.OVERLAP_MAX.days,
        initial=7,
        widget=UnfoldAdminIntegerFieldWidget,
    )


def rotate(*, key: ApiKey, days: int, **who: Any) -> tuple[ApiKey, str]:
    return keys.api_key_rotate(key=key, overlap=timedelta(days=days), **who)


@admin.register(ApiKey)
class ApiKeyAdmin(ScopedModelAdmin):
    view_scope = SCOPE
    nav_icon, nav_order = "key", 30
    nav_title = gettext_lazy("API keys")
    intro = gettext_lazy(
        "Credentials of programs. A key acts as the member who made it, and ends with their membership."
    )
    empty_text = gettext_lazy("There is no API key yet.")
    empty_steps = gettext_lazy(
        "Make one for each program that calls the API, with only the permissions that it needs."
    )
    list_display = ("name", "prefix", "state", "maker", "last_used_at", "expires_at", "created_at")
    list_filter = ("made_by", "created_at")
    list_select_related = ("made_by__user",)
    search_fields = ("name", "prefix")
    ordering = (F("revoked_at").asc(nulls_first=True), "created_at", "pk")
    fields = (
        "name",
        "prefix",
        "state_text",
        "maker",
        "scopes_text",
        "last_used_at",
        "expires_at",
        "revoked_at",
        "replaces",
        "created_at",
    )
    readonly_fields = fields

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Never by the hash: its first digits could be guessed one by one."""
        return not lookup.startswith("secret_hash") and super().lookup_allowed(lookup, value, request)

    @display(description=gettext_lazy("State"), label=STATES)
    def state(self, obj: ApiKey) -> tuple[str, str]:
        state = obj.state(at=timezone.now())
        return state, str(WORDS[state])

    @display(description=gettext_lazy("State"))
    def state_text(self, obj: ApiKey) -> str:
        return self.state(obj)[1]

    @display(description=gettext_lazy("Made by"), ordering="made_by__user__username")
    def maker(self, obj: ApiKey) -> str:
        return obj.made_by.user.shown_name

    @display(description=gettext_lazy("Permissions"))
    def scopes_text(self, obj: ApiKey) -> str:
        return ", ".join(obj.scopes)

    def list_summary(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[tuple[str, str]]:
        usable = ApiKey.objects.usable(at=timezone.now()).filter(pk__in=queryset.values("pk")).count()
        return [(_("Working"), str(usable))]

    def sentence(self, request: HttpRequest, obj: ApiKey) -> str:
        name = obj.made_by.user.shown_name
        return {
            "active": _("Programs with this key act as %(name)s, within the permissions below."),
            "expired": _("This key of %(name)s has expired: programs that send it are turned away."),
            "revoked": _("This key of %(name)s was revoked: programs that send it are turned away."),
            "orphaned": _("%(name)s is no longer a member, so this key no longer works."),
        }[obj.state(at=timezone.now())] % {"name": name}

    def list_acts(self, request: HttpRequest) -> list[Act]:
        return [
            Act(
                "make",
                _("Make an API key"),
                partial(keys.api_key_create, organization_id=current_organization(request).pk),
                SCOPE,
                form=KeyForm,
                explain=_(
                    "The key acts as you. Its text is shown once, when it is made; only a hash of it is kept."
                ),
                after=self._show_secret,
            )
        ]

    def acts(self, request: HttpRequest, obj: ApiKey) -> list[Act]:
        state = obj.state(at=timezone.now())
        rotated = _("It was rotated already: rotate the newer one.") if hasattr(obj, "replaced_by") else ""
        dead = "" if state == "active" else _("It is %(state)s.") % {"state": WORDS[state]}
        return [
            Act(
                "rotate",
                _("Rotate"),
                partial(rotate, key=obj),
                SCOPE,
                against=dead or rotated,
                form=RotateForm,
                explain=_(
                    "Makes a new key with the same name and permissions, acting as you. The old one works on."
                ),
                after=self._show_secret,
            ),
            Act(
                "revoke",
                _("Revoke"),
                partial(keys.api_key_revoke, key=obj),
                SCOPE,
                against=_("It is revoked already.") if state == "revoked" else "",
                danger=True,
                explain=_("Programs that use this key are turned away at once. This cannot be undone."),
                success=_("The key is revoked."),
            ),
        ]

    def _show_secret(self, request: HttpRequest, made: tuple[ApiKey, str]) -> HttpResponse:
        key, text = made
        context = {
            **self.admin_site.each_context(request),
            "title": _("API key"),
            "heading": key.name,
            "explanation": _("Send it in the header X-API-Key, or as Authorization: Bearer."),
            "secret": text,
            "back": reverse("admin:organizations_apikey_change", args=[key.pk]),
        }
        return render(request, "admin/tieout/once.html", context)
