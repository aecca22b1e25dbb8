"""An explanation as people read it: each condition a line with both values, a tick or a cross. Used by the pages of
matches and by the questions on a run's page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ledgers.amounts import shown
from ledgers.models import Record, StatementLine
from ledgers.states import StreamKind
from reconciliation.models import Match
from reconciliation.selectors.confidence import RunnerUp, how_it_lost
from reconciliation.selectors.desk import name_of
from reconciliation.selectors.explanations import Explanation, Said
from rules.conditions import Sides, field_words, leaf_words, side_a_and_b, statement_and_books
from rules.engine.explained import Condition, Seen
from rules.engine.tree import Path
from rules.models import Reconciliation
from rules.states import ReconciliationKind

RECORDS_SHOWN = 20
"""Of a group: its records beneath a condition."""


@dataclass(frozen=True, slots=True)
class ShownValues:
    """What a condition saw, in words. `after`: what the rule's transforms made of the values, where that is different."""

    holds: bool
    a: str
    b: str
    after: str
    apart: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class ShownLine:
    """A condition or a group of them; `first` is the one that failed first."""

    words: str
    holds: bool
    depth: int
    is_group: bool = False
    first: bool = False
    values: ShownValues | None = None
    records: list[ShownValues] = field(default_factory=list)
    more: int = 0


@dataclass(frozen=True, slots=True)
class ShownRule:
    name: str
    url: str
    revision: int
    holds: bool | None
    lines: list[ShownLine]
    error: str


@dataclass(frozen=True, slots=True)
class ShownExplanation:
    rules: list[ShownRule]
    facts: list[str]
    """Who has the records, what was closed or refused: sentences with links."""
    confidence: list[str]
    reckoned: str
    runner_up: str
    note: str
    sides: Sides


def shown_explanation(found: Explanation) -> ShownExplanation:
    """Two queries beside what the explanation has."""
    sides = sides_of(found.reconciliation)
    ids = [*found.record_ids, *([found.match.runner_up] if found.match and found.match.runner_up else [])]
    records = Record.objects.select_related("stream").in_bulk(ids)
    telling = _Telling(found, sides, records)
    confidence = found.confidence
    runner_up = confidence.runner_up if confidence else None
    return ShownExplanation(
        rules=[telling.rule(one) for one in found.rules],
        facts=telling.facts(),
        confidence=[line.text for line in confidence.lines] if confidence else [],
        reckoned=f"{confidence.reckoned:.3f}" if confidence and confidence.reckoned is not None else "",
        runner_up=_runner_up(runner_up, found.match) if runner_up and found.match else "",
        note=confidence.note if confidence else "",
        sides=sides,
    )


def sides_of(reconciliation: Reconciliation) -> Sides:
    return statement_and_books() if reconciliation.kind == ReconciliationKind.LEDGER else side_a_and_b()


def record_links(ids: Iterable[int]) -> dict[int, str]:
    """Each record's name with a link to the page of its line or entry; other streams' records have none. Two queries."""
    records = Record.objects.select_related("stream").in_bulk(list(ids))
    lines = dict(
        StatementLine.objects.live()
        .filter(record_id__in=list(records))
        .order_by("pk")
        .values_list("record_id", "pk")
    )
    found = {}
    for pk, record in records.items():
        if record.stream.kind == StreamKind.LEDGER:
            found[pk] = _link(reverse("admin:ledgers_record_change", args=[pk]), name_of(record))
        elif pk in lines:
            found[pk] = _link(
                reverse("admin:ledgers_statementline_change", args=[lines[pk]]), name_of(record)
            )
        else:
            found[pk] = name_of(record)
    return found


def _link(url: str, text: str) -> str:
    return format_html('<a class="tieout-link" href="{}">{}</a>', url, text)


def _match_link(match: Match) -> str:
    return _link(reverse("admin:reconciliation_match_change", args=[match.pk]), str(match))


def _runner_up(found: RunnerUp, match: Match) -> str:
    link = record_links([found.record.pk])[found.record.pk]
    return link if found.lost is None else format_html("{} ({})", link, how_it_lost(found.lost, match))


