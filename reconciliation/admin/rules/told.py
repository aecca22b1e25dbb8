"""Rules as the pages show them: in order with their sentences, and revision by revision with what changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from reconciliation.admin.rules.links import RuleLink, rule_links
from reconciliation.admin.words import people
from rules.conditions import Sides, gathering_words, side_a_and_b, statement_and_books, words_of
from rules.models import Reconciliation, Rule, RuleRevision
from rules.selectors import rules_of
from rules.states import Cardinality, OnAmbiguity, OnDifference, ReconciliationKind, RuleStatus

REVISIONS_SHOWN = 20
STATUS_LABELS = {"active": "success", "proposed": "info", "discarded": "warning"}
FACT_LABELS = {
    "name": gettext_lazy("name"),
    "description": gettext_lazy("description"),
    "priority": gettext_lazy("priority"),
    "cardinality": gettext_lazy("how many meet how many"),
    "group_by": gettext_lazy("gathered by"),
    "rollup": gettext_lazy("how they are gathered"),
    "score": gettext_lazy("most confidence"),
    "on_ambiguity": gettext_lazy("where several fit"),
    "on_difference": gettext_lazy("where amounts differ"),
    "auto_accept": gettext_lazy("accepts by itself"),
    "accept_at": gettext_lazy("from confidence"),
    "metadata_types": gettext_lazy("types of metadata"),
}
WORDS: dict[str, Any] = {
    "cardinality": dict(Cardinality.choices),
    "on_ambiguity": dict(OnAmbiguity.choices),
    "on_difference": dict(OnDifference.choices),
    "auto_accept": {True: gettext_lazy("yes"), False: gettext_lazy("no")},
}


def percent(share: Decimal) -> str:
    return f"{(share * 100).normalize():f}%"


def sides_of(reconciliation: Reconciliation | None) -> Sides:
    """As its people call them: the shared rules are for ledgers."""
    if reconciliation is None or reconciliation.kind == ReconciliationKind.LEDGER:
        return statement_and_books()
    return side_a_and_b()


# --- rules in order -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shown:
    """One rule of an ordered list. `edit_url` is empty where it cannot be edited here."""

    rule: Any
    number: int
    lines: list[tuple[int, str]]
    gathering: str
    tone: str
    edit_url: str
    is_first: bool
    is_last: bool
    links: list[RuleLink] = field(default_factory=list)

    @property
    def accepts_from(self) -> str:
        return percent(self.rule.accept_at)

    @property
    def score(self) -> str:
        return percent(self.rule.score)

    @property
    def is_proposed(self) -> bool:
        return bool(self.rule.status == RuleStatus.PROPOSED)


def conditions_of(rule: Rule, sides: Sides) -> list[tuple[int, str]]:
    """Sentences with the depth that the style sheet knows."""
    return [(min(depth, MOST_DEPTH) * 2, text) for depth, text in words_of(rule.filters, sides)]


MOST_DEPTH = 5


def gathering_of(rule: Rule, sides: Sides) -> str:
    if rule.cardinality == Cardinality.ONE_TO_ONE and not rule.group_by:
        return ""
    return gathering_words(rule.cardinality, rule.group_by, rule.rollup, sides)


def ordered(reconciliation: Reconciliation | None, organization_id: int) -> list[Shown]:
    """The rules that hold for it (None: the shared ones) in the order in which they run, proposed ones among them."""
    rules = (
        rules_of(reconciliation)
        if reconciliation is not None
        else Rule.objects.of(organization_id).shared().in_order()
    )
    found = list(rules.listed().with_revision())
    sides = sides_of(reconciliation)
    return [
        Shown(
            rule=rule,
            number=place + 1,
            lines=conditions_of(rule, sides),
            gathering=gathering_of(rule, sides),
            tone=STATUS_LABELS[rule.status],
            edit_url=edit_url(rule, reconciliation),
            is_first=place == 0,
            is_last=place == len(found) - 1,
            links=rule_links(rule, reconciliation),
        )
        for place, rule in enumerate(found)
    ]


def edit_url(rule: Rule, reconciliation: Reconciliation | None = None) -> str:
    """Of one of the shared rules in a ledger's list: to edit it for that ledger alone."""
    url = reverse("admin:rules_rule_edit", args=[rule.pk])
    if reconciliation is not None and rule.reconciliation_id is None:
        return f"{url}?for={reconciliation.pk}"
    return url


def order_url(reconciliation: Reconciliation | None) -> str:
    return reverse("admin:rules_rule_order", args=[reconciliation.pk if reconciliation else "shared"])


# --- revisions ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that a revision says otherwise than the one before. Conditions have no `before` and `after`, but what came
    and what went."""

    label: str
    before: str = ""
    after: str = ""
    gone: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Revision:
    number: int
    at: datetime
    who: str
    changes: list[Change]
    is_first: bool


def revisions_of(rule: Rule) -> list[Revision]:
    """The newest first, each with what it changed. Two queries."""
    rows: list[RuleRevision] = list(rule.revisions.order_by("-number")[: REVISIONS_SHOWN + 1])
    names = people(rule.organization_id, {row.created_by for row in rows})
    sides = sides_of(rule.reconciliation)
    before: Iterable[RuleRevision | None] = [*rows[1:], None][: len(rows)]
    told = [
        Revision(
            row.number,
            row.created_at,
            names.get(row.created_by, row.created_by),
            [] if earlier is None else changes_between(earlier.body, row.body, sides),
            earlier is None,
        )
        for row, earlier in zip(rows, before, strict=True)
    ]
    return told[:REVISIONS_SHOWN]


def changes_between(before: Mapping[str, Any], after: Mapping[str, Any], sides: Sides) -> list[Change]:
    """What an older revision did not keep yet (its description, its place) is not told as changed."""
    found = [
        Change(str(label), _said(name, before[name]), _said(name, after[name]))
        for name, label in FACT_LABELS.items()
        if name in before and name in after and before[name] != after[name]
    ]
    if before.get("filters") == after.get("filters"):
        return found
    was, now = ([text for _depth, text in words_of(body.get("filters"), sides)] for body in (before, after))
    gone = [text for text in was if text not in now]
    new = [text for text in now if text not in was]
    if not (gone or new):  # only their order or nesting
        gone, new = was, now
    return [*found, Change(_("conditions"), gone=gone, new=new)]


def _said(name: str, value: Any) -> str:
    if value in (None, "", [], {}):
        return _("nothing")
    if name in WORDS:
        return str(WORDS[name].get(value, value))
    if isinstance(value, dict):
        return ", ".join(f"{key.replace('_', ' ')}: {inner}" for key, inner in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
