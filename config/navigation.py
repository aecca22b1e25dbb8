"""The sidebar, gathered from the registered pages: a floor adds a page, and it appears. Named by config.unfold."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext as now
from django.utils.translation import gettext_lazy as _

GROUPS = {
    "work": _("Work"),
    "books": _("Books"),
    "rules": _("Rules"),
    "files": _("Files"),
    "organization": _("Organization"),
    "installation": _("Installation"),
}


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """The overview, then what the pages say of themselves (`nav_group`, `nav_icon`, `nav_order`)."""
    overview = {"title": now("Overview"), "icon": "space_dashboard", "link": reverse("admin:index")}
    return [{"title": None, "items": [overview]}, *groups(request)]


def account(request: HttpRequest) -> list[dict[str, Any]]:
    """Links under the person's name, above the one to sign out."""
    links = [{"title": now("Your settings"), "link": reverse("admin:personal_settings")}]
    if request.user.is_authenticated and request.user.has_usable_password():
        links.append({"title": now("Change password"), "link": reverse("admin:password_change")})
    return links


def stylesheet(request: HttpRequest) -> str:
    return static("tieout/admin.css")


def icon(request: HttpRequest) -> str:
    return static("tieout/icon.svg")


def groups(request: HttpRequest) -> list[dict[str, Any]]:
    """Groups with at least one page that the person may see, each with its pages in their order."""
    found: dict[str, list[tuple[int, dict[str, Any]]]] = {name: [] for name in GROUPS}
    for model, page in admin.site._registry.items():
        if not page.has_module_permission(request) or not page.has_view_permission(request):
            continue
        group = getattr(page, "nav_group", "installation")
        if not group:
            continue
        found[group].append((getattr(page, "nav_order", 50), entry_of(model, page)))
    return [
        {
            "title": title,
            "separator": True,
            "items": [entry for _order, entry in sorted(found[name], key=by_order)],
        }
        for name, title in GROUPS.items()
        if found[name]
    ]


def by_order(item: tuple[int, dict[str, Any]]) -> tuple[int, str]:
    return item[0], str(item[1]["title"])


def entry_of(model: Any, page: Any) -> dict[str, Any]:
    title = getattr(page, "nav_title", "") or model._meta.verbose_name_plural
    return {
        "title": str(title)[:1].upper() + str(title)[1:],
        "icon": getattr(page, "nav_icon", "tune"),
        "link": reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"),
        "description": getattr(page, "intro", ""),
    }
