"""The least that rows of rules need."""

import factory

from rules.models import Reconciliation, ReconciliationStream, Rule, RuleRevision
from tests.clock import NOW
from tests.factories.ledgers import DataStreamFactory, LedgerFactory
from tests.factories.organizations import OrganizationFactory


class ReconciliationFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Reconciliation

    ledger = factory.SubFactory(LedgerFactory)
    organization = factory.SelfAttribute("ledger.organization")
    name = "Bank"
    kind = "ledger"
    sign_mode = "effect"
    created_at = NOW
    created_by = "system:test"


class ReconciliationStreamFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = ReconciliationStream

    reconciliation = factory.SubFactory(ReconciliationFactory)
    stream = factory.SubFactory(
        DataStreamFactory, organization=factory.SelfAttribute("..reconciliation.organization")
    )
    side = "a"


class RuleFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Rule

    reconciliation = None
    organization = factory.LazyAttribute(
        lambda rule: rule.reconciliation.organization if rule.reconciliation else OrganizationFactory()
    )
    name = factory.Sequence(lambda n: f"Rule {n}")
    priority = 10
    filters = factory.LazyFunction(
        lambda: {"operand": "and", "rules": [{"key": "effect", "operand": "eq", "value": "effect"}]}
    )
    created_at = NOW
    created_by = "system:test"


class RuleRevisionFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = RuleRevision

    rule = factory.SubFactory(RuleFactory)
    number = 1
    body = factory.LazyFunction(dict)
    created_at = NOW
    created_by = "system:test"
