"""Runs: the list, a new one, and the page where people work on one (its parts: run_page, run_acts)."""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Case, Count, Exists, IntegerField, OuterRef, Q, QuerySet, Value, When
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from ledgers.backoffice import chip, count_cell, link_to, refs_of
from organizations.backoffice.acts import Act
from organizations.backoffice.current import actor_of, current_organization, may
from reconciliation.admin.base import ClearingModelAdmin
from reconciliation.admin.opening import opening_act
from reconciliation.admin.run_acts import RunActs
from reconciliation.admin.run_page import context_of
from reconciliation.admin.run_questions import RunQuestions
from reconciliation.admin.words import people, plainly
from reconciliation.models import Discrepancy, Pass, Run, RunSource
from reconciliation.selectors.runs import count_items, is_closed, last_pass, with_status
from reconciliation.services import passes, runs
from reconciliation.states import RunStatus

STATUS_LABELS = {
    "pending": "info",
    "running": "primary",
    "completed": "warning",
    "failed": "danger",
    "closed": "success",
}
FRAGMENT = "X-Tieout-Fragment"
MATCH_WAIT_SECONDS = min(settings.MATCH_WAIT_SECONDS, 3)
"""How long a person looks at the button after asking for a pass, before the page shows its progress instead."""


def status_words(status: str) -> str:
    return {
        "pending": _("new"),
        "running": _("matching"),
        "completed": _("to review"),
        "failed": _("failed"),
        "closed": _("finished"),
    }[status]


class NoteForm(forms.Form):
    note = forms.CharField(
        label=gettext_lazy("Name"), max_length=500, required=False, widget=UnfoldAdminTextInputWidget
    )


class StatusFilter(admin.SimpleListFilter):
    """By the status that people see: finished is derived from the run's lines, matches and discrepancies."""

    title = gettext_lazy("status")
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", _("not finished")), *((status, status_words(status)) for status in RunStatus.values)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        rows: QuerySet[Any] = with_status(queryset)
        if self.value() == "open":
            return rows.exclude(shown_status=RunStatus.CLOSED)
        if self.value() in RunStatus.values:
            return rows.filter(shown_status=self.value())
        return queryset


