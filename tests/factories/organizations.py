"""The least that rows of organizations need. Defaults fit together; pass only what the test is about."""

import hashlib

import factory

from organizations.actors import Actor, user_actor
from organizations.models import (
    ApiKey,
    AuditEvent,
    AuditSeal,
    AuditUnsealed,
    Calendar,
    Heartbeat,
    IdempotencyKey,
    Membership,
    Organization,
    User,
)
from organizations.scopes import KEY_EVERYTHING
from tests.clock import NOW


class UserFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"person{n}")
    email = factory.LazyAttribute(lambda user: f"{user.username}@example.com")
    password = factory.django.Password("correct horse battery")


class OrganizationFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Organization

    name = factory.Sequence(lambda n: f"Organization {n}")
    slug = factory.Sequence(lambda n: f"organization-{n}")


class MembershipFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Membership

    user = factory.SubFactory(UserFactory)
    organization = factory.SubFactory(OrganizationFactory)
    role = "operator"


class ApiKeyFactory(factory.django.DjangoModelFactory):
    """A usable key; its text is `secret_of(key)`. Its maker is an admin of its organization."""

    class Meta:
        model = ApiKey
        exclude = ["text"]

    organization = factory.SubFactory(OrganizationFactory)
    made_by = factory.SubFactory(
        MembershipFactory, organization=factory.SelfAttribute("..organization"), role="admin"
    )
    name = factory.Sequence(lambda n: f"key {n}")
    prefix = factory.Sequence(lambda n: f"{n:08x}")
    text = factory.LazyAttribute(lambda key: secret_for(key.prefix))
    secret_hash = factory.LazyAttribute(lambda key: hashlib.sha256(key.text.encode()).hexdigest())
    scopes = factory.LazyFunction(lambda: sorted(KEY_EVERYTHING))


class CalendarFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Calendar

    organization = factory.SubFactory(OrganizationFactory)
    name = factory.Sequence(lambda n: f"calendar {n}")


class AuditEventFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = AuditEvent

    organization = factory.SubFactory(OrganizationFactory)
    at = NOW
    actor = "user:1"
    action = "thing.done"
    subject_type = "ledgers.ledger"
    subject_id = factory.Sequence(str)
    subjects = factory.LazyAttribute(lambda event: [f"{event.subject_type}:{event.subject_id}"])


class AuditUnsealedFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = AuditUnsealed

    organization = factory.SubFactory(OrganizationFactory)
    event = factory.SubFactory(AuditEventFactory, organization=factory.SelfAttribute("..organization"))


class AuditSealFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = AuditSeal

    organization = factory.SubFactory(OrganizationFactory)
    event = factory.SubFactory(AuditEventFactory, organization=factory.SelfAttribute("..organization"))
    number = factory.Sequence(lambda n: n + 1)
    digest = "0" * 64
    sealed_at = NOW


class IdempotencyKeyFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = IdempotencyKey

    organization = factory.SubFactory(OrganizationFactory)
    identity = factory.Sequence(lambda n: f"{n:064x}")
    caller = "key:00000000"
    method = "POST"
    path = "/v1/things"
    key = factory.Sequence(lambda n: f"key-{n}")
    digest = "0" * 64
    answer_code = 200
    answer_body = "{}"


class HeartbeatFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Heartbeat

    name = factory.Sequence(lambda n: f"worker{n}")
    at = NOW


def secret_for(prefix: str) -> str:
    return f"tieout_{prefix}_secret"


def secret_of(key: ApiKey) -> str:
    """The text of a key that ApiKeyFactory made: what a program would send."""
    return secret_for(key.prefix)


def actor_with(role: str = "operator", organization: Organization | None = None) -> Actor:
    """A person with that role, in that organization or one of its own."""
    membership = MembershipFactory(organization=organization or OrganizationFactory(), role=role)
    return user_actor(membership.user, membership)
