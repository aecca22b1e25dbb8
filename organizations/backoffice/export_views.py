"""CSV and XLSX of a list, as it is filtered and sorted, or of its ticked rows. A part of the admin base."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.utils import label_for_field, lookup_field
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from organizations.backoffice.exports import CSV_ROWS_MAX, XLSX_ROWS_MAX, Column, csv_rows, xlsx_file

XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ROWS_PER_READ = 2_000
KINDS = ("csv", "xlsx")


class ExportsMixin(admin.ModelAdmin):
    """Adds both exports to a ModelAdmin. `export_columns` are (title, value of a row); else the list's own columns."""

    export_columns: ClassVar[tuple[Column, ...]] = ()

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Both exports stand beside whatever actions the page names; deleting is no action here."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        for name in ("export_csv", "export_xlsx"):
            actions.setdefault(name, self.get_action(name))
        return actions

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_export"
        return [
            path("export/<str:kind>/", self.admin_site.admin_view(self.export_view), name=name),
            *super().get_urls(),
        ]

    def export_links(self, request: HttpRequest) -> list[tuple[str, str]]:
        """(label, address) of the two files of what the list shows now."""
        name = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_export"
        query = f"?{request.GET.urlencode()}" if request.GET else ""
        return [(kind.upper(), reverse(name, args=[kind]) + query) for kind in KINDS]

    def export_view(self, request: HttpRequest, kind: str) -> HttpResponseBase:
        """Reads only, so it is a GET: the address can be kept with its filter."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if kind not in KINDS:
            raise Http404
        return self._exported(request, self.get_changelist_instance(request).queryset, kind)

    @admin.action(description=gettext_lazy("Export as CSV"))
    def export_csv(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponseBase:
        return self._exported(request, queryset, "csv")

    @admin.action(description=gettext_lazy("Export as XLSX"))
    def export_xlsx(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponseBase:
        return self._exported(request, queryset, "xlsx")

    def columns_of(self, request: HttpRequest) -> list[Column]:
        if self.export_columns:
            return list(self.export_columns)
        names = [name for name in self.get_list_display(request) if name != "action_checkbox"]
        return [(self._title_of(name), self._value_of(name)) for name in names]

    def _title_of(self, name: Any) -> str:
        title = str(label_for_field(name, self.model, model_admin=self))
        return title[:1].upper() + title[1:]

    def _value_of(self, name: Any) -> Any:
        def value(row: Any) -> Any:
            field, attribute, value = lookup_field(name, row, self)
            if isinstance(value, tuple | list) and hasattr(attribute, "label"):
                return value[-1]  # unfold's labels: (key of the colour, text)
            if isinstance(value, tuple | list) and hasattr(attribute, "header"):
                return value[0]  # unfold's two-line cells: (text, small text, …)
            has_choices = field is not None and getattr(field, "choices", None)
            return row._get_FIELD_display(field) if has_choices else value

        return value

    def _exported(self, request: HttpRequest, queryset: QuerySet[Any], kind: str) -> HttpResponseBase:
        limit = XLSX_ROWS_MAX if kind == "xlsx" else CSV_ROWS_MAX
        if queryset.order_by()[: limit + 1].count() > limit:
            text = _("An export as %(kind)s holds at most %(limit)s rows. Narrow the filter, or choose CSV.")
            messages.error(request, text % {"kind": kind.upper(), "limit": f"{limit:,}"})
            return HttpResponseRedirect(reverse("admin:" + self._list_url_name()))
        columns, rows = self.columns_of(request), self._rows(queryset)
        name = f"{slugify(str(self.opts.verbose_name_plural))}-{timezone.localdate():%Y-%m-%d}.{kind}"
        if kind == "xlsx":
            file = xlsx_file(columns, rows, sheet=str(self.opts.verbose_name_plural))
            return FileResponse(file, as_attachment=True, filename=name, content_type=XLSX_TYPE)
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return StreamingHttpResponse(
            csv_rows(columns, rows), content_type="text/csv; charset=utf-8", headers=headers
        )

    def _list_url_name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_changelist"

    def _rows(self, queryset: QuerySet[Any]) -> Iterable[Any]:
        return queryset.iterator(chunk_size=ROWS_PER_READ)
