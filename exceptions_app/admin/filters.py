"""Filters of the queue: by status (the active ones by default), by owner, and by how long something has been overdue."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from exceptions_app.models import Assignee
from exceptions_app.states import EXCEPTION_ACTIVE, ExceptionStatus
from organizations.backoffice.current import current_organization
from organizations.models import Membership
from reconciliation.models import MatchMember, OpenItem
from reconciliation.states import MatchStatus

ALL = "all"
MINE, NOBODY = "me", "nobody"
AGES = (1, 7, 30, 90)
PEOPLE_MAX = 200


class StatusFilter(admin.SimpleListFilter):
    """Closed exceptions are shown where somebody asks for them."""

    title = gettext_lazy("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [*((str(value), str(label)) for value, label in ExceptionStatus.choices), (ALL, _("All"))]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        yield {
            "selected": self.value() not in {key for key, _label in self.lookup_choices},
            "query_string": changelist.get_query_string(remove=[self.parameter_name]),
            "display": _("Open and investigating"),
        }
        for key, label in self.lookup_choices:
            yield {
                "selected": self.value() == key,
                "query_string": changelist.get_query_string({self.parameter_name: key}),
                "display": label,
            }

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        asked = self.value()
        if asked == ALL:
            return queryset
        if asked in ExceptionStatus.values:
            return queryset.filter(status=asked)
        return queryset.filter(status__in=EXCEPTION_ACTIVE)


class OwnerFilter(admin.SimpleListFilter):
    title = gettext_lazy("owner")
    parameter_name = "owner"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        members = Membership.objects.active().filter(organization_id=current_organization(request).pk)
        people = members.select_related("user").order_by("user__first_name", "user__username")[:PEOPLE_MAX]
        return [
            (MINE, _("Me")),
            (NOBODY, _("Nobody")),
            *((str(member.user_id), member.user.shown_name) for member in people),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        asked = self.value()
        known = {key for key, _label in self.lookup_choices}
        if asked not in known:
            return queryset.none() if asked else queryset
        owned = Assignee.objects.filter(exception=OuterRef("pk"))
        if asked == NOBODY:
            return queryset.filter(~Exists(owned))
        return queryset.filter(Exists(owned.filter(user=request.user.pk if asked == MINE else int(asked))))


class AgeFilter(admin.SimpleListFilter):
    """By its longest overdue record."""

    title = gettext_lazy("overdue for")
    parameter_name = "overdue_days"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(n), ngettext("%(n)s day or more", "%(n)s days or more", n) % {"n": n}) for n in AGES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        asked = self.value()
        if asked not in {str(n) for n in AGES}:
            return queryset
        due: dict[str, Any] = {
            "reconciliation": OuterRef("reconciliation"),
            "record__stream": OuterRef("stream"),
            "overdue_at__lte": timezone.now() - timedelta(days=int(asked)),
        }
        items = OpenItem.objects.filter(**due, closed_at__isnull=True)
        members = MatchMember.objects.filter(**due, live=True, match__status=MatchStatus.SUGGESTED)
        return queryset.filter(Q(Exists(items)) | Q(Exists(members)))
