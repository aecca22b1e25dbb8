"""Who is let in, in which organization, and what each caller may do."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from organizations.backoffice.current import SESSION_KEY
from organizations.models import ApiKey, Membership
from tests.api.callers import client_with_key, signed_in, without_correlation
from tests.clock import NOW
from tests.factories.organizations import (
    ApiKeyFactory,
    MembershipFactory,
    OrganizationFactory,
    UserFactory,
    secret_of,
)

pytestmark = [pytest.mark.urls("tests.api.shared.probe"), pytest.mark.django_db]

WHO = "/v1/who"


@pytest.mark.parametrize("header", ["X-API-Key", "X-API-KEY", "x-api-key"])
def test_a_key_lets_in_whatever_the_case_of_the_header(api_key, header):
    response = APIClient().get(WHO, headers={header: secret_of(api_key)})
    assert response.json() == {
        "actor": f"key:{api_key.prefix}",
        "organization": str(api_key.organization.uuid),
    }


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_key_as_bearer_token_lets_in(api_key, scheme):
    response = APIClient().get(WHO, headers={"Authorization": f"{scheme} {secret_of(api_key)}"})
    assert response.status_code == 200


def test_without_a_credential_401_names_the_ways_in():
    response = APIClient().get(WHO)
    assert (response.status_code, response.json()["code"]) == (401, "auth.unauthorized")
    assert "Bearer" in response.headers["WWW-Authenticate"]
    assert "ApiKey" in response.headers["WWW-Authenticate"]


def unknown(key: ApiKey) -> None:
    ApiKey.objects.filter(pk=key.pk).update(secret_hash="0" * 64)


def expired(key: ApiKey) -> None:
    ApiKey.objects.filter(pk=key.pk).update(expires_at=datetime(2020, 1, 1, tzinfo=UTC))


def revoked(key: ApiKey) -> None:
    ApiKey.objects.filter(pk=key.pk).update(revoked_at=NOW)


def membership_ended(key: ApiKey) -> None:
    Membership.objects.filter(pk=key.made_by_id).update(ended_at=NOW)


def maker_disabled(key: ApiKey) -> None:
    user = key.made_by.user
    user.is_active = False
    user.save()


@pytest.mark.parametrize("end", [unknown, expired, revoked, membership_ended, maker_disabled])
def test_a_key_that_is_no_longer_good_is_401_and_does_not_say_why(api_key, end):
    client = client_with_key(api_key)
    assert client.get(WHO).status_code == 200
    end(api_key)
    assert without_correlation(client.get(WHO)) == without_correlation(
        APIClient().get(WHO, headers={"X-API-Key": "no such key"})
    )


@pytest.mark.parametrize("text", ["", "x" * 10_000, "ключ", "\udcff"])
def test_any_text_as_key_is_only_401(text):
    sent = text.encode("utf-8", "surrogateescape").decode("latin-1")
    assert APIClient().get(WHO, headers={"X-API-Key": sent}).status_code == 401


def test_a_wrong_key_does_not_fall_back_to_the_session(organization):
    person = signed_in(MembershipFactory(organization=organization))
    assert person.get(WHO, headers={"X-API-Key": "wrong"}).status_code == 401


def test_a_key_is_no_more_than_its_maker(organization):
    viewer = MembershipFactory(organization=organization, role="viewer")
    key = ApiKeyFactory(organization=organization, made_by=viewer)
    response = client_with_key(key).post(WHO, {"name": "x"})
    assert (response.status_code, response.json()["reason"]) == (403, "auth.missing_scope")
    assert response.json()["details"] == {"scope": "ledgers:post"}


def test_a_key_used_is_noted_once_in_ten_minutes(api_key):
    client = client_with_key(api_key)
    client.get(WHO)
    first = ApiKey.objects.get(pk=api_key.pk).last_used_at
    client.get(WHO)
    assert first is not None
    assert ApiKey.objects.get(pk=api_key.pk).last_used_at == first


def test_a_key_names_its_own_organization_and_no_other(api_key, client):
    own = client.get(WHO, headers={"x-organization-id": str(api_key.organization.uuid)})
    assert own.status_code == 200
    foreign, unknown, odd = (
        without_correlation(client.get(WHO, headers={"x-organization-id": text}))
        for text in (str(OrganizationFactory().uuid), str(uuid4()), "odd")
    )
    assert foreign == unknown == odd
    assert foreign[0] == 403


class TestSessions:
    def test_a_person_with_one_organization_needs_to_name_none(self, operator, organization):
        assert operator.get(WHO).json()["organization"] == str(organization.uuid)

    def test_a_person_with_several_names_one(self):
        user = UserFactory()
        memberships = [MembershipFactory(user=user) for _ in range(2)]
        client = signed_in(memberships[0])
        assert client.get(WHO).json()["reason"] == "auth.organization_required"
        for membership in memberships:
            wanted = str(membership.organization.uuid)
            assert client.get(WHO, headers={"x-organization-id": wanted}).json()["organization"] == wanted

    def test_without_a_name_it_is_the_one_chosen_in_the_admin(self):
        user = UserFactory()
        memberships = [MembershipFactory(user=user) for _ in range(2)]
        client = signed_in(memberships[0])
        session = client.session
        session[SESSION_KEY] = str(memberships[1].organization.uuid)
        session.save()
        assert client.get(WHO).json()["organization"] == str(memberships[1].organization.uuid)

    def test_naming_one_of_others_is_as_naming_none_that_exists(self, operator):
        foreign, unknown = (
            without_correlation(operator.get(WHO, headers={"x-organization-id": text}))
            for text in (str(OrganizationFactory().uuid), str(uuid4()))
        )
        assert foreign == unknown
        assert foreign[0] == 403

    def test_an_ended_membership_lets_nobody_in(self, organization):
        membership = MembershipFactory(organization=organization)
        client = signed_in(membership)
        Membership.objects.filter(pk=membership.pk).update(ended_at=NOW)
        assert client.get(WHO).status_code == 403

    def test_a_write_needs_the_csrf_token(self, organization):
        client = signed_in(MembershipFactory(organization=organization), enforce_csrf=True)
        response = client.post(WHO, {"name": "x"})
        assert (response.status_code, response.json()["code"]) == (403, "auth.forbidden")
        client.cookies["csrftoken"] = "a" * 32
        assert client.post(WHO, {"name": "x"}, headers={"X-CSRFToken": "a" * 32}).status_code == 201


class TestScopes:
    def test_a_role_without_the_scope_is_403(self, operator):
        response = operator.delete(WHO)
        assert (response.status_code, response.json()["code"]) == (403, "auth.forbidden")
        assert response.json()["details"] == {"scope": "rules:write"}

    def test_a_method_that_names_no_scope_is_closed(self, client):
        assert client.put(WHO, {}).status_code == 403

    def test_head_needs_what_get_needs(self, client):
        assert client.head(WHO).status_code == 200
