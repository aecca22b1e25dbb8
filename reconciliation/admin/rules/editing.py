"""The editor of a rule: conditions as rows, or as JSON; each refusal beside its input. Works without JavaScript."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ledgers.models import PropertyDefinition
from organizations.actors import Actor
from organizations.acts import perform
from organizations.backoffice.current import actor_of, current_membership, current_organization, may
from organizations.refusals import Refusal
from reconciliation.admin.rule_jobs import trial_url
from reconciliation.admin.rules.draft import MORE, Draft
from reconciliation.admin.rules.links import rule_links
from reconciliation.admin.rules.ordering import SCOPE, RuleOrdering
from reconciliation.admin.rules.told import order_url, ordered, sides_of
from reconciliation.admin.words import told
from reconciliation.services.rules import own_rule, rule_change, rule_create
from rules.checking import ALLOWED_DIFFERENCE
from rules.conditions import METADATA, operand_words
from rules.engine.fields import FIELDS, TRANSFORMS
from rules.models import Reconciliation, Rule
from rules.selectors import newest_revision
from rules.states import Cardinality, OnAmbiguity, OnDifference, ReconciliationKind, RollupKind

BOTH_SIDES = (
    "eq",
    "neq",
    "gt",
    "gte",
    "lt",
    "lte",
    "contains",
    "in",
    "not_in",
    "token_in",
    "has_token",
    "similar",
)
ONE_SIDE = BOTH_SIDES[:9]
UNITS = (
    ("", ""),
    ("dollar", gettext_lazy("in currency units")),
    ("percent", gettext_lazy("percent of Side A")),
    ("day", gettext_lazy("days apart")),
    ("window", gettext_lazy("days later, from..to")),
    ("month", gettext_lazy("same calendar month")),
    ("score", gettext_lazy("of 100 alike")),
)
PARTS = (
    ("", gettext_lazy("must hold")),
    ("a", gettext_lazy("any of A")),
    ("b", gettext_lazy("any of B")),
    ("c", gettext_lazy("any of C")),
)
PRIORITY_STEP = 10


@dataclass(frozen=True, slots=True)
class Subject:
    """What is edited: a rule, or a new one, as it holds for a reconciliation (None: the shared rules)."""

    rule: Rule | None
    reconciliation: Reconciliation | None

    @property
    def kind(self) -> str:
        return self.reconciliation.kind if self.reconciliation else ReconciliationKind.LEDGER.value

    @property
    def alone(self) -> bool:
        """Whether one of the shared rules is edited for one ledger alone."""
        return bool(self.rule and self.reconciliation and self.rule.reconciliation_id is None)


def save(
    *, subject: Subject, facts: Mapping[str, Any], expected_revision: int | None, by: Actor, at: datetime
) -> Rule:
    if subject.rule is None:
        return rule_create(reconciliation=subject.reconciliation, facts=facts, by=by, at=at)
    if not subject.alone:
        return rule_change(
            rule=subject.rule, changes=facts, expected_revision=expected_revision, by=by, at=at
        )
    assert subject.reconciliation is not None
    own = own_rule(
        rule=subject.rule,
        reconciliation=subject.reconciliation,
        expected_revision=expected_revision,
        by=by,
        at=at,
    )
    return rule_change(rule=own, changes=facts, by=by, at=at)


class RuleEditing(RuleOrdering):
    """Mixed into RuleAdmin."""

    def new_view(self, request: HttpRequest, of: str) -> HttpResponse:
        return self._edit(request, Subject(None, self.reconciliation_of(request, of)))

    def edit_view(self, request: HttpRequest, rule_id: int) -> HttpResponse:
        rule = self.get_queryset(request).filter(pk=rule_id).select_related("reconciliation").first()
        if rule is None:
            raise Http404
        of = request.GET.get("for", "")
        reconciliation = self.reconciliation_of(request, of) if of else rule.reconciliation
        return self._edit(request, Subject(rule, reconciliation))

    def _edit(self, request: HttpRequest, subject: Subject) -> HttpResponse:
        if not may(request, SCOPE):
            raise PermissionDenied
        draft = self._draft(request, subject)
        if request.method == "POST":
            if request.POST.get("do") == "more":
                draft.with_spare(MORE)
            elif request.POST.get("do") == "test":
                if (url := self._test(request, subject, draft)) is not None:
                    return HttpResponseRedirect(url)
            elif (saved := self._save(request, subject, draft)) is not None:
                messages.success(request, _("%(name)s is saved.") % {"name": saved.name})
                return HttpResponseRedirect(order_url(saved.reconciliation))
        return render(request, "reconciliation/rule_editor.html", self._context(request, subject, draft))

    def _draft(self, request: HttpRequest, subject: Subject) -> Draft:
        if request.method == "POST":
            return Draft.of_post(request.POST)
        rule = subject.rule
        if rule is not None:
            last = newest_revision(rule)
            return Draft.of_rule(rule, last.number if last is not None else None)
        rules = ordered(subject.reconciliation, current_organization(request).pk)
        last_place = max((each.rule.priority for each in rules), default=0)
        accepts = subject.reconciliation is not None and subject.reconciliation.auto_accept
        return Draft.new(subject.kind, accepts=accepts, priority=last_place + PRIORITY_STEP)

    def _save(self, request: HttpRequest, subject: Subject, draft: Draft) -> Rule | None:
        facts = draft.facts()
        if facts is None:
            return None
        act = partial(
            save,
            subject=subject,
            facts=facts,
            expected_revision=draft.revision,
            by=actor_of(request),
            at=timezone.now(),
        )
        try:
            return perform(act)
        except Refusal as refusal:
            if not refusal.issues:
                books = subject.reconciliation or subject.rule or current_membership(request)
                refusal.message = told(refusal, books)
            draft.refuse(refusal)
            return None

    def _test(self, request: HttpRequest, subject: Subject, draft: Draft) -> str | None:
        """Try out what is in the form, saved nowhere; gives the page of the trial."""
        facts = draft.facts()
        if facts is None or subject.reconciliation is None:
            return None
        try:
            return trial_url(request, reconciliation=subject.reconciliation, rule=subject.rule, facts=facts)
        except Refusal as refusal:
            for issue in refusal.issues:
                issue["path"] = issue["path"][1:] if issue["path"][:1] == ["rule"] else issue["path"]
            draft.refuse(refusal)
            return None

    def _context(self, request: HttpRequest, subject: Subject, draft: Draft) -> dict[str, Any]:
        rule, sides = subject.rule, sides_of(subject.reconciliation)
        allowed = ALLOWED_DIFFERENCE[subject.kind]
        return {
            **self.admin_site.each_context(request),
            "title": rule.name if rule is not None else _("A new rule"),
            "opts": self.opts,
            "media": self.media,
            "subject": subject,
            "draft": draft,
            "sides": sides,
            "links": rule_links(rule, subject.reconciliation) if rule is not None else [],
            "fields": fields_of(subject.reconciliation),
            "transforms": sorted(TRANSFORMS),
            "operands": [(word, operand_words(word)) for word in BOTH_SIDES],
            "scope_operands": [(word, operand_words(word)) for word in ONE_SIDE],
            "units": UNITS,
            "parts": PARTS,
            "cardinalities": Cardinality.choices,
            "kinds": RollupKind.choices,
            "ambiguities": OnAmbiguity.choices,
            "differences": [each for each in OnDifference.choices if each[0] in allowed],
            "back": order_url(subject.reconciliation),
            "here": request.get_full_path(),
            "page_url": reverse("admin:rules_rule_change", args=[rule.pk]) if rule is not None else "",
        }


def fields_of(reconciliation: Reconciliation | None) -> list[str]:
    """What the inputs suggest: the fields that there are, and the metadata keys that the streams define."""
    if reconciliation is None:
        return list(FIELDS)
    defined = PropertyDefinition.objects.live().filter(stream__wiring__reconciliation=reconciliation)
    keys = sorted(set(defined.values_list("key", flat=True)))
    return [*FIELDS, *(METADATA + key for key in keys)]
