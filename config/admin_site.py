"""The admin site: who may enter, which organization they see, and the dashboard. Named by `config.apps`."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import messages
from django.contrib.auth.forms import AuthenticationForm as BaseAuthenticationForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from unfold.forms import AuthenticationForm
from unfold.sites import UnfoldAdminSite

from config import dashboard
from organizations.backoffice.base import ScopedModelAdmin
from organizations.backoffice.current import choose, current_membership, memberships_of
from organizations.backoffice.personal import personal_settings
from organizations.models import Membership
from organizations.services.members import user_find

# Rows of the whole installation, not of a tenant: Django's own permissions hold there, so superusers see them.
INSTALLATION_APPS = frozenset({"django_celery_beat"})


class MemberLoginForm(AuthenticationForm):
    """Lets members in. (Django's own asks for `is_staff`, which means nothing here.)"""

    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": gettext_lazy(
            "This name and this password do not belong together. Mind upper and lower case."
        ),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = gettext_lazy("E-mail address or sign-in name")

    def clean_username(self) -> str:
        """The sign-in name, also where an address was typed, in any case: so that all tries of one count together."""
        typed: str = self.cleaned_data["username"]
        found = user_find(typed)
        return found.get_username() if found else typed

    def confirm_login_allowed(self, user: Any) -> None:
        BaseAuthenticationForm.confirm_login_allowed(self, user)
        if not Membership.objects.of_user(user.pk).exists():
            raise ValidationError(
                _("You are not a member of any organization. Ask an admin of yours to add you."),
                code="no_membership",
            )


class TieoutAdminSite(UnfoldAdminSite):
    site_title = gettext_lazy("Tieout")
    site_header = gettext_lazy("Tieout")
    index_title = gettext_lazy("Overview")
    login_form = MemberLoginForm
    enable_nav_sidebar = True

    def has_permission(self, request: HttpRequest) -> bool:
        """Signed in, active, and a member of at least one organization."""
        return request.user.is_active and current_membership(request) is not None

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Take only pages that keep tenants apart.

        Packages register pages of their own (groups, login attempts of everybody); those are left out, not scoped.
        """
        models = model_or_iterable if isinstance(model_or_iterable, list | tuple) else [model_or_iterable]
        for model in models:
            scoped = admin_class is not None and issubclass(admin_class, ScopedModelAdmin)
            if scoped or model._meta.app_label in INSTALLATION_APPS:
                super().register(model, admin_class, **options)

    def get_urls(self) -> list[URLPattern]:
        return [
            path("switch/", self.admin_view(require_POST(self.switch)), name="switch_organization"),
            path("me/", self.admin_view(partial(personal_settings, site=self)), name="personal_settings"),
            *super().get_urls(),
        ]

    def switch(self, request: HttpRequest) -> HttpResponse:
        """Show another of the person's organizations from now on. To the overview: the page before was the old one's."""
        if not choose(request, request.POST.get("organization", "")):
            messages.error(request, _("There is no such organization among yours."))
        return redirect(f"{self.name}:index")

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        membership = current_membership(request)
        return {
            **super().each_context(request),
            "current_membership": membership,
            "other_memberships": [other for other in memberships_of(request) if other != membership],
        }

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        return super().index(request, {**dashboard.context(request), **(extra_context or {})})
