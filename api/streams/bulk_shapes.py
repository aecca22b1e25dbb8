"""What bulk requests and import batches look like, for the OpenAPI. The answers are made in `bulk_presenting`."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from api.shared.fields import Body
from api.shared.schema import with_example
from api.streams import bulk_examples as examples
from api.streams.record_shapes import RecordBody, RecordShape
from ledgers.states import BatchSource, BulkRowStatus, BulkSource, BulkStatus, OnConflict
from reconciliation.services.bulk import ROWS_MAX

Shape = serializers.Serializer[Any]
Text = serializers.CharField
Whole = serializers.IntegerField
Day = serializers.DateField
At = serializers.DateTimeField


@with_example(examples.BULK_SENT)
class BulkBody(Body):
    records = serializers.ListField(child=RecordBody(), min_length=1, max_length=ROWS_MAX)
    on_conflict = serializers.ChoiceField(
        OnConflict.choices,
        default=OnConflict.SKIP,
        help_text="What becomes of a row whose external id its stream has already.",
    )

    class Meta:
        ref_name = "BulkRecordsBody"


class BulkCounts(Shape):
    id = Whole()
    status = serializers.ChoiceField(BulkStatus.choices)
    total_items = Whole()
    processed_items = Whole(help_text="Successful, failed and skipped ones.")
    successful_items = Whole()
    failed_items = Whole()
    skipped_items = Whole()


@with_example(examples.SUMMARY)
class SummaryShape(BulkCounts):
    url = Text(help_text="Where its progress and results are.")

    class Meta:
        ref_name = "BulkRequestSummary"


@with_example(examples.BULK)
class BulkShape(BulkCounts):
    progress = Whole(min_value=0, max_value=100)
    filename = Text(allow_null=True)
    created_at = At()
    started_at = At(allow_null=True)
    completed_at = At(allow_null=True)
    last_progress_at = At(allow_null=True, help_text="The worker's last sign of life.")
    cancellation_requested_at = At(allow_null=True)
    parsing = serializers.BooleanField()
    stuck = serializers.BooleanField(help_text="No sign of life for more than five minutes.")
    error_message = Text(allow_null=True)
    error_details = serializers.DictField()
    parent_bulk_request_id = Whole(allow_null=True, help_text="The request whose rows it tries again.")
    on_conflict = serializers.ChoiceField(OnConflict.choices)
    data_stream_id = Whole(allow_null=True, help_text="Where all rows name the same stream.")

    class Meta:
        ref_name = "BulkRequest"

    def get_fields(self) -> dict[str, Any]:
        """`source` is a name that serializers have for themselves."""
        return {**super().get_fields(), "source": serializers.ChoiceField(BulkSource.choices)}


class ResultShape(Shape):
    index = Whole(help_text="The row's place in the array that was sent first, from 0.")
    status = serializers.ChoiceField(BulkRowStatus.choices)
    external_id = Text(allow_null=True)
    record_id = Whole(required=False, help_text="Of successful rows.")
    error = Text(required=False, help_text="Of failed rows, and of rows that nobody reached.")

    class Meta:
        ref_name = "BulkRowResult"


HAS_MORE: dict[str, Any] = {"has_more": serializers.BooleanField(), "offset": Whole()}
CURSOR: dict[str, Any] = {"next_cursor": Text(allow_null=True), "limit": Whole()}


def listed(name: str, row: type[Shape], style: dict[str, Any]) -> Any:
    """An envelope around rows of one shape; `data` is a name that serializers have for themselves."""
    return type(name, (serializers.Serializer,), {"data": row(many=True), **style})


@with_example({**examples.BULK, "results": examples.RESULTS})
class BulkWithResults(BulkShape):
    results = listed("BulkRowResults", ResultShape, HAS_MORE)()

    class Meta:
        ref_name = "BulkRequestWithResults"


BulkList = with_example(examples.BULK_LIST)(listed("BulkRequestList", BulkShape, CURSOR))


class CurrencySum(Shape):
    currency = Text()
    decimal_places = Whole()
    record_count = Whole()
    total_credits = Whole()
    total_debits = Whole()

    class Meta:
        ref_name = "ImportBatchCurrency"


@with_example(examples.BATCH)
class BatchShape(Shape):
    """As it was when it came in: records that are changed or deleted later change nothing here."""

    id = Whole()
    data_stream_key = Text()
    filename = Text(allow_null=True)
    record_count = Whole()
    total_credits = Whole(help_text="Of the most frequent currency, as are the next three.")
    total_debits = Whole()
    net_amount = Whole(help_text="Credits less debits.")
    decimal_places = Whole()
    currency = Text(allow_null=True)
    mixed_currencies = serializers.BooleanField()
    by_currency = CurrencySum(many=True, help_text="A line for each, the most frequent first.")
    date_range_start = Day(allow_null=True)
    date_range_end = Day(allow_null=True)
    created_at = At()
    records_url = Text()

    class Meta:
        ref_name = "ImportBatch"

    def get_fields(self) -> dict[str, Any]:
        """`source` is a name that serializers have for themselves."""
        return {**super().get_fields(), "source": serializers.ChoiceField(BatchSource.choices)}


BatchList = with_example(examples.BATCH_LIST)(listed("ImportBatchList", BatchShape, HAS_MORE))
BatchRecords = with_example(examples.BATCH_RECORDS)(listed("ImportBatchRecords", RecordShape, HAS_MORE))
