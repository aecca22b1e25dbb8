"""Sweeps: each look at overdue items, what it found and did. Read only."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from exceptions_app.models import Sweep
from exceptions_app.states import SweepStatus
from ledgers.backoffice import chip, count_cell
from reconciliation.admin.base import ClearingModelAdmin
from reconciliation.admin.words import moment

TONES = {SweepStatus.RUNNING: "primary", SweepStatus.COMPLETED: "success", SweepStatus.FAILED: "danger"}


@admin.register(Sweep)
class SweepAdmin(ClearingModelAdmin):
    view_scope = "exceptions:read"
    nav_group, nav_icon, nav_order = "work", "cleaning_services", 17
    nav_title = gettext_lazy("Overdue sweeps")
    intro = gettext_lazy(
        "Each minute open items are looked at: what has become overdue opens exceptions, what is cleared resolves them."
        " Sweeps that changed nothing are forgotten after a week."
    )
    empty_text = gettext_lazy("Nothing was swept yet.")
    empty_steps = gettext_lazy(
        "Say on a reconciliation's page when its items are overdue; the next sweep is due within a minute."
    )
    list_display = (
        "swept",
        "state",
        "count_reconciliations",
        "count_records",
        "count_opened",
        "count_reopened",
        "count_resolved",
        "count_investigations",
        "error_shown",
    )
    list_filter = ("status", "at")
    search_fields = ("=pk", "error")
    search_help_text = gettext_lazy("Number of the sweep, or words of an error")
    ordering = ("-pk",)
    fields = (
        "swept",
        "state",
        "count_reconciliations",
        "count_records",
        "count_opened",
        "count_reopened",
        "count_resolved",
        "count_investigations",
        "error_shown",
        "finished_at",
    )
    readonly_fields = fields

    @display(description=gettext_lazy("As of"), ordering="pk")
    def swept(self, obj: Sweep) -> str:
        return moment(obj.at)

    @display(description=gettext_lazy("Status"), ordering="status")
    def state(self, obj: Sweep) -> str:
        return chip(obj.get_status_display(), TONES[SweepStatus(obj.status)])

    @display(description=gettext_lazy("Reconciliations"))
    def count_reconciliations(self, obj: Sweep) -> str:
        return count_cell(obj.reconciliations)

    @display(description=gettext_lazy("Newly overdue"))
    def count_records(self, obj: Sweep) -> str:
        return count_cell(obj.records)

    @display(description=gettext_lazy("Opened"))
    def count_opened(self, obj: Sweep) -> str:
        return count_cell(obj.opened)

    @display(description=gettext_lazy("Reopened"))
    def count_reopened(self, obj: Sweep) -> str:
        return count_cell(obj.reopened)

    @display(description=gettext_lazy("Resolved"))
    def count_resolved(self, obj: Sweep) -> str:
        return count_cell(obj.resolved)

    @display(description=gettext_lazy("Investigations asked for"))
    def count_investigations(self, obj: Sweep) -> str:
        return count_cell(obj.investigations)

    @display(description=gettext_lazy("Error"))
    def error_shown(self, obj: Sweep) -> str:
        return obj.error or "–"

    def list_summary(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[tuple[str, str]]:
        names = ("records", "opened", "reopened", "resolved")
        sums = queryset.order_by().aggregate(**{name: Coalesce(Sum(name), 0) for name in names})
        labels = (_("Newly overdue"), _("Opened"), _("Reopened"), _("Resolved"))
        return [(label, f"{sums[name]:,}") for label, name in zip(labels, names, strict=True)]

    def sentence(self, request: HttpRequest, obj: Sweep) -> str:
        if obj.status == SweepStatus.RUNNING:
            return _("It is under way.")
        if obj.status == SweepStatus.FAILED:
            return _("It did not get through everything. The next sweep does what this one left.")
        if obj.changed_something:
            return _("It brought the exceptions in line with what was overdue at that moment.")
        return _("Nothing had changed since the sweep before it.")


def last_sweep_words(organization_id: int) -> tuple[str, str]:
    """ "Swept 1 minute ago", and the tone of it; what to look at where no sweep comes."""
    last = Sweep.objects.filter(organization_id=organization_id).order_by("-pk").first()
    if last is None:
        return _("Nothing was swept yet."), "plain"
    if timezone.now() - last.at < timedelta(minutes=1) and last.status != SweepStatus.FAILED:
        return _("Swept just now."), "plain"
    ago = {"ago": timesince(last.at)}
    if last.status == SweepStatus.FAILED:
        return _("The sweep of %(ago)s ago broke off: see Overdue sweeps.") % ago, "danger"
    return _("Swept %(ago)s ago.") % ago, "plain"
