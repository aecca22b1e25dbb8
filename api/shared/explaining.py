"""Explanations of matches as every surface answers them; only the ids of records and matches are the surface's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from rest_framework import serializers

from api.shared.schema import with_example
from ledgers.models import Record
from organizations.actors import shown_names
from reconciliation.models import Match
from reconciliation.selectors.confidence import Confidence, RunnerUp
from reconciliation.selectors.explanations import Explanation, Said
from reconciliation.states import MatchOrigin, MatchStatus
from rules.engine.explained import Condition, Seen

RECORDS_TOLD = 1_000
"""Of a group, beneath each condition."""

Shape = serializers.Serializer[Any]
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Names:
    """What a surface calls records and matches: by their numbers, or by their uuids."""

    records: Mapping[int, Any] | None = None

    @classmethod
    def by_uuid(cls, found: Explanation) -> Names:
        ids = [*found.record_ids, *([found.match.runner_up] if found.match and found.match.runner_up else [])]
        rows = Record.objects.filter(pk__in=ids).values_list("pk", "uuid")
        return cls({pk: str(uuid) for pk, uuid in rows})

    def record(self, pk: int | None) -> Any:
        return pk if pk is None or self.records is None else self.records.get(pk)

    def match(self, match: Match) -> Any:
        return match.pk if self.records is None else str(match.uuid)


# --- Bodies -----------------------------------------------------------------------------------------------------


def explanation_body(found: Explanation, names: Names | None = None) -> Json:
    names = names or Names()
    return {
        "match": _match(found.match, names, found.reconciliation.organization_id) if found.match else None,
        "rules": [_said(one, names) for one in found.rules],
        "taken_by": [
            {"record_id": names.record(record), "match_id": names.match(match), "status": match.status}
            for record, match in found.taken.items()
        ],
        "closed": [
            {"record_id": names.record(record), "reason": item.close_reason, "closed_at": item.closed_at}
            for record, item in found.closed.items()
        ],
        "refused": found.refused,
        "confidence": _confidence(found.confidence, names) if found.confidence else None,
    }


def _match(match: Match, names: Names, organization_id: int) -> Json:
    made_by = shown_names(organization_id, [match.created_by])
    return {
        "id": names.match(match),
        "status": match.status,
        "origin": match.origin,
        "made_by": made_by.get(match.created_by, match.created_by),
    }


def _said(one: Said, names: Names) -> Json:
    said = one.said
    return {
        "rule_id": one.revision.rule_id if names.records is None else str(one.revision.rule.uuid),
        "rule": one.revision.body.get("name", ""),
        "revision": one.revision.number,
        "holds": said.holds if said else None,
        "first_failed": list(said.first_failed) if said and said.first_failed else None,
        "conditions": [_condition(condition, names) for condition in said.conditions] if said else [],
        "groups": [
            {"path": list(group.path), "operand": group.operand, "holds": group.holds}
            for group in said.groups
        ]
        if said
        else [],
        "error": one.error or None,
    }


def _condition(condition: Condition, names: Names) -> Json:
    several = condition.seen if len(condition.seen) > 1 or condition.total else ()
    told = sorted(several, key=lambda seen: seen.holds)[:RECORDS_TOLD]  # what fails first
    whole = condition.total or (condition.seen[0] if len(condition.seen) == 1 else None)
    return {
        "path": list(condition.path),
        "key": condition.key or None,
        "operand": condition.operand,
        "value": condition.value or None,
        "side": condition.side,
        "literal": condition.literal or None,
        **_values(whole),
        "unit": condition.unit,
        "holds": condition.holds,
        "records": [
            {
                "record_id_a": names.record(seen.id_a),
                "record_id_b": names.record(seen.id_b),
                **_values(seen),
                "holds": seen.holds,
            }
            for seen in told
        ],
        "record_count": len(several),
    }


VALUES = ("value_a", "value_b", "transformed_a", "transformed_b", "difference")


def _values(seen: Seen | None) -> Json:
    return {name: _plain(getattr(seen, name)) if seen else None for name in VALUES}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _confidence(found: Confidence, names: Names) -> Json:
    return {
        "value": None if found.value is None else float(found.value),
        "reckoned": None if found.reckoned is None else float(found.reckoned),
        "lines": [{"line": line.name, "value": line.value, "text": line.text} for line in found.lines],
        "runner_up": _runner_up(found.runner_up, names) if found.runner_up else None,
        "note": found.note or None,
    }


def _runner_up(found: RunnerUp, names: Names) -> Json:
    lost = found.lost
    return {
        "record_id": names.record(found.record.pk),
        "side": found.side,
        "lost_by": lost.by if lost else None,
        "amount": lost.amount if lost else None,
        "days": lost.days if lost else None,
    }


# --- Shapes -----------------------------------------------------------------------------------------------------


class AnyValue(serializers.JSONField):
    """A number of minor units, a day, or a text; null where the record has none."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_null=True, **kwargs)


class AnyId(serializers.JSONField):
    """The surface's id: a number here, a UUID on the ledger surface."""


class SeenShape(Shape):
    value_a = AnyValue()
    value_b = AnyValue()
    transformed_a = AnyValue(help_text="After the rule's transforms.")
    transformed_b = AnyValue()
    difference = serializers.IntegerField(
        allow_null=True, help_text="Side A less Side B in minor units, or days from Side A to Side B."
    )
    holds = serializers.BooleanField()


class SeenRecordShape(SeenShape):
    record_id_a = AnyId(allow_null=True)
    record_id_b = AnyId(allow_null=True)

    class Meta:
        ref_name = "SeenRecord"


