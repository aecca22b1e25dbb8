"""The least that rows of reconciliation need. Tests of the clearing go through the services instead."""

import factory

from reconciliation.models import (
    Discrepancy,
    FileImport,
    Match,
    MatchMember,
    OpenItem,
    OverdueRecompute,
    Pass,
    RejectedGroup,
    RuleJob,
    Run,
    RunSource,
    Story,
    StoryLink,
    StreamOperation,
    StreamRecord,
)
from tests.clock import NOW, TODAY
from tests.factories.ledgers import DataStreamFactory, RecordFactory, SourceFileFactory
from tests.factories.organizations import OrganizationFactory
from tests.factories.rules import ReconciliationFactory


class RunFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Run

    reconciliation = factory.SubFactory(ReconciliationFactory)
    organization = factory.SelfAttribute("reconciliation.organization")
    ledger = factory.SelfAttribute("reconciliation.ledger")
    created_at = modified_at = NOW
    created_by = modified_by = "system:test"


class RunSourceFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = RunSource

    run = factory.SubFactory(RunFactory)
    source_file = factory.SubFactory(
        SourceFileFactory, organization=factory.SelfAttribute("..run.organization")
    )
    checksum_sha256 = factory.SelfAttribute("source_file.checksum_sha256")


class FileImportFactory(SourceFileFactory):
    class Meta:
        model = FileImport


class PassFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Pass

    reconciliation = factory.SubFactory(ReconciliationFactory)
    trigger = "manual"
    requested_at = NOW
    requested_by = "system:test"


class OpenItemFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = OpenItem

    reconciliation = factory.SubFactory(ReconciliationFactory)
    record = factory.SubFactory(RecordFactory)
    side = "a"
    open_amount = factory.SelfAttribute("record.effect")


class MatchFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Match

    reconciliation = factory.SubFactory(ReconciliationFactory)
    status = "suggested"
    origin = "auto"
    currency = "EUR"
    decimal_places = 2
    total_a = 100_00
    total_b = 100_00
    difference = factory.LazyAttribute(lambda m: m.total_a - m.total_b)
    record_count = 2
    cleared_on = TODAY
    created_at = NOW
    created_by = "system:test"


class MatchMemberFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = MatchMember

    match = factory.SubFactory(MatchFactory)
    reconciliation = factory.SelfAttribute("match.reconciliation")
    record = factory.SubFactory(RecordFactory)
    side = "a"
    applied = factory.SelfAttribute("record.effect")


class RejectedGroupFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = RejectedGroup

    reconciliation = factory.SubFactory(ReconciliationFactory)
    match_id = factory.Sequence(lambda n: n + 1)
    side_a = factory.LazyFunction(lambda: [1])
    side_b = factory.LazyFunction(lambda: [2])
    created_at = NOW
    created_by = "system:test"


class DiscrepancyFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Discrepancy

    reconciliation = factory.SubFactory(ReconciliationFactory)
    type = "unmatched_source"
    severity = "warning"
    amount = 100_00
    currency = "EUR"
    decimal_places = 2
    created_at = NOW
    created_by = "system:test"


class StreamOperationFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = StreamOperation

    stream = factory.SubFactory(DataStreamFactory)
    stream_key = factory.SelfAttribute("stream.key")
    kind = "reset"
    requested_at = NOW
    requested_by = "system:test"


class OverdueRecomputeFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = OverdueRecompute

    reconciliation = factory.SubFactory(ReconciliationFactory)
    requested_at = NOW
    requested_by = "system:test"


class StreamRecordFactory(RecordFactory):
    class Meta:
        model = StreamRecord


class RuleJobFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = RuleJob

    reconciliation = factory.SubFactory(ReconciliationFactory)
    kind = "backtest"
    requested_at = NOW
    requested_by = "system:test"


class StoryFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Story

    organization = factory.SubFactory(OrganizationFactory)
    name = factory.Sequence(lambda n: f"Story {n}")
    created_at = NOW
    created_by = "system:test"


class StoryLinkFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = StoryLink

    story = factory.SubFactory(StoryFactory)
    position = 1
    role = "origin"
    reconciliation = factory.SubFactory(ReconciliationFactory)
