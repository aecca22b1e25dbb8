"""Callers of the API: by key and by session, in an organization of their own."""

import pytest
from rest_framework.test import APIClient

from tests.api.callers import client_with_key, signed_in
from tests.factories.organizations import ApiKeyFactory, MembershipFactory, OrganizationFactory


@pytest.fixture
def organization(db):
    return OrganizationFactory()


@pytest.fixture
def api_key(organization):
    """A key that may all that keys may."""
    return ApiKeyFactory(organization=organization)


@pytest.fixture
def client(api_key) -> APIClient:
    return client_with_key(api_key)


@pytest.fixture
def operator(organization) -> APIClient:
    """A person who signed in to the admin."""
    return signed_in(MembershipFactory(organization=organization, role="operator"))


@pytest.fixture
def stranger(db) -> APIClient:
    """A key of another organization."""
    return client_with_key(ApiKeyFactory())
