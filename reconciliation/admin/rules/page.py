"""Rules: the list of all, and one rule with its sentences, what it decides, and its revisions."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldBooleanSwitchWidget

from ledgers.backoffice import chip, link_to
from organizations.actors import Actor
from organizations.backoffice.acts import Act
from organizations.backoffice.current import may
from reconciliation.admin.base import ClearingModelAdmin
from reconciliation.admin.rules.editing import RuleEditing
from reconciliation.admin.rules.links import rule_links
from reconciliation.admin.rules.ordering import SCOPE
from reconciliation.admin.rules.told import (
    STATUS_LABELS,
    conditions_of,
    edit_url,
    gathering_of,
    order_url,
    percent,
    revisions_of,
    sides_of,
)
from reconciliation.admin.words import plainly
from reconciliation.selectors.agent import reasoning_of
from reconciliation.services.rules import rule_activate, rule_change, rule_discard, rule_void
from rules.engine import RuleErrors, parse_rule
from rules.engine.confidence import may_accept
from rules.models import Rule
from rules.selectors import newest_revision
from rules.states import RuleSource, RuleStatus

RATINGS = {"high": "success", "medium": "info", "low": "warning"}


class AcceptForm(forms.Form):
    auto_accept = forms.BooleanField(
        label=gettext_lazy("Accept by itself"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text=gettext_lazy("Matches that are sure enough need nobody's decision."),
    )
    accept_at = forms.DecimalField(
        label=gettext_lazy("From this confidence on"),
        min_value=0,
        max_value=1,
        decimal_places=3,
        widget=UnfoldAdminDecimalFieldWidget,
        help_text=gettext_lazy("0.99 lets through what is right in 99 of 100 cases by our own estimate."),
    )


def accept_change(*, rule: Rule, auto_accept: bool, accept_at: Decimal, by: Actor, at: datetime) -> Rule:
    changes = {"auto_accept": auto_accept, "accept_at": accept_at}
    return rule_change(rule=rule, changes=changes, by=by, at=at)


@admin.register(Rule)
class RuleAdmin(RuleEditing, ClearingModelAdmin):
    view_scope = "reconciliations:read"
    nav_group, nav_icon, nav_order = "rules", "rule_settings", 20
    intro = gettext_lazy("Every rule of every reconciliation. Each sees only what the earlier ones left.")
    empty_text = gettext_lazy("There is no rule yet.")
    empty_steps = gettext_lazy("The built-in rules appear with the first ledger that is reconciled.")
    list_display = (
        "name",
        "applies_to",
        "priority",
        "cardinality",
        "state",
        "accepting",
        "most",
        "source",
        "rated",
    )
    list_filter = ("status", "source", "cardinality", "auto_accept", "created_at")
    list_select_related = ("reconciliation__ledger",)
    search_fields = ("name", "description", "reconciliation__name")
    search_help_text = gettext_lazy("Name or description, or the reconciliation's name")
    ordering = ("reconciliation_id", "priority", "pk")
    fields = (
        "state",
        "applies_to",
        "description",
        "conditions",
        "gathering",
        "priority",
        "several",
        "differing",
        "most",
        "accepting",
        "source",
        "rated",
        "revisions_shown",
        "created_at",
    )
    readonly_fields = fields
    export_columns = (
        ("Id", lambda rule: rule.pk),
        ("Name", lambda rule: rule.name),
        ("Reconciliation", lambda rule: rule.reconciliation.name if rule.reconciliation else ""),
        ("Priority", lambda rule: rule.priority),
        ("Status", lambda rule: rule.status),
        ("Source", lambda rule: rule.source),
        ("Conditions", lambda rule: "; ".join(text for _depth, text in conditions_of(rule, _sides(rule)))),
    )
    change_form_before_template = "reconciliation/rule_before.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(voided_at__isnull=True)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("order/<str:of>/", view(self.order_view), name="rules_rule_order"),
            path("new/<str:of>/", view(self.new_view), name="rules_rule_new"),
            path("<int:rule_id>/edit/", view(self.edit_view), name="rules_rule_edit"),
            *super().get_urls(),
        ]

    # --- columns and lines ----------------------------------------------------------------------------------------------

    @display(description=gettext_lazy("Most confidence"), ordering="score")
    def most(self, obj: Rule) -> str:
        return percent(obj.score)

    @display(description=gettext_lazy("Holds for"), ordering="reconciliation__name")
    def applies_to(self, obj: Rule) -> str:
        if obj.reconciliation is None:
            text = _("every ledger without rules of its own")
            return format_html('<a class="tieout-link" href="{}">{}</a>', order_url(None), text)
        return link_to(obj.reconciliation)

    @display(description=gettext_lazy("Status"), ordering="status")
    def state(self, obj: Rule) -> str:
        return chip(obj.get_status_display(), STATUS_LABELS[obj.status])

    @display(description=gettext_lazy("Accepts by itself"), ordering="auto_accept")
    def accepting(self, obj: Rule) -> str:
        if not obj.auto_accept:
            return _("no")
        return _("from %(n)s on") % {"n": percent(obj.accept_at)}

    @display(description=gettext_lazy("Estimate"))
    def rated(self, obj: Rule) -> str:
        if obj.source != RuleSource.AI or not obj.rating:
            return "–"
        label = chip(obj.get_rating_display(), RATINGS[obj.rating])
        if not obj.sample_match_rate:
            return label
        matched = _("%(rate)s of the sample matched") % {"rate": obj.sample_match_rate}
        return format_html("{} {}", label, matched)

    @display(description=gettext_lazy("Where several fit"))
    def several(self, obj: Rule) -> str:
        return obj.get_on_ambiguity_display()

    @display(description=gettext_lazy("Where amounts differ"))
    def differing(self, obj: Rule) -> str:
        return obj.get_on_difference_display()

    @display(description=gettext_lazy("Conditions"))
    def conditions(self, obj: Rule) -> str:
        lines = conditions_of(obj, _sides(obj))
        return format_html_join("", '<div class="tieout-depth-{}">{}</div>', lines)

    @display(description=gettext_lazy("How many meet how many"))
    def gathering(self, obj: Rule) -> str:
        return gathering_of(obj, _sides(obj)) or obj.get_cardinality_display()

    @display(description=gettext_lazy("Revisions"))
    def revisions_shown(self, obj: Rule) -> int:
        return obj.revisions.count()

    def list_summary(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[tuple[str, str]]:
        active = queryset.order_by().filter(status=RuleStatus.ACTIVE).count()
        return [(_("Active"), f"{active:,}")]

    # --- one rule -------------------------------------------------------------------------------------------------------

    def sentence(self, request: HttpRequest, obj: Rule) -> str:
        if obj.status == RuleStatus.PROPOSED:
            return _(
                "It is proposed from what the records look like. It does nothing until somebody activates it."
            )
        if obj.status == RuleStatus.DISCARDED:
            return _("It was put aside: it is not used, and not proposed again. Its matches stay.")
        return _("Records of both sides are matched when these conditions hold, in the order of the rules.")

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        obj = kwargs.get("obj")
        if obj is not None:
            context |= {
                "edit_url": edit_url(obj) if obj.status != RuleStatus.DISCARDED else "",
                "may_edit": may(request, SCOPE),
                "order_url": order_url(obj.reconciliation),
                "rule_links": rule_links(obj, obj.reconciliation),
                "revisions": revisions_of(obj),
                "reasoning": _reasoning(obj),
            }
        return super().render_change_form(request, context, *args, **kwargs)

    def acts(self, request: HttpRequest, obj: Rule) -> list[Act]:
        gone = _("It was discarded.") if obj.status == RuleStatus.DISCARDED else ""
        books = obj.reconciliation or obj
        return [
            Act(
                "activate",
                _("Activate"),
                partial(plainly(rule_activate, books), rule=obj),
                SCOPE,
                against=gone or (_("It is in use.") if obj.status == RuleStatus.ACTIVE else ""),
                success=_("The rule is in use from now on."),
            ),
            Act(
                "accept",
                _("Accepting by itself"),
                partial(plainly(accept_change, books), rule=obj),
                SCOPE,
                against=gone or _never_accepts(obj),
                form=AcceptForm,
                initial={"auto_accept": obj.auto_accept, "accept_at": obj.accept_at},
                explain=_("Of matches that it makes from now on."),
                success=_("It is saved."),
            ),
            Act(
                "discard",
                _("Discard"),
                partial(plainly(rule_discard, books), rule=obj),
                SCOPE,
                against=gone,
                danger=True,
                explain=_("It is not used any more, and not proposed again. What it matched stays."),
                success=_("The rule is put aside. Its matches stay."),
            ),
            Act(
                "delete",
                _("Delete"),
                partial(plainly(rule_void, books), rule=obj),
                SCOPE,
                danger=True,
                explain=_("It disappears from the lists. What it matched stays, and names it."),
                success=_("The rule is deleted."),
                after=lambda request, _nothing: _back(obj),
            ),
        ]


def _back(rule: Rule) -> HttpResponse:
    return HttpResponseRedirect(order_url(rule.reconciliation))


def _sides(rule: Rule) -> Any:
    return sides_of(rule.reconciliation)


def _never_accepts(rule: Rule) -> str:
    last = newest_revision(rule)
    try:
        spec = parse_rule(last.body) if last is not None else None
    except RuleErrors:
        return ""
    return (
        _("It compares amount and date alone, or matches in part.") if spec and not may_accept(spec) else ""
    )


def _reasoning(rule: Rule) -> str:
    """What the proposal rests on, as it was found."""
    if rule.source != RuleSource.AI or rule.reconciliation is None:
        return ""
    return reasoning_of(rule.reconciliation) or ""
