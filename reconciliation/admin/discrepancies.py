"""Discrepancies: what does not agree, how grave it is, and what a person said to it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Case, IntegerField, QuerySet, Value, When
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from ledgers.amounts import major
from ledgers.backoffice import amount_cell, chip, link_to, refs_of, totals
from ledgers.models import StatementLine
from organizations.backoffice.acts import Act, run_acts
from organizations.backoffice.current import actor_of, may
from organizations.backoffice.filters import AmountRangeFilter, ScopedRelatedFilter
from reconciliation.admin.base import ClearingModelAdmin
from reconciliation.admin.words import SEVERITY_LABELS, moment, people, reason_words
from reconciliation.models import Discrepancy
from reconciliation.services import discrepancies
from reconciliation.states import DISCREPANCY_OPEN, DiscrepancySeverity, DiscrepancyStatus

STATUS_LABELS = {"open": "warning", "in_review": "info", "closed": "success"}
WORK_FIRST = Case(
    When(status__in=DISCREPANCY_OPEN, severity=DiscrepancySeverity.CRITICAL, then=Value(0)),
    When(status__in=DISCREPANCY_OPEN, then=Value(1)),
    default=Value(2),
    output_field=IntegerField(),
)


class CloseForm(forms.Form):
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=64, widget=UnfoldAdminTextInputWidget)
    note = forms.CharField(label=gettext_lazy("Note"), required=False, widget=UnfoldAdminTextareaWidget)


@admin.register(Discrepancy)
class DiscrepancyAdmin(ClearingModelAdmin):
    organization_path = "reconciliation__organization"
    view_scope = "reconciliations:read"
    nav_group, nav_icon, nav_order = "work", "report", 40
    intro = gettext_lazy(
        "What does not agree: lines without an entry, amounts that differ, statements that do not add up. "
        "Open warnings and critical ones keep a run from being finished."
    )
    empty_text = gettext_lazy("Nothing disagrees.")
    empty_steps = gettext_lazy("Discrepancies are stated when a file is read and after each matching.")
    list_display = (
        "name",
        "severity_label",
        "status_label",
        "amount_at_stake",
        "description",
        "subject",
        "run_link",
        "created_at",
    )
    list_filter = (
        "status",
        "severity",
        "type",
        ("reconciliation__ledger", ScopedRelatedFilter),
        "created_at",
        ("amount", AmountRangeFilter),
    )
    list_select_related = ("run", "record", "match", "statement", "source_file")
    search_fields = ("description", "record__reference", "record__description", "close_reason")
    search_help_text = gettext_lazy("Words of the discrepancy, or of its line")
    ordering = (WORK_FIRST, "created_at", "pk")
    actions = ("take_into_review",)
    fields = (
        "name",
        "severity_label",
        "status_label",
        "amount_at_stake",
        "description",
        "subject",
        "run_link",
        "created_at",
        "closing",
    )
    readonly_fields = fields
    export_columns = (
        ("Discrepancy", lambda row: row.pk),
        ("Type", lambda row: row.get_type_display()),
        ("Severity", lambda row: row.get_severity_display()),
        ("Status", lambda row: row.get_status_display()),
        ("Amount", lambda row: major(row.amount, row.decimal_places)),
        ("Currency", lambda row: row.currency),
        ("Description", lambda row: row.description),
        ("Run", lambda row: str(row.run or "")),
        ("Reference", lambda row: row.record.reference if row.record else ""),
        ("Date", lambda row: row.record.date if row.record else None),
        ("Stated", lambda row: row.created_at),
        ("Closed", lambda row: row.closed_at),
        ("Reason", lambda row: reason_words(row.close_reason)),
        ("Note", lambda row: row.close_note),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(voided_at__isnull=True).select_related("reconciliation")

    def furnish(self, rows: list[Any]) -> None:
        if not rows:
            return
        names = people(rows[0].reconciliation.organization_id, refs_of(rows, "closed_by"))
        records = [row.record_id for row in rows if row.record_id is not None]
        lines = {
            line.record_id: line
            for line in StatementLine.objects.live().filter(record__in=records).order_by("-pk")
        }
        for row in rows:
            row.names, row.line = names, lines.get(row.record_id)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        found = super().get_object(request, object_id, from_field)
        if found is not None:
            self.furnish([found])
        return found

    @display(description=gettext_lazy("Discrepancy"), ordering="type")
    def name(self, obj: Discrepancy) -> str:
        return obj.get_type_display()

    @display(description=gettext_lazy("Severity"), ordering="severity")
    def severity_label(self, obj: Discrepancy) -> str:
        return chip(obj.get_severity_display(), SEVERITY_LABELS[obj.severity])

    @display(description=gettext_lazy("Status"), ordering="status")
    def status_label(self, obj: Discrepancy) -> str:
        return chip(obj.get_status_display(), STATUS_LABELS[obj.status])

    @display(description=gettext_lazy("Amount"), ordering="amount")
    def amount_at_stake(self, obj: Discrepancy) -> str:
        return amount_cell(obj.amount, obj.decimal_places, obj.currency)

    @display(description=gettext_lazy("About"))
    def subject(self, obj: Any) -> str:
        if obj.match is not None:
            return link_to(obj.match, _("Match %(id)s") % {"id": obj.match.pk})
        if obj.line is not None:
            return link_to(
                obj.line, f"{obj.record.date} {obj.record.reference or obj.record.description}"[:80]
            )
        return link_to(obj.source_file)

    @display(description=gettext_lazy("Run"))
    def run_link(self, obj: Discrepancy) -> str:
        return link_to(obj.run)

    @display(description=gettext_lazy("Closed"))
    def closing(self, obj: Any) -> str:
        if obj.closed_at is None:
            return "–"
        text = _("By %(who)s on %(when)s: %(reason)s") % {
            "who": obj.names.get(obj.closed_by, obj.closed_by),
            "when": moment(obj.closed_at),
            "reason": reason_words(obj.close_reason),
        }
        return f"{text} · “{obj.close_note}”" if obj.close_note else text

    def list_summary(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[tuple[str, str]]:
        return totals(queryset, total="amount")

    def sentence(self, request: HttpRequest, obj: Discrepancy) -> str:
        if obj.status == DiscrepancyStatus.CLOSED:
            return _("This was resolved: see why below.")
        if obj.severity == DiscrepancySeverity.INFO:
            return _("This is for your information; it keeps nothing from being finished.")
        return _("This keeps its run from being finished until it is resolved.")

    def acts(self, request: HttpRequest, obj: Discrepancy) -> list[Act]:
        closed = obj.status == DiscrepancyStatus.CLOSED
        is_closed = _("It is closed. Reopen it first.") if closed else ""
        reviewed = _("It is in review already.") if obj.status == DiscrepancyStatus.IN_REVIEW else ""
        return [
            Act(
                "review",
                _("Take into review"),
                partial(discrepancies.discrepancy_review, discrepancy=obj),
                "items:close",
                against=is_closed or reviewed,
                success=_("It is in review."),
            ),
            Act(
                "close",
                _("Close"),
                partial(discrepancies.discrepancy_close, discrepancy=obj),
                "items:close",
                against=_("It is closed already.") if closed else "",
                form=CloseForm,
                explain=_("Say how it was resolved. It can be reopened."),
                success=_("It is closed."),
            ),
            Act(
                "reopen",
                _("Reopen"),
                partial(discrepancies.discrepancy_reopen, discrepancy=obj),
                "items:close",
                against="" if closed else _("It is not closed."),
                success=_("It is open again."),
            ),
        ]

    def has_resolve_permission(self, request: HttpRequest) -> bool:
        return may(request, "items:close")

    @admin.action(description=gettext_lazy("Take the ticked ones into review"), permissions=["resolve"])
    def take_into_review(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        told = {"by": actor_of(request), "at": timezone.now()}
        service: Callable[..., Any] = discrepancies.discrepancy_review
        run_acts(request, [(str(row), partial(service, discrepancy=row, **told)) for row in queryset[:1_000]])
