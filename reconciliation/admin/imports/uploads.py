"""What comes in by the import page: the upload of many files."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ledgers.models import Ledger
from organizations.acts import perform
from organizations.backoffice.acts import sentence_of
from organizations.backoffice.current import actor_of, current_organization, may
from organizations.backoffice.uploads import too_large, was_cut
from organizations.refusals import Refusal
from reconciliation import tasks
from reconciliation.doorbell import ring
from reconciliation.services import imports
from reconciliation.services.sources import receive


class ImportUploads(admin.ModelAdmin):
    """Mixed into FileImportAdmin."""

    def upload_view(self, request: HttpRequest) -> HttpResponse:
        """Keep each file and leave it to a worker; one that cannot be kept does not hold up the others."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not may(request, "imports:write"):
            raise PermissionDenied
        back = HttpResponseRedirect(reverse("admin:reconciliation_fileimport_changelist"))
        if was_cut(request):
            messages.error(request, too_large())
            return back
        files: list[Any] = request.FILES.getlist("files")
        if not files:
            messages.error(request, _("Choose at least one file first, as your bank gave it to you."))
            return back
        ledger = self._chosen_ledger(request)
        taken = [file for file in files if self._take(request, file, ledger)]
        if taken:
            text = ngettext(
                "%(n)s file is being read. This page follows it.",
                "%(n)s files are being read. This page follows them.",
                len(taken),
            )
            messages.info(request, text % {"n": len(taken)})
        return back

    def _chosen_ledger(self, request: HttpRequest) -> Ledger | None:
        """For files that name no account. Another organization's is as unknown as one that never was."""
        text = request.POST.get("ledger", "")
        if not text:
            return None
        own = Ledger.objects.of(current_organization(request).pk)
        found = own.filter(pk=text).first() if text.isdecimal() and len(text) < 19 else None
        if found is None:
            raise Http404
        return found

    def _take(self, request: HttpRequest, file: Any, ledger: Ledger | None) -> bool:
        try:
            add = partial(
                imports.import_add,
                organization_id=current_organization(request).pk,
                received=receive(file),
                filename=file.name or "",
                ledger=ledger,
                by=actor_of(request),
                at=timezone.now(),
            )
            source = perform(add)
        except Refusal as refusal:
            messages.error(request, f"{file.name}: {sentence_of(refusal)}")
            return False
        ring(tasks.import_file, source_file_id=source.pk)
        return True
