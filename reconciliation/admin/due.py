"""When what is open is overdue, as lists and pages show it: overdue, not yet due, or without a date; and a filter by it."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ledgers.backoffice import chip
from reconciliation.models import MatchMember, OpenItem
from reconciliation.selectors.standing import PARTIAL, SUGGESTED, UNMATCHED, Standing
from reconciliation.states import MatchStatus

OPEN = frozenset({UNMATCHED, PARTIAL, SUGGESTED})
"""What is due at all: nobody has accepted that it is cleared."""

CELL = '{} <span class="tieout-due">{}</span>'


def due_chip(found: Standing) -> str:
    return chip_at(found.overdue_at) if found.status in OPEN else "–"


def chip_at(overdue_at: datetime | None) -> str:
    """ "overdue since 2026-03-04", "not yet due until 2026-04-01"."""
    if overdue_at is None:
        return chip(_("no due date"))
    local = timezone.localtime(overdue_at)
    day = date_format(local, "DATE_FORMAT" if local.time() == time.min else "DATETIME_FORMAT")
    if overdue_at <= timezone.now():
        return format_html(CELL, chip(_("overdue"), "danger"), _("since %(day)s") % {"day": day})
    return format_html(CELL, chip(_("not yet due"), "info"), _("until %(day)s") % {"day": day})


def overdue_at_of(found: Standing) -> datetime | None:
    """For exports, beside the standing."""
    return found.overdue_at if found.status in OPEN else None


class DueFilter(admin.SimpleListFilter):
    """When an open record is overdue, in any reconciliation that has it. `record` is for the page at hand."""

    title = gettext_lazy("due")
    parameter_name = "due"
    record = "pk"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("overdue", _("overdue")), ("later", _("not yet due")), ("never", _("no due date"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        now = timezone.now()
        choices: dict[str, dict[str, Any]] = {
            "overdue": {"overdue_at__lte": now},
            "later": {"overdue_at__gt": now},
            "never": {"overdue_at__isnull": True},
        }
        asked = choices.get(self.value() or "")
        if asked is None:
            return queryset
        of: dict[str, Any] = {"record_id": OuterRef(self.record), **asked}
        tokens = OpenItem.objects.filter(**of, closed_at__isnull=True)
        members = MatchMember.objects.filter(**of, live=True, match__status=MatchStatus.SUGGESTED)
        return queryset.filter(Exists(tokens) | Exists(members))
