"""A received file as it came: who brought it, its size and digest, and its bytes as a download. Of both pages of files."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.defaultfilters import filesizeformat
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from organizations.backoffice.current import may


class Original(admin.ModelAdmin):
    """Wants `uploader_name` and `may_read_original` on its objects."""

    @display(description=gettext_lazy("Uploaded by"), ordering="created_by")
    def uploader(self, obj: Any) -> str:
        name: str = obj.uploader_name
        return name

    @display(description=gettext_lazy("Size"))
    def size(self, obj: Any) -> str:
        return filesizeformat(obj.size_bytes)

    @display(description="SHA-256")
    def digest(self, obj: Any) -> str:
        return format_html('<span class="tieout-mono">{}</span>', obj.checksum_sha256)

    @display(description=gettext_lazy("Original"))
    def original(self, obj: Any) -> str:
        if not obj.may_read_original:
            return _("Your role does not allow reading original files.")
        url = reverse(f"admin:{self.original_name}", args=[obj.pk])
        return format_html('<a class="tieout-link" href="{}" download>{}</a>', url, _("Download as it came"))

    @property
    def original_name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_original"

    def original_url(self) -> URLPattern:
        view = self.admin_site.admin_view(self.original_view)
        return path("<int:file_id>/original/", view, name=self.original_name)

    def original_view(self, request: HttpRequest, file_id: int) -> HttpResponseBase:
        """Never shown by the browser as a page of ours."""
        file = self.get_queryset(request).filter(pk=file_id).first()
        if file is None:
            raise Http404
        if not may(request, "imports:read"):
            raise PermissionDenied
        if not default_storage.exists(file.storage_name):
            return HttpResponse(_("The bytes of this file are no longer stored."), status=404)
        return FileResponse(
            default_storage.open(file.storage_name),
            as_attachment=True,
            filename=file.filename or f"{file.pk}",
            content_type="application/octet-stream",
        )
