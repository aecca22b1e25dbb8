"""What the surface answers with, each with an example."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from api.rules import examples
from api.shared.fields import InstantField, TextOrNull
from rules.models import Rule
from rules.states import Cardinality, OnAmbiguity, OnDifference, Rating, RollupKind, RuleSource, RuleStatus

Shape = serializers.Serializer[Any]
Text = serializers.CharField
Whole = serializers.IntegerField
AI_ONLY = ("confidence", "sample_match_rate")


class RollupShape(Shape):
    group_by_kind = serializers.ChoiceField(RollupKind.choices)
    lookback_days = Whole(allow_null=True)
    date_field = Text(allow_null=True)

    class Meta:
        ref_name = "Rollup"


@extend_schema_serializer(
    examples=[
        OpenApiExample("Example", value=examples.RULE, status_codes=["200", "201"]),
        OpenApiExample("Proposed", value=examples.PROPOSED, status_codes=["200"]),
    ]
)
class RuleShape(Shape):
    """`confidence` and `sample_match_rate` only on rules that were proposed (source ai)."""

    id = Whole(source="pk")
    reconciliation_id = serializers.SerializerMethodField(
        help_text="Null for one of the organization's shared rules, asked for by its own id."
    )
    name = Text()
    description = TextOrNull()
    priority = Whole(help_text="Lower runs first; equal ones by id.")
    cardinality = serializers.ChoiceField(Cardinality.choices)
    filters = serializers.JSONField(help_text="The tree of conditions.")
    group_by = serializers.ListField(child=Text())
    rollup = serializers.SerializerMethodField()
    score = serializers.FloatField(help_text="0 to 1: the most confidence that its matches can have.")
    on_ambiguity = serializers.ChoiceField(OnAmbiguity.choices)
    on_difference = serializers.ChoiceField(OnDifference.choices)
    auto_accept = serializers.BooleanField()
    accept_at = serializers.FloatField(
        help_text="With auto_accept: from this confidence on no person is asked."
    )
    status = serializers.ChoiceField(RuleStatus.choices)
    confidence = serializers.ChoiceField(Rating.choices, source="rating", required=False)
    sample_match_rate = Text(required=False, help_text='Like "42/50".')
    revision = Whole(help_text="Its newest revision: what `expected_revision` is compared with.")
    shared = serializers.SerializerMethodField(
        help_text="One of the organization's rules for all ledgers without rules of their own."
    )
    created_at = InstantField()

    class Meta:
        ref_name = "ReconciliationRule"

    @extend_schema_field(Whole(allow_null=True))
    def get_reconciliation_id(self, row: Rule) -> int | None:
        return row.reconciliation_id or self.context.get("reconciliation_id")

    @extend_schema_field(RollupShape(allow_null=True))
    def get_rollup(self, row: Rule) -> dict[str, Any] | None:
        if row.rollup is None:
            return None
        return {name: row.rollup.get(name) for name in ("group_by_kind", "lookback_days", "date_field")}

    def get_fields(self) -> dict[str, Any]:
        """`source` is a name that serializers have for themselves."""
        fields = super().get_fields()
        fields["source"] = serializers.ChoiceField(RuleSource.choices)
        return fields

    def get_shared(self, row: Rule) -> bool:
        return row.reconciliation_id is None

    def to_representation(self, instance: Rule) -> dict[str, Any]:
        shown = super().to_representation(instance)
        if instance.source != RuleSource.AI:
            for name in AI_ONLY:
                del shown[name]
        return dict(shown)
