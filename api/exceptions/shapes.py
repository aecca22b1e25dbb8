"""What exceptions look like in answers, for the OpenAPI. The answers are made in `presenting`."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from api.exceptions import examples
from api.shared.schema import with_example
from api.streams.record_shapes import EntryShape
from exceptions_app.selectors.filters import NAMES
from exceptions_app.states import AgeBucket, ExceptionStatus, InvestigationStatus, Outcome

Shape = serializers.Serializer[Any]
Text = serializers.CharField
Whole = serializers.IntegerField
At = serializers.DateTimeField
SIGNED = "Signed minor units: debits below zero."


class FiguresShape(Shape):
    currency = Text(allow_null=True, help_text="Ours: of the sums. Null where there is nothing.")
    decimal_places = Whole(help_text="Ours: of that currency.")
    record_count = Whole()
    total_amount = Whole(help_text=SIGNED)
    debit_count = Whole(help_text="Records below zero; one of amount 0 is neither debit nor credit.")
    debit_sum = Whole(help_text="0 or less.")
    credit_count = Whole()
    credit_sum = Whole()
    avg_age_days = serializers.FloatField(help_text="Since overdue_at, on average; 0 where there is nothing.")
    oldest_at = At(allow_null=True, help_text="The earliest date of a record, as midnight UTC.")
    newest_at = At(allow_null=True, help_text="The latest date of a record, as midnight UTC.")

    class Meta:
        ref_name = "ExceptionFigures"


class BucketShape(Shape):
    count = Whole()
    total_amount = Whole(help_text=SIGNED)

    class Meta:
        ref_name = "ExceptionAgeBucket"


BUCKETS: Any = type(
    "AgeBucketsShape",
    (serializers.Serializer,),
    {
        **{bucket.value: BucketShape(help_text=str(bucket.label)) for bucket in AgeBucket},
        "Meta": type("Meta", (), {"ref_name": "ExceptionAgeBuckets"}),
    },
)


class AggregatesShape(FiguresShape):
    """Of several currencies: counts, ages and dates of all records; sums of the currency that most records have."""

    mixed_currencies = serializers.BooleanField(help_text="Ours: there is more than one currency.")
    by_currency = FiguresShape(many=True, help_text="Ours: each currency by itself, the most frequent first.")
    age_buckets = BUCKETS(help_text="Ours: by days since overdue_at.")

    class Meta:
        ref_name = "ExceptionAggregates"


class AssigneeShape(Shape):
    id = Whole(help_text="The user.")
    workos_user_id = Text()

    class Meta:
        ref_name = "ExceptionAssignee"


@with_example(examples.COMMENT)
class CommentShape(Shape):
    id = Whole()
    body = Text()
    author_workos_id = Text(allow_null=True, help_text="Of a key's comment: who made the key.")
    mentions = serializers.ListField(child=Whole(), help_text="Ids of users.")
    created_at = At()

    class Meta:
        ref_name = "ExceptionComment"


FILTER_KINDS: dict[str, dict[str, Any]] = {
    "amount_min": {"type": "integer", "format": "int64"},
    "amount_max": {"type": "integer", "format": "int64"},
    "date_from": {"type": "string", "format": "date"},
    "date_to": {"type": "string", "format": "date"},
    "direction": {"type": "string", "enum": ["debit", "credit"]},
    "counterparty": {"type": "string"},
    "age_bucket": {"type": "string", "enum": list(AgeBucket.values)},
}
assert tuple(FILTER_KINDS) == NAMES


@extend_schema_field({"type": "object", "nullable": True, "properties": FILTER_KINDS})
class FilterParams(serializers.JSONField):
    """Filters as they were given."""


@with_example(examples.SESSION)
class SessionShape(Shape):
    """An investigation: a look for what explains the records of an exception. It only suggests."""

    id = Whole()
    status = serializers.ChoiceField(InvestigationStatus.choices)
    outcome = serializers.ChoiceField(
        Outcome.choices, allow_null=True, help_text="Null unless it is completed."
    )
    recommendation_text = Text(allow_null=True)
    confidence_score = serializers.FloatField(allow_null=True, min_value=0, max_value=1)
    candidate_records_searched = Whole(allow_null=True)
    suggested_record_ids = serializers.ListField(child=Whole(), allow_null=True)
    filter_params = FilterParams(help_text="What it was scoped to; null: the whole exception.")
    completed_at = At(allow_null=True)
    created_at = At()

    class Meta:
        ref_name = "AgentInvestigationSession"


@with_example(examples.EXCEPTION)
class ExceptionShape(Shape):
    """What is overdue of one stream in one reconciliation. Which records belong to it is asked when it is read, also of a
    closed one."""

    id = Whole()
    reconciliation_id = Whole()
    reconciliation_name = Text()
    data_stream_id = Whole()
    data_stream_name = Text()
    data_stream_key = Text()
    title = Text()
    description = Text(allow_null=True)
    status = serializers.ChoiceField(ExceptionStatus.choices)
    created_at = At()
    updated_at = At()
    opened_at = At(allow_null=True, help_text="When it last became open or investigating.")
    closed_at = At(
        allow_null=True, help_text="When it was dismissed or resolved; null once it is open again."
    )
    new_since_closed = Whole(help_text="Ours: records seen overdue since it was closed; 0 while it is not.")
    assignees = AssigneeShape(many=True)
    currency = Text(allow_null=True, help_text="Ours: of the sums in `aggregates`.")
    decimal_places = Whole(help_text="Of that currency; 2 where nothing is overdue.")
    aggregates = AggregatesShape()
    comments = CommentShape(many=True, help_text="Oldest first.")
    investigation = SessionShape(allow_null=True, help_text="The newest one.")
    investigation_sessions = SessionShape(many=True, help_text="The newest five, newest first.")

    class Meta:
        ref_name = "ReconciliationException"


@with_example(examples.SHOWN)
class ShownExceptionShape(ExceptionShape):
    filtered_aggregates = AggregatesShape(help_text="Of the records that the filters leave.")

    class Meta:
        ref_name = "ShownReconciliationException"


class OverdueRecordShape(EntryShape):
    """A record of the exception as its reconciliation sees it."""

    amount_overdue = Whole(help_text=f"What of it is overdue. {SIGNED}")

    class Meta:
        ref_name = "OverdueRecord"


class ActShape(Shape):
    id = Whole()
    at = At()
    actor = Text(help_text="user:<name>, key:<prefix> or system:<task>")
    action = Text(help_text="exception.opened, exception.resolved, exception.commented, …")
    facts = serializers.DictField(help_text="What changed, as the act says it.")

    class Meta:
        ref_name = "ExceptionAct"


def listed(name: str, row: Any, example: Any, **more: Any) -> Any:
    shape = type(name, (serializers.Serializer,), {"data": row(many=True), **more})
    return extend_schema_serializer(examples=[OpenApiExample("Example", value=example)])(shape)


EXCEPTIONS = listed(
    "ReconciliationExceptionList",
    ExceptionShape,
    {"data": [examples.EXCEPTION], "has_more": False, "offset": 0},
    has_more=serializers.BooleanField(),
    offset=Whole(),
)
RECORDS = listed(
    "OverdueRecordList",
    OverdueRecordShape,
    {"data": [examples.OVERDUE_RECORD], "next_cursor": None, "limit": 50},
    next_cursor=Text(allow_null=True, help_text="For `cursor`; null at the end."),
    limit=Whole(),
)
ACTS = listed(
    "ExceptionActList",
    ActShape,
    {"data": [examples.ACT], "next_cursor": None, "limit": 50},
    next_cursor=Text(allow_null=True, help_text="For `cursor`; null at the end."),
    limit=Whole(),
)
