"""Lists: a constant number of queries, filters that refuse what they cannot read, totals, and what stands where nothing is."""

import pytest
from django.contrib import admin
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, models
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RelatedDropdownFilter

from organizations.backoffice import paginator
from organizations.backoffice.filters import (
    AmountRangeFilter,
    DayRangeFilter,
    ScopedRelatedFilter,
    scoped_filter,
)
from organizations.models import ApiKey, AuditEvent, Membership, Organization
from tests.factories.organizations import ApiKeyFactory, AuditEventFactory, CalendarFactory, MembershipFactory
from tests.organizations.backoffice.people import signed_in

pytestmark = pytest.mark.django_db

LISTS = {
    "membership": MembershipFactory,
    "apikey": ApiKeyFactory,
    "calendar": CalendarFactory,
    "auditevent": AuditEventFactory,
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_takes_as_many_queries_for_many_rows_as_for_few(name):
    client, membership = signed_in()
    url = reverse(f"admin:organizations_{name}_changelist")
    counts = []
    for more in (2, 28):
        LISTS[name].create_batch(more, organization=membership.organization)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            page = client.get(url)
        assert page.status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 12
    assert len(page.context["cl"].result_list) == 25


def test_a_list_says_how_many_rows_the_filter_leaves():
    client, membership = signed_in()
    MembershipFactory.create_batch(3, organization=membership.organization, role="viewer")
    page = client.get(reverse("admin:organizations_membership_changelist"), {"role": "viewer"})
    assert page.context["summary"] == [("Count", "3"), ("Active", "3")]


def test_a_range_may_end_on_the_last_day_there_is():
    client, membership = signed_in()
    AuditEventFactory(organization=membership.organization)
    page = client.get(reverse("admin:organizations_auditevent_changelist"), {"at_to": "9999-12-31"})
    assert page.context["cl"].result_count == 1


def test_totals_stop_at_a_limit_and_say_so(monkeypatch):
    monkeypatch.setattr(paginator, "COUNT_MAX", 30)
    client, membership = signed_in()
    url = reverse("admin:organizations_calendar_changelist")
    CalendarFactory.create_batch(30, organization=membership.organization)
    assert client.get(url).context["summary"][0] == ("Count", "30")
    CalendarFactory.create_batch(5, organization=membership.organization)
    assert client.get(url).context["summary"][0] == ("Count", "30+")
    assert client.get(url, {"p": 2}).status_code == 200


def test_an_empty_list_says_what_to_do_next():
    client, _membership = signed_in()
    url = reverse("admin:organizations_calendar_changelist")
    assert "Without one, business days are Monday to Friday." in client.get(url).content.decode()
    assert "Nothing matches" in client.get(url, {"q": "xyz"}).content.decode()


# --- Filters ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("since", "until", "shown"),
    [
        ("2026-03-31", "2026-03-31", 1),
        ("2026-04-01", "", 1),
        ("", "2026-03-30", 0),
        ("2026-03-31", "2026-04-01", 2),
        ("", "", 2),
    ],
)
def test_days_are_those_of_the_persons_zone_and_both_ends_count(since, until, shown):
    client, membership = signed_in()
    Organization.objects.update(time_zone="Asia/Tokyo")
    for at in ("2026-03-30T20:00Z", "2026-03-31T15:00Z"):  # 5:00 on the 31st, 0:00 on the 1st in Tokyo
        AuditEventFactory(organization=membership.organization, at=at)
    url = reverse("admin:organizations_auditevent_changelist")
    page = client.get(url, {"at_from": since, "at_to": until})
    assert len(page.context["cl"].result_list) == shown


@pytest.mark.parametrize("text", ["31.03.2026", "03/31/2026", "yesterday", "2026-02-30"])
def test_a_day_that_cannot_be_read_shows_nothing_and_says_so(text):
    client, membership = signed_in()
    AuditEventFactory(organization=membership.organization)
    page = client.get(reverse("admin:organizations_auditevent_changelist"), {"at_from": text})
    assert not page.context["cl"].result_list
    assert "is no day" in page.content.decode()


def amount_filter(path: str = "amount") -> AmountRangeFilter:
    """Without a table: what is tested are its conditions."""
    request, page = RequestFactory().get("/"), admin.site._registry[ApiKey]
    return AmountRangeFilter(models.BigIntegerField("amount"), request, {}, ApiKey, page, path)


@pytest.mark.parametrize(
    ("text", "lookup", "limits"),
    [
        ("12.50", "gte", {0: 13, 2: 1250, 3: 12500, 4: 125000}),
        ("12.50", "lte", {0: 12, 2: 1250, 3: 12500, 4: 125000}),
        ("-0.005", "gte", {0: 0, 2: 0, 3: -5, 4: -50}),
        ("-0.005", "lte", {0: -1, 2: -1, 3: -5, 4: -50}),
    ],
)
def test_an_amount_is_scaled_by_the_decimals_of_each_row(text, lookup, limits):
    condition = amount_filter().condition(text, lookup)
    found = [dict(child.children) for child in condition.children]
    assert {each["decimal_places"]: each[f"amount__{lookup}"] for each in found} == limits


def test_the_decimals_stand_beside_the_amount():
    condition = amount_filter("record__amount").condition("1", "gte")
    assert dict(condition.children[0].children) == {"record__decimal_places": 0, "record__amount__gte": 1}


@pytest.mark.parametrize("text", ["abc", "1,50", "NaN", "Infinity", "1e99", "12.50.1"])
def test_an_amount_that_cannot_be_read_is_refused(text):
    with pytest.raises(ValueError, match="is no amount"):
        amount_filter().condition(text, "gte")


def test_plain_names_become_filters_that_stay_in_one_organization():
    assert scoped_filter("made_by", ApiKey) == ("made_by", ScopedRelatedFilter)
    assert scoped_filter("made_by__user", ApiKey) == ("made_by__user", ScopedRelatedFilter)
    assert scoped_filter("at", AuditEvent) == ("at", DayRangeFilter)
    assert scoped_filter("name", ApiKey) == "name"


@pytest.mark.parametrize(
    "unsafe", [RelatedDropdownFilter, AutocompleteSelectFilter, admin.RelatedOnlyFieldListFilter]
)
def test_filters_that_offer_rows_of_every_tenant_are_refused(unsafe):
    with pytest.raises(ImproperlyConfigured):
        scoped_filter(("user", unsafe), Membership)
