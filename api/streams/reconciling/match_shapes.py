"""Matches: what is taken in about them, and what is answered."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from api.shared.fields import Body, Id, InstantField, TextOrNull
from api.shared.schema import ProblemShape, with_example
from api.streams.reconciling import examples
from reconciliation.models import Match
from reconciliation.selectors.stream_matches import WORDS
from reconciliation.services.groups import IDS_MAX
from reconciliation.services.stream_matches import REASON_MAX

Shape = serializers.Serializer[Any]
Whole = serializers.IntegerField
BULK_MAX = 1_000
SHOWN = {stored: word for word, stored in WORDS.items()}
EXPECTED = serializers.ChoiceField(
    ["suggested", "matched", "rejected"],
    required=False,
    allow_null=True,
    help_text="If the match stands otherwise by now: 409 with who and when.",
)


def stored_status(word: str | None) -> str | None:
    """The status that a word of this surface means."""
    return WORDS.get(word, word) if word is not None else None


@with_example(examples.NEW_MATCH)
class MatchBody(Body):
    reconciliation_id = Id()
    record_ids = serializers.ListField(
        child=Id(),
        help_text=f"At least two records, one with create_adjustment; at most {IDS_MAX:,}. Of either side.",
    )
    create_adjustment = serializers.BooleanField(
        default=False, help_text="Write one record that makes the match add up."
    )
    adjustment_reason = serializers.CharField(
        required=False,
        allow_null=True,
        allow_blank=True,
        max_length=REASON_MAX,
        help_text="Its description.",
    )

    class Meta:
        ref_name = "ReconciliationMatchBody"


@with_example({"expected_status": "suggested"})
class MatchDecisionBody(Body):
    expected_status = EXPECTED


@with_example({"action": "accept", "ids": [70, "71"]})
class MatchBulkDecisionBody(Body):
    action = serializers.ChoiceField(["accept", "reject"])
    ids = serializers.ListField(child=Id(), min_length=1, max_length=BULK_MAX)
    expected_status = serializers.ChoiceField(
        ["suggested", "matched", "rejected"], required=False, allow_null=True, default="suggested"
    )


@extend_schema_serializer(
    examples=[
        OpenApiExample("Example", value=examples.MATCH, status_codes=["200", "201"]),
        OpenApiExample("Suggested", value=examples.SUGGESTED, status_codes=["200"]),
    ]
)
class StreamMatchShape(Shape):
    """Its records are listed by GET /v1/records?reconciliation_match_id={id}."""

    id = Whole(source="pk")
    status = serializers.SerializerMethodField(
        help_text="matched, suggested (undecided); rejected, undone or superseded in the answer of an act only."
    )
    group_key = TextOrNull(help_text="The values that a group was gathered by, with | between.")
    reconciliation_id = Whole()
    reconciliation_rule_id = serializers.SerializerMethodField(
        help_text="Null where a person made it, and once the rule is deleted."
    )
    created_at = InstantField()
    record_count = Whole(help_text="With its adjustment, where it has one.")
    confidence = serializers.FloatField(allow_null=True)
    difference = Whole(help_text="What Side A is more than Side B, minor units.")
    currency = serializers.CharField()
    decimal_places = Whole()
    rule_revision = serializers.SerializerMethodField()
    adjustment_record_id = Whole(source="adjustment_id", allow_null=True)

    class Meta:
        ref_name = "ReconciliationMatch"

    def get_status(self, row: Match) -> str:
        return SHOWN.get(row.status, str(row.status))

    def get_reconciliation_rule_id(self, row: Match) -> int | None:
        revision = row.rule_revision
        return revision.rule_id if revision is not None and revision.rule.voided_at is None else None

    def get_rule_revision(self, row: Match) -> int | None:
        return row.rule_revision.number if row.rule_revision is not None else None


LIST_EXAMPLE = {
    "data": [examples.MATCH],
    "has_more": False,
    "offset": 0,
    "total_count": 1,
    "next_cursor": None,
}
STREAM_MATCHES: Any = with_example(LIST_EXAMPLE)(
    type(
        "StreamMatchList",
        (serializers.Serializer,),
        {
            "data": StreamMatchShape(many=True),  # a name that serializers have for themselves
            "has_more": serializers.BooleanField(),
            "offset": Whole(),
            "total_count": Whole(help_text="Over all pages."),
            "total_is_lower_bound": serializers.BooleanField(
                required=False, help_text="Only, and true, where there are more than total_count says."
            ),
            "next_cursor": serializers.CharField(
                allow_null=True, help_text="Ours: for `cursor`; null at the end."
            ),
            "Meta": type("Meta", (), {"ref_name": "ReconciliationMatchList"}),
        },
    )
)


class StreamBulkResult(Shape):
    id = Whole()
    result = serializers.ChoiceField(["done", "refused"])
    match = StreamMatchShape(allow_null=True)
    problem = ProblemShape(allow_null=True)

    class Meta:
        ref_name = "ReconciliationMatchBulkResult"


@with_example(
    {
        "done": 1,
        "refused": 0,
        "results": [{"id": 70, "result": "done", "match": examples.MATCH, "problem": None}],
    }
)
class StreamBulkResults(Shape):
    done = Whole()
    refused = Whole()
    results = StreamBulkResult(many=True)

    class Meta:
        ref_name = "ReconciliationMatchBulkResults"
