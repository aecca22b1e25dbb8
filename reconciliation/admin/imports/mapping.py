"""The page where a person says how a CSV file is read: the proposal with its questions, the lines as they would be taken,
and the profile that is made of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from ledgers.formats.csv_preview import Preview
from ledgers.formats.declaration_json import DeclarationError
from ledgers.models import ImportProfile, Ledger, SourceFile
from ledgers.money import exponent
from ledgers.services.previews import preview_for, propose_for
from ledgers.states import UNREAD
from organizations.backoffice.acts import run_act
from organizations.backoffice.current import actor_of, may
from organizations.refusals import Unreadable
from reconciliation.admin.imports.acts import follow
from reconciliation.admin.imports.declaring import Said, left_out, mapping_rows
from reconciliation.services import imports
from reconciliation.services.file_import import currency_of


@dataclass(slots=True)
class Reading:
    """The file as what was said so far would read it; `faults` where that is no declaration."""

    said: Said
    declaration: dict[str, Any]
    into_stream: bool = False
    preview: Preview | None = None
    faults: list[str] = field(default_factory=list)

    def against(self, ledger: Ledger | None) -> str:
        """Why it cannot be taken like this; empty: it can."""
        if self.said.open_questions:
            return _("Answer what is asked above first.")
        if self.preview is None:
            return _("What is said does not hold together yet: see above.")
        needs_ledger = ledger is None and not self.into_stream
        if self.preview.refused is not None and not self.preview.lines and needs_ledger:
            return _("The file cannot be read like this yet: choose its ledger, or change it by hand.")
        if self.preview.refused is not None:
            return _("The file cannot be read like this: see above what is wrong.")
        if needs_ledger and not self.names_account:
            return _("The file names no account: choose the ledger that it belongs to.")
        return ""

    @property
    def names_account(self) -> bool:
        told = self.declaration
        return bool(told.get("account") or told.get("account_pattern") or told["columns"].get("account"))


class ImportMapping(admin.ModelAdmin):
    """Mixed into FileImportAdmin."""

    def mapping_view(self, request: HttpRequest, file_id: int) -> HttpResponse:
        """Nothing is kept until `do=confirm`; a POST without it only shows what would be."""
        file = self.get_queryset(request).filter(pk=file_id, voided_at=None).first()
        if file is None:
            raise Http404
        if not may(request, "imports:read"):
            raise PermissionDenied
        back = HttpResponseRedirect(reverse("admin:reconciliation_fileimport_change", args=[file.pk]))
        if file.status not in UNREAD:
            messages.info(request, _("The file is being read, or was taken already."))
            return back
        try:
            said = Said(propose_for(file), request.POST)
        except Unreadable as refusal:
            messages.error(request, refusal.message)
            return back
        ledger = chosen_ledger(file, request.POST)
        reading = read_as_said(file, said, ledger)
        if request.method == "POST" and request.POST.get("do") == "confirm":
            answer = self._confirm(request, file, reading, ledger)
            if answer is not None:
                return answer
        return render(
            request, "reconciliation/import_mapping.html", self._context(request, file, reading, ledger)
        )

    def _confirm(
        self, request: HttpRequest, file: SourceFile, reading: Reading, ledger: Ledger | None
    ) -> HttpResponse | None:
        if not (may(request, "imports:write") and may(request, "profiles:write")):
            raise PermissionDenied
        if against := reading.against(ledger):
            messages.error(request, against)
            return None
        act = partial(
            imports.import_declare_new,
            source=file,
            name=request.POST.get("name", ""),
            declaration=reading.declaration,
            ledger=ledger,
            for_ledger=request.POST.get("for_ledger") == "1",
            changes=changed_profile(file, request.POST),
            by=actor_of(request),
            at=timezone.now(),
        )
        done = run_act(request, act, _("The profile is kept, and the file is read by it."))
        return follow(request, done.value) if done else None

    def _context(
        self, request: HttpRequest, file: SourceFile, reading: Reading, ledger: Ledger | None
    ) -> dict[str, Any]:
        said, preview = reading.said, reading.preview
        header = list(preview.header) if preview is not None else []
        return {
            **self.admin_site.each_context(request),
            "title": _("How %(name)s is read") % {"name": file.filename},
            "opts": self.opts,
            "file": file,
            "asked": said.asked,
            "settings": said.settings(),
            "columns": said.columns(header or columns_named(reading)),
            "lacking": [message for _path, message in said.proposal.lacking],
            "faults": reading.faults,
            "preview": preview,
            "mapping": mapping_rows(preview) if preview is not None else [],
            "sums": sums_of(preview),
            "left_out": left_out(preview) if preview is not None else [],
            "against": reading.against(ledger),
            "may_keep": may(request, "imports:write") and may(request, "profiles:write"),
            "ledgers": Ledger.objects.of(file.organization_id).order_by("code"),
            "ledger": ledger,
            "name": request.POST.get("name", ""),
            "profiles": profiles_of(file),
            "changes": changed_profile(file, request.POST),
            "for_ledger": request.POST.get("for_ledger") == "1",
            "back": reverse("admin:reconciliation_fileimport_change", args=[file.pk]),
        }


def chosen_ledger(file: SourceFile, data: Mapping[str, Any]) -> Ledger | None:
    """As chosen on this page, else at the upload. Another organization's is as unknown as one that never was."""
    if file.stream_id is not None:
        return None
    text = str(data.get("ledger", file.ledger_id or ""))
    if not text.isdecimal() or len(text) > 18:
        return None
    return Ledger.objects.of(file.organization_id).filter(pk=text).first()


def profiles_of(file: SourceFile) -> QuerySet[ImportProfile]:
    current = ImportProfile.objects.of(file.organization_id).current()
    return current.filter(target=file.target).order_by("name")


def changed_profile(file: SourceFile, data: Mapping[str, Any]) -> ImportProfile | None:
    """The profile of which this is to be a new version; None: it is a new profile."""
    text = str(data.get("changes", ""))
    return profiles_of(file).filter(pk=text).first() if text.isdecimal() and len(text) < 19 else None


def read_as_said(file: SourceFile, said: Said, ledger: Ledger | None) -> Reading:
    reading = Reading(said, said.declaration(), into_stream=file.stream_id is not None)
    try:
        currency = ledger.currency if ledger else currency_of(file)
        reading.preview = preview_for(file, reading.declaration, currency=currency)
    except DeclarationError as error:
        reading.faults = [
            f"{'.'.join(str(part) for part in path)}: {message}" if path else message
            for path, message in error.issues
        ]
    return reading


def columns_named(reading: Reading) -> list[str]:
    """Where the table cannot be opened as said: at least the columns that the proposal found."""
    return [name for names in reading.said.base["columns"].values() for name in names]


def sums_of(preview: Preview | None) -> list[dict[str, Any]]:
    if preview is None:
        return []
    return [
        {
            "currency": row.currency,
            "places": exponent(row.currency),
            "lines": row.lines,
            "credit": row.credit_sum,
            "debit": row.debit_sum,
            "net": row.credit_sum - row.debit_sum,
        }
        for row in preview.sums
    ]
