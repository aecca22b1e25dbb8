"""Data streams and the records in them: the one table that every surface reads."""

from __future__ import annotations

from datetime import date

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.db.models.functions import Left

from ledgers.amounts import shown
from ledgers.models.books import BankAccount, Ledger
from ledgers.models.profiles import ImportProfile
from ledgers.states import Direction, RecordKind, StreamKind
from organizations.ids import uuid7
from organizations.models import Organization


class DataStreamQuerySet(models.QuerySet["DataStream"]):
    def of(self, organization_id: int) -> DataStreamQuerySet:
        return self.filter(organization_id=organization_id)

    def live(self) -> DataStreamQuerySet:
        return self.filter(voided_at__isnull=True)


class DataStream(models.Model):
    """An ordered source of records. A ledger owns one of kind ledger, a bank account one of kind statement, beside which
    programs may fill bank feeds of it."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=128)
    name = models.CharField(max_length=255)
    description = models.TextField(blank=True, default="")
    kind = models.CharField(max_length=16, choices=StreamKind)
    ledger = models.OneToOneField(
        Ledger, null=True, blank=True, on_delete=models.PROTECT, related_name="entry_stream"
    )
    bank_account = models.ForeignKey(
        BankAccount,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="streams",
        help_text="Whose statement lines they are, or whose movements a bank feed brings.",
    )
    effect_sign = models.SmallIntegerField(
        default=1, help_text="effect = signed amount times this: −1 for entries of asset and expense ledgers."
    )
    feeds_evidence_as = models.CharField(max_length=32, blank=True, default="")
    resetting = models.BooleanField(default=False)
    import_profile = models.ForeignKey(
        ImportProfile,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="How its files are read.",
    )
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=100)
    voided_at = models.DateTimeField(null=True, blank=True)
    voided_by = models.CharField(max_length=100, blank=True, default="")

    objects = DataStreamQuerySet.as_manager()

    class Meta:
        ordering = ["key"]
        constraints = [
            UniqueConstraint(
                fields=["organization", "key"],
                condition=Q(voided_at__isnull=True),
                name="datastream_key_once",
            ),
            UniqueConstraint(
                fields=["bank_account"],
                condition=Q(kind=StreamKind.STATEMENT),
                name="datastream_statements_once",
            ),
            CheckConstraint(condition=Q(kind__in=StreamKind.values), name="datastream_kind_known"),
            CheckConstraint(condition=Q(effect_sign__in=[-1, 1]), name="datastream_effect_sign"),
            CheckConstraint(
                condition=Q(kind=StreamKind.LEDGER, ledger__isnull=False, bank_account__isnull=True)
                | Q(kind=StreamKind.STATEMENT, ledger__isnull=True, bank_account__isnull=False)
                | Q(kind=StreamKind.BANK_FEED, ledger__isnull=True)
                | Q(ledger__isnull=True, bank_account__isnull=True)
                & ~Q(kind__in=[StreamKind.LEDGER, StreamKind.STATEMENT, StreamKind.BANK_FEED]),
                name="datastream_owner",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class RecordQuerySet(models.QuerySet["Record"]):
    def of(self, organization_id: int) -> RecordQuerySet:
        return self.filter(stream__organization_id=organization_id)

    def live(self) -> RecordQuerySet:
        return self.filter(voided_at__isnull=True)

    def entries(self) -> RecordQuerySet:
        """What sums, open items and lists are made of: neither the details that are shown below their entry, nor the
        adjustments that stand in their match only."""
        return self.filter(kind=RecordKind.ENTRY)

    def booked_between(self, *, since: date, until: date) -> RecordQuerySet:
        """`until` is exclusive, so that two windows can share an edge."""
        return self.filter(date__gte=since, date__lt=until)

    def oldest_first(self) -> RecordQuerySet:
        return self.order_by("date", "pk")


class Record(models.Model):
    """One line of money movement in one stream. High-volume layout: ids in blocks of 1,000, no foreign keys in the
    database, only the indexes that a named query needs (docs/adr/0004).

    `amount` and `direction` are kept as sent, in minor units. `signed_amount` is credit +, debit −; `effect` is + for
    money in for the account's owner.
    """

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField(default=uuid7, editable=False)
    stream = models.ForeignKey(
        DataStream, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    kind = models.CharField(max_length=10, choices=RecordKind, default=RecordKind.ENTRY)
    parent = models.ForeignKey(
        "self", null=True, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    date = models.DateField(help_text="Booking date.")
    value_date = models.DateField(null=True)
    occurred_at = models.DateTimeField(null=True, help_text="The instant that a ledger entry states.")
    amount = models.BigIntegerField()
    direction = models.CharField(max_length=6, choices=Direction)
    signed_amount = models.BigIntegerField()
    effect = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    decimal_places = models.SmallIntegerField()
    reference = models.TextField(default="")
    description = models.TextField(default="")
    counterparty = models.TextField(default="")
    external_id = models.TextField(default="", help_text="The id that the source gave it, or empty.")
    event = models.TextField(default="", help_text="Business event of a ledger entry.")
    metadata = models.JSONField(default=dict)
    dedup_key = models.UUIDField(
        null=True, help_text="First 16 bytes of a SHA-256; unique per stream while live."
    )
    dedup_version = models.SmallIntegerField(default=1)
    suspect = models.BooleanField(
        default=False, help_text="Perhaps the same line as an earlier one; shown, never dropped."
    )
    date_inferred = models.BooleanField(default=False)
    journal_id = models.BigIntegerField(null=True)
    source_file_id = models.BigIntegerField(null=True)
    import_batch_id = models.BigIntegerField(null=True, help_text="None: it came in by itself.")
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=100)
    voided_at = models.DateTimeField(null=True)
    voided_by = models.CharField(max_length=100, default="")

    objects = RecordQuerySet.as_manager()

    class Meta:
        constraints = [
            UniqueConstraint(fields=["uuid"], name="record_uuid_once"),
            UniqueConstraint(
                fields=["stream", "dedup_key"],
                condition=Q(voided_at__isnull=True, dedup_key__isnull=False),
                name="record_dedup_once",
            ),
            CheckConstraint(condition=Q(direction__in=Direction.values), name="record_direction_known"),
            CheckConstraint(condition=Q(kind__in=RecordKind.values), name="record_kind_known"),
            CheckConstraint(
                condition=~Q(kind=RecordKind.DETAIL) | Q(parent__isnull=False), name="record_detail_of_entry"
            ),
            CheckConstraint(
                condition=Q(direction=Direction.CREDIT, signed_amount=models.F("amount"))
                | Q(direction=Direction.DEBIT, signed_amount=-models.F("amount")),
                name="record_sign_of_direction",
            ),
            CheckConstraint(
                condition=Q(effect=models.F("signed_amount")) | Q(effect=-models.F("signed_amount")),
                name="record_effect_of_amount",
            ),
        ]
        indexes = [
            models.Index(fields=["stream", "date", "id"], name="record_by_date"),
            models.Index(fields=["stream", "id"], name="record_by_id"),
            models.Index(fields=["stream", "created_at", "id"], name="record_by_arrival"),
            # Its first characters: an index keeps no text of any length. Who asks compares the whole as well.
            models.Index(
                Left("external_id", 200), "id", condition=~Q(external_id=""), name="record_by_external_id"
            ),
            models.Index(
                fields=["journal_id"], condition=Q(journal_id__isnull=False), name="record_by_journal"
            ),
            models.Index(fields=["parent"], condition=Q(parent__isnull=False), name="record_by_parent"),
        ]

    def __str__(self) -> str:
        return f"{self.date} {self.direction} {shown(self.amount, self.decimal_places, self.currency)}"
