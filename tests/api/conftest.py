"""Callers of the API: by key and by session, in an organization of their own."""

from collections.abc import Iterator

import pytest
from celery import current_app
from rest_framework.test import APIClient

from tests.api.callers import client_with_key, signed_in
from tests.factories.organizations import ApiKeyFactory, MembershipFactory, OrganizationFactory


@pytest.fixture(autouse=True)
def _bells_unheard(request: pytest.FixtureRequest) -> Iterator[None]:
    """The worker of tests marked `worker` lives on in this process: other tests ring in a queue that nobody reads."""
    if request.node.get_closest_marker("worker") is None:
        current_app.conf.update(task_routes={"*": {"queue": "unheard"}})
    yield
    current_app.conf.update(task_routes=None)


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
