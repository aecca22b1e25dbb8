"""Rows of one organization: the one place that narrows a queryset to the chosen organization, by the model's path.

Used for lists, choices of foreign keys, autocomplete and filters, so that no page can show another tenant's rows.
"""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.core.exceptions import FieldDoesNotExist, ImproperlyConfigured
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from organizations.backoffice.current import current_membership
from organizations.models import Organization, User


def organization_path_of(model: type[Model], site: AdminSite) -> str:
    """The lookup from a model to its organization: as its admin page says, or its own field.

    Raises ImproperlyConfigured where there is none: better no page than one that shows all tenants.
    """
    if model is Organization:
        return "pk"
    if model is User:
        return "memberships__organization"
    page = site._registry.get(model)
    path: str | None = getattr(page, "organization_path", None)
    if path is not None:
        return path
    try:
        model._meta.get_field("organization")
    except FieldDoesNotExist:
        message = f"{model._meta.label} has no field `organization`; register a ScopedModelAdmin that names the path."
        raise ImproperlyConfigured(message) from None
    return "organization"


def narrowed(queryset: QuerySet[Any], request: HttpRequest, path: str) -> QuerySet[Any]:
    """Only rows of the chosen organization; none for somebody without any."""
    membership = current_membership(request)
    return queryset.none() if membership is None else queryset.filter(**{path: membership.organization_id})


def rows_of(model: type[Model], request: HttpRequest, site: AdminSite) -> QuerySet[Any]:
    """All rows of a model that belong to the chosen organization, as its page would read them if it has one."""
    page = site._registry.get(model)
    if getattr(page, "organization_path", None) is not None:
        assert page is not None
        return page.get_queryset(request)
    return narrowed(model._default_manager.all(), request, organization_path_of(model, site))
