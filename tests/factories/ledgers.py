"""The least that rows of ledgers need. Defaults fit together; pass only what the test is about."""

import factory

from ledgers.models import (
    BankAccount,
    BankAccountBalance,
    BulkContent,
    BulkRequest,
    DataStream,
    ImportBatch,
    ImportProfile,
    Journal,
    Ledger,
    LedgerDelta,
    PropertyDefinition,
    Record,
    SourceFile,
    Statement,
    StatementLine,
)
from tests.clock import NOW, TODAY
from tests.factories.organizations import OrganizationFactory

MADE = {"created_at": NOW, "created_by": "system:test"}


class LedgerFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Ledger

    organization = factory.SubFactory(OrganizationFactory)
    code = factory.Sequence(lambda n: f"L{n}")
    description = "Bank"
    type = "asset"
    currency = "EUR"
    decimal_places = 2
    created_at = modified_at = NOW
    created_by = modified_by = "system:test"


class LedgerDeltaFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = LedgerDelta

    ledger = factory.SubFactory(LedgerFactory)
    date = TODAY
    created_at = NOW


class BankAccountFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = BankAccount

    organization = factory.SubFactory(OrganizationFactory)
    name = factory.Sequence(lambda n: f"Account {n}")
    identifier = factory.Sequence(lambda n: f"DE{n:020d}")
    currency = "EUR"
    created_at = modified_at = NOW
    created_by = modified_by = "system:test"


class JournalFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Journal

    organization = factory.SubFactory(OrganizationFactory)
    kind = "single"
    currency = "EUR"
    decimal_places = 2
    total_debit = 100_00
    total_credit = 0
    occurred_at = created_at = NOW
    created_by = "system:test"


class DataStreamFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = DataStream

    organization = factory.SubFactory(OrganizationFactory)
    key = factory.Sequence(lambda n: f"stream-{n}")
    name = factory.Sequence(lambda n: f"Stream {n}")
    kind = "api"
    created_at = NOW
    created_by = "system:test"


class PropertyDefinitionFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = PropertyDefinition

    stream = factory.SubFactory(DataStreamFactory)
    key = factory.Sequence(lambda n: f"key_{n}")
    name = "Batch number"
    type = "string"
    created_at = NOW
    created_by = "system:test"


class RecordFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Record

    stream = factory.SubFactory(DataStreamFactory)
    date = TODAY
    amount = 100_00
    direction = "credit"
    signed_amount = factory.LazyAttribute(lambda r: r.amount if r.direction == "credit" else -r.amount)
    effect = factory.LazyAttribute(lambda r: r.signed_amount * r.stream.effect_sign)
    currency = "EUR"
    decimal_places = 2
    reference = factory.Sequence(lambda n: f"REF-{n}")
    created_at = NOW
    created_by = "system:test"


class ImportProfileFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = ImportProfile

    organization = factory.SubFactory(OrganizationFactory)
    name = factory.Sequence(lambda n: f"Profile {n}")
    target = "statement"
    declaration = factory.LazyFunction(lambda: {"columns": {"booking_date": ["Day"], "amount": ["Amount"]}})
    created_at = NOW
    created_by = "system:test"


class SourceFileFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = SourceFile

    organization = factory.SubFactory(OrganizationFactory)
    target = "statement"
    filename = "statement.csv"
    size_bytes = 10
    checksum_sha256 = factory.Sequence(lambda n: f"{n:064x}")
    created_at = NOW
    created_by = "system:test"


class StatementFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Statement

    source_file = factory.SubFactory(SourceFileFactory)
    stream = factory.SubFactory(
        DataStreamFactory, organization=factory.SelfAttribute("..source_file.organization")
    )
    position = 0
    currency = "EUR"
    decimal_places = 2
    created_at = NOW


class StatementLineFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = StatementLine

    statement = factory.SubFactory(StatementFactory)
    source_file = factory.SelfAttribute("statement.source_file")
    record = factory.SubFactory(RecordFactory, stream=factory.SelfAttribute("..statement.stream"))
    line_no = 1
    status = "new"


class BankAccountBalanceFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = BankAccountBalance

    bank_account = factory.SubFactory(BankAccountFactory)
    date = TODAY
    balance_type = "closing_ledger"
    amount = 1_000_00
    created_at = modified_at = NOW
    created_by = modified_by = "system:test"


class BulkRequestFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = BulkRequest

    organization = factory.SubFactory(OrganizationFactory)
    total_items = 1
    created_at = NOW
    created_by = "system:test"


class BulkContentFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = BulkContent

    bulk_request = factory.SubFactory(BulkRequestFactory)


class ImportBatchFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = ImportBatch

    stream = factory.SubFactory(DataStreamFactory)
    bulk_request = factory.SubFactory(
        BulkRequestFactory, organization=factory.SelfAttribute("..stream.organization")
    )
    source = "bulk_api"
    created_at = NOW
    created_by = "system:test"
