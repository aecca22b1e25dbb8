"""Records that came in many at once: what a program sent (bulk requests), and what each import added to a stream."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from ledgers.models.files import SourceFile
from ledgers.models.records import DataStream
from ledgers.states import (
    BULK_UNDER_WAY,
    BatchSource,
    BulkSource,
    BulkStatus,
    OnConflict,
)
from organizations.models import Organization


class BulkRequestQuerySet(models.QuerySet["BulkRequest"]):
    def of(self, organization_id: int) -> BulkRequestQuerySet:
        return self.filter(organization_id=organization_id)

    def under_way(self) -> BulkRequestQuerySet:
        return self.filter(status__in=BULK_UNDER_WAY)


class BulkRequest(models.Model):
    """Up to 1,000 rows of one request, each taken, refused or skipped by itself. The row is the job; `attempt` fences a
    late twin of its worker."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    idempotency_key = models.CharField(max_length=255, blank=True, default="")
    source = models.CharField(max_length=16, choices=BulkSource, default=BulkSource.BULK_API)
    on_conflict = models.CharField(max_length=5, choices=OnConflict, default=OnConflict.SKIP)
    status = models.CharField(max_length=10, choices=BulkStatus, default=BulkStatus.PENDING)
    attempt = models.PositiveIntegerField(default=0)
    stream = models.ForeignKey(
        DataStream,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Where all rows name the same one.",
    )
    stream_keys = ArrayField(
        models.CharField(max_length=128), default=list, blank=True, help_text="Those that its rows name."
    )
    filename = models.CharField(max_length=255, blank=True, default="")
    parent = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="retries",
        help_text="The request whose failed and skipped rows it tries again.",
    )
    total_items = models.PositiveIntegerField()
    successful_items = models.PositiveIntegerField(default=0)
    failed_items = models.PositiveIntegerField(default=0)
    skipped_items = models.PositiveIntegerField(default=0)
    error_message = models.TextField(blank=True, default="")
    error_details = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=100)
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    cancellation_requested_at = models.DateTimeField(null=True, blank=True)

    objects = BulkRequestQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            CheckConstraint(condition=Q(status__in=BulkStatus.values), name="bulkrequest_status_known"),
            CheckConstraint(condition=Q(source__in=BulkSource.values), name="bulkrequest_source_known"),
            CheckConstraint(
                condition=Q(on_conflict__in=OnConflict.values), name="bulkrequest_on_conflict_known"
            ),
            CheckConstraint(
                condition=Q(
                    total_items__gte=models.F("successful_items")
                    + models.F("failed_items")
                    + models.F("skipped_items")
                ),
                name="bulkrequest_counts_within_total",
            ),
            CheckConstraint(
                condition=Q(status__in=BULK_UNDER_WAY, finished_at__isnull=True)
                | ~Q(status__in=BULK_UNDER_WAY) & Q(finished_at__isnull=False),
                name="bulkrequest_finished_at_iff_ended",
            ),
            UniqueConstraint(
                fields=["organization", "idempotency_key"],
                condition=~Q(idempotency_key=""),
                name="bulkrequest_idempotency_key_once",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "-created_at", "-id"], name="bulkrequest_newest"),
            GinIndex(fields=["stream_keys"], name="bulkrequest_by_stream"),
        ]

    def __str__(self) -> str:
        return f"Bulk request {self.pk}"

    @property
    def processed_items(self) -> int:
        return self.successful_items + self.failed_items + self.skipped_items

    @property
    def progress(self) -> int:
        """Percent."""
        return 100 * self.processed_items // self.total_items if self.total_items else 100

    @property
    def is_under_way(self) -> bool:
        return self.status in BULK_UNDER_WAY


class BulkContent(models.Model):
    """What was sent and what became of it, apart from the request so that lists do not read it. `rows`: [{index, row as sent}],
    kept while they can be tried again; `results`: [{index, status, external_id, record_id or error}]."""

    bulk_request = models.OneToOneField(
        BulkRequest, on_delete=models.CASCADE, primary_key=True, related_name="content"
    )
    rows = models.JSONField(default=list)
    results = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"Rows of bulk request {self.pk}"


class ImportBatchQuerySet(models.QuerySet["ImportBatch"]):
    def of(self, organization_id: int) -> ImportBatchQuerySet:
        return self.filter(stream__organization_id=organization_id)

    def live(self) -> ImportBatchQuerySet:
        return self.filter(voided_at__isnull=True)


class ImportBatch(models.Model):
    """What one file or bulk request added to one stream, as it was when it came in: a record that is changed or voided
    later changes nothing here, so that the drift shows. A file of several accounts makes one for each stream.

    Its records name it (`Record.import_batch_id`, without an index) and have ids from `first_record` to `last_record`.
    Amounts are minor units of the most frequent currency; `by_currency` has a line for each.
    """

    stream = models.ForeignKey(DataStream, on_delete=models.PROTECT, related_name="import_batches")
    source_file = models.ForeignKey(
        SourceFile, null=True, blank=True, on_delete=models.PROTECT, related_name="import_batches"
    )
    bulk_request = models.ForeignKey(
        BulkRequest, null=True, blank=True, on_delete=models.PROTECT, related_name="import_batches"
    )
    source = models.CharField(max_length=12, choices=BatchSource)
    filename = models.CharField(max_length=255, blank=True, default="")
    record_count = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3, blank=True, default="")
    decimal_places = models.SmallIntegerField(default=2)
    total_credits = models.BigIntegerField(default=0)
    total_debits = models.BigIntegerField(default=0)
    by_currency = models.JSONField(
        default=list,
        blank=True,
        help_text="[{currency, decimal_places, record_count, total_credits, total_debits}], most frequent first.",
    )
    date_range_start = models.DateField(null=True, blank=True)
    date_range_end = models.DateField(null=True, blank=True)
    first_record = models.BigIntegerField(null=True, blank=True)
    last_record = models.BigIntegerField(null=True, blank=True)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=100)
    voided_at = models.DateTimeField(null=True, blank=True)
    voided_by = models.CharField(max_length=100, blank=True, default="")

    objects = ImportBatchQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "import batches"
        ordering = ["-pk"]
        constraints = [
            CheckConstraint(condition=Q(source__in=BatchSource.values), name="importbatch_source_known"),
            CheckConstraint(
                condition=Q(source_file__isnull=False, bulk_request__isnull=True)
                | Q(source_file__isnull=True, bulk_request__isnull=False),
                name="importbatch_one_origin",
            ),
            UniqueConstraint(
                fields=["source_file", "stream"],
                condition=Q(source_file__isnull=False),
                name="importbatch_file_once",
            ),
            UniqueConstraint(
                fields=["bulk_request", "stream"],
                condition=Q(bulk_request__isnull=False),
                name="importbatch_bulk_once",
            ),
        ]
        indexes = [models.Index(fields=["stream", "-id"], name="importbatch_newest")]

    def __str__(self) -> str:
        return self.filename or f"Import batch {self.pk}"

    @property
    def net_amount(self) -> int:
        return self.total_credits - self.total_debits
