"""The least that rows of the exceptions floor need."""

import factory

from exceptions_app.models import (
    Assignee,
    Comment,
    Finding,
    Investigation,
    ReconciliationException,
    Sweep,
)
from tests.clock import NOW
from tests.factories.ledgers import DataStreamFactory, RecordFactory
from tests.factories.organizations import OrganizationFactory, UserFactory
from tests.factories.rules import ReconciliationFactory


class ReconciliationExceptionFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = ReconciliationException

    reconciliation = factory.SubFactory(ReconciliationFactory)
    stream = factory.SubFactory(
        DataStreamFactory, organization=factory.SelfAttribute("..reconciliation.organization")
    )
    title = factory.LazyAttribute(lambda row: f"{row.stream.name} — overdue records")
    opened_at = created_at = modified_at = NOW
    created_by = modified_by = "system:test"


class AssigneeFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Assignee

    exception = factory.SubFactory(ReconciliationExceptionFactory)
    user = factory.SubFactory(UserFactory)
    assigned_at = NOW
    assigned_by = "system:test"


class CommentFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Comment

    exception = factory.SubFactory(ReconciliationExceptionFactory)
    body = "The acquirer pays on Friday."
    author = factory.SubFactory(UserFactory)
    created_at = NOW
    created_by = "system:test"


class SweepFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Sweep

    organization = factory.SubFactory(OrganizationFactory)
    at = heartbeat_at = NOW


class InvestigationFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Investigation

    exception = factory.SubFactory(ReconciliationExceptionFactory)
    trigger = "sweep"
    requested_at = NOW
    requested_by = "system:test"


class FindingFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Finding

    investigation = factory.SubFactory(InvestigationFactory)
    record = factory.SubFactory(RecordFactory)
    rank = 1
    cause = "exact"
    outcome = "needs_review"
    confidence = 0.5
