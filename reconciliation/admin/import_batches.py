"""What each file and each bulk request added to a stream, as it was when it came in. Read only."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import display

from ledgers.amounts import major, shown
from ledgers.backoffice import amount_cell, count_cell, link_to
from ledgers.models import ImportBatch
from ledgers.states import WRITABLE_STREAMS
from organizations.backoffice.filters import ScopedRelatedFilter
from reconciliation.admin.base import ClearingModelAdmin


@admin.register(ImportBatch)
class ImportBatchAdmin(ClearingModelAdmin):
    organization_path = "stream__organization"
    view_scope = "records:read"
    nav_group, nav_icon, nav_order = "files", "inventory_2", 40
    nav_title = gettext_lazy("Import batches")
    intro = gettext_lazy("What each file and each bulk request added to a stream, as it was when it came in.")
    empty_text = gettext_lazy("Nothing was imported yet.")
    empty_steps = gettext_lazy("Upload a file, or let a program send records in bulk.")
    list_display = (
        "name",
        "stream_link",
        "source",
        "count_records",
        "amount_credits",
        "amount_debits",
        "amount_net",
        "days",
        "created_at",
    )
    list_filter = (("stream", ScopedRelatedFilter), "source", "created_at")
    list_select_related = ("stream", "bulk_request", "source_file")
    search_fields = ("=pk", "filename", "stream__key", "stream__name")
    search_help_text = gettext_lazy("Number, name of the file, or stream")
    ordering = ("-pk",)
    fields = (
        "stream_link",
        "source",
        "origin",
        "records_link",
        "amounts",
        "days",
        "created_at",
    )
    readonly_fields = fields
    export_columns = (
        ("Batch", lambda batch: batch.pk),
        ("Stream", lambda batch: batch.stream.key),
        ("Source", lambda batch: batch.source),
        ("File", lambda batch: batch.filename),
        ("Records", lambda batch: batch.record_count),
        ("Credits", lambda batch: major(batch.total_credits, batch.decimal_places)),
        ("Debits", lambda batch: major(batch.total_debits, batch.decimal_places)),
        ("Net", lambda batch: major(batch.net_amount, batch.decimal_places)),
        ("Currency", lambda batch: batch.currency),
        ("First day", lambda batch: batch.date_range_start),
        ("Last day", lambda batch: batch.date_range_end),
        ("Came in", lambda batch: batch.created_at),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(voided_at__isnull=True)

    @display(description=gettext_lazy("Batch"), ordering="pk")
    def name(self, obj: ImportBatch) -> str:
        return str(obj)

    @display(description=gettext_lazy("Stream"), ordering="stream__name")
    def stream_link(self, obj: ImportBatch) -> str:
        return link_to(obj.stream)

    @display(description=gettext_lazy("Brought by"))
    def origin(self, obj: ImportBatch) -> str:
        return link_to(obj.bulk_request or obj.source_file)

    @display(description=gettext_lazy("Records"), ordering="record_count")
    def count_records(self, obj: ImportBatch) -> str:
        return count_cell(obj.record_count)

    @display(description=gettext_lazy("Records"))
    def records_link(self, obj: ImportBatch) -> str:
        text = ngettext("%(n)s record", "%(n)s records", obj.record_count) % {"n": f"{obj.record_count:,}"}
        if obj.stream.kind not in WRITABLE_STREAMS or obj.first_record is None:
            return text
        of = {
            "stream__id__exact": obj.stream_id,
            "import_batch_id": obj.pk,
            "id__gte": obj.first_record,  # by these the rows are found; the batch's own number has no index
            "id__lte": obj.last_record,
        }
        url = f"{reverse('admin:reconciliation_streamrecord_changelist')}?{urlencode(of)}"
        return format_html('<a class="tieout-link" href="{}">{}</a>', url, text)

    @display(description=gettext_lazy("Credits"), ordering="total_credits")
    def amount_credits(self, obj: ImportBatch) -> str:
        return amount_cell(obj.total_credits, obj.decimal_places, obj.currency)

    @display(description=gettext_lazy("Debits"), ordering="total_debits")
    def amount_debits(self, obj: ImportBatch) -> str:
        return amount_cell(obj.total_debits, obj.decimal_places, obj.currency)

    @display(description=gettext_lazy("Net"))
    def amount_net(self, obj: ImportBatch) -> str:
        more = len(obj.by_currency) - 1
        cell = amount_cell(obj.net_amount, obj.decimal_places, obj.currency, plus=True)
        return format_html("{} {}", cell, _("and %(n)s more") % {"n": more}) if more > 0 else cell

    @display(description=gettext_lazy("Amounts"))
    def amounts(self, obj: ImportBatch) -> str:
        rows = (
            (
                ngettext(
                    "%(credits)s in credits, %(debits)s in debits: net %(net)s, %(n)s record",
                    "%(credits)s in credits, %(debits)s in debits: net %(net)s, %(n)s records",
                    each["record_count"],
                )
                % {
                    "credits": shown(each["total_credits"], each["decimal_places"], each["currency"]),
                    "debits": shown(each["total_debits"], each["decimal_places"], each["currency"]),
                    "net": shown(
                        each["total_credits"] - each["total_debits"],
                        each["decimal_places"],
                        each["currency"],
                        plus=True,
                    ),
                    "n": f"{each['record_count']:,}",
                },
            )
            for each in obj.by_currency
        )
        return format_html_join("", "<p>{}</p>", rows) or "–"

    @display(description=gettext_lazy("Days"), ordering="date_range_start")
    def days(self, obj: ImportBatch) -> str:
        if obj.date_range_start is None or obj.date_range_start == obj.date_range_end:
            return str(obj.date_range_start or "–")
        return _("%(first)s to %(last)s") % {"first": obj.date_range_start, "last": obj.date_range_end}

    def sentence(self, request: HttpRequest, obj: ImportBatch) -> str:
        return _(
            "These are the figures of the day it came in: what was changed or deleted since is not in them."
        )
