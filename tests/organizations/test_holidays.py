"""Calendars with the public holidays of a country."""

from datetime import date, timedelta

import pytest

from organizations.holidays import FIRST_YEAR, LAST_YEAR, countries, public_holidays, usual_weekend
from organizations.models import Calendar
from organizations.refusals import Invalid
from organizations.services.tenants import calendar_save
from tests.clock import NOW
from tests.factories.organizations import OrganizationFactory
from tests.organizations.test_services import admin_of


def save(organization, **fields) -> Calendar:
    by = admin_of(organization)
    return calendar_save(organization_id=organization.pk, name="Here", by=by, at=NOW, **fields)


def test_public_holidays_of_a_country_are_no_business_days():
    germany = Calendar(country="DE", weekend=[6, 7])
    assert germany.add_business_days(date(2026, 4, 2), 1) == date(
        2026, 4, 7
    )  # over Good Friday and Easter Monday
    assert not germany.is_business_day(date(2026, 10, 3).replace(year=2028))  # a Tuesday: the day of unity


def test_a_part_of_a_country_has_its_own():
    epiphany = date(2026, 1, 6)
    assert Calendar(country="DE", weekend=[6, 7]).is_business_day(epiphany)
    assert not Calendar(country="DE", subdivision="BY", weekend=[6, 7]).is_business_day(epiphany)


def test_days_listed_count_beside_those_of_the_country():
    calendar = Calendar(country="DE", weekend=[6, 7], holidays=[date(2026, 12, 24)])
    assert calendar.add_business_days(date(2026, 12, 23), 1) == date(2026, 12, 28)
    between = calendar.holidays_between(date(2026, 12, 1), date(2027, 1, 1))
    assert between == [date(2026, 12, 24), date(2026, 12, 25), date(2026, 12, 26), date(2027, 1, 1)]


def test_years_of_which_nothing_is_known_have_no_holidays():
    assert (
        public_holidays("DE", "", FIRST_YEAR - 1) == public_holidays("DE", "", LAST_YEAR + 1) == frozenset()
    )
    assert Calendar(country="DE", weekend=[6, 7]).add_business_days(date(9999, 12, 23), 1).year == 9999
    assert date(1990, 1, 26) in public_holidays(
        "IN", "", 1990
    )  # its movable ones are known from 2001 to 2035 only


@pytest.mark.parametrize("country", sorted(countries()))
def test_every_country_that_may_be_chosen_gives_days_and_a_business_day(country):
    days = public_holidays(country, "", 2026)
    assert all(day.year == 2026 for day in days)
    assert set(usual_weekend(country)) < set(range(1, 8))
    calendar = Calendar(country=country, weekend=usual_weekend(country))
    first = calendar.add_business_days(date(2026, 1, 1), 1)
    assert date(2026, 1, 1) < first <= date(2026, 1, 1) + timedelta(days=14)


@pytest.mark.django_db
def test_the_weekend_is_the_countrys_unless_stated():
    organization = OrganizationFactory()
    saved = save(organization, country="sa")
    assert (saved.country, saved.weekend) == ("SA", [5, 6])
    assert save(organization, calendar=saved, country="SA", weekend=[7]).weekend == [7]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "code", "path"),
    [
        ({"country": "XX"}, "calendar.country", ["country"]),
        ({"country": "DE", "subdivision": "Texas"}, "calendar.subdivision", ["subdivision"]),
        ({"subdivision": "BY"}, "calendar.country", ["country"]),
    ],
)
def test_a_place_without_known_holidays_is_refused(fields, code, path):
    with pytest.raises(Invalid) as refused:
        save(OrganizationFactory(), **fields)
    assert (refused.value.code, refused.value.issues[0]["path"]) == (code, path)
    assert not Calendar.objects.exists()


@pytest.mark.django_db
def test_a_part_is_written_as_the_country_writes_it():
    assert save(OrganizationFactory(), country="de", subdivision="by").subdivision == "BY"