class ConditionShape(SeenShape):
    path = serializers.ListField(
        child=serializers.JSONField(),
        help_text="Its place in the rule's body; what goes without saying has a path of its own, [currency] say.",
    )
    key = serializers.CharField(allow_null=True, help_text="The field of Side A.")
    operand = serializers.CharField()
    value = serializers.CharField(allow_null=True, help_text="The field of Side B.")
    side = serializers.CharField(allow_null=True, help_text="Of a condition on one side alone.")
    literal = serializers.CharField(allow_null=True, help_text="What that side is compared with.")
    unit = serializers.CharField(allow_null=True, help_text="Of the difference: minor or days.")
    records = SeenRecordShape(
        many=True,
        help_text="Of a group: the first 1,000 records, those that fail first; then the values above are its sums, or null.",
    )
    record_count = serializers.IntegerField(help_text="How many records there are to tell of.")

    class Meta:
        ref_name = "ExplainedCondition"


class GroupShape(Shape):
    path = serializers.ListField(child=serializers.JSONField())
    operand = serializers.CharField(help_text="and, or")
    holds = serializers.BooleanField()

    class Meta:
        ref_name = "ExplainedGroup"


class RuleSaidShape(Shape):
    rule_id = AnyId()
    rule = serializers.CharField()
    revision = serializers.IntegerField()
    holds = serializers.BooleanField(allow_null=True)
    first_failed = serializers.ListField(
        child=serializers.JSONField(),
        allow_null=True,
        help_text="Path of the condition that failed first, or of the or-group that had several ways to hold.",
    )
    conditions = ConditionShape(many=True)
    groups = GroupShape(many=True)
    error = serializers.CharField(allow_null=True, help_text="Why this revision cannot be asked any more.")

    class Meta:
        ref_name = "ExplainedRule"


class ExplainedMatchShape(Shape):
    id = AnyId()
    status = serializers.ChoiceField(MatchStatus.choices)
    origin = serializers.ChoiceField(MatchOrigin.choices)
    made_by = serializers.CharField(help_text="Who made it.")

    class Meta:
        ref_name = "ExplainedMatch"


class TakenShape(Shape):
    record_id = AnyId()
    match_id = AnyId()
    status = serializers.ChoiceField(MatchStatus.choices)

    class Meta:
        ref_name = "RecordTaken"


class ClosedShape(Shape):
    record_id = AnyId()
    reason = serializers.CharField()
    closed_at = serializers.DateTimeField()

    class Meta:
        ref_name = "RecordClosed"


class ConfidenceLineShape(Shape):
    line = serializers.CharField(help_text="ceiling, rivals, chance, in_part")
    value = serializers.FloatField()
    text = serializers.CharField()

    class Meta:
        ref_name = "ConfidenceLine"


class RunnerUpShape(Shape):
    record_id = AnyId()
    side = serializers.CharField(help_text="a, b")
    lost_by = serializers.CharField(allow_null=True, help_text="amount, days, age (it is younger), id")
    amount = serializers.IntegerField(
        allow_null=True, help_text="How much further away, minor units; below 0: nearer, but taken elsewhere."
    )
    days = serializers.IntegerField(allow_null=True)

    class Meta:
        ref_name = "RunnerUp"


class ConfidenceShape(Shape):
    value = serializers.FloatField(allow_null=True, help_text="As stored.")
    reckoned = serializers.FloatField(
        allow_null=True,
        help_text="From the lines: min(ceiling, 1 / (1 + rivals) / (1 + 0.2 × chance)), in part at most 0.5.",
    )
    lines = ConfidenceLineShape(many=True)
    runner_up = RunnerUpShape(allow_null=True)
    note = serializers.CharField(allow_null=True, help_text="Why there are no lines.")

    class Meta:
        ref_name = "ExplainedConfidence"


SEEN: Json = {
    "value_a": 12500,
    "value_b": 12500,
    "transformed_a": 12500,
    "transformed_b": 12500,
    "difference": 0,
}
EXAMPLE: Json = {
    "match": {"id": 301, "status": "suggested", "origin": "auto", "made_by": "system:auto_match"},
    "rules": [
        {
            "rule_id": 21,
            "rule": "Amount within three days",
            "revision": 1,
            "holds": True,
            "first_failed": None,
            "conditions": [
                {
                    "path": ["filters", "rules", 0],
                    "key": "amount",
                    "operand": "eq",
                    "value": "amount",
                    "side": None,
                    "literal": None,
                    **SEEN,
                    "unit": "minor",
                    "holds": True,
                    "records": [],
                    "record_count": 0,
                }
            ],
            "groups": [{"path": ["filters"], "operand": "and", "holds": True}],
            "error": None,
        }
    ],
    "taken_by": [],
    "closed": [],
    "refused": False,
    "confidence": {
        "value": 0.497,
        "reckoned": 0.497,
        "lines": [
            {"line": "ceiling", "value": 0.8, "text": "The rule's ceiling is 0.8."},
            {"line": "rivals", "value": 1.0, "text": "1 rival, the nearest 1 day further away."},
            {
                "line": "chance",
                "value": 0.03,
                "text": "0.03 such records expected by accident, among what was open then.",
            },
        ],
        "runner_up": {"record_id": 7002, "side": "b", "lost_by": "days", "amount": 0, "days": 1},
        "note": None,
    },
}


@with_example(EXAMPLE)
class ExplanationShape(Shape):
    match = ExplainedMatchShape(
        allow_null=True, help_text="The match with exactly these records, if there is one."
    )
    rules = RuleSaidShape(many=True)
    taken_by = TakenShape(many=True, help_text="Records that a live match has.")
    closed = ClosedShape(many=True, help_text="Records that a person closed.")
    refused = serializers.BooleanField(help_text="Exactly these records were rejected as a group.")
    confidence = ConfidenceShape(allow_null=True)

    class Meta:
        ref_name = "Explanation"
