"""Members of the organization: added with a role and a first password, given another role, ended."""

from __future__ import annotations

import secrets
from datetime import datetime
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from organizations.actors import Actor
from organizations.backoffice.acts import Act
from organizations.backoffice.base import ScopedModelAdmin
from organizations.backoffice.current import current_organization
from organizations.models import Membership, Organization
from organizations.services import members, people
from organizations.states import Role

SCOPE = "members:manage"


class MemberForm(forms.Form):
    email = forms.EmailField(label=gettext_lazy("E-mail address"), widget=UnfoldAdminEmailInputWidget)
    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=150, required=False, widget=UnfoldAdminTextInputWidget
    )
    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=Role.choices, widget=UnfoldAdminSelectWidget)


class RoleForm(forms.Form):
    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=Role.choices, widget=UnfoldAdminSelectWidget)


def member_invite(
    *, organization: Organization, email: str, name: str, role: str, by: Actor, at: datetime
) -> tuple[Membership, str]:
    """A membership, for a new user with a first password (also given), or for a known one (then it is empty)."""
    user, password = members.user_find(email), ""
    if user is None:
        password = secrets.token_urlsafe(12)
        user = members.user_create(
            email=email, name=name, password=password, organization_id=organization.pk, by=by, at=at
        )
    return members.member_add(organization=organization, user=user, role=role, by=by, at=at), password


def password_reset(*, membership: Membership, by: Actor, at: datetime) -> tuple[Membership, str]:
    password = secrets.token_urlsafe(12)
    people.first_password_set(user=membership.user, password=password, by=by, at=at)
    return membership, password


@admin.register(Membership)
class MembershipAdmin(ScopedModelAdmin):
    view_scope = SCOPE
    nav_icon, nav_order = "group", 20
    intro = gettext_lazy("Who works in this organization, and what their role lets them do.")
    empty_text = gettext_lazy("Nobody is a member yet.")
    list_display = ("person", "email", "role_label", "state", "created_at")
    list_filter = ("role", "ended_at")
    list_select_related = ("user", "organization")
    search_fields = ("user__username", "user__email", "user__first_name", "user__last_name")
    ordering = (F("ended_at").asc(nulls_first=True), "created_at", "pk")
    fields = ("person", "email", "role_label", "created_at", "ended_at")
    readonly_fields = fields

    @display(description=gettext_lazy("Name"), ordering="user__username")
    def person(self, obj: Membership) -> str:
        return obj.user.shown_name

    @display(description=gettext_lazy("E-mail address"), ordering="user__email")
    def email(self, obj: Membership) -> str:
        return obj.user.email

    @display(description=gettext_lazy("Role"), ordering="role")
    def role_label(self, obj: Membership) -> str:
        return obj.get_role_display()

    @display(
        description=gettext_lazy("State"),
        ordering="ended_at",
        label={"active": "success", "ended": "warning"},
    )
    def state(self, obj: Membership) -> tuple[str, str]:
        return ("active", _("active")) if obj.is_active else ("ended", _("ended"))

    def list_summary(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[tuple[str, str]]:
        return [(_("Active"), str(queryset.filter(ended_at=None).count()))]

    def sentence(self, request: HttpRequest, obj: Membership) -> str:
        facts = {
            "name": obj.user.shown_name,
            "role": obj.get_role_display(),
            "organization": obj.organization.name,
        }
        if obj.is_active:
            return _("%(name)s works in %(organization)s as %(role)s.") % facts
        return _("%(name)s worked in %(organization)s as %(role)s, and does no longer.") % facts

    def list_acts(self, request: HttpRequest) -> list[Act]:
        return [
            Act(
                "add-member",
                _("Add a member"),
                partial(member_invite, organization=current_organization(request)),
                SCOPE,
                form=MemberForm,
                explain=_(
                    "A new person gets a first password, shown to you once. Somebody known signs in as before."
                ),
                success=_("The person is a member now."),
                after=self._show_password,
            )
        ]

    def acts(self, request: HttpRequest, obj: Membership) -> list[Act]:
        ended = "" if obj.is_active else _("This membership has ended.")
        shared = obj.user.memberships.exclude(organization_id=obj.organization_id).exists()
        kept = _("They belong to other organizations too: only they can change it.") if shared else ""
        name = obj.user.shown_name
        return [
            Act(
                "change-role",
                _("Change role"),
                partial(members.member_change_role, membership=obj),
                SCOPE,
                against=ended,
                form=RoleForm,
                initial={"role": obj.role},
                explain=_("What should %(name)s be allowed to do?") % {"name": name},
                success=_("The role is changed."),
            ),
            Act(
                "reset-password",
                _("New first password"),
                partial(password_reset, membership=obj),
                SCOPE,
                against=ended or kept,
                explain=_("The present password of %(name)s will no longer work.") % {"name": name},
                after=self._show_password,
            ),
            Act(
                "end",
                _("End membership"),
                partial(members.member_end, membership=obj),
                SCOPE,
                against=ended,
                danger=True,
                explain=_("%(name)s will no longer get in, and API keys that they made stop working.")
                % {"name": name},
                success=_("The membership has ended."),
            ),
        ]

    def _show_password(self, request: HttpRequest, made: tuple[Membership, str]) -> HttpResponse | None:
        membership, password = made
        if not password:
            return None
        context = {
            **self.admin_site.each_context(request),
            "title": _("First password"),
            "heading": membership.user.shown_name,
            "explanation": _("Signs in as %(name)s with this password, and should change it then.")
            % {"name": membership.user.get_username()},
            "secret": password,
            "back": reverse("admin:organizations_membership_change", args=[membership.pk]),
        }
        return render(request, "admin/tieout/once.html", context)
