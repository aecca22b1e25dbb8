"""Source files: what came in, what was taken from it, what was wrong with it; the original; deleting one."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet, Sum
from django.http import (
    HttpRequest,
    HttpResponseRedirect,
)
from django.template.loader import render_to_string
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from ledgers.backoffice import amount_cell, chip, count_cell, link_to, refs_of
from ledgers.models import SourceFile, Statement
from organizations.backoffice.acts import Act
from organizations.backoffice.base import ScopedTabularInline
from organizations.backoffice.current import may
from reconciliation.admin.base import ClearingModelAdmin
from reconciliation.admin.original import Original
from reconciliation.admin.words import FILE_LABELS, people
from reconciliation.models import FileImport, Run, RunSource
from reconciliation.selectors.desk import void_preview
from reconciliation.services.records import source_void


class StatementInline(ScopedTabularInline):
    """The statements found in the file, with the balances that they state."""

    model = Statement
    view_scope = "reconciliations:read"
    verbose_name_plural = gettext_lazy("Statements in the file")
    fields = (
        "account",
        "number",
        "span",
        "amount_opening",
        "amount_credit",
        "amount_debit",
        "amount_closing",
        "count_statement_lines",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("bank_account").order_by("position")

    @display(description=gettext_lazy("Account"))
    def account(self, obj: Statement) -> str:
        return link_to(obj.bank_account)

    @display(description=gettext_lazy("Period"))
    def span(self, obj: Statement) -> str:
        first, last = obj.from_date or obj.opening_on, obj.to_date or obj.closing_on
        return f"{first} – {last}" if first and last and first != last else str(last or first or "–")

    @display(description=gettext_lazy("Opening"))
    def amount_opening(self, obj: Statement) -> str:
        return amount_cell(obj.opening_amount, obj.decimal_places, obj.currency)

    @display(description=gettext_lazy("Credits"))
    def amount_credit(self, obj: Statement) -> str:
        return amount_cell(obj.credit_sum, obj.decimal_places, obj.currency)

    @display(description=gettext_lazy("Debits"))
    def amount_debit(self, obj: Statement) -> str:
        return amount_cell(-obj.debit_sum, obj.decimal_places, obj.currency)

    @display(description=gettext_lazy("Lines"))
    def count_statement_lines(self, obj: Statement) -> str:
        return count_cell(obj.line_count)

    @display(description=gettext_lazy("Closing"))
    def amount_closing(self, obj: Statement) -> str:
        return amount_cell(obj.closing_amount, obj.decimal_places, obj.currency)


@admin.register(SourceFile)
class SourceFileAdmin(Original, ClearingModelAdmin):
    view_scope = "reconciliations:read"
    nav_group, nav_icon, nav_order = "files", "description", 10
    intro = gettext_lazy(
        "Files as they came in. One that could not be read is kept here with what is wrong in it; nothing of it was taken."
    )
    empty_text = gettext_lazy("No file came in yet.")
    empty_steps = gettext_lazy("Upload the bank's files under Import, or one to a run.")
    list_display = (
        "filename",
        "run_link",
        "state",
        "format",
        "period",
        "count_new",
        "count_known",
        "count_faults",
        "created_at",
        "uploader",
    )
    list_filter = ("status", "format", "run_source__run__ledger", "created_at")
    search_fields = ("filename", "=checksum_sha256")
    search_help_text = gettext_lazy("Name of the file, or its SHA-256")
    ordering = ("created_at", "pk")
    inlines = (StatementInline,)
    fields = (
        "filename",
        "run_link",
        "state",
        "format",
        "period",
        "size",
        "count_new",
        "count_known",
        "count_suspect",
        "count_pending",
        "left_out",
        "faults",
        "came_by",
        "digest",
        "original",
        "created_at",
        "uploader",
        "finished_at",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Files of runs. Those of the import page stand there as they came, here as the parts that runs have of them."""
        live = super().get_queryset(request).filter(voided_at__isnull=True)
        return live.exclude(pk__in=FileImport.objects.imported().values("pk"))

    def furnish(self, rows: list[Any]) -> None:
        if not rows:
            return
        names = people(rows[0].organization_id, refs_of(rows, "created_by"))
        sources = RunSource.objects.filter(source_file__in=[row.pk for row in rows]).select_related(
            "run__ledger"
        )
        runs = {source.source_file_id: source.run for source in sources}
        for row in rows:
            row.uploader_name, row.run_shown = names.get(row.created_by, ""), runs.get(row.pk)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        found = super().get_object(request, object_id, from_field)
        if found is not None:
            self.furnish([found])
            found.may_read_original = may(request, "imports:read")
        return found

    @display(description=gettext_lazy("Run"))
    def run_link(self, obj: Any) -> str:
        return link_to(obj.run_shown)

    @display(description=gettext_lazy("Status"), ordering="status")
    def state(self, obj: SourceFile) -> str:
        return chip(obj.get_status_display(), FILE_LABELS.get(obj.status, "info"))

    @display(description=gettext_lazy("Period"), ordering="statement_from")
    def period(self, obj: SourceFile) -> str:
        return f"{obj.statement_from} – {obj.statement_to}" if obj.statement_from else "–"

    @display(description=gettext_lazy("New lines"), ordering="imported_count")
    def count_new(self, obj: SourceFile) -> str:
        return count_cell(obj.imported_count)

    @display(description=gettext_lazy("Known already"), ordering="already_known_count")
    def count_known(self, obj: SourceFile) -> str:
        return count_cell(obj.already_known_count)

    @display(description=gettext_lazy("Perhaps duplicates"), ordering="suspect_count")
    def count_suspect(self, obj: SourceFile) -> str:
        return count_cell(obj.suspect_count)

    @display(description=gettext_lazy("Not booked yet, skipped"), ordering="pending_count")
    def count_pending(self, obj: SourceFile) -> str:
        return count_cell(obj.pending_count)

    @display(description=gettext_lazy("Faults"), ordering="error_row_count")
    def count_faults(self, obj: SourceFile) -> str:
        return count_cell(obj.error_row_count)

    @display(description=gettext_lazy("Left out"))
    def left_out(self, obj: SourceFile) -> str:
        rows = [
            _("%(n)s lines of account %(account)s") % {"n": each["lines"], "account": each["account"] or "–"}
            for each in obj.skipped_statements
        ]
        return "; ".join(rows) or "–"

    @display(description=gettext_lazy("What is wrong"))
    def faults(self, obj: SourceFile) -> str:
        if not obj.error_rows:
            return obj.error_message or "–"
        more = max(obj.error_row_count - len(obj.error_rows), 0)
        table = render_to_string("reconciliation/faults.html", {"faults": obj.error_rows, "more": more})
        return format_html("<p>{}</p>{}", obj.error_message, table)

    @display(description=gettext_lazy("Came by"))
    def came_by(self, obj: SourceFile) -> str:
        if obj.part_of_id is None:
            return _("upload to the run")
        url = reverse("admin:reconciliation_fileimport_change", args=[obj.part_of_id])
        return format_html('<a class="tieout-link" href="{}">{}</a>', url, _("the import page"))

    def list_summary(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[tuple[str, str]]:
        sums = queryset.order_by().aggregate(new=Sum("imported_count"), known=Sum("already_known_count"))
        return [
            (_("New lines"), f"{sums['new'] or 0:,}"),
            (_("Known already"), f"{sums['known'] or 0:,}"),
        ]

    def sentence(self, request: HttpRequest, obj: SourceFile) -> str:
        if obj.status == "failed":
            return _(
                "This file could not be read, and nothing of it was taken. Correct it and upload it again."
            )
        if obj.status == "completed":
            return _("%(new)s new lines were taken from this file, %(known)s were known already.") % {
                "new": obj.imported_count,
                "known": obj.already_known_count,
            }
        return _("This file is being read. Nothing of it is shown until all of it is.")

    def acts(self, request: HttpRequest, obj: Any) -> list[Act]:
        source: RunSource | None = getattr(obj, "run_source", None)
        run: Run | None = source.run if source is not None else None
        if run is None:
            return []
        processing = obj.status not in ("completed", "failed")
        return [
            Act(
                "delete",
                _("Delete"),
                partial(source_void, run=run, source_file=obj),
                "imports:write",
                against=_("It is being read. Wait until that has finished.") if processing else "",
                danger=True,
                explain=self._consequence(run, obj),
                success=lambda counts: (
                    _("The file is deleted: %(gone)s lines went with it, %(undone)s matches were undone.")
                    % {"gone": counts.voided, "undone": counts.undone}
                ),
                after=lambda request, _counts: HttpResponseRedirect(
                    reverse("admin:reconciliation_run_change", args=[run.pk]) + "?show=files"
                ),
            )
        ]

    def _consequence(self, run: Run, file: SourceFile) -> str:
        found = void_preview(run, file.pk)
        text = _(
            "%(gone)s of the %(lines)s lines of %(name)s go with it; %(shared)s stay, since another file states them too. "
            "%(matches)s matches are undone, %(accepted)s of them accepted. The ledger's entries are open again."
        )
        return text % {
            "gone": found.lines - found.shared,
            "lines": found.lines,
            "name": file.filename,
            "shared": found.shared,
            "matches": found.matches,
            "accepted": found.accepted,
        }

    def get_urls(self) -> list[URLPattern]:
        return [self.original_url(), *super().get_urls()]
