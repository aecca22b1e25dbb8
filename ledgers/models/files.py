"""Files as they came in, the statements found in them, and which record each line states."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from ledgers.models.books import BankAccount, Ledger
from ledgers.models.profiles import ImportProfile
from ledgers.models.records import DataStream, Record
from ledgers.states import SOURCE_FILE_MOVES, ImportTarget, LineStatus, RunningOrder, SourceFileStatus
from organizations.ids import uuid7
from organizations.models import Organization
from organizations.refusals import Conflict


class SourceFileQuerySet(models.QuerySet["SourceFile"]):
    def of(self, organization_id: int) -> SourceFileQuerySet:
        return self.filter(organization_id=organization_id)

    def live(self) -> SourceFileQuerySet:
        return self.filter(voided_at__isnull=True)

    def parts_of(self, source_file_ids: Iterable[int]) -> SourceFileQuerySet:
        """What was taken from imports, a part for each ledger."""
        return self.filter(part_of__in=list(source_file_ids))


class SourceFile(models.Model):
    """One uploaded file, kept by the SHA-256 of its bytes; on the stream surface: an import batch."""

    uuid = models.UUIDField(default=uuid7, unique=True, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    target = models.CharField(max_length=32, choices=ImportTarget)
    filename = models.CharField(max_length=255)
    format = models.CharField(max_length=16, blank=True, default="")
    status = models.CharField(max_length=20, choices=SourceFileStatus, default=SourceFileStatus.UPLOADED)
    size_bytes = models.BigIntegerField()
    checksum_sha256 = models.CharField(max_length=64)
    profile = models.ForeignKey(
        ImportProfile,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="The version of the profile that it was, or is to be, read with.",
    )
    part_of = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="parts",
        help_text="The imported file of which this is what belongs to one ledger.",
    )
    ledger = models.ForeignKey(
        Ledger,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Whose part this is; of an imported file: where statements go that name no account.",
    )
    stream = models.ForeignKey(
        DataStream,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="files",
        help_text="The data stream that its rows go into.",
    )
    taken_again = models.BooleanField(
        default=False,
        help_text="Somebody said that its rows happened twice, though its bytes came in before.",
    )
    imported_count = models.BigIntegerField(null=True, blank=True)
    already_known_count = models.BigIntegerField(null=True, blank=True)
    suspect_count = models.BigIntegerField(null=True, blank=True)
    pending_count = models.BigIntegerField(
        null=True, blank=True, help_text="Entries that the bank had not booked yet: skipped."
    )
    error_code = models.CharField(max_length=64, blank=True, default="")
    error_message = models.TextField(blank=True, default="")
    error_rows = models.JSONField(
        default=list, blank=True, help_text="The first 1,000 of [{line, field, message}]."
    )
    error_row_count = models.BigIntegerField(default=0)
    skipped_statements = models.JSONField(default=list, blank=True)
    statement_from = models.DateField(null=True, blank=True)
    statement_to = models.DateField(null=True, blank=True)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=100)
    finished_at = models.DateTimeField(null=True, blank=True)
    voided_at = models.DateTimeField(null=True, blank=True)
    voided_by = models.CharField(max_length=100, blank=True, default="")

    objects = SourceFileQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            CheckConstraint(condition=Q(status__in=SourceFileStatus.values), name="sourcefile_status_known"),
            CheckConstraint(condition=Q(target__in=ImportTarget.values), name="sourcefile_target_known"),
            CheckConstraint(
                condition=Q(stream__isnull=True) | Q(target=ImportTarget.RECORDS),
                name="sourcefile_stream_of_records",
            ),
            CheckConstraint(
                condition=~Q(status=SourceFileStatus.COMPLETED) | Q(imported_count__isnull=False),
                name="sourcefile_completed_has_counts",
            ),
        ]
        indexes = [models.Index(fields=["organization", "checksum_sha256"], name="sourcefile_checksum")]

    def __str__(self) -> str:
        return self.filename

    @property
    def storage_name(self) -> str:
        """Content-addressed, so that web and worker on different machines share the bytes and twins are kept once."""
        return f"sources/{self.checksum_sha256[:2]}/{self.checksum_sha256}"

    def move(self, to: str, **fields: object) -> None:
        """Change status if the table allows it and nobody moved the row since we read it."""
        if to not in SOURCE_FILE_MOVES[SourceFileStatus(self.status)]:
            raise Conflict(f"A {self.status} file cannot become {to}.", code="file.move_refused")
        if not SourceFile.objects.filter(pk=self.pk, status=self.status).update(status=to, **fields):
            raise Conflict(
                "The file was changed by someone else; look at it again.", code="file.move_refused"
            )
        self.refresh_from_db()


class Statement(models.Model):
    """What a file says of one account over one period, with its stated balances in minor units (credit +)."""

    source_file = models.ForeignKey(SourceFile, on_delete=models.PROTECT, related_name="statements")
    stream = models.ForeignKey(DataStream, on_delete=models.PROTECT, related_name="statements")
    bank_account = models.ForeignKey(
        BankAccount, null=True, on_delete=models.PROTECT, related_name="statements"
    )
    position = models.PositiveIntegerField(help_text="Place within the file, from 0.")
    number = models.CharField(max_length=64, blank=True, default="")
    sequence = models.CharField(max_length=64, blank=True, default="")
    currency = models.CharField(max_length=3)
    decimal_places = models.SmallIntegerField()
    from_date = models.DateField(null=True)
    to_date = models.DateField(null=True)
    begins_on = models.DateField(null=True, help_text="Its first day: as stated, else as its lines show.")
    ends_on = models.DateField(null=True, help_text="Its last day: as stated, else as its lines show.")
    opening_amount = models.BigIntegerField(null=True)
    opening_kind = models.CharField(max_length=8, blank=True, default="")
    opening_on = models.DateField(null=True)
    closing_amount = models.BigIntegerField(null=True)
    closing_on = models.DateField(null=True)
    running_order = models.CharField(
        max_length=9,
        choices=RunningOrder,
        default=RunningOrder.UNSTATED,
        help_text="In which order of its lines their running balances run.",
    )
    credit_sum = models.BigIntegerField(default=0)
    debit_sum = models.BigIntegerField(default=0)
    line_count = models.BigIntegerField(default=0)
    pending_count = models.BigIntegerField(default=0)
    created_at = models.DateTimeField()
    voided_at = models.DateTimeField(null=True)
    voided_by = models.CharField(max_length=100, default="")

    class Meta:
        constraints = [
            UniqueConstraint(fields=["source_file", "position"], name="statement_position_once"),
            CheckConstraint(
                condition=Q(running_order__in=RunningOrder.values), name="statement_running_order_known"
            ),
        ]
        indexes = [models.Index(fields=["stream", "ends_on"], name="statement_by_end")]

    def __str__(self) -> str:
        return f"{self.number or self.position} {self.currency}"

    @property
    def movement(self) -> int:
        return self.credit_sum - self.debit_sum

    @property
    def balance_gap(self) -> int | None:
        """Closing − opening − movements in minor units: 0 when the statement adds up, None where a balance isn't stated."""
        if self.opening_amount is None or self.closing_amount is None:
            return None
        return self.closing_amount - self.opening_amount - self.movement


class StatementLineQuerySet(models.QuerySet["StatementLine"]):
    def live(self) -> StatementLineQuerySet:
        return self.filter(voided_at__isnull=True)


class StatementLine(models.Model):
    """A line of a statement and the record that it states: imported by it, or already known. High-volume layout."""

    id = models.BigAutoField(primary_key=True)
    statement = models.ForeignKey(
        Statement, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    source_file = models.ForeignKey(
        SourceFile, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    record = models.ForeignKey(
        Record, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    line_no = models.BigIntegerField()
    status = models.CharField(max_length=5, choices=LineStatus)
    note = models.TextField(default="")
    balance = models.BigIntegerField(
        null=True, help_text="The account's balance behind this line, as the file states it; minor units."
    )
    voided_at = models.DateTimeField(null=True)

    objects = StatementLineQuerySet.as_manager()

    class Meta:
        constraints = [
            CheckConstraint(condition=Q(status__in=LineStatus.values), name="statementline_status_known"),
        ]
        indexes = [
            models.Index(fields=["source_file", "line_no", "id"], name="statementline_by_file"),
            models.Index(fields=["record"], name="statementline_by_record"),
        ]

    def __str__(self) -> str:
        return f"line {self.line_no}"
