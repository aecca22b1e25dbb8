"""What the surface takes in. A rule's own fields are documented here and checked by the service, all at once, so that a
caller learns every mistake with its path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from api.rules import examples
from api.shared.fields import Body, Id
from api.shared.schema import with_example
from api.shared.values import NUMBER_MAX
from rules.states import Cardinality, OnAmbiguity, OnDifference, RollupKind


def said(schema: dict[str, Any], **kwargs: Any) -> serializers.JSONField:
    """A field that is handed on as it was said; the schema is for readers."""
    kind = extend_schema_field(schema)(type("Said", (serializers.JSONField,), {}))
    field: serializers.JSONField = kind(required=False, allow_null=True, **kwargs)
    return field


def words(choices: Any, default: str, meaning: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(choices.values), "default": default, "description": meaning}


LEAF = {
    "type": "object",
    "description": "A condition between a field of Side A (`key`) and a field of Side B (`value`).",
    "properties": {
        "key": {"type": "string"},
        "operand": {"type": "string", "default": "eq"},
        "value": {"type": "string"},
        "tolerance_amount": {"type": "number", "minimum": 0, "exclusiveMinimum": True},
        "tolerance_unit": {"type": "string", "enum": ["dollar", "percent", "day", "month"]},
        "days": {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2},
        "transforms": {
            "type": "object",
            "properties": {"key": {}, "value": {}},
            "description": 'Per side a name, {"name", "args"} or a list of them, the first applied first.',
        },
    },
}
FILTERS = {
    "type": "object",
    "description": (
        "A group {operand: and | or, rules: [conditions and groups]}; a bare condition is taken as a group of one. The"
        " whole language, with its limits, is told in docs/rules.md."
    ),
    "properties": {
        "operand": {"type": "string", "enum": ["and", "or"], "default": "and"},
        "rules": {
            "type": "array",
            "minItems": 1,
            "items": {"oneOf": [LEAF, {"type": "object", "description": "A group."}]},
        },
    },
}
ROLLUP = {
    "type": "object",
    "nullable": True,
    "description": "How the many records are gathered; null unless many_to_one or one_to_many.",
    "properties": {
        "group_by_kind": {"type": "string", "enum": list(RollupKind.values), "default": "date"},
        "lookback_days": {"type": "integer", "minimum": 1, "nullable": True},
        "date_field": {"type": "string", "nullable": True},
    },
}
SHARE = {"type": "number", "minimum": 0, "maximum": 1}


class Facts(Body):
    """What may be said of a rule."""

    name = said({"type": "string", "maxLength": 128, "description": "Ours; by default what it compares."})
    description = said({"type": "string", "nullable": True})
    priority = said({"type": "integer", "default": 0, "description": "Lower runs first."})
    cardinality = said(
        words(Cardinality, "one_to_one", "How many records of Side A meet how many of Side B.")
    )
    group_by = said({"type": "array", "items": {"type": "string"}, "maxItems": 5})
    rollup = said(ROLLUP)
    score = said({**SHARE, "default": 1, "description": "The most confidence that its matches can have."})
    on_ambiguity = said(
        words(
            OnAmbiguity,
            "best",
            "Which of several equal pairs: the best, none, or only pairs without a rival.",
        )
    )
    on_difference = said(
        words(
            OnDifference,
            "refuse",
            "Where sums differ. Of streams `allow` by default, and never suggest_partial.",
        )
    )
    auto_accept = said(
        {
            "type": "boolean",
            "description": "On by default for streams. Never for a rule of amount and date alone.",
        }
    )
    accept_at = said({**SHARE, "default": 0.99})


@extend_schema_serializer(
    examples=[
        OpenApiExample("Nested", value=examples.NESTED, request_only=True),
        OpenApiExample("Batches", value=examples.BATCHES, request_only=True),
    ]
)
class RuleBody(Facts):
    reconciliation_id = Id()
    filters = said(FILTERS)

    class Meta:
        ref_name = "ReconciliationRuleBody"

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        fields["filters"].required = True
        return fields


EXPECTED_HELP = "The revision that you looked at: 409, naming who changed the rule, if it is another by now."


def expected_revision() -> serializers.IntegerField:
    return serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=NUMBER_MAX, help_text=EXPECTED_HELP
    )


@with_example({"priority": 5, "filters": examples.BATCHES["filters"], "expected_revision": 1})
class RuleChangeBody(Facts):
    filters = said(FILTERS)
    expected_revision = expected_revision()

    class Meta:
        ref_name = "ReconciliationRuleChangeBody"

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and "status" in data:
            message = _(
                "A rule's status is changed by POST /v1/reconciliation_rules/{id}/activate and …/discard."
            )
            raise serializers.ValidationError({"status": [message]})
        return super().to_internal_value(data)


@with_example({"expected_revision": 1})
class RevisionBody(Body):
    """Nothing, or the revision that was looked at."""

    expected_revision = expected_revision()

    class Meta:
        ref_name = "RuleRevisionBody"
