"""Trials of rules on the past, and searches for rules: how far each is, and what it found. Read only, but for asking."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget

from ledgers.amounts import shown
from ledgers.backoffice import chip, link_to, refs_of
from ledgers.money import exponent
from organizations.acts import perform
from organizations.backoffice.current import actor_of, current_organization, may
from organizations.refusals import Refusal
from reconciliation.admin.base import ClearingModelAdmin
from reconciliation.admin.explained import record_links, sides_of
from reconciliation.admin.words import moment, people
from reconciliation.models import RuleJob
from reconciliation.services.backtests import backtest_request
from reconciliation.services.rule_jobs import rule_job_wait
from reconciliation.states import RuleJobKind
from rules.conditions import Sides
from rules.models import Reconciliation, Rule

LABELS = {"pending": "info", "running": "primary", "completed": "success", "failed": "danger"}
WAIT_SECONDS = 2
"""A short trial is over while the person waits."""
REFRESH_SECONDS = 2
COUNTS = (
    ("new", gettext_lazy("New: records that nothing matched without it")),
    ("same", gettext_lazy("The same as without it")),
    ("changed", gettext_lazy("Changed: other partners than without it")),
    ("lost", gettext_lazy("Lost: matched only without it")),
    ("agrees", gettext_lazy("Of its own: just what people accepted")),
    ("contradicts", gettext_lazy("At odds with what people accepted")),
)


class Day(forms.DateInput):
    """The browser's own calendar."""

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d", attrs={"type": "date", "class": "desk-input"})


class BacktestForm(forms.Form):
    """`reconciliation` only where the rule holds for several."""

    reconciliation = forms.ModelChoiceField(
        label=gettext_lazy("Ledger"), queryset=Reconciliation.objects.none(), widget=UnfoldAdminSelectWidget
    )
    date_from = forms.DateField(label=gettext_lazy("Booked from"), required=False, widget=Day)
    date_to = forms.DateField(label=gettext_lazy("to"), required=False, widget=Day)

    def __init__(self, rule: Rule, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if rule.reconciliation_id is not None:
            del self.fields["reconciliation"]
            return
        field = self.fields["reconciliation"]
        assert isinstance(field, forms.ModelChoiceField)
        shared = Reconciliation.objects.of(rule.organization_id).live().filter(own_rules=False)
        field.queryset = shared.order_by("name", "pk")
        if len(field.queryset[:2]) == 1:
            field.initial = field.queryset[0].pk


@admin.register(RuleJob)
class RuleJobAdmin(ClearingModelAdmin):
    organization_path = "reconciliation__organization"
    view_scope = "reconciliations:read"
    nav_group, nav_icon, nav_order = "rules", "science", 30
    nav_title = gettext_lazy("Trials of rules")
    intro = gettext_lazy(
        "Rules tried out on records of the past, as if none of them were matched. Nothing is written but the result."
    )
    empty_text = gettext_lazy("No rule was tried out yet.")
    empty_steps = gettext_lazy("Open a rule and choose “Test this rule”.")
    list_display = ("name", "rule_name", "about", "state", "done", "requested_at", "asker")
    list_filter = ("kind", "status", "requested_at")
    list_select_related = ("reconciliation__ledger",)
    search_fields = ("=pk", "reconciliation__name", "error")
    search_help_text = gettext_lazy("Number, name of the reconciliation, or words of an error")
    ordering = ("-requested_at", "-pk")
    fields = ("rule_name", "about", "state", "done", "concluded", "asked", "took", "error", "digest")
    readonly_fields = fields
    change_form_before_template = "reconciliation/backtest.html"

    def furnish(self, rows: list[Any]) -> None:
        names = people(rows[0].reconciliation.organization_id, refs_of(rows, "requested_by")) if rows else {}
        for row in rows:
            row.asker_name = names.get(row.requested_by, row.requested_by)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        found = super().get_object(request, object_id, from_field)
        if found is not None:
            self.furnish([found])
        return found

    @display(description=gettext_lazy("Job"), ordering="pk")
    def name(self, obj: RuleJob) -> str:
        return f"{obj.get_kind_display()} {obj.pk}"

    @display(description=gettext_lazy("Rule"))
    def rule_name(self, obj: RuleJob) -> str:
        candidate = obj.input.get("candidate") or {}
        return str(candidate.get("body", {}).get("name") or "–")

    @display(description=gettext_lazy("Reconciliation"))
    def about(self, obj: RuleJob) -> str:
        ledger = obj.reconciliation.ledger
        return link_to(ledger) if ledger is not None else obj.reconciliation.name

    @display(description=gettext_lazy("Status"), ordering="status")
    def state(self, obj: RuleJob) -> str:
        return chip(obj.get_status_display(), LABELS[obj.status])

    @display(description=gettext_lazy("Progress"), ordering="progress")
    def done(self, obj: RuleJob) -> str:
        return f"{obj.progress}%"

    @display(description=gettext_lazy("Asked for by"), ordering="requested_by")
    def asker(self, obj: Any) -> str:
        return str(obj.asker_name)

    @display(description=gettext_lazy("Asked for"))
    def asked(self, obj: Any) -> str:
        return _("%(who)s on %(when)s") % {"who": obj.asker_name, "when": moment(obj.requested_at)}

    @display(description=gettext_lazy("Took"))
    def took(self, obj: RuleJob) -> str:
        if obj.started_at is None or obj.finished_at is None:
            return "–"
        return _("%(n)s s") % {"n": f"{(obj.finished_at - obj.started_at).total_seconds():,.1f}"}

    @display(description=gettext_lazy("What it says"))
    def concluded(self, obj: RuleJob) -> str:
        """Of a search for rules: what it found, or why it proposes nothing."""
        lines = str((obj.result or {}).get("reasoning") or "–").splitlines()
        return format_html_join("", "<p>{}</p>", ((line,) for line in lines))

    @display(description=gettext_lazy("Digest of its input"))
    def digest(self, obj: RuleJob) -> str:
        return (
            format_html('<span class="tieout-mono">{}</span>', obj.input_digest) if obj.input_digest else "–"
        )

    def sentence(self, request: HttpRequest, obj: RuleJob) -> str:
        return {
            "pending": _("It waits for a worker."),
            "running": _("It is under way. This page looks again by itself."),
            "completed": (
                _("It is done. Nothing was written but this result.")
                if obj.kind == RuleJobKind.BACKTEST
                else _("It is done. What it proposes stands among the rules.")
            ),
            "failed": _("It failed: %(error)s") % {"error": obj.error},
        }[obj.status]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        answer = super().change_view(request, object_id, form_url, extra_context)
        job = getattr(request, "shown_job", None)
        if job is not None and job.is_under_way:
            answer.headers["Refresh"] = str(REFRESH_SECONDS)
        return answer

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        job = kwargs.get("obj")
        if job is not None:
            request.shown_job = job  # type: ignore[attr-defined]
            context["job"] = job
            if job.kind == RuleJobKind.BACKTEST and job.result is not None:
                context["trial"] = shown_trial(job.result, sides_of(job.reconciliation))
        return super().render_change_form(request, context, *args, **kwargs)

    # --- Asking ---------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_http_methods(["GET", "HEAD", "POST"])(self.test_view))
        return [path("test/<int:rule_id>/", view, name="reconciliation_rulejob_test"), *super().get_urls()]

    def test_view(self, request: HttpRequest, rule_id: int) -> HttpResponse:
        """Try a saved rule out; `?reconciliation=` chooses the ledger of a shared one beforehand."""
        if not may(request, "rules:write"):
            raise PermissionDenied
        rules = Rule.objects.of(current_organization(request).pk).listed()
        rule = rules.select_related("reconciliation").filter(pk=rule_id).first()
        if rule is None:
            raise Http404(_("There is no such rule."))
        named = request.GET.get("reconciliation")
        form = BacktestForm(rule, request.POST or None, initial={"reconciliation": named} if named else None)
        if request.method == "POST" and form.is_valid():
            url = self._asked(request, rule, form.cleaned_data)
            if url is not None:
                return HttpResponseRedirect(url)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Test this rule"),
            "opts": self.opts,
            "rule": rule,
            "form": form,
            "back": reverse("admin:rules_rule_change", args=[rule.pk]),
        }
        return render(request, "reconciliation/backtest_ask.html", context)

    def _asked(self, request: HttpRequest, rule: Rule, given: Mapping[str, Any]) -> str | None:
        days = {"date_from": given["date_from"], "date_to": given["date_to"]}
        try:
            return trial_url(
                request, reconciliation=rule.reconciliation or given["reconciliation"], rule=rule, **days
            )
        except Refusal as refusal:
            messages.error(request, refusal.message)
            return None


