"""Signing people in to the back office, in one organization with one role."""

from django.test import Client

from organizations.models import Membership, Organization
from tests.factories.organizations import MembershipFactory, OrganizationFactory

MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"


def signed_in(role: str = "admin", organization: Organization | None = None) -> tuple[Client, Membership]:
    """A browser of somebody with that role in that organization, or in one of its own."""
    membership = MembershipFactory(organization=organization or OrganizationFactory(), role=role)
    return browser_of(membership), membership


def browser_of(membership: Membership) -> Client:
    client = Client()
    client.force_login(membership.user, backend=MODEL_BACKEND)
    return client
