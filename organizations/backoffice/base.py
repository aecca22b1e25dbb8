"""`ScopedModelAdmin`: the base of every page of the back office. One organization at a time, permissions by role.

What a page adds is declared: `organization_path`, scopes, `acts`, `list_summary`, `sentence`. Rows are written by
services inside `perform`, never by Django's own saving; Django's LogEntry and auth permissions are not used.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ImproperlyConfigured
from django.db.models import ForeignKey, ManyToManyField, Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin, StackedInline, TabularInline
from unfold.views import ChangeList

from organizations.acts import perform
from organizations.backoffice.act_views import ActsMixin
from organizations.backoffice.current import current_organization, may
from organizations.backoffice.export_views import ExportsMixin
from organizations.backoffice.filters import scoped_filter
from organizations.backoffice.history import Line, history_of
from organizations.backoffice.paginator import CappedPaginator
from organizations.backoffice.scoping import narrowed, rows_of
from organizations.refusals import Refusal


class RefusalForm(forms.ModelForm):
    """A form that shows why the service refused what the person entered, beside the fields that it names."""

    refusal: ClassVar[Refusal | None] = None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.refusal is not None:
            placed = [issue for issue in self.refusal.issues if str(issue["path"][-1:][0]) in self.fields]
            for issue in placed:
                self.add_error(str(issue["path"][-1]), issue["message"])
            if not placed:
                self.add_error(None, self.refusal.message)
        return cleaned


class OutsideTransactions(admin.ModelAdmin):
    """Takes Django's transaction off the change form: `perform` must be the outermost one, for it may run again.

    Stands last in the bases, so that unfold's own wrapping of the same view stays.
    """

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        try:
            return self._changeform_view(request, object_id, form_url, extra_context)  # type: ignore[attr-defined]
        except Refusal as refusal:
            request.tieout_refusal = refusal  # type: ignore[attr-defined]  # the form reads it, and is invalid
            return self._changeform_view(request, object_id, form_url, extra_context)  # type: ignore[attr-defined]


class FilteredList(ChangeList):
    """Counts the filtered rows only: a second count of all rows would cost as much and tell little."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.full_result_count = self.result_count


