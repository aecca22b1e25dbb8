"""Checks what a person or a program says of a rule, before any of it is written: the tree by the engine's own parser, the
rest here. Everything that is wrong is said at once, each with its path from the body's root. Called by the acts on rules
and by what tries a rule out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from organizations.refusals import Invalid
from rules.conditions import NAME_MAX, name_for
from rules.engine import RuleErrors, RuleSpec, parse_rule
from rules.engine.confidence import may_accept
from rules.engine.parse_values import UNUSABLE, parse_number
from rules.models import Rule
from rules.states import OnDifference, ReconciliationKind, RollupKind

PRIORITY_MAX = 2**31 - 1
DESCRIPTION_MAX = 10_000
FIELD_MAX = 128
FILTERS_BYTES_MAX = 65_536
DECIMALS = 3
FACTS = (
    "name",
    "description",
    "priority",
    "cardinality",
    "filters",
    "group_by",
    "rollup",
    "score",
    "on_ambiguity",
    "on_difference",
    "auto_accept",
    "accept_at",
)
"""What may be said of a rule. Its source, status and reconciliation follow from the act."""

DEFAULTS: dict[str, Any] = {
    "name": "",
    "description": "",
    "priority": 0,
    "cardinality": "one_to_one",
    "group_by": [],
    "rollup": None,
    "score": Decimal(1),
    "on_ambiguity": "best",
    "accept_at": Decimal("0.990"),
}
NULL_MEANS: dict[str, Any] = {"name": "", "description": "", "group_by": [], "rollup": None}
"""What null says where it may be said; elsewhere it is a mistake like any other."""

ALLOWED_DIFFERENCE: dict[str, tuple[str, ...]] = {
    ReconciliationKind.LEDGER: (OnDifference.REFUSE, OnDifference.SUGGEST_PARTIAL),
    ReconciliationKind.STREAMS: (OnDifference.REFUSE, OnDifference.ALLOW),
    ReconciliationKind.SETTLEMENT: (OnDifference.REFUSE,),
}


@dataclass
class Issues:
    """Everything that is wrong so far."""

    found: list[dict[str, Any]] = field(default_factory=list)

    def add(self, path: tuple[str | int, ...], message: str) -> None:
        self.found.append({"path": list(path), "message": message})

    def raise_if_any(self) -> None:
        if self.found:
            raise Invalid(told(self.found), code="rule.invalid", issues=self.found)


def told(issues: list[dict[str, Any]]) -> str:
    """The first of them in a sentence, with how many more there are."""
    where = ".".join(str(step) for step in issues[0]["path"])
    first = f"{where}: {issues[0]['message']}"
    if len(issues) == 1:
        return first
    return _("%(first)s (and %(more)d more: see issues)") % {"first": first, "more": len(issues) - 1}


def checked(
    given: Mapping[str, Any],
    *,
    kind: str,
    accepts: bool,
    types: Mapping[str, str] | None = None,
    before: Rule | None = None,
) -> dict[str, Any]:
    """All facts of the rule as columns hold them: as given, else as they were, else by default. Raises Invalid
    ("rule.invalid") with every issue.

    `kind` is the reconciliation's; `accepts` whether new rules of it accept by themselves; `types` the metadata's.
    """
    issues = Issues()
    unknown = [name for name in given if name not in FACTS]
    for name in unknown:
        issues.add((str(name),), _("A rule has no such field."))
    said = {
        name: NULL_MEANS.get(name) if value is None else value
        for name, value in given.items()
        if name in FACTS
    }
    stored = {name: getattr(before, name) for name in FACTS} if before is not None else DEFAULTS
    facts: dict[str, Any] = {**stored, **said}
    if "filters" not in facts:
        issues.add(("filters",), _("A rule needs its conditions: filters."))
        issues.raise_if_any()
    _texts(facts, issues)
    facts["score"] = _share(facts["score"], "score", issues)
    facts["accept_at"] = _share(facts["accept_at"], "accept_at", issues)
    facts["on_difference"] = _on_difference(facts, kind, issues)
    spec = _parsed(facts, types, issues)
    facts["auto_accept"] = _auto_accept(facts, said, spec, accepts, issues)
    issues.raise_if_any()
    facts["filters"] = wrapped(facts["filters"])
    facts["rollup"] = _rollup(facts["rollup"])
    facts["name"] = facts["name"] or name_for(facts["filters"])
    return facts


def wrapped(filters: Any) -> Any:
    """A bare condition becomes a group of one; a group without an operand an `and`."""
    if isinstance(filters, Mapping) and "rules" not in filters:
        return {"operand": "and", "rules": [filters]}
    return filters


def spec_of(facts: Mapping[str, Any], types: Mapping[str, str] | None = None) -> RuleSpec:
    """The engine's form of a rule's facts. Raises RuleErrors."""
    return parse_rule({**facts, "metadata_types": types or {}, "score": _plain(facts.get("score"))})


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


def _texts(facts: dict[str, Any], issues: Issues) -> None:
    for name, most in (("name", NAME_MAX), ("description", DESCRIPTION_MAX)):
        if not isinstance(facts[name], str) or len(facts[name]) > most:
            issues.add((name,), _("Write a text of at most %(most)s characters.") % {"most": most})
            facts[name] = ""
        if UNUSABLE.search(facts[name]):
            issues.add((name,), _("Leave out characters that cannot be stored, NUL say."))
        facts[name] = facts[name].strip()
    priority = facts["priority"]
    if type(priority) is not int or abs(priority) > PRIORITY_MAX:
        issues.add(("priority",), _("Write a whole number; the lower runs first."))
    for place, key in enumerate(facts["group_by"] if isinstance(facts["group_by"], list) else ()):
        if isinstance(key, str) and len(key) > FIELD_MAX:
            issues.add(
                ("group_by", place),
                _("A field's name has at most %(most)s characters.") % {"most": FIELD_MAX},
            )


def _share(value: Any, name: str, issues: Issues) -> Decimal:
    number = None if isinstance(value, str) else parse_number(value)
    if number is None or not 0 <= number <= 1 or (number * 10**DECIMALS).denominator != 1:
        issues.add((name,), _("Write a number from 0 to 1 with at most three decimals."))
        return Decimal(1)
    return Decimal(int(number * 10**DECIMALS)).scaleb(-DECIMALS)


def _on_difference(facts: Mapping[str, Any], kind: str, issues: Issues) -> Any:
    """As given where the kind of reconciliation allows it; by default what the kind does (in streams whatever the rule's
    conditions let pair is taken whole)."""
    usual = OnDifference.ALLOW if kind == ReconciliationKind.STREAMS else OnDifference.REFUSE
    value = facts.get("on_difference", usual.value)
    allowed = [str(each) for each in ALLOWED_DIFFERENCE[kind]]
    if value not in list(OnDifference.values):
        return value  # the engine's parser says so
    if value not in allowed:
        texts = {"value": value, "kind": kind, "allowed": ", ".join(allowed)}
        issues.add(
            ("on_difference",),
            _("“%(value)s” is not for reconciliations of kind %(kind)s. There: %(allowed)s.") % texts,
        )
    return value


def _parsed(facts: Mapping[str, Any], types: Mapping[str, str] | None, issues: Issues) -> RuleSpec | None:
    try:
        spec = spec_of({**facts, "score": 1}, types)
    except RuleErrors as errors:
        for error in errors.errors:
            issues.add(error.path, error.message)
        return None
    if len(json.dumps(facts["filters"]).encode()) > FILTERS_BYTES_MAX:
        issues.add(
            ("filters",), _("The conditions are longer than %(most)s bytes.") % {"most": FILTERS_BYTES_MAX}
        )
    return spec


def _auto_accept(
    facts: Mapping[str, Any],
    said: Mapping[str, Any],
    spec: RuleSpec | None,
    accepts: bool,
    issues: Issues,
) -> Any:
    """Off by itself for a rule that must not; asked for in words it is refused."""
    value = facts.get("auto_accept", accepts)
    if not isinstance(value, bool):
        issues.add(("auto_accept",), _("Write true or false."))
        return False
    if spec is None or not value:
        return value
    against = ""
    if facts["on_difference"] == OnDifference.SUGGEST_PARTIAL:
        against = _("A partial match is never accepted by itself.")
    elif not may_accept(spec):
        against = _(
            "A rule of amount and date alone accepts nothing by itself. Add a condition on another field."
        )
    if against and "auto_accept" in said:
        issues.add(("auto_accept",), against)
    return not against


def _rollup(rollup: Any) -> dict[str, Any] | None:
    """As it is stored: the kind written out, and what is null left out."""
    if rollup is None:
        return None
    kind = rollup.get("group_by_kind") or RollupKind.DATE.value
    rest = {name: rollup[name] for name in ("lookback_days", "date_field") if rollup.get(name) is not None}
    return {"group_by_kind": kind, **rest}
