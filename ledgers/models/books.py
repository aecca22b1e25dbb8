"""Ledgers, their balances as insert-only deltas, journals, and the bank accounts that ledgers mirror."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from ledgers.models.profiles import ImportProfile
from ledgers.states import MIRRORED, Direction, JournalKind, LedgerType
from organizations.ids import uuid7
from organizations.models import Calendar, Organization


class LedgerQuerySet(models.QuerySet["Ledger"]):
    def of(self, organization_id: int) -> LedgerQuerySet:
        return self.filter(organization_id=organization_id)

    def control(self) -> LedgerQuerySet:
        """Ledgers that stand under no other one."""
        return self.filter(parent__isnull=True)


class Ledger(models.Model):
    """One account of the books. A control ledger aggregates its subledgers on read; a posting never locks a parent."""

    uuid = models.UUIDField(default=uuid7, unique=True, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    code = models.CharField(max_length=64)
    description = models.CharField(max_length=255, blank=True, default="")
    type = models.CharField(max_length=16, choices=LedgerType)
    currency = models.CharField(max_length=3)
    decimal_places = models.SmallIntegerField()
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="children"
    )
    allows_direct_booking = models.BooleanField(default=True)
    opening_date = models.DateField(null=True, blank=True)
    closing_date = models.DateField(null=True, blank=True)
    opening_balance = models.BigIntegerField(
        null=True,
        blank=True,
        help_text="Minor units, + is money in; entries before its day get no open item.",
    )
    opening_balance_on = models.DateField(null=True, blank=True)
    import_profile = models.ForeignKey(
        ImportProfile,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="How its CSV statements are read, where they are not in our own layout.",
    )
    opening_confirmed_at = models.DateTimeField(null=True, blank=True)
    opening_confirmed_by = models.CharField(max_length=100, blank=True, default="")
    metadata = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=100)
    modified_at = models.DateTimeField()
    modified_by = models.CharField(max_length=100)

    objects = LedgerQuerySet.as_manager()

    class Meta:
        ordering = ["code"]
        constraints = [
            UniqueConstraint(fields=["organization", "code"], name="ledger_code_once"),
            CheckConstraint(condition=Q(type__in=LedgerType.values), name="ledger_type_known"),
            CheckConstraint(condition=Q(currency__regex="^[A-Z]{3}$"), name="ledger_currency_form"),
            CheckConstraint(
                condition=Q(opening_balance__isnull=True) | Q(opening_balance_on__isnull=False),
                name="ledger_opening_has_day",
            ),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def effect_sign(self) -> int:
        """+1 where a credit is money in for the account's owner, −1 where a debit is (asset, expense)."""
        return -1 if self.type in MIRRORED else 1


class LedgerDelta(models.Model):
    """What one act added to a ledger on one day; balances are sums of these, so that postings never queue for a row."""

    ledger = models.ForeignKey(Ledger, on_delete=models.PROTECT, related_name="deltas")
    date = models.DateField()
    debit = models.BigIntegerField(default=0)
    credit = models.BigIntegerField(default=0)
    entries = models.BigIntegerField(default=0)
    created_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["ledger", "date"], name="ledgerdelta_day")]

    def __str__(self) -> str:
        return f"{self.ledger_id} {self.date}"


class BankAccountQuerySet(models.QuerySet["BankAccount"]):
    def of(self, organization_id: int) -> BankAccountQuerySet:
        return self.filter(organization_id=organization_id)

    def live(self) -> BankAccountQuerySet:
        return self.filter(voided_at__isnull=True)


class BankAccount(models.Model):
    """An account at a bank, known by IBAN or another id without blanks; belongs to at most one ledger."""

    uuid = models.UUIDField(default=uuid7, unique=True, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=255)
    identifier = models.CharField(max_length=64, blank=True, default="")
    currency = models.CharField(max_length=3, blank=True, default="")
    ledger = models.ForeignKey(
        Ledger, null=True, blank=True, on_delete=models.PROTECT, related_name="bank_accounts"
    )
    calendar = models.ForeignKey(
        Calendar,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Its business days are those on which the bank writes statements.",
    )
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=100)
    modified_at = models.DateTimeField()
    modified_by = models.CharField(max_length=100)
    voided_at = models.DateTimeField(null=True, blank=True)
    voided_by = models.CharField(max_length=100, blank=True, default="")

    objects = BankAccountQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            UniqueConstraint(
                fields=["organization", "identifier", "currency"],
                condition=Q(voided_at__isnull=True) & ~Q(identifier=""),
                name="bankaccount_identifier_once",
            ),
            CheckConstraint(condition=Q(currency__regex="^([A-Z]{3})?$"), name="bankaccount_currency_form"),
        ]

    def __str__(self) -> str:
        return self.name


class Journal(models.Model):
    """A transaction of the books: entries that foot, or one entry by itself (kind single). High-volume layout: written by COPY."""

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField(
        default=uuid7, editable=False, help_text="The caller may choose it: unique per organization."
    )
    organization = models.ForeignKey(
        Organization, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    kind = models.CharField(max_length=8, choices=JournalKind)
    type = models.CharField(max_length=64, blank=True, default="")
    currency = models.CharField(max_length=3)
    decimal_places = models.SmallIntegerField()
    total_debit = models.BigIntegerField()
    total_credit = models.BigIntegerField()
    reference = models.CharField(max_length=255, blank=True, default="")
    description = models.TextField(blank=True, default="")
    occurred_at = models.DateTimeField()
    value_date = models.DateField(null=True, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=100)

    class Meta:
        constraints = [
            UniqueConstraint(fields=["organization", "uuid"], name="journal_uuid_once"),
            CheckConstraint(condition=Q(kind__in=JournalKind.values), name="journal_kind_known"),
            CheckConstraint(
                condition=Q(kind=JournalKind.SINGLE) | Q(total_debit=models.F("total_credit")),
                name="journal_foots",
            ),
        ]

    def __str__(self) -> str:
        return str(self.uuid)

    @property
    def total_amount(self) -> int:
        return max(self.total_debit, self.total_credit)


DIRECTION_SIGN = {Direction.CREDIT: 1, Direction.DEBIT: -1}
