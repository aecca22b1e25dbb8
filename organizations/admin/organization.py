"""The page of the chosen organization itself. There is only one, so the list leads straight to it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from organizations.backoffice.base import ScopedModelAdmin
from organizations.backoffice.current import actor_of, current_organization
from organizations.models import Organization
from organizations.services.tenants import organization_change


@admin.register(Organization)
class OrganizationAdmin(ScopedModelAdmin):
    organization_path = "pk"
    view_scope = change_scope = "organization:manage"
    nav_icon, nav_order = "domain", 10
    nav_title = gettext_lazy("Organization")
    intro = gettext_lazy("Its name and time zone, which says where a business day begins and ends.")
    fields = ("name", "time_zone", "slug", "uuid", "created_at")
    readonly_fields = ("slug", "uuid", "created_at")

    def sentence(self, request: HttpRequest, obj: Organization) -> str:
        return _(
            "What people and programs see of this organization. Its time zone says where a business day ends."
        )

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return redirect("admin:organizations_organization_change", current_organization(request).pk)

    def save_act(self, request: HttpRequest, obj: Organization, form: Any, change: bool) -> Organization:
        return organization_change(
            organization=self.stored(request, obj),
            name=form.cleaned_data["name"],
            time_zone=form.cleaned_data["time_zone"],
            by=actor_of(request),
            at=timezone.now(),
        )
