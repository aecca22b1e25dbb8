"""The queue of exceptions, and the page of one: what is overdue of a stream in a reconciliation, and what people do about it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import display

from exceptions_app.admin import bulk
from exceptions_app.admin.acts import exception_acts
from exceptions_app.admin.cells import (
    buckets_cell,
    days_words,
    investigation_chip,
    none_left_words,
    oldest_days,
    owners_cell,
    status_chip,
    value_cell,
    values_of,
)
from exceptions_app.admin.filters import AgeFilter, OwnerFilter, StatusFilter
from exceptions_app.admin.findings import FindingTaking
from exceptions_app.admin.history import exception_history_lines
from exceptions_app.admin.page import page_context
from exceptions_app.admin.sweeps import last_sweep_words
from exceptions_app.models import Assignee, Investigation, ReconciliationException
from exceptions_app.selectors.aggregates import Aggregates, aggregates_of
from exceptions_app.states import InvestigationStatus
from ledgers.amounts import major, shown
from ledgers.backoffice import count_cell, link_to
from organizations.backoffice.acts import Act
from organizations.backoffice.current import current_organization, may
from organizations.backoffice.filters import ScopedRelatedFilter
from organizations.backoffice.history import Line
from reconciliation.admin.base import ClearingModelAdmin, asked_act
from reconciliation.admin.words import moment, one_person

SUMMED_MAX = 500
"""Exceptions whose records are added up on top of the queue; of more it says only how many there are."""
REFRESH_SECONDS = 5


@admin.register(ReconciliationException)
class ExceptionAdmin(FindingTaking, ClearingModelAdmin):
    organization_path = "reconciliation__organization"
    view_scope = "exceptions:read"
    nav_group, nav_icon, nav_order = "work", "notification_important", 15
    nav_title = gettext_lazy("Exceptions")
    intro = gettext_lazy(
        "Records that have waited longer than their reconciliation allows, one exception per stream. What is matched or closed"
        " leaves it by itself."
    )
    empty_text = gettext_lazy("Nothing is overdue.")
    empty_steps = gettext_lazy(
        "Exceptions open by themselves once a reconciliation says when its items are overdue: Rules, Reconciliations, a"
        " reconciliation, “Say when items are overdue”."
    )
    list_display = (
        "name",
        "books",
        "state",
        "count_records",
        "amount_value",
        "amount_oldest",
        "ages",
        "owners",
        "found",
    )
    list_filter = (
        StatusFilter,
        OwnerFilter,
        AgeFilter,
        ("reconciliation", ScopedRelatedFilter),
        ("stream", ScopedRelatedFilter),
        "opened_at",
    )
    list_select_related = ("reconciliation", "stream")
    search_fields = ("title", "description", "reconciliation__name", "stream__name", "stream__key", "=pk")
    search_help_text = gettext_lazy("Title or description, or the name of its reconciliation or stream")
    actions = ("assign_ticked", "resolve_ticked", "dismiss_ticked")
    ordering = ("opened_at", "pk")  # what has been open the longest comes first
    list_before_template = "exceptions_app/queue_before.html"
    change_form_outer_before_template = "exceptions_app/exception_before.html"
    change_form_outer_after_template = "exceptions_app/exception_after.html"
    fields = (
        "description_shown",
        "reconciliation_link",
        "stream_link",
        "opened_at",
        "closed",
        "slice_changed_at",
        "created_at",
    )
    readonly_fields = fields
    export_columns = (
        ("Exception", lambda row: row.pk),
        ("Title", lambda row: row.title),
        ("Reconciliation", lambda row: row.reconciliation.name),
        ("Stream", lambda row: row.stream.name),
        ("Status", lambda row: row.status),
        ("Records", lambda row: row.aggregates.record_count),
        ("Value", lambda row: major_of(row.aggregates)),
        ("Currency", lambda row: row.aggregates.figures.currency or ""),
        ("All currencies", lambda row: "; ".join(values_of(row.aggregates))),
        ("Oldest, days overdue", lambda row: row.oldest),
        *(
            (
                f"Overdue {bucket}",
                partial(lambda row, bucket: row.aggregates.age_buckets[bucket].count, bucket=bucket),
            )
            for bucket in Aggregates().age_buckets
        ),
        ("Owners", lambda row: ", ".join(row.owner_names)),
        ("New since closed", lambda row: row.aggregates.new_since_closed),
        ("Opened", lambda row: row.opened_at),
        ("Closed", lambda row: row.closed_at),
    )

    class Media:
        css = {"all": ["exceptions_app/exceptions.css"]}

    # --- rows -----------------------------------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        live = ReconciliationException.objects.live()
        return super().get_queryset(request).filter(pk__in=live.values("pk"))

    def furnish(self, rows: list[Any]) -> None:
        """Each with its figures, owners and newest investigation; three queries."""
        at = timezone.now()
        found = aggregates_of(rows, at=at)
        owners: dict[int, list[str]] = defaultdict(list)
        assigned = Assignee.objects.filter(exception__in=rows).select_related("user").order_by("pk")
        for each in assigned:
            owners[each.exception_id].append(each.user.shown_name)
        newest = Investigation.objects.filter(exception__in=rows).order_by("exception_id", "-pk")
        looked = {each.exception_id: each for each in newest.distinct("exception_id")}
        for row in rows:
            row.aggregates, row.owner_names = found[row.pk], owners[row.pk]
            row.oldest, row.newest = oldest_days(found[row.pk], at), looked.get(row.pk)

    @display(description=gettext_lazy("Exception"), ordering="title")
    def name(self, obj: ReconciliationException) -> str:
        return obj.title

    @display(description=gettext_lazy("Reconciliation, stream"), ordering="reconciliation__name")
    def books(self, obj: ReconciliationException) -> str:
        return format_html("{}<br><small>{}</small>", link_to(obj.reconciliation), link_to(obj.stream))

    @display(description=gettext_lazy("Reconciliation"))
    def reconciliation_link(self, obj: ReconciliationException) -> str:
        return link_to(obj.reconciliation)

    @display(description=gettext_lazy("Stream"))
    def stream_link(self, obj: ReconciliationException) -> str:
        return link_to(obj.stream)

    @display(description=gettext_lazy("Status, since"), ordering="opened_at")
    def state(self, obj: ReconciliationException) -> str:
        since = obj.opened_at if obj.is_active else obj.closed_at
        day = timezone.localtime(since).date() if since is not None else ""
        return format_html('{}<br><small class="tieout-faint">{}</small>', status_chip(obj), day)

    @display(description=gettext_lazy("Records"))
    def count_records(self, obj: Any) -> str:
        cell = count_cell(obj.aggregates.record_count)
        if new := obj.aggregates.new_since_closed:
            text = ngettext("%(n)s new since it was closed", "%(n)s new since it was closed", new)
            return format_html('{} <small class="tieout-bad">{}</small>', cell, text % {"n": f"{new:,}"})
        if obj.is_active and not obj.aggregates.record_count:
            return format_html('{} <small class="tieout-faint">{}</small>', cell, none_left_words(obj))
        return cell

    @display(description=gettext_lazy("Value"))
    def amount_value(self, obj: Any) -> str:
        return value_cell(obj.aggregates)

    @display(description=gettext_lazy("Oldest"))
    def amount_oldest(self, obj: Any) -> str:
        return format_html('<span class="tieout-amount">{}</span>', days_words(obj.oldest))

    @display(description=gettext_lazy("Days overdue"))
    def ages(self, obj: Any) -> str:
        return buckets_cell(obj.aggregates)

    @display(description=gettext_lazy("Owners"))
    def owners(self, obj: Any) -> str:
        return owners_cell(obj.owner_names)

    @display(description=gettext_lazy("Investigation"))
    def found(self, obj: Any) -> str:
        return investigation_chip(obj.newest)

    @display(description=gettext_lazy("Description"))
    def description_shown(self, obj: ReconciliationException) -> str:
        return obj.description or "–"

    @display(description=gettext_lazy("Closed"))
    def closed(self, obj: ReconciliationException) -> str:
        if obj.closed_at is None:
            return "–"
        who = one_person(obj.reconciliation.organization_id, obj.closed_by) if obj.closed_by else "–"
        return _("By %(who)s on %(when)s") % {"who": who, "when": moment(obj.closed_at)}

    # --- the list -------------------------------------------------------------------------------------------------------

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        swept, tone = last_sweep_words(current_organization(request).pk)
        results = request.session.pop(bulk.RESULTS, []) if request.method == "GET" else []
        extra = {"swept": swept, "swept_tone": tone, "results": results}
        return super().changelist_view(request, {**(extra_context or {}), **extra})

    def _summary(self, request: HttpRequest, cl: Any) -> list[tuple[str, str]]:
        """Of a list of one page what its rows have read already is added up."""
        head, *_totals = super()._summary(request, cl)
        rows = list(cl.result_list)
        if cl.result_count > SUMMED_MAX:
            return [head]
        if cl.result_count <= len(rows):
            return [head, *_added_up([row.aggregates for row in rows])]
        found = aggregates_of(list(cl.queryset[:SUMMED_MAX]), at=timezone.now())
        return [head, *_added_up(list(found.values()))]

    def list_acts(self, request: HttpRequest) -> list[Act]:
        asked = asked_act(request)
        return [bulk.bulk_act(request, asked)] if asked in (bulk.ASSIGN, bulk.RESOLVE, bulk.DISMISS) else []

    def has_work_permission(self, request: HttpRequest) -> bool:
        return may(request, bulk.SCOPE)

    @admin.action(description=gettext_lazy("Assign the ticked exceptions …"), permissions=["work"])
    def assign_ticked(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        return bulk.ask_about(request, queryset, bulk.ASSIGN)

    @admin.action(description=gettext_lazy("Resolve the ticked exceptions …"), permissions=["work"])
    def resolve_ticked(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        return bulk.ask_about(request, queryset, bulk.RESOLVE)

    @admin.action(description=gettext_lazy("Dismiss the ticked exceptions …"), permissions=["work"])
    def dismiss_ticked(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        return bulk.ask_about(request, queryset, bulk.DISMISS)

    # --- one exception --------------------------------------------------------------------------------------------------

    def sentence(self, request: HttpRequest, obj: ReconciliationException) -> str:
        about = {"stream": obj.stream.name, "reconciliation": obj.reconciliation.name}
        if obj.is_active:
            return (
                _("Records of %(stream)s that %(reconciliation)s has not cleared in the time it allows.")
                % about
            )
        return (
            _(
                "Records of %(stream)s that %(reconciliation)s has not cleared in the time it allows. It is closed; a record"
                " that becomes overdue from now on opens it again."
            )
            % about
        )

    def history_lines(self, request: HttpRequest, obj: Any) -> Sequence[Line]:
        return exception_history_lines(current_organization(request).pk, self.history_subjects(obj))

    def acts(self, request: HttpRequest, obj: ReconciliationException) -> list[Act]:
        return exception_acts(request, obj)

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        obj = kwargs.get("obj")
        if obj is not None:
            context |= page_context(request, obj, at=timezone.now())
            context |= {
                "status_chip": status_chip(obj),
                "may_write": may(request, bulk.SCOPE),
                "may_decide": may(request, "matches:decide"),
                "none_left": none_left_words(obj) if obj.is_active else "",
            }
        answer = super().render_change_form(request, context, *args, **kwargs)
        found = context.get("investigation")
        if found is not None and found.is_under_way and found.status != InvestigationStatus.FAILED:
            answer.headers["Refresh"] = str(REFRESH_SECONDS)
        return answer


def _added_up(found: Sequence[Aggregates]) -> list[tuple[str, str]]:
    """Records, and a value per currency."""
    records = sum(each.record_count for each in found)
    sums: dict[tuple[str, int], int] = defaultdict(int)
    for each in found:
        for figures in each.by_currency:
            sums[figures.currency or "", figures.decimal_places] += figures.total_amount
    values = [
        (_("Value"), shown(amount, places, currency, plus=True))
        for (currency, places), amount in sorted(sums.items())
    ]
    return [(_("Records"), f"{records:,}"), *values]


def major_of(found: Aggregates) -> Any:
    figures = found.figures
    return major(figures.total_amount, figures.decimal_places) if figures.currency else None
