"""Makes API clients for keys and people."""

from rest_framework.test import APIClient

from organizations.models import ApiKey, Membership
from tests.factories.organizations import secret_of


def client_with_key(key: ApiKey) -> APIClient:
    client = APIClient(headers={"X-API-Key": secret_of(key)})
    client.raise_request_exception = False
    return client


def signed_in(membership: Membership, *, enforce_csrf: bool = False) -> APIClient:
    """By Django's session, as the admin's pages are."""
    client = APIClient(enforce_csrf_checks=enforce_csrf)
    client.force_login(membership.user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def without_correlation(response) -> tuple[int, dict]:
    """A problem as two callers could compare it."""
    body = response.json()
    body.pop("correlation_id")
    return response.status_code, body
