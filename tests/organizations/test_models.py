"""What the database itself refuses, and what the rows know about themselves."""

from datetime import date, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from organizations.models import ApiKey, Membership
from organizations.models.people import validate_time_zone
from tests.clock import NOW
from tests.factories.organizations import (
    ApiKeyFactory,
    CalendarFactory,
    IdempotencyKeyFactory,
    MembershipFactory,
    OrganizationFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def refused(make):
    with pytest.raises(IntegrityError), transaction.atomic():
        make()


def test_a_user_is_a_member_of_an_organization_once():
    membership = MembershipFactory()
    refused(lambda: MembershipFactory(user=membership.user, organization=membership.organization))


def test_a_role_outside_the_table_is_refused():
    refused(lambda: MembershipFactory(role="owner"))


def test_addresses_differ_in_more_than_case():
    UserFactory(email="anna@example.com")
    refused(lambda: UserFactory(email="Anna@Example.com"))
    UserFactory(email="")
    UserFactory(email="")  # no address is not an address


def test_users_have_different_external_ids_of_our_form():
    one, other = UserFactory(), UserFactory()
    assert one.external_id != other.external_id
    assert one.external_id.startswith("user_")


def test_a_key_is_stored_only_as_a_hash():
    refused(lambda: ApiKeyFactory(secret_hash="tieout_00000000_secret"))


def test_only_answers_of_success_are_stored():
    refused(lambda: IdempotencyKeyFactory(answer_code=409))


@pytest.mark.parametrize("weekend", [[1, 2, 3, 4, 5, 6, 7], [0], [8]])
def test_a_calendar_has_at_least_one_business_day_among_real_days(weekend):
    refused(lambda: CalendarFactory(weekend=weekend))


def test_a_calendar_may_have_no_weekend():
    assert CalendarFactory(weekend=[]).is_business_day(date(2026, 3, 29))  # a Sunday


def test_business_days_leave_out_weekend_and_holidays():
    calendar = CalendarFactory.build(organization=None, holidays=[date(2026, 4, 3), date(2026, 4, 6)])
    assert calendar.add_business_days(date(2026, 4, 2), 1) == date(2026, 4, 7)  # over Easter
    assert calendar.add_business_days(date(2026, 4, 4), 0) == date(2026, 4, 4)
    assert not calendar.is_business_day(date(2026, 4, 3))


@pytest.mark.parametrize("name", ["", "Berlin", "Europe/Nowhere", "../etc/passwd"])
def test_a_time_zone_must_exist(name):
    with pytest.raises(ValidationError):
        validate_time_zone(name)
    validate_time_zone("Europe/Berlin")


def test_live_memberships_of_a_user_come_by_name_of_organization():
    user = UserFactory()
    b = MembershipFactory(user=user, organization=OrganizationFactory(name="B"))
    a = MembershipFactory(user=user, organization=OrganizationFactory(name="A"))
    MembershipFactory(user=user, ended_at=NOW)
    MembershipFactory()
    assert list(Membership.objects.of_user(user.pk)) == [a, b]


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "active"),
        ({"expires_at": NOW + timedelta(seconds=1)}, "active"),
        ({"expires_at": NOW}, "expired"),
        ({"revoked_at": NOW, "expires_at": NOW}, "revoked"),
        ({"made_by__ended_at": NOW}, "orphaned"),
        ({"made_by__user__is_active": False}, "orphaned"),
    ],
)
def test_a_key_is_usable_exactly_while_it_is_active(changes, state):
    key = ApiKeyFactory(**changes)
    assert key.state(at=NOW) == state
    assert ApiKey.objects.usable(at=NOW).filter(pk=key.pk).exists() == (state == "active")