class _Telling:
    """Puts one explanation into words."""

    def __init__(self, found: Explanation, sides: Sides, records: Mapping[int, Record]) -> None:
        self.found, self.sides, self.records = found, sides, records
        first = next(iter(records.values()), None)
        self.currency = first.currency if first is not None else ""
        self.places = first.decimal_places if first is not None else 2

    # --- Rules --------------------------------------------------------------------------------------------------

    def rule(self, one: Said) -> ShownRule:
        said, revision = one.said, one.revision
        return ShownRule(
            name=str(revision.body.get("name") or revision.rule.name),
            url=reverse("admin:rules_rule_change", args=[revision.rule_id]),
            revision=revision.number,
            holds=said.holds if said else None,
            lines=self._lines(one) if said else [],
            error=one.error,
        )

    def _lines(self, one: Said) -> list[ShownLine]:
        """In the order of the tree; what goes without saying before and after it, as the engine asks."""
        assert one.said is not None
        said, filters = one.said, one.revision.body.get("filters")
        groups = {group.path: group for group in said.groups if group.path != ("filters",)}
        lines: list[ShownLine] = []
        told: set[Path] = set()
        for condition in said.conditions:
            for end in range(3, len(condition.path), 2):
                path = condition.path[:end]
                if path in groups and path not in told:
                    told.add(path)
                    group = groups[path]
                    words = _("any of") if group.operand == "or" else _("all of")
                    first = path == said.first_failed
                    lines.append(ShownLine(words, group.holds, _depth(path), is_group=True, first=first))
            lines.append(self._line(condition, filters, one, first=condition.path == said.first_failed))
        return lines

    def _line(self, condition: Condition, filters: Any, one: Said, *, first: bool) -> ShownLine:
        of_tree = condition.path[0] == "filters" and len(condition.path) > 1
        words = (
            leaf_words(_node(filters, condition.path), self.sides)
            if of_tree
            else self._unsaid(condition, one.revision.body)
        )
        whole = condition.total or (condition.seen[0] if len(condition.seen) == 1 else None)
        several = list(condition.seen) if len(condition.seen) > 1 else []
        return ShownLine(
            words,
            condition.holds,
            _depth(condition.path) if of_tree else 0,
            first=first,
            values=self._values(whole, condition) if whole else None,
            records=[self._values(seen, condition, name=True) for seen in several[:RECORDS_SHOWN]],
            more=max(0, len(several) - RECORDS_SHOWN),
        )

    def _unsaid(self, condition: Condition, body: Mapping[str, Any]) -> str:
        """What goes without saying, said."""
        kind, operand = condition.path[0], condition.operand
        if kind == "cardinality":
            sizes = {
                "one_to_one": _("It takes one record of each side"),
                "many_to_one": _("It takes several of %(a)s and one of %(b)s"),
                "one_to_many": _("It takes one of %(a)s and several of %(b)s"),
            }[operand]
            return f"{sizes} ({condition.literal})" % {"a": self.sides.a, "b": self.sides.b}
        if kind == "rollup":
            return _("At most %(n)s days before the single record") % {"n": condition.literal}
        if kind == "group_by":
            field = body.get("group_by", [""])[int(condition.path[1])]
            words = _("A known %(field)s") if operand == "known" else _("The same %(field)s")
            return words % {"field": field_words(field)}
        if kind == "on_difference":
            texts = {
                "eq": _("Both sides add up"),
                "same_direction": _("Both sides in one direction"),
                "not_zero": _("Neither side adds up to 0"),
            }
            return texts[operand]
        return {
            "filters": _("All members in one of the ways"),
            "currency": _("The same currency"),
            "decimal_places": _("The same number of decimals"),
            "measure": _("No record of 0"),
        }.get(str(kind), str(kind))

    def _values(self, seen: Seen, condition: Condition, *, name: bool = False) -> ShownValues:
        pairs = ((seen.value_a, seen.transformed_a), (seen.value_b, seen.transformed_b))
        changed = any(raw != done for raw, done in pairs)
        after = (
            f"{self._text(seen.transformed_a, condition)} · {self._text(seen.transformed_b, condition)}"
            if changed
            else ""
        )
        one_sided = condition.side
        return ShownValues(
            holds=seen.holds,
            a="" if one_sided == "b" else self._text(seen.value_a, condition),
            b="" if one_sided == "a" else self._text(seen.value_b, condition),
            after=after,
            apart=self._apart(seen, condition),
            name=self._names(seen) if name else "",
        )

    def _names(self, seen: Seen) -> str:
        ids = [pk for pk in (seen.id_a, seen.id_b) if pk is not None and pk in self.records]
        return " · ".join(name_of(self.records[pk]) for pk in ids)

    def _text(self, value: Any, condition: Condition) -> str:
        if value is None:
            return _("missing")
        if condition.unit == "minor" and isinstance(value, int):
            return shown(value, self.places, self.currency)
        return value.isoformat() if isinstance(value, date) else str(value)

    def _apart(self, seen: Seen, condition: Condition) -> str:
        if not seen.difference or condition.side:
            return ""
        if condition.unit == "days":
            days = abs(seen.difference)
            return ngettext("%(n)s day apart", "%(n)s days apart", days) % {"n": days}
        if condition.unit == "minor":
            return _("%(amount)s apart") % {"amount": shown(abs(seen.difference), self.places, self.currency)}
        return ""

    # --- Facts --------------------------------------------------------------------------------------------------

    def facts(self) -> list[str]:
        found = self.found
        links = record_links([*found.taken, *found.closed])
        facts: list[str] = [
            format_html(
                _("{} belongs to {} ({})."),
                links[record],
                _match_link(match),
                match.get_status_display(),
            )
            for record, match in self._others(found.taken.items())
        ]
        facts += [
            format_html(_("{} was closed by a person: {}."), links[record], item.close_reason)
            for record, item in found.closed.items()
        ]
        if found.refused:
            facts.append(_("A person rejected exactly these as a group: they are not proposed again."))
        return facts

    def _others(self, taken: Iterable[tuple[int, Match]]) -> list[tuple[int, Match]]:
        own = self.found.match.pk if self.found.match is not None and self.found.match.is_live else None
        return [(record, match) for record, match in taken if match.pk != own]


def _depth(path: Path) -> int:
    """How deep in groups within groups."""
    return max(0, (len(path) - 3) // 2)


def _node(filters: Any, path: Path) -> Mapping[str, Any]:
    """The rule's own words at this place; a bare condition stands at the first."""
    node: Any = filters if isinstance(filters, dict) and "rules" in filters else {"rules": [filters]}
    for step in path[1:]:
        node = node[step]
    found: Mapping[str, Any] = node
    return found