@admin.register(Run)
class RunAdmin(RunActs, RunQuestions, ClearingModelAdmin):
    view_scope = "reconciliations:read"
    add_scope = "imports:write"
    nav_group, nav_icon, nav_order = "work", "rule", 10
    intro = gettext_lazy(
        "A run holds bank statements against one ledger: upload files, match, review, until every line is explained."
    )
    empty_text = gettext_lazy("There is no run yet.")
    empty_steps = gettext_lazy(
        "Post or import the ledger's entries first, then start a run and upload the bank's statement file to it."
    )
    list_display = (
        "name",
        "ledger_link",
        "standing",
        "count_lines",
        "count_matched",
        "count_unmatched",
        "count_closed",
        "count_differences",
        "created_at",
        "maker",
    )
    list_filter = (StatusFilter, "ledger", "mode", "created_at")
    list_select_related = ("ledger",)
    search_fields = ("note", "ledger__code", "ledger__description", "=uuid")
    search_help_text = gettext_lazy("Name of the run, or code or name of its ledger")
    fields = ("ledger", "note", "mode")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(voided_at__isnull=True)

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        """Work first, the oldest on top: unread or failed runs, those with work known to be left, then the rest."""
        open_ones = Discrepancy.objects.open().filter(run=OuterRef("pk"))
        done = Case(
            When(~Q(status=RunStatus.COMPLETED) | Q(Exists(open_ones)), then=Value(0)),
            default=Value(1),
            output_field=IntegerField(),
        )
        return [done, "created_at", "pk"]

    def furnish(self, rows: list[Any]) -> None:
        count_items(rows)
        found = with_status(Run.objects.filter(pk__in=[row.pk for row in rows])).in_bulk()
        open_ones = dict(
            Discrepancy.objects.open().filter(run__in=list(found)).values_list("run").annotate(n=Count("pk"))
        )
        names = people(rows[0].organization_id, refs_of(rows, "created_by")) if rows else {}
        for row in rows:
            row.shown_status = found[row.pk].shown_status  # type: ignore[attr-defined]
            row.open_differences = open_ones.get(row.pk, 0)
            row.maker_name = names.get(row.created_by, "")

    @display(description=gettext_lazy("Run"), ordering="note")
    def name(self, obj: Run) -> str:
        return name_of(obj)

    @display(description=gettext_lazy("Ledger"), ordering="ledger__code")
    def ledger_link(self, obj: Run) -> str:
        return link_to(obj.ledger, ledger_name(obj))

    @display(description=gettext_lazy("Status"))
    def standing(self, obj: Any) -> str:
        return chip(status_words(obj.shown_status), STATUS_LABELS[obj.shown_status])

    @display(description=gettext_lazy("Lines"))
    def count_lines(self, obj: Any) -> str:
        return count_cell(obj.item_count)

    @display(description=gettext_lazy("Matched"))
    def count_matched(self, obj: Any) -> str:
        return count_cell(obj.matched_count)

    @display(description=gettext_lazy("Unmatched"))
    def count_unmatched(self, obj: Any) -> str:
        return count_cell(obj.unmatched_count + obj.partial_count)

    @display(description=gettext_lazy("Closed"))
    def count_closed(self, obj: Any) -> str:
        return count_cell(obj.closed_count)

    @display(description=gettext_lazy("Discrepancies"))
    def count_differences(self, obj: Any) -> str:
        return count_cell(obj.open_differences)

    def list_summary(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[tuple[str, str]]:
        """Discrepancies that keep these runs open: what all their lines sum up to would take as long as reading them."""
        left = Discrepancy.objects.open().filter(run__in=queryset.order_by().values("pk")).count()
        return [(_("Open discrepancies"), f"{left:,}")]

    @display(description=gettext_lazy("Started by"), ordering="created_by")
    def maker(self, obj: Any) -> str:
        return obj.maker_name

    # --- A new run ------------------------------------------------------------------------------------------------

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "note" and field is not None:
            field.widget = UnfoldAdminTextInputWidget()
            field.label = _("Name")
            field.help_text = _("What you call it: “March 2026, house bank”.")
        if db_field.name == "mode" and field is not None:
            field.help_text = _(
                "Matching starts when you say so in either mode. An automatic run is also matched again by itself whenever "
                "entries are posted to its ledger, or another run gives some back; never at upload."
            )
        return field

    def save_act(self, request: HttpRequest, obj: Run, form: Any, change: bool) -> Run:
        run, _made = runs.run_create(
            organization_id=current_organization(request).pk,
            ledger=form.cleaned_data["ledger"],
            note=form.cleaned_data["note"],
            mode=form.cleaned_data["mode"],
            by=actor_of(request),
            at=timezone.now(),
        )
        return run

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        only_one = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().add_view(request, form_url, {**only_one, **(extra_context or {})})

    def response_add(self, request: HttpRequest, obj: Run, post_url_continue: Any = None) -> HttpResponse:
        messages.success(request, _("The run is open. Upload the bank's statement file to it."))
        return HttpResponseRedirect(reverse("admin:reconciliation_run_change", args=[obj.pk]))

    # --- The page of one run --------------------------------------------------------------------------------------

    def run_or_404(self, request: HttpRequest, run_id: int | str) -> Run:
        """Another organization's run is as unknown as one that never was."""
        if not str(run_id).isdecimal() or len(str(run_id)) > 18:
            raise Http404
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = with_status(self.get_queryset(request)).select_related("ledger", "reconciliation")
        run = rows.filter(pk=run_id).first()
        if run is None:
            raise Http404(_("There is no such run."))
        return run

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        run: Any = self.run_or_404(request, object_id)
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        context = {
            **context_of(request, run),
            "run_status": run.shown_status,
            "run_status_label": status_words(run.shown_status),
            "run_status_type": STATUS_LABELS[run.shown_status],
            "acts": self.offered(request, run),
            "run_name": name_of(run),
            "maker": people(run.organization_id, [run.created_by])[run.created_by],
            "ledger_name": ledger_name(run),
            "history": self.history_lines(request, run),
            "may_read_audit": may(request, "audit:read"),
        }
        if request.headers.get(FRAGMENT):
            return render(request, "reconciliation/run_desk.html", context)
        page = {
            **self.admin_site.each_context(request),
            **context,
            **(extra_context or {}),
            "title": name_of(run),
            "opts": self.opts,
            "original": run,
            "change": True,
        }
        return render(request, "reconciliation/run.html", page)

    def currency_of(self, obj: Run) -> str:
        return obj.ledger.currency

    def acts(self, request: HttpRequest, obj: Run) -> list[Act]:
        newest = last_pass(obj)
        busy = newest is not None and newest.is_under_way
        under_way = _("Matching is under way.") if busy else ""
        no_files = (
            ""
            if RunSource.objects.filter(run=obj, live=True).exists()
            else _("Upload a statement file first.")
        )
        rows = [
            Act(
                "auto-match",
                _("Match automatically"),
                partial(plainly(passes.pass_request, obj), reconciliation=obj.reconciliation, run=obj),
                "matches:decide",
                against=under_way or no_files,
                after=self._waited,
            ),
            Act(
                "rename",
                _("Rename"),
                partial(runs.run_note, run=obj),
                "imports:write",
                form=NoteForm,
                initial={"note": obj.note},
                explain=_("What should this run be called?"),
                success=_("The run has its new name."),
            ),
            self._deletion(obj, under_way),
        ]
        if obj.ledger.opening_balance is None:
            rows.insert(1, opening_act(obj.ledger))
        if newest is not None and busy:
            rows.insert(1, self._cancelling(newest))
        return rows

    def _cancelling(self, newest: Pass) -> Act:
        return Act(
            "stop-matching",
            _("Stop matching"),
            partial(passes.pass_cancel, pass_=newest),
            "matches:decide",
            against=_("It is being stopped.") if newest.cancel_requested_at else "",
            success=_("Matching stops. What it found so far stays."),
        )

    def _deletion(self, run: Run, under_way: str) -> Act:
        finished = _("It is finished. Reopen one of its lines first.") if is_closed(run) else ""
        return Act(
            "delete",
            _("Delete"),
            partial(plainly(runs.run_void, run), run=run),
            "imports:write",
            against=under_way or finished,
            danger=True,
            explain=_(
                "Its files, lines, matches and discrepancies go with it. The ledger's entries stay and are open again."
            ),
            success=_("The run is deleted."),
            after=lambda request, _none: HttpResponseRedirect(reverse("admin:reconciliation_run_changelist")),
        )

    def _waited(self, request: HttpRequest, asked: Pass) -> None:
        """A short pass is over while the person waits; of a longer one the page shows how far it is."""
        done = passes.pass_wait(asked.pk, seconds=MATCH_WAIT_SECONDS)
        if done.error:
            messages.error(request, done.error)
        elif not done.is_under_way:
            found = ngettext("Matched: %(n)s line.", "Matched: %(n)s lines.", done.matched) % {
                "n": done.matched
            }
            messages.success(request, found if done.matched else _("Nothing new was found to match."))


def name_of(run: Run) -> str:
    return run.note or _("Run %(id)s") % {"id": run.pk}


def ledger_name(run: Run) -> str:
    return f"{run.ledger.code} {run.ledger.description}".strip()
