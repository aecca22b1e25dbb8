"""The overview counts the exceptions to work on, with their records, value and age, and leads to the queue."""

from __future__ import annotations

from datetime import date

import pytest
from django.urls import reverse

from exceptions_app.models import ReconciliationException
from exceptions_app.selectors import overview
from exceptions_app.selectors.overview import Overview, exceptions_overview
from organizations.states import Role
from tests.clock import NOW
from tests.exceptions_app.admin.office import LIST, Office, days_ago, new_office
from tests.factories.exceptions_app import ReconciliationExceptionFactory
from tests.reconciliation.admin.desk import text_of

pytestmark = pytest.mark.django_db
DAY = date(2026, 3, 2)


@pytest.fixture
def office() -> Office:
    office = new_office()
    for minor, currency in ((100_00, "EUR"), (-30_00, "EUR"), (5_00, "USD")):
        record = office.acquirer.add(office.acquirer.stream, minor, DAY, currency=currency)
        office.acquirer.make_due(record, at=days_ago(12))
    assert office.exception
    return office


def test_it_says_how_many_what_they_come_to_and_for_how_long(office: Office):
    answer = office.client.get(reverse("admin:index"))
    page = text_of(answer)
    assert "1 Exceptions to work on 3 records · +70.00 EUR · +5.00 USD · oldest 12 days" in page
    assert f'href="{reverse(LIST)}"' in answer.content.decode()


def test_closed_and_deleted_ones_and_those_of_others_do_not_count(office: Office):
    ReconciliationExceptionFactory()
    rows = ReconciliationException.objects.filter(reconciliation=office.acquirer.reconciliation)
    rows.update(status="dismissed", closed_at=NOW)
    organization_id = office.acquirer.by.organization_id
    assert exceptions_overview(organization_id, at=NOW) == Overview(0)
    rows.update(status="open", closed_at=None, voided_at=NOW)
    assert exceptions_overview(organization_id, at=NOW) == Overview(0)
    assert "0 Exceptions to work on" in text_of(office.client.get(reverse("admin:index")))


def test_of_very_many_records_no_sum_is_told(office: Office, monkeypatch):
    monkeypatch.setattr(overview, "RECORDS_MAX", 2)
    found = exceptions_overview(office.acquirer.by.organization_id, at=days_ago(0))
    assert found == Overview(1, 2, is_capped=True)


def test_every_role_that_may_read_exceptions_sees_it(office: Office):
    for role in Role.values:
        page = text_of(office.as_somebody(role).client.get(reverse("admin:index")))
        assert "Exceptions to work on" in page
