"""What answers show of data streams, of work on whole streams, and of what their metadata holds."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rest_framework import serializers

from api.shared.fields import InstantField, TextOrNull
from api.shared.schema import with_example
from api.streams import stream_examples as examples
from ledgers.states import PropertyType, StreamKind
from organizations.actors import user_id_of
from reconciliation.models import StreamOperation
from reconciliation.selectors.operations import ASKED_FOR
from reconciliation.states import OperationStatus

Text = serializers.CharField
Whole = serializers.IntegerField
Shape = serializers.Serializer[Any]


@with_example(examples.STREAM)
class DataStreamShape(Shape):
    id = Whole(source="pk")
    key = Text()
    name = Text()
    description = TextOrNull()
    type = serializers.ChoiceField(
        StreamKind.choices,
        source="kind",
        help_text="Programs write to api and bank_feed only; the others belong to what they come from.",
    )
    bank_account_id = Whole(
        allow_null=True, help_text="Whose movements a bank feed, or statement stream, holds."
    )

    class Meta:
        ref_name = "DataStream"


def ended_at(row: StreamOperation) -> datetime | None:
    return row.finished_at if row.status == OperationStatus.COMPLETED else None


@with_example(examples.OPERATION)
class DataStreamOperationShape(Shape):
    id = Whole(source="pk")
    data_stream_id = Whole(source="stream_id")
    data_stream_key = Text(source="stream_key")
    kind = serializers.ChoiceField([(kind.value, kind.label) for kind in ASKED_FOR])
    status = serializers.ChoiceField(
        OperationStatus.choices, help_text="A failed one is tried again by itself, where it stopped."
    )
    progress = Whole(help_text="Percent.")
    error_message = TextOrNull(source="error")
    started_at = InstantField(allow_null=True)
    completed_at = InstantField(get=ended_at, allow_null=True)
    created_at = InstantField(source="requested_at")
    requested_by_user_id = serializers.SerializerMethodField(help_text="Of an API key: who made it.")

    class Meta:
        ref_name = "DataStreamOperation"

    def get_requested_by_user_id(self, row: StreamOperation) -> int | None:
        return user_id_of(row.requested_by)


class BulkCounts(Shape):
    pending = Whole()
    processing = Whole()
    completed = Whole()
    failed = Whole()
    cancelled = Whole()
    stuck = Whole(help_text="Processing, without a sign of life for more than five minutes.")

    class Meta:
        ref_name = "DataStreamBulkCounts"


@with_example(examples.HEALTH)
class DataStreamHealthShape(Shape):
    records_count = Whole()
    import_batches_count = Whole()
    import_batches_record_sum = Whole(help_text="What the import batches brought, when they came in.")
    orphan_records_count = Whole(help_text="Records that came by themselves, in no import batch.")
    bulk_requests = BulkCounts(help_text="Those with rows for this stream.")
    last_ingestion_at = InstantField(allow_null=True, help_text="When the newest of its records came in.")

    class Meta:
        ref_name = "DataStreamHealth"


@with_example(examples.DEFINITION)
class PropertyDefinitionShape(Shape):
    id = Whole(source="pk")
    key = Text()
    name = Text()
    type = serializers.ChoiceField(PropertyType.choices)
    optional = serializers.BooleanField(help_text="Off: every record has to have it.")
    data_stream_key = Text(source="stream.key")

    class Meta:
        ref_name = "RecordPropertyDefinition"
