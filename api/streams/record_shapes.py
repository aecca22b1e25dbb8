"""What records look like in requests and answers, for the OpenAPI. The answers are made in `presenting`, the requests are
checked in ledgers.services.record_rows."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from api.shared.fields import Body
from api.shared.schema import with_example
from api.streams import record_examples as examples
from ledgers.services.record_rows import ID_MAX, TEXT_MAX
from ledgers.states import Direction
from reconciliation.selectors.stream_entries import PARTNERS_MAX
from reconciliation.states import EntryStatus

Shape = serializers.Serializer[Any]
Text = serializers.CharField
Whole = serializers.IntegerField
Day = serializers.DateField
At = serializers.DateTimeField
Metadata = serializers.DictField

AMOUNT = "Whole minor units of the currency. Below zero it takes back what its direction says."


@with_example(examples.RECORD)
class RecordShape(Shape):
    id = Whole()
    date = Day()
    data_stream_key = Text()
    amount = Whole(help_text=AMOUNT)
    direction = serializers.ChoiceField(Direction.choices)
    currency = Text(min_length=3, max_length=3)
    decimal_places = Whole(help_text="Of the currency: amount / 10^decimal_places is the shown amount.")
    description = Text(allow_null=True)
    metadata = Metadata()
    external_id = Text(allow_null=True)
    value_date = Day(allow_null=True)
    reference = Text(allow_null=True)
    counterparty = Text(allow_null=True)
    created_at = At()

    class Meta:
        ref_name = "Record"


class PartnerShape(Shape):
    id = Whole()
    amount = Whole()
    currency = Text()
    decimal_places = Whole()
    direction = serializers.ChoiceField(Direction.choices)
    description = Text(allow_null=True)
    date = Day()
    external_id = Text(allow_null=True)
    data_stream_key = Text()
    reconciliation_id = Whole()
    reconciliation_name = Text()

    class Meta:
        ref_name = "MatchedRecord"


@with_example(examples.ENTRY)
class EntryShape(RecordShape):
    """A record as one reconciliation sees it."""

    reconciliation_id = Whole()
    reconciliation_name = Text()
    status = serializers.ChoiceField(
        EntryStatus.choices,
        help_text="Reconciled: wholly covered by an accepted match, or closed by a person.",
    )
    escalated = serializers.BooleanField(help_text="Unreconciled, and overdue_at has passed.")
    overdue_at = At(allow_null=True)
    matched_records = PartnerShape(
        many=True, help_text=f"The other members of its accepted match, {PARTNERS_MAX} at most."
    )
    matched_records_total = Whole(help_text="How many other members there are.")
    days_unreconciled = Whole(allow_null=True, help_text="Since its date; null where it is reconciled.")
    exception_id = Whole(allow_null=True)
    closed_at = At(allow_null=True, help_text="When a person closed it here.")
    close_reason = Text(allow_null=True)

    class Meta:
        ref_name = "ReconciliationEntry"


class ListedShape(EntryShape):
    """A record; with `reconciliation_id` as that reconciliation sees it, which adds the fields behind `created_at`."""

    class Meta:
        ref_name = "ListedRecord"

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        for name in set(fields) - set(RecordShape().fields):
            fields[name].required = False
        return fields


class RecordFacts(Body):
    amount = serializers.IntegerField(min_value=-(2**63) + 1, max_value=2**63 - 1, help_text=AMOUNT)
    direction = serializers.ChoiceField(Direction.choices)
    date = Day()
    value_date = Day(required=False, allow_null=True)
    description = Text(required=False, allow_null=True, allow_blank=True, max_length=TEXT_MAX)
    reference = Text(required=False, allow_null=True, allow_blank=True, max_length=TEXT_MAX)
    counterparty = Text(required=False, allow_null=True, allow_blank=True, max_length=TEXT_MAX)
    external_id = Text(
        required=False,
        allow_null=True,
        allow_blank=True,
        max_length=ID_MAX,
        help_text="The id that the source gave it: once among the stream's records.",
    )
    metadata = Metadata(
        required=False,
        allow_null=True,
        help_text="Whatever else is known of it. Held against the stream's property definitions.",
    )


@with_example(examples.RECORD_SENT)
class RecordBody(RecordFacts):
    data_stream_key = Text()
    currency = serializers.RegexField(
        "^[A-Za-z]{3}$", required=False, allow_null=True, help_text="Default USD; kept in capitals."
    )

    class Meta:
        ref_name = "RecordBody"


@with_example({"amount": 4300, "description": "Order 771, tip added"})
class RecordChangeBody(RecordFacts):
    """What is left out stays; null empties a field that may be empty. Metadata is replaced as a whole."""

    class Meta:
        ref_name = "RecordChangeBody"

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        for field in fields.values():
            field.required = False
        return fields


RecordList = extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Records", value={"data": [examples.RECORD], "next_cursor": "WyI5MDEiXQ", "limit": 50}
        ),
        OpenApiExample(
            "As a reconciliation sees them",
            value={"data": [examples.ENTRY], "next_cursor": None, "limit": 50},
        ),
    ]
)(
    type(
        "RecordList",
        (serializers.Serializer,),
        {"data": ListedShape(many=True), "next_cursor": Text(allow_null=True), "limit": Whole()},
    )
)
