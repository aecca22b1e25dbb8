"""Bulk requests: what programs sent, how far a worker is, which rows were refused and why; cancelling and trying again."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet, Sum
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from ledgers.backoffice import chip, count_cell, link_to, refs_of
from ledgers.models import BulkContent, BulkRequest
from ledgers.states import BulkRowStatus
from organizations.backoffice.acts import Act
from organizations.backoffice.filters import ScopedRelatedFilter
from reconciliation.admin.base import ClearingModelAdmin
from reconciliation.admin.words import moment, people
from reconciliation.services.bulk import AGAIN, bulk_cancel, bulk_retry

LABELS = {
    "pending": "info",
    "processing": "primary",
    "completed": "success",
    "failed": "danger",
    "cancelled": "warning",
}
REFUSED_SHOWN = 200


@admin.register(BulkRequest)
class BulkRequestAdmin(ClearingModelAdmin):
    view_scope = "records:read"
    nav_group, nav_icon, nav_order = "files", "dataset", 30
    nav_title = gettext_lazy("Bulk requests")
    intro = gettext_lazy(
        "Records that programs sent many at once. Each row is taken, skipped or refused by itself."
    )
    empty_text = gettext_lazy("No program has sent records in bulk yet.")
    empty_steps = gettext_lazy("Programs send up to 1,000 records in a request to POST /v1/records/bulk.")
    list_display = (
        "name",
        "streams",
        "state",
        "done",
        "count_taken",
        "count_skipped",
        "count_refused",
        "created_at",
        "asker",
    )
    list_filter = ("status", ("stream", ScopedRelatedFilter), "source", "created_at")
    search_fields = ("=pk", "=idempotency_key", "error_message")
    search_help_text = gettext_lazy("Number, idempotency key, or words of an error")
    ordering = ("-created_at", "-pk")
    fields = (
        "state",
        "streams",
        "done",
        "count_taken",
        "count_skipped",
        "count_refused",
        "on_conflict",
        "refused",
        "error_message",
        "again_of",
        "tried_again",
        "asked",
        "started_at",
        "finished_at",
        "idempotency_key",
    )
    readonly_fields = fields

    def furnish(self, rows: list[Any]) -> None:
        names = people(rows[0].organization_id, refs_of(rows, "created_by")) if rows else {}
        for row in rows:
            row.asker_name = names.get(row.created_by, row.created_by)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        found = super().get_object(request, object_id, from_field)
        if found is not None:
            self.furnish([found])
        return found

    @display(description=gettext_lazy("Request"), ordering="pk")
    def name(self, obj: BulkRequest) -> str:
        return str(obj)

    @display(description=gettext_lazy("Streams"))
    def streams(self, obj: BulkRequest) -> str:
        return ", ".join(obj.stream_keys) or "–"

    @display(description=gettext_lazy("Status"), ordering="status")
    def state(self, obj: BulkRequest) -> str:
        return chip(obj.get_status_display(), LABELS[obj.status])

    @display(description=gettext_lazy("Rows done"))
    def done(self, obj: BulkRequest) -> str:
        return _("%(done)s of %(total)s") % {
            "done": f"{obj.processed_items:,}",
            "total": f"{obj.total_items:,}",
        }

    @display(description=gettext_lazy("Taken"), ordering="successful_items")
    def count_taken(self, obj: BulkRequest) -> str:
        return count_cell(obj.successful_items)

    @display(description=gettext_lazy("Skipped"), ordering="skipped_items")
    def count_skipped(self, obj: BulkRequest) -> str:
        return count_cell(obj.skipped_items)

    @display(description=gettext_lazy("Refused"), ordering="failed_items")
    def count_refused(self, obj: BulkRequest) -> str:
        return count_cell(obj.failed_items)

    @display(description=gettext_lazy("Sent by"))
    def asker(self, obj: Any) -> str:
        return str(obj.asker_name)

    @display(description=gettext_lazy("Sent"))
    def asked(self, obj: Any) -> str:
        return _("%(who)s on %(when)s") % {"who": obj.asker_name, "when": moment(obj.created_at)}

    @display(description=gettext_lazy("Rows that were not taken"))
    def refused(self, obj: BulkRequest) -> str:
        content = BulkContent.objects.filter(bulk_request=obj).first()
        rows = [
            row
            for row in (content.results if content is not None else [])
            if row["status"] != BulkRowStatus.SUCCESSFUL
        ]
        shown = (
            (
                row["index"] + 1,
                row.get("external_id") or "",
                BulkRowStatus(row["status"]).label,
                row.get("error") or _("Its external id is there already."),
            )
            for row in rows[:REFUSED_SHOWN]
        )
        lines = format_html_join("", "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>", shown)
        if not lines:
            return "–"
        more = _("… %(n)s in all") % {"n": len(rows)} if len(rows) > REFUSED_SHOWN else ""
        heads = (_("Row"), _("External id"), _("What became of it"), _("Why"))
        head = format_html_join("", '<th scope="col">{}</th>', ((each,) for each in heads))
        return format_html(
            '<table class="desk-table"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>{}',
            head,
            lines,
            more,
        )

    @display(description=gettext_lazy("Tries again what is left of"))
    def again_of(self, obj: BulkRequest) -> str:
        return link_to(obj.parent)

    @display(description=gettext_lazy("Tried again by"))
    def tried_again(self, obj: BulkRequest) -> str:
        return format_html_join(", ", "{}", ((link_to(row),) for row in obj.retries.order_by("pk"))) or "–"

    def list_summary(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[tuple[str, str]]:
        part = BulkRequest.objects.filter(pk__in=queryset.order_by().values("pk")[:100_000])
        found = part.aggregate(taken=Sum("successful_items"), refused=Sum("failed_items"))
        return [
            (_("Rows taken"), f"{found['taken'] or 0:,}"),
            (_("Rows refused"), f"{found['refused'] or 0:,}"),
        ]

    def sentence(self, request: HttpRequest, obj: BulkRequest) -> str:
        return {
            "pending": _("A worker has not begun with it yet."),
            "processing": _("A worker is at it."),
            "completed": _("Every row was looked at; those that were not taken stand below with the reason."),
            "failed": _("It broke off. What was taken stays; the rest can be tried again."),
            "cancelled": _("It was cancelled. What was taken stays; the rest can be tried again."),
        }[obj.status]

    def acts(self, request: HttpRequest, obj: BulkRequest) -> list[Act]:
        of: dict[str, Any] = {"organization_id": obj.organization_id, "bulk_request_id": obj.pk}
        status = _("It is %(status)s.") % {"status": obj.get_status_display().lower()}
        asked = _("It is being cancelled.") if obj.cancellation_requested_at else ""
        again = obj.retries.order_by("-pk").first()
        tried = _("It was tried again already, as %(request)s.") % {"request": again} if again else ""
        return [
            Act(
                "cancel",
                _("Cancel"),
                partial(bulk_cancel, **of),
                "records:write",
                against=(asked if obj.is_under_way else status),
                danger=True,
                explain=_("Rows that were taken stay. Those that no worker has reached can be tried again."),
                success=_("It is being cancelled."),
            ),
            Act(
                "retry",
                _("Try the rest again"),
                partial(bulk_retry, **of),
                "records:write",
                against=tried if obj.status in AGAIN else status,
                success=lambda made: _("%(request)s tries the rest again.") % {"request": made},
                after=lambda request, made: HttpResponseRedirect(
                    reverse("admin:ledgers_bulkrequest_change", args=[made.pk])
                ),
            ),
        ]

    def history_subjects(self, obj: BulkRequest) -> list[tuple[str, int | str]]:
        return [("ledgers.bulkrequest", obj.pk)]