class ScopedFieldsMixin:
    """Choices of foreign keys, and permissions, by the chosen organization. For pages and inlines alike."""

    view_scope: str = ""
    add_scope: str = ""  # empty: nobody may, on this page
    change_scope: str = ""
    organization_path: str | None = None
    admin_site: admin.AdminSite
    model: type[Model]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, self.view_scope) or self.has_change_permission(request, obj)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, self.add_scope)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, self.change_scope)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # nothing is deleted: ending, revoking and voiding are acts

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def _may(self, request: HttpRequest, scope: str) -> bool:
        return bool(scope) and may(request, scope)

    def formfield_for_foreignkey(self, db_field: ForeignKey, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs["queryset"] = self._choices(db_field, request, kwargs.get("queryset"))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]

    def formfield_for_manytomany(self, db_field: ManyToManyField, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs["queryset"] = self._choices(db_field, request, kwargs.get("queryset"))
        return super().formfield_for_manytomany(db_field, request, **kwargs)  # type: ignore[misc]

    def _choices(self, field: Any, request: HttpRequest, given: QuerySet[Any] | None) -> QuerySet[Any]:
        """Rows of the same organization, further narrowed where the page gave a queryset of its own."""
        own = rows_of(field.remote_field.model, request, self.admin_site)
        return own if given is None else given.filter(pk__in=own.values("pk"))


class ScopedModelAdmin(ScopedFieldsMixin, ActsMixin, ExportsMixin, ModelAdmin, OutsideTransactions):
    """A page over one model, of which it shows the rows of the chosen organization.

    `organization_path` is the lookup from the model to its organization ("organization", "ledger__organization").
    `view_scope` is needed to see it at all; `add_scope` and `change_scope` open Django's forms, whose data then goes
    to `save_act`. Everything else that changes rows is declared by `acts` and `list_acts`.
    """

    organization_path: str = "organization"
    form = RefusalForm
    list_per_page = 25
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # a count per choice of every filter would read the table many times
    paginator = CappedPaginator
    list_filter_submit = True
    list_before_template = "admin/tieout/list_before.html"
    change_form_outer_before_template = "admin/tieout/detail_before.html"
    change_form_outer_after_template = "admin/tieout/detail_after.html"

    # In the sidebar: which group, which of Material Symbols' icons, and the place within the group.
    nav_group: str = "organization"
    nav_icon: str = "list"
    nav_order: int = 50
    nav_title: Any = ""

    intro: Any = ""  # one sentence above the list: what these things are
    empty_text: Any = gettext_lazy("There is nothing here yet.")
    empty_steps: Any = ""  # what to do next where there is nothing

    # --- What a page may say more -----------------------------------------------------------------------------

    def list_summary(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[tuple[str, str]]:
        """Totals of the filtered rows, as (label, text), shown on top beside their number. Sums never mix currencies."""
        return []

    def sentence(self, request: HttpRequest, obj: Any) -> str:
        """What this one is, in one sentence, on top of its page."""
        return ""

    def history_subjects(self, obj: Any) -> list[tuple[str, int | str]]:
        """Under which names the audit trail knows this one: itself, and what belongs to it."""
        return [(obj._meta.label_lower, obj.pk)]

    def history_lines(self, request: HttpRequest, obj: Any) -> Sequence[Line]:
        """What has happened to it, newest first. A floor that knows the words of its acts tells them better."""
        return history_of(current_organization(request).pk, self.history_subjects(obj))

    def save_act(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> Any:
        """Call the service that makes or changes the row, from `form.cleaned_data`; gives the row. Inside `perform`.

        `obj` already carries the new values in memory: read the stored row again (`self.stored`) where before matters.
        """
        raise ImproperlyConfigured(f"{type(self).__name__} opens a form, so it needs save_act")

    # --- One organization at a time ---------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = narrowed(super().get_queryset(request), request, self.organization_path)
        related = self.list_select_related
        return rows.select_related(*related) if related and not isinstance(related, bool) else rows

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return FilteredList

    def stored(self, request: HttpRequest, obj: Any) -> Any:
        """The row as it is stored, for services that compare before and after."""
        return self.get_queryset(request).get(pk=obj.pk)

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        return [scoped_filter(entry, self.model) for entry in super().get_list_filter(request)]

    # --- Writing: by services, without Django's log -------------------------------------------------------------

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        return type(form.__name__, (form,), {"refusal": getattr(request, "tieout_refusal", None)})

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        saved = perform(partial(self.save_act, request, obj, form, change))
        obj.pk = saved.pk

    def log_addition(self, *args: Any, **kwargs: Any) -> Any:
        """Nothing: the service wrote the audit event."""

    log_change = log_addition
    log_deletions = log_addition

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        raise Http404  # Django's own log; the history from the audit trail stands on the page itself

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        raise Http404

    # --- Pages --------------------------------------------------------------------------------------------------

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        extra_context = {
            **(extra_context or {}),
            "intro": self.intro,
            "empty_text": self.empty_text,
            "empty_steps": self.empty_steps,
            "list_acts": self.offered(request, None),
            "exports": self.export_links(request),
        }
        response = super().changelist_view(request, extra_context)
        shown = getattr(response, "context_data", None)
        if isinstance(response, TemplateResponse) and shown and "cl" in shown:
            shown["summary"] = self._summary(request, shown["cl"])
        return response

    def _summary(self, request: HttpRequest, cl: Any) -> list[tuple[str, str]]:
        count = f"{cl.result_count:,}" + ("+" if getattr(cl.paginator, "is_capped", False) else "")
        return [(_("Count"), count), *self.list_summary(request, cl.queryset)]

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        obj = kwargs.get("obj")
        if obj is not None and obj.pk is not None:
            context["sentence"] = self.sentence(request, obj)
            context["acts"] = self.offered(request, obj)
            context["history"] = self.history_lines(request, obj)
            context["may_read_audit"] = may(request, "audit:read")
        return super().render_change_form(request, context, *args, **kwargs)


class ScopedInlineMixin(ScopedFieldsMixin):
    """Rows beneath their parent, which is scoped already: read only, and without a way to add or delete."""

    extra = 0
    max_num = 0
    can_delete = False
    show_change_link = False


class ScopedTabularInline(ScopedInlineMixin, TabularInline):
    pass


class ScopedStackedInline(ScopedInlineMixin, StackedInline):
    pass


__all__: Sequence[str] = ["RefusalForm", "ScopedModelAdmin", "ScopedStackedInline", "ScopedTabularInline"]
