"""The page of a reconciliation's rules in the order in which they run: moved, activated and discarded there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from organizations.actors import Actor
from organizations.backoffice.acts import run_act
from organizations.backoffice.current import actor_of, current_organization, may
from organizations.backoffice.scoping import narrowed
from reconciliation.admin.rules.told import order_url, ordered
from reconciliation.admin.words import plainly
from reconciliation.selectors.agent import reasoning_of
from reconciliation.services.rules import own_rule, rule_activate, rule_discard, rule_move, rules_own
from rules.models import Reconciliation, Rule
from rules.states import ReconciliationKind, RuleStatus

SCOPE = "rules:write"
SHARED = "shared"


def move(*, rule: Rule, reconciliation: Reconciliation | None, up: bool, by: Actor, at: datetime) -> Rule:
    """One of the shared rules moves in a ledger's list as that ledger's own."""
    if reconciliation is not None:
        rule = own_rule(rule=rule, reconciliation=reconciliation, by=by, at=at)
    return rule_move(rule=rule, up=up, by=by, at=at)


def activate(*, rule: Rule, reconciliation: Reconciliation | None, by: Actor, at: datetime) -> Rule:
    return rule_activate(rule=rule, by=by, at=at)


def discard(*, rule: Rule, reconciliation: Reconciliation | None, by: Actor, at: datetime) -> Rule:
    return rule_discard(rule=rule, by=by, at=at)


ACTS: dict[str, tuple[Callable[..., Rule], Any]] = {
    "up": (partial(move, up=True), ""),
    "down": (partial(move, up=False), ""),
    "activate": (activate, gettext_lazy("The rule is in use from now on.")),
    "discard": (discard, gettext_lazy("The rule is put aside for good. Its matches stay.")),
}


class RuleOrdering(admin.ModelAdmin):
    """Mixed into RuleAdmin."""

    def reconciliation_of(self, request: HttpRequest, of: str) -> Reconciliation | None:
        """By the number in the address; None for the shared rules. 404 for what is not this organization's."""
        if of == SHARED:
            return None
        rows = narrowed(Reconciliation.objects.live(), request, "organization").select_related("ledger")
        found = rows.filter(pk=int(of)).first() if of.isascii() and of.isdigit() and len(of) < 19 else None
        if found is None or found.kind == ReconciliationKind.SETTLEMENT:
            raise Http404
        return found

    def order_view(self, request: HttpRequest, of: str) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        reconciliation = self.reconciliation_of(request, of)
        if request.method == "POST":
            self._do(request, reconciliation)
            return HttpResponseRedirect(order_url(reconciliation))
        title = reconciliation.name if reconciliation else _("Shared rules")
        context = {
            **self.admin_site.each_context(request),
            **order_context(request, reconciliation),
            "title": title,
            "opts": self.opts,
            "media": self.media,
        }
        return render(request, "reconciliation/rule_order.html", context)

    def _do(self, request: HttpRequest, reconciliation: Reconciliation | None) -> None:
        if not may(request, SCOPE):
            raise PermissionDenied
        who_when = {"by": actor_of(request), "at": timezone.now()}
        if request.POST.get("do") == "own" and reconciliation is not None:
            act = partial(plainly(rules_own, reconciliation), reconciliation=reconciliation, **who_when)
            run_act(request, act, _("It has rules of its own from now on."))
            return
        act_of_row, success = ACTS.get(request.POST.get("do", ""), (None, ""))
        named = request.POST.get("rule", "")
        rows = narrowed(Rule.objects.listed(), request, "organization").select_related("reconciliation")
        is_id = named.isascii() and named.isdigit() and len(named) < 19
        rule = rows.filter(pk=int(named)).first() if is_id else None
        if act_of_row is None or rule is None:
            messages.error(request, _("That rule is not here any more. Nothing was changed."))
            return
        run = plainly(act_of_row, reconciliation or rule)
        run_act(request, partial(run, rule=rule, reconciliation=reconciliation, **who_when), str(success))


def order_context(request: HttpRequest, reconciliation: Reconciliation | None) -> dict[str, Any]:
    """What `reconciliation/rule_list.html` shows."""
    rules = ordered(reconciliation, current_organization(request).pk)
    any_proposed = any(each.rule.status == RuleStatus.PROPOSED for each in rules)
    return {
        "reconciliation": reconciliation,
        "rules": rules,
        "reasoning": reasoning_of(reconciliation) if reconciliation and any_proposed else None,
        "may_edit": may(request, SCOPE),
        "shares": reconciliation is not None and not reconciliation.own_rules,
        "here": order_url(reconciliation),
        "add_url": reverse("admin:rules_rule_new", args=[reconciliation.pk if reconciliation else SHARED]),
        "shared_url": order_url(None),
    }
