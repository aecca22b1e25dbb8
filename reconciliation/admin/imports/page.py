"""The list of imports with the form to upload many files at once, and the page of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import display

from ledgers.backoffice import chip, count_cell, link_to, refs_of
from ledgers.models import Ledger
from ledgers.states import UNFINISHED, UNREAD, SourceFileStatus
from organizations.backoffice.acts import Act
from organizations.backoffice.current import current_organization, may
from reconciliation.admin.base import ClearingModelAdmin
from reconciliation.admin.imports.acts import MAPPING_ACT, acts_of
from reconciliation.admin.imports.mapping import ImportMapping
from reconciliation.admin.imports.proofs import proofs_of
from reconciliation.admin.imports.uploads import ImportUploads
from reconciliation.admin.original import Original
from reconciliation.admin.runs import name_of
from reconciliation.admin.words import people
from reconciliation.models import FileImport
from reconciliation.selectors.imports import Facts, facts_of, original_lines
from reconciliation.services.account_routes import NO_ACCOUNT, UNKNOWN_ACCOUNT

FAULTS_SHOWN = 100
NAMES_SHOWN = 3
TONES = {"completed": "success", "failed": "danger", "mapping_required": "warning"}
WAITING_CODES = (UNKNOWN_ACCOUNT, NO_ACCOUNT)
"""Refusals that a person settles here, without another file."""


class StandingFilter(admin.SimpleListFilter):
    title = gettext_lazy("standing")
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("waits", _("needs you")),
            ("reading", _("being read")),
            ("taken", _("imported")),
            ("undone", _("undone or replaced")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        live = Q(voided_at__isnull=True)
        wanted = {
            "waits": live & Q(status__in=UNREAD),
            "reading": live & Q(status__in=UNFINISHED),
            "taken": live & Q(status=SourceFileStatus.COMPLETED),
            "undone": ~live,
        }.get(self.value() or "")
        return queryset if wanted is None else queryset.filter(wanted)


@admin.register(FileImport)
class FileImportAdmin(ImportUploads, ImportMapping, Original, ClearingModelAdmin):
    view_scope = "reconciliations:read"
    nav_group, nav_icon, nav_order, nav_title = "files", "upload_file", 5, gettext_lazy("Import")
    list_before_template = "reconciliation/imports_before.html"
    change_form_outer_before_template = "reconciliation/import_before.html"
    intro = gettext_lazy(
        "Upload bank files of any account at once. Each statement goes to the ledger of its account; a file is taken whole "
        "or not at all."
    )
    empty_text = gettext_lazy("Nothing was imported here yet.")
    empty_steps = gettext_lazy("Choose files above, as many as you like, and upload them.")
    list_display = (
        "filename",
        "state",
        "accounts",
        "count_read",
        "count_new",
        "count_known",
        "count_suspect",
        "count_refused",
        "sums",
        "continuity",
        "run_links",
        "format",
        "created_at",
        "uploader",
    )
    list_filter = (StandingFilter, "format", "created_at")
    search_fields = ("filename", "=checksum_sha256", "parts__statements__bank_account__identifier")
    search_help_text = gettext_lazy("Name of the file, number of an account, or SHA-256")
    ordering = ("-created_at", "-pk")
    fields = (
        "state",
        "accounts",
        "format",
        "profile_name",
        "count_read",
        "count_new",
        "count_known",
        "count_suspect",
        "count_pending",
        "count_refused",
        "size",
        "digest",
        "original",
        "created_at",
        "uploader",
        "finished_at",
    )
    readonly_fields = fields

    class Media:
        js = ("reconciliation/imports.js",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: Any = super().get_queryset(request)
        return rows.imported().select_related("profile", "ledger", "stream__bank_account")

    def furnish(self, rows: list[Any]) -> None:
        if not rows:
            return
        names = people(rows[0].organization_id, refs_of(rows, "created_by"))
        facts = facts_of(rows)
        for row in rows:
            row.uploader_name, row.facts = names.get(row.created_by, ""), facts[row.pk]

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        found = super().get_object(request, object_id, from_field)
        if found is not None:
            self.furnish([found])
            found.may_read_original = may(request, "imports:read")
        return found

    def history_subjects(self, obj: Any) -> list[tuple[str, int | str]]:
        return [("ledgers.sourcefile", obj.pk)]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        ledgers = Ledger.objects.of(current_organization(request).pk).order_by("code")
        context = {"upload_ledgers": ledgers, "may_import": may(request, "imports:write")}
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def list_summary(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[tuple[str, str]]:
        live = Q(voided_at__isnull=True)
        sums = (
            queryset.order_by()
            .distinct()
            .aggregate(
                new=Sum("imported_count", filter=live),
                waits=Count("pk", filter=live & Q(status__in=UNREAD)),
                reading=Count("pk", filter=live & Q(status__in=UNFINISHED)),
            )
        )
        return [
            (_("New lines"), f"{sums['new'] or 0:,}"),
            (_("Need you"), f"{sums['waits']:,}"),
            (_("Being read"), f"{sums['reading']:,}"),
        ]

    # --- Columns and facts ------------------------------------------------------------------------------------------

    @display(description=gettext_lazy("Standing"), ordering="status")
    def state(self, obj: Any) -> str:
        if obj.voided_at is not None:
            return chip(_("undone") if obj.status == SourceFileStatus.COMPLETED else _("replaced"))
        if obj.status in UNFINISHED:
            text = _("waiting") if obj.status == SourceFileStatus.UPLOADED else _("being read")
            return format_html("<span data-unfinished>{}</span>", chip(text, "info"))
        if obj.error_code in WAITING_CODES:
            return chip(_("needs you"), "warning")
        if obj.facts.parts and not any(part.live for part in obj.facts.parts):
            return chip(_("taken out of its runs"))
        words = {
            SourceFileStatus.COMPLETED: _("imported"),
            SourceFileStatus.FAILED: _("refused"),
            SourceFileStatus.MAPPING_REQUIRED: _("needs you"),
        }
        return chip(words[obj.status], TONES[obj.status])

    @display(description=gettext_lazy("Accounts or stream"))
    def accounts(self, obj: Any) -> str:
        if obj.stream is not None:
            return link_to(obj.stream)
        names = obj.facts.accounts or [each["account"] or "–" for each in obj.skipped_statements]
        return ", ".join(names[:NAMES_SHOWN]) + more_of(len(names), NAMES_SHOWN) or "–"

    @display(description=gettext_lazy("Rows read"))
    def count_read(self, obj: Any) -> str:
        if obj.status != SourceFileStatus.COMPLETED:
            return count_cell(None)
        return count_cell(obj.imported_count + obj.already_known_count)

    @display(description=gettext_lazy("New"), ordering="imported_count")
    def count_new(self, obj: Any) -> str:
        return count_cell(obj.imported_count if obj.status == SourceFileStatus.COMPLETED else None)

    @display(description=gettext_lazy("Known"), ordering="already_known_count")
    def count_known(self, obj: Any) -> str:
        return count_cell(obj.already_known_count if obj.status == SourceFileStatus.COMPLETED else None)

    @display(description=gettext_lazy("Suspect"), ordering="suspect_count")
    def count_suspect(self, obj: Any) -> str:
        return count_cell(obj.suspect_count)

    @display(description=gettext_lazy("Not booked yet, skipped"), ordering="pending_count")
    def count_pending(self, obj: Any) -> str:
        return count_cell(obj.pending_count)

    @display(description=gettext_lazy("Refused"), ordering="error_row_count")
    def count_refused(self, obj: Any) -> str:
        return count_cell(obj.error_row_count)

    @display(description=gettext_lazy("Sums"))
    def sums(self, obj: Any) -> str:
        """Whether opening and lines give closing, over all statements."""
        gaps = [row.gap for row in obj.facts.statements]
        return verdict(gaps, _("add up"), lambda n: _("%(n)s off") % {"n": n})

    @display(description=gettext_lazy("Follows on"))
    def continuity(self, obj: Any) -> str:
        """Whether each statement opens as the one before it in its account closed."""
        steps = [row.step for row in obj.facts.statements]
        return verdict(steps, _("yes"), lambda n: ngettext("%(n)s gap", "%(n)s gaps", n) % {"n": n})

    @display(description=gettext_lazy("Runs"))
    def run_links(self, obj: Any) -> str:
        facts: Facts = obj.facts
        links = [(link_to(run, f"{run.ledger.code}: {name_of(run)}"),) for run in facts.runs[:NAMES_SHOWN]]
        more = more_of(len(facts.runs), NAMES_SHOWN)
        return format_html("{}{}", format_html_join(", ", "{}", links), more) if links else "–"

    @display(description=gettext_lazy("Import profile"))
    def profile_name(self, obj: Any) -> str:
        return str(obj.profile) if obj.profile is not None else "–"

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        file = kwargs.get("obj")
        if file is not None:
            faults = faults_of(file) if file.error_message else []
            context |= {
                "file": file,
                "parts": file.facts.parts,
                "proofs": proofs_of(file.facts) if file.voided_at is None else [],
                "faults": faults,
                "more_faults": max(file.error_row_count - len(faults), 0),
            }
        return super().render_change_form(request, context, *args, **kwargs)

    def sentence(self, request: HttpRequest, obj: Any) -> str:
        if obj.voided_at is not None:
            return _("This import was undone: nothing of it stands, unless another file says it too.")
        if obj.status in UNFINISHED:
            return _("This file is being read. Nothing of it is shown until all of it is.")
        if obj.status == SourceFileStatus.COMPLETED:
            return _("%(new)s new lines were taken from this file, %(known)s were known already.") % {
                "new": obj.imported_count,
                "known": obj.already_known_count,
            }
        if obj.status == SourceFileStatus.MAPPING_REQUIRED:
            return _("Nobody has said yet how to read this file. Choose a profile, or say how it is read.")
        if obj.error_code in WAITING_CODES:
            return _("This file waits for one answer; then it is read without being uploaded again.")
        return _("This file was refused, and nothing of it was taken. See below what is wrong in it.")

    # --- Acts -------------------------------------------------------------------------------------------------------

    def acts(self, request: HttpRequest, obj: Any) -> list[Act]:
        return acts_of(obj)

    def act_url(self, act: Act, obj: Any) -> str:
        if act.name == MAPPING_ACT:
            return reverse("admin:reconciliation_fileimport_mapping", args=[obj.pk])
        return super().act_url(act, obj)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("upload/", view(self.upload_view), name="reconciliation_fileimport_upload"),
            self.original_url(),
            path(
                "<int:file_id>/mapping/",
                view(self.mapping_view),
                name="reconciliation_fileimport_mapping",
            ),
            *super().get_urls(),
        ]


def faults_of(file: Any) -> list[dict[str, Any]]:
    """The first faults with the text of their lines as it stands in the file, for those who may read originals."""
    rows = [dict(row) for row in file.error_rows[:FAULTS_SHOWN]]
    texts = original_lines(file, [row["line"] for row in rows]) if file.may_read_original else {}
    return [{**row, "text": texts.get(row["line"], "")} for row in rows]


def more_of(count: int, shown: int) -> str:
    return f" (+{count - shown})" if count > shown else ""


def verdict(gaps: list[int | None], good: str, bad: Callable[[int], str]) -> str:
    """One label over many statements: of which none is off, some are, or nothing is stated."""
    off = sum(1 for gap in gaps if gap)
    if off:
        return chip(bad(off), "danger")
    return chip(good, "success") if any(gap is not None for gap in gaps) else "–"
