"""Every minute around the instant at which an item is due: exactly one escalation, also where clocks are put forward or back."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from exceptions_app.models import ReconciliationException
from organizations.models import AuditEvent, Organization
from reconciliation.models import OpenItem
from reconciliation.services.stream_records import RecordIn, records_add
from tests.exceptions_app.overdue import Overdue

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
WINDOW = [hour * 60 + minute for hour in (-1, 0, 1) for minute in range(-5, 6)]
"""Minutes around 00:00, and around an hour before and after it: clocks change by one."""
CHANGES = [
    ("Europe/Berlin", date(2026, 3, 29)),  # forward at 02:00
    ("Europe/Berlin", date(2026, 3, 30)),
    ("Europe/Berlin", date(2026, 10, 25)),  # back at 03:00
    ("Europe/Berlin", date(2026, 10, 26)),
    ("America/Havana", date(2026, 3, 8)),  # forward over 00:00: the day begins at 01:00
    ("America/Havana", date(2026, 11, 1)),  # back at 01:00: there are two of 00:00
    ("America/Santiago", date(2026, 9, 6)),  # no 00:00 either
    ("Asia/Kathmandu", date(2026, 4, 2)),  # a quarter of an hour off
    ("UTC", date(2026, 4, 2)),
]


@pytest.mark.parametrize(("zone", "due_on"), CHANGES)
def test_one_escalation_whatever_the_clock_does(zone: str, due_on: date):
    feeds = Overdue.of_two_streams()
    Organization.objects.filter(pk=feeds.organization.pk).update(time_zone=zone)
    feeds.policy(1)
    record = RecordIn(due_on - timedelta(days=1), 100, "credit", "EUR")
    feeds.act(records_add, stream=feeds.a, records=[record])
    due = OpenItem.objects.get().overdue_at
    local = due.astimezone(ZoneInfo(zone))
    assert local.date() == due_on
    assert (due - MINUTE).astimezone(ZoneInfo(zone)).date() < due_on  # nothing of the day is before it
    start = datetime.combine(due_on, datetime.min.time(), ZoneInfo(zone)).astimezone(ZoneInfo("UTC"))
    opened = []
    for minute in WINDOW:
        at = start + minute * MINUTE
        swept = feeds.sweep(at)
        assert (swept.records, swept.opened) in ((0, 0), (1, 1))
        assert bool(feeds.slice(at=at)) == (at >= due)
        opened += [at] * swept.records
    assert opened == [due]
    assert ReconciliationException.objects.get().opened_at == due
    assert AuditEvent.objects.filter(action="record.overdue").count() == 1


def test_an_item_is_overdue_at_its_instant_and_not_a_microsecond_before():
    feeds = Overdue.of_two_streams()
    feeds.add(feeds.a, ("R1", 100))
    due = OpenItem.objects.get().overdue_at
    assert feeds.sweep(due - timedelta(microseconds=1)).records == 0
    assert feeds.sweep(due).records == 1


def test_sweeps_that_come_late_miss_nothing():
    feeds = Overdue.of_two_streams()
    records = [RecordIn(date(2026, 3, day), 100, "credit", "EUR") for day in range(1, 21)]
    feeds.act(records_add, stream=feeds.a, records=records)
    instants = sorted(OpenItem.objects.values_list("overdue_at", flat=True))
    found = [feeds.sweep(at + timedelta(hours=13)).records for at in instants[::7]]
    assert (sum(found), found) == (15, [1, 7, 7])
    assert feeds.sweep(instants[-1]).records == 5
