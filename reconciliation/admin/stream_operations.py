"""Long work on whole streams: put into a reconciliation, taken out, emptied, deleted. How far each is. Read only."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from ledgers.backoffice import chip, count_cell, link_to, refs_of
from reconciliation.admin.base import ClearingModelAdmin
from reconciliation.admin.words import moment, people
from reconciliation.models import StreamOperation

LABELS = {"pending": "info", "running": "primary", "completed": "success", "failed": "danger"}


@admin.register(StreamOperation)
class StreamOperationAdmin(ClearingModelAdmin):
    organization_path = "stream__organization"
    view_scope = "records:read"
    nav_group, nav_icon, nav_order = "books", "conversion_path", 78
    nav_title = gettext_lazy("Work on streams")
    intro = gettext_lazy(
        "Long work on whole streams: put into a reconciliation, taken out of it, emptied, deleted."
    )
    empty_text = gettext_lazy("No such work was needed yet.")
    empty_steps = gettext_lazy(
        "It appears when a stream with many records is put into a reconciliation or taken out, emptied or deleted."
    )
    list_display = ("name", "stream_key", "reconciliation_link", "state", "done", "requested_at", "asker")
    list_filter = ("kind", "status", "requested_at")
    list_select_related = ("stream", "reconciliation")
    search_fields = ("=pk", "stream_key", "error")
    search_help_text = gettext_lazy("Number, key of the stream, or words of an error")
    ordering = ("-requested_at", "-pk")
    fields = (
        "kind",
        "stream_key",
        "reconciliation_link",
        "state",
        "done",
        "count_undone",
        "error",
        "asked",
        "started_at",
        "finished_at",
    )
    readonly_fields = fields

    def furnish(self, rows: list[Any]) -> None:
        names = people(rows[0].stream.organization_id, refs_of(rows, "requested_by")) if rows else {}
        for row in rows:
            row.asker_name = names.get(row.requested_by, row.requested_by)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        found = super().get_object(request, object_id, from_field)
        if found is not None:
            self.furnish([found])
        return found

    @display(description=gettext_lazy("Work"), ordering="pk")
    def name(self, obj: StreamOperation) -> str:
        return obj.get_kind_display()

    @display(description=gettext_lazy("Reconciliation"))
    def reconciliation_link(self, obj: StreamOperation) -> str:
        if obj.reconciliation is None or obj.reconciliation.voided_at is not None:
            return obj.reconciliation.name if obj.reconciliation is not None else "–"
        return link_to(obj.reconciliation)

    @display(description=gettext_lazy("Status"), ordering="status")
    def state(self, obj: StreamOperation) -> str:
        return chip(obj.get_status_display(), LABELS[obj.status])

    @display(description=gettext_lazy("Records done"))
    def done(self, obj: StreamOperation) -> str:
        return _("%(done)s of %(total)s") % {"done": f"{obj.processed:,}", "total": f"{obj.total:,}"}

    @display(description=gettext_lazy("Matches undone"), ordering="undone")
    def count_undone(self, obj: StreamOperation) -> str:
        return count_cell(obj.undone)

    @display(description=gettext_lazy("Asked for by"))
    def asker(self, obj: Any) -> str:
        return str(obj.asker_name)

    @display(description=gettext_lazy("Asked for"))
    def asked(self, obj: Any) -> str:
        return _("%(who)s on %(when)s") % {"who": obj.asker_name, "when": moment(obj.requested_at)}

    def sentence(self, request: HttpRequest, obj: StreamOperation) -> str:
        return {
            "pending": _("A worker has not begun with it yet."),
            "running": _("A worker is at it; what waits for it goes on by itself."),
            "completed": _("It is done."),
            "failed": _("It broke off, and is taken up again where it stopped."),
        }[obj.status]

    def history_subjects(self, obj: StreamOperation) -> list[tuple[str, int | str]]:
        return [("reconciliation.streamoperation", obj.pk), ("ledgers.datastream", obj.stream_id)]
