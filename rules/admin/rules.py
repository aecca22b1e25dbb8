"""Rules: what is tried, in which order, to match lines with entries. Read only for now."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from ledgers.backoffice import BooksModelAdmin, chip
from rules.conditions import words_of
from rules.models import Rule
from rules.states import RuleStatus

STATUS_LABELS = {"active": "success", "proposed": "info", "discarded": "warning"}


@admin.register(Rule)
class RuleAdmin(BooksModelAdmin):
    view_scope = "reconciliations:read"
    nav_group, nav_icon, nav_order = "rules", "rule_settings", 10
    intro = gettext_lazy("What is tried, from top to bottom: each rule sees only what the earlier ones left.")
    empty_text = gettext_lazy("There is no rule yet.")
    empty_steps = gettext_lazy("The built-in rules appear with the first ledger that is reconciled.")
    list_display = (
        "priority",
        "name",
        "description",
        "cardinality",
        "percent",
        "applies_to",
        "state",
        "source",
    )
    list_display_links = ("priority", "name")
    list_filter = ("status", "source", "cardinality", "created_at")
    list_select_related = ("reconciliation__ledger",)
    search_fields = ("name", "description")
    search_help_text = gettext_lazy("Name or description")
    ordering = ("reconciliation_id", "priority", "pk")
    fields = (
        "name",
        "description",
        "applies_to",
        "priority",
        "cardinality",
        "conditions",
        "several",
        "differing",
        "percent",
        "state",
        "source",
        "revisions_shown",
        "created_at",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(voided_at__isnull=True)

    @display(description=gettext_lazy("Confidence"), ordering="score")
    def percent(self, obj: Rule) -> str:
        return f"{int(obj.score * 100)}%"

    @display(description=gettext_lazy("Applies to"))
    def applies_to(self, obj: Rule) -> str:
        if obj.reconciliation is None:
            return _("every ledger without rules of its own")
        if obj.reconciliation.ledger is None:
            return obj.reconciliation.name
        url = reverse("admin:ledgers_ledger_change", args=[obj.reconciliation.ledger_id])
        return format_html('<a class="tieout-link" href="{}">{}</a>', url, obj.reconciliation.ledger.code)

    @display(description=gettext_lazy("Status"), ordering="status")
    def state(self, obj: Rule) -> str:
        return chip(obj.get_status_display(), STATUS_LABELS[obj.status])

    @display(description=gettext_lazy("Where several fit"))
    def several(self, obj: Rule) -> str:
        return obj.get_on_ambiguity_display()

    @display(description=gettext_lazy("Where amounts differ"))
    def differing(self, obj: Rule) -> str:
        return obj.get_on_difference_display()

    @display(description=gettext_lazy("Conditions"))
    def conditions(self, obj: Rule) -> str:
        lines = ((depth * 2, text) for depth, text in words_of(obj.filters))
        return format_html_join("", '<div class="tieout-depth-{}">{}</div>', lines)

    @display(description=gettext_lazy("Revisions"))
    def revisions_shown(self, obj: Rule) -> int:
        return obj.revisions.count()

    def list_summary(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[tuple[str, str]]:
        active = queryset.order_by().filter(status=RuleStatus.ACTIVE).count()
        return [(_("Active"), f"{active:,}")]

    def sentence(self, request: HttpRequest, obj: Rule) -> str:
        return _(
            "A line and an entry are proposed as a match when these conditions hold, in the order of the rules."
        )
