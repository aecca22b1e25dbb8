"""The audit trail: searched, filtered, exported, verified. Read only: events are written by acts alone."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from organizations import audit
from organizations.actors import Actor, shown_names
from organizations.backoffice.acts import Act
from organizations.backoffice.base import ScopedModelAdmin
from organizations.backoffice.current import current_organization
from organizations.backoffice.history import facts_of, person, words
from organizations.models import AuditEvent


def verify(*, organization_id: int, by: Actor, at: datetime) -> audit.Verdict:
    """Walks the chain; looking is no act, so it leaves no event."""
    return audit.verify(organization_id)


class ActionFilter(admin.SimpleListFilter):
    """By the first word of the act ("match", "run", "api_key"): the list of all acts would be long and slow to gather."""

    title = gettext_lazy("kind of act")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        seen = AuditEvent.objects.filter(organization=current_organization(request)).order_by("-pk")
        recent = {action.partition(".")[0] for action in seen.values_list("action", flat=True)[:2_000]}
        return [(kind, kind.replace("_", " ")) for kind in sorted(recent)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(action__startswith=f"{self.value()}.") if self.value() else queryset


@admin.register(AuditEvent)
class AuditEventAdmin(ScopedModelAdmin):
    view_scope = "audit:read"
    nav_icon, nav_order = "history", 60
    nav_title = gettext_lazy("Audit trail")
    intro = gettext_lazy(
        "What was done, by whom, to what. Events are only ever added, and sealed into a chain."
    )
    empty_text = gettext_lazy("Nothing was done yet.")
    list_display = ("at", "who", "what", "subject_link", "number")
    list_display_links = ("what",)
    list_filter = ("at", ActionFilter)
    list_select_related = ("seal",)
    search_fields = ("=subject_id", "action", "actor")
    search_help_text = gettext_lazy("An act, a person (user:7), a key, or the number of a subject.")
    ordering = ("-pk",)
    fields = ("at", "who", "what", "subject_link", "others", "facts", "seal_text")
    readonly_fields = fields
    change_form_outer_after_template = ""

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        response = super().changelist_view(request, extra_context)
        shown = getattr(response, "context_data", None) or {}
        if "cl" in shown:  # names of the people on this page, in one query
            rows = shown["cl"].result_list
            names = shown_names(current_organization(request).pk, {row.actor for row in rows})
            for row in rows:
                row.shown_actor = names[row.actor]
        return response

    @display(description=gettext_lazy("Who"), ordering="actor")
    def who(self, obj: AuditEvent) -> str:
        known = getattr(obj, "shown_actor", None)
        return person(known or shown_names(obj.organization_id, [obj.actor])[obj.actor])

    @display(description=gettext_lazy("What"), ordering="action")
    def what(self, obj: AuditEvent) -> str:
        return words(obj.action)

    @display(description=gettext_lazy("About"))
    def subject_link(self, obj: AuditEvent) -> str:
        return self._linked(f"{obj.subject_type}:{obj.subject_id}")

    @display(description=gettext_lazy("Also about"))
    def others(self, obj: AuditEvent) -> str:
        own = f"{obj.subject_type}:{obj.subject_id}"
        others = [name for name in obj.subjects if name != own]
        shown = format_html_join(", ", "{}", ((self._linked(name),) for name in others[:100]))
        return format_html("{} {}", shown, "…" if len(others) > 100 else "") if others else "–"

    def _linked(self, name: str) -> str:
        """A subject as a link to its page, where it has one."""
        kind, _colon, key = name.partition(":")
        label = f"{kind.partition('.')[2] or kind} {key}".strip()
        if any(model._meta.label_lower == kind for model in self.admin_site._registry):
            url = reverse(f"admin:{kind.replace('.', '_')}_change", args=[key])
            return format_html('<a class="tieout-link" href="{}">{}</a>', url, label)
        return label

    @display(description=gettext_lazy("Facts"))
    def facts(self, obj: AuditEvent) -> str:
        rows = ((name, text) for name, text in facts_of(obj.data))
        return format_html_join("", '<div><span class="tieout-faint">{}:</span> {}</div>', rows) or "–"

    @display(description=gettext_lazy("Seal"))
    def number(self, obj: AuditEvent) -> str:
        seal = getattr(obj, "seal", None)
        return str(seal.number) if seal else _("waits")

    @display(description=gettext_lazy("Seal"))
    def seal_text(self, obj: AuditEvent) -> str:
        seal = getattr(obj, "seal", None)
        if seal is None:
            return _("It waits for its seal.")
        return format_html(
            '{} <span class="tieout-mono">{}</span>', _("Number %(n)s,") % {"n": seal.number}, seal.digest
        )

    def list_acts(self, request: HttpRequest) -> list[Act]:
        own = current_organization(request).pk
        run = partial(verify, organization_id=own)
        return [Act("verify", _("Verify the chain"), run, "audit:read", after=self._show_verdict)]

    def _show_verdict(self, request: HttpRequest, verdict: audit.Verdict) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": _("Audit trail"),
            "verdict": verdict,
            "back": reverse("admin:organizations_auditevent_changelist"),
        }
        return render(request, "admin/tieout/verdict.html", context)