def trial_url(
    request: HttpRequest,
    *,
    reconciliation: Reconciliation,
    rule: Rule | None,
    facts: Mapping[str, Any] | None = None,
    **days: date | None,
) -> str:
    """Ask for a trial of a saved rule, or of what a form says of one; gives its page. A short one is over by then.
    Raises Refusal."""
    ask = partial(
        backtest_request,
        reconciliation=reconciliation,
        rule_id=rule.pk if rule is not None else None,
        facts=facts,
        **days,
        by=actor_of(request),
        at=timezone.now(),
    )
    job = rule_job_wait(perform(ask).pk, seconds=WAIT_SECONDS)
    return reverse("admin:reconciliation_rulejob_change", args=[job.pk])


# --- What it found ------------------------------------------------------------------------------------------------


def shown_trial(result: Mapping[str, Any], sides: Sides) -> dict[str, Any]:
    """A result as `reconciliation/backtest.html` shows it; two queries for the links."""
    links = record_links(set(_ids(result)))
    precision = result["precision"]
    return {
        "result": result,
        "sides": sides,
        "counts": [
            (name, label, result["counts"][name]["groups"], _values(result["counts"][name]["values"]))
            for name, label in COUNTS
        ],
        "percent": None if precision["value"] is None else f"{100 * precision['value']:.1f}%",
        "contradicts": [_group(group, links) for group in result["contradicts"]],
        "lists": [
            (name, label, [_group(group, links) for group in result[name]])
            for name, label in COUNTS
            if name in ("new", "changed", "lost") and result[name]
        ],
    }


def _ids(result: Mapping[str, Any]) -> Iterator[int]:
    for name in ("contradicts", "new", "changed", "lost"):
        for group in result[name]:
            for one in (group, *group.get("accepted", ())):
                yield from one["side_a"]
                yield from one["side_b"]


def _group(group: Mapping[str, Any], links: Mapping[int, str]) -> dict[str, Any]:
    def side(ids: list[int]) -> list[str]:
        return [links.get(pk, str(pk)) for pk in ids]

    return {
        "rule": group.get("rule", ""),
        "value": shown(group["value"], exponent(group["currency"]), group["currency"]),
        "side_a": side(group["side_a"]),
        "side_b": side(group["side_b"]),
        "accepted": [
            {
                "match_id": match["match_id"],
                "url": reverse("admin:reconciliation_match_change", args=[match["match_id"]]),
                "side_a": side(match["side_a"]),
                "side_b": side(match["side_b"]),
            }
            for match in group.get("accepted", ())
        ],
    }


def _values(values: Mapping[str, int]) -> str:
    return ", ".join(shown(minor, exponent(currency), currency) for currency, minor in values.items()) or "–"
