"""The instant at which a record is overdue, by policy, calendar and time zone."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from organizations.models import Calendar
from rules.overdue import (
    AFTER_DAYS_MAX,
    FIRST_DAY,
    LAST_DAY,
    OverduePolicy,
    counting_dates,
    overdue_by_day,
    overdue_instants,
    policy_digest,
)

BERLIN = "Europe/Berlin"
ZONES = [
    "UTC",
    BERLIN,
    "America/Sao_Paulo",
    "America/Havana",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "Pacific/Kiritimati",
]


def one(policy: OverduePolicy, day: date) -> datetime:
    return overdue_by_day(policy, [day])[day]


def local(policy: OverduePolicy, day: date) -> str:
    return one(policy, day).astimezone(ZoneInfo(policy.zone)).strftime("%Y-%m-%d %H:%M %z")


def test_midnight_of_the_day_that_is_n_days_later():
    policy = OverduePolicy(3, BERLIN)
    assert (
        local(policy, date(2026, 3, 27)) == "2026-03-30 00:00 +0200"
    )  # the clock was put forward in between
    assert local(policy, date(2026, 1, 30)) == "2026-02-02 00:00 +0100"


def test_zero_days_is_the_day_itself():
    saturday = date(2026, 3, 28)
    assert local(OverduePolicy(0, BERLIN), saturday) == "2026-03-28 00:00 +0100"
    assert local(OverduePolicy(0, BERLIN, business_days=True), saturday) == "2026-03-28 00:00 +0100"


@pytest.mark.parametrize(
    ("day", "due"),
    [
        (date(2026, 4, 1), "2026-04-02"),  # Wednesday
        (date(2026, 4, 2), "2026-04-07"),  # Thursday before Good Friday: Easter Monday is none either
        (date(2026, 4, 3), "2026-04-07"),  # Good Friday itself
        (date(2026, 4, 4), "2026-04-07"),  # the Saturday
    ],
)
def test_business_days_skip_weekend_and_holidays(day, due):
    policy = OverduePolicy(1, BERLIN, business_days=True, holidays=(date(2026, 4, 3), date(2026, 4, 6)))
    assert local(policy, day).startswith(due)


def test_without_a_calendar_business_days_are_monday_to_friday():
    assert local(OverduePolicy(1, "UTC", business_days=True), date(2026, 3, 27)).startswith("2026-03-30")


def test_a_weekend_of_friday_and_saturday():
    policy = OverduePolicy(1, "Asia/Dubai", business_days=True, weekend=(5, 6))
    assert local(policy, date(2026, 3, 26)).startswith("2026-03-29")


def test_history_counts_from_the_policys_first_day():
    policy = OverduePolicy(2, "UTC", since=date(2026, 3, 31))
    assert one(policy, date(2019, 1, 1)) == datetime(2026, 4, 2, tzinfo=UTC)
    assert one(policy, date(2026, 4, 1)) == datetime(2026, 4, 3, tzinfo=UTC)


def test_a_policy_that_counts_from_the_value_date_takes_the_date_where_there_is_none():
    records = pl.DataFrame(
        {"date": [date(2026, 3, 1), date(2026, 3, 1)], "value_date": [date(2026, 3, 5), None]}
    )
    assert counting_dates(OverduePolicy(1, "UTC"), records).to_list() == [date(2026, 3, 1)] * 2
    by_value = counting_dates(OverduePolicy(1, "UTC", value_date=True), records)
    assert by_value.to_list() == [date(2026, 3, 5), date(2026, 3, 1)]
    without = counting_dates(OverduePolicy(1, "UTC", value_date=True), records.drop("value_date"))
    assert without.to_list() == [date(2026, 3, 1)] * 2


def test_a_midnight_that_the_clock_leaps_over_is_when_the_day_begins():
    # Brazil put its clocks forward at 00:00 of 4 November 2018: the day began at 01:00.
    assert local(OverduePolicy(0, "America/Sao_Paulo"), date(2018, 11, 4)) == "2018-11-04 01:00 -0200"
    assert one(OverduePolicy(0, "America/Sao_Paulo"), date(2018, 11, 4)) == datetime(
        2018, 11, 4, 3, tzinfo=UTC
    )


def test_of_a_midnight_that_comes_twice_the_first_counts():
    # Cuba puts its clocks back from 01:00 to 00:00: 1 November 2026 has two midnights.
    assert one(OverduePolicy(0, "America/Havana"), date(2026, 11, 1)) == datetime(2026, 11, 1, 4, tzinfo=UTC)


def test_a_day_that_never_was_is_the_beginning_of_the_next():
    # Samoa left 30 December 2011 out.
    assert local(OverduePolicy(0, "Pacific/Apia"), date(2011, 12, 30)) == "2011-12-31 00:00 +1400"


@pytest.mark.parametrize("zone", ZONES)
def test_the_ends_of_time_hold_in_every_zone(zone):
    policy = OverduePolicy(AFTER_DAYS_MAX, zone, business_days=True)
    assert one(policy, date.max).astimezone(ZoneInfo(zone)).date() == LAST_DAY
    assert one(OverduePolicy(0, zone), date.min).astimezone(ZoneInfo(zone)).date() == FIRST_DAY


DAYS = st.dates(date(1990, 1, 1), date(2060, 12, 31))


@settings(max_examples=150, deadline=None)
@given(
    days=st.lists(DAYS, min_size=1, max_size=30),
    after=st.integers(0, 40),
    business=st.booleans(),
    weekend=st.sets(st.integers(1, 7), max_size=6),
    holidays=st.sets(DAYS, max_size=20),
    near=st.sets(st.integers(1, 30), max_size=10),
    since=st.none() | DAYS,
    zone=st.sampled_from(ZONES),
    place=st.sampled_from([("", ""), ("DE", "BY"), ("US", ""), ("SA", "")]),
)
def test_all_at_once_is_one_by_one(days, after, business, weekend, holidays, near, since, zone, place):
    free = holidays | {days[0] + timedelta(days=days_later) for days_later in near}
    country, part = place
    calendar = Calendar(weekend=sorted(weekend), holidays=sorted(free), country=country, subdivision=part)
    policy = OverduePolicy(
        after,
        zone,
        since=since,
        business_days=business,
        weekend=tuple(sorted(weekend)),
        holidays=tuple(sorted(free)),
        country=country,
        subdivision=part,
    )

    def expected(day: date) -> datetime:
        counted = max(day, since) if since else day
        due = calendar.add_business_days(counted, after) if business else counted + timedelta(days=after)
        return datetime(due.year, due.month, due.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)

    assert overdue_instants(policy, pl.Series(days, dtype=pl.Date)).to_list() == [
        expected(day) for day in days
    ]


def test_no_days_give_no_instants():
    assert overdue_instants(OverduePolicy(1, "UTC"), pl.Series([], dtype=pl.Date)).to_list() == []


def test_public_holidays_of_a_country_are_skipped_in_every_year_that_the_count_reaches():
    policy = OverduePolicy(1_000, BERLIN, business_days=True, country="DE")
    calendar = Calendar(country="DE", weekend=[6, 7])
    day = date(2026, 3, 2)
    assert local(policy, day).startswith(calendar.add_business_days(day, 1_000).isoformat())


@pytest.mark.parametrize("weekend", [(6, 7), (1, 2, 3, 4, 5, 6)])
def test_the_longest_count_meets_every_holiday_on_its_way(weekend):
    policy = OverduePolicy(AFTER_DAYS_MAX, "UTC", business_days=True, weekend=weekend, country="DE")
    calendar = Calendar(country="DE", weekend=list(weekend))
    day = date(2020, 1, 1)
    assert local(policy, day).startswith(calendar.add_business_days(day, AFTER_DAYS_MAX).isoformat())


def test_only_what_moves_a_day_changes_the_digest():
    plain = OverduePolicy(3, "UTC")
    assert policy_digest(plain) == policy_digest(OverduePolicy(3, "UTC"))
    others = [
        OverduePolicy(4, "UTC"),
        OverduePolicy(3, BERLIN),
        OverduePolicy(3, "UTC", business_days=True),
        OverduePolicy(3, "UTC", business_days=True, country="DE"),
        OverduePolicy(3, "UTC", holidays=(date(2026, 12, 24),)),
    ]
    assert len({policy_digest(each) for each in [plain, *others]}) == 6
