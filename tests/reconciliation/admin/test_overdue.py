"""The overdue policy in the back office: the form, what the page says of it, and how far a recompute is."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from django.urls import reverse

from reconciliation.models import OpenItem, OverdueRecompute
from reconciliation.services.recompute import recompute_execute
from rules.models import Reconciliation
from rules.services import setup
from tests.clock import NOW
from tests.factories.ledgers import LedgerFactory
from tests.factories.organizations import CalendarFactory
from tests.organizations.backoffice.people import signed_in
from tests.reconciliation.admin.desk import text_of
from tests.reconciliation.admin.test_reconciliation_pages import SHOWN, act
from tests.reconciliation.streams import Feeds

pytestmark = pytest.mark.django_db

MODEL = "rules_reconciliation"


@pytest.fixture
def made(feeds: Feeds) -> Reconciliation:
    made = feeds.reconciliation(feeds.stream("a"))
    feeds.add(made.streams.get(), ("R1", 100))
    return made


def page(client, made: Reconciliation):
    return client.get(reverse("admin:rules_reconciliation_change", args=[made.pk]))


def test_a_policy_is_set_followed_and_taken_away(client, feeds: Feeds, made: Reconciliation):
    assert "Never by themselves" in text_of(page(client, made))
    calendar = CalendarFactory(organization=feeds.organization, name="Germany")
    fields = {"business_days": "on", "calendar": calendar.pk, "counts_from": "value_date"}
    said = act(client, MODEL, made, "overdue", after_days="3", overdue_from="2026-03-01", **fields)
    assert "It is saved." in said
    assert "3 business days (Germany) after the value date, at the earliest after 2026-03-01" in said
    assert "open items follow: 0%" in said
    assert page(client, made).headers["Refresh"] == "5"
    recompute_execute(recompute_id=OverdueRecompute.objects.get().pk, clock=lambda: NOW)
    assert "open items follow" not in text_of(page(client, made))
    assert "Refresh" not in page(client, made).headers
    assert OpenItem.objects.get().overdue_at == datetime(2026, 3, 5, tzinfo=UTC)
    assert "Never by themselves" in act(client, MODEL, made, "overdue", counts_from="date")


def test_the_form_shows_what_holds(client, made: Reconciliation):
    act(client, MODEL, made, "overdue", after_days="7", counts_from="date", overdue_from="2026-03-01")
    form = client.get(reverse("admin:rules_reconciliation_act", args=[made.pk, "overdue"])).content.decode()
    assert 'value="7"' in form
    assert "2026-03-01" in form or "03/01/2026" in form


def test_a_ledgers_reconciliation_has_one_too(client, feeds: Feeds):
    ledger = LedgerFactory(organization=feeds.organization)
    owned = setup.ledger_reconciliation(ledger, by=feeds.by, at=NOW)
    assert "1 day after the booking date" in act(
        client, MODEL, owned, "overdue", after_days="1", counts_from="date"
    )
    owned.refresh_from_db()
    assert (owned.overdue_after_days, owned.overdue_from) == (1, date(2026, 3, 31))


def test_counting_anew_needs_a_policy(client, made: Reconciliation):
    assert "Nothing is overdue by itself here." in act(client, MODEL, made, "recount")
    act(client, MODEL, made, "overdue", after_days="1", counts_from="date")
    recompute_execute(recompute_id=OverdueRecompute.objects.get().pk, clock=lambda: NOW)
    assert "It is asked for." in act(client, MODEL, made, "recount")
    assert OverdueRecompute.objects.count() == 2


def test_a_recompute_that_failed_says_why(client, made: Reconciliation):
    act(client, MODEL, made, "overdue", after_days="1", counts_from="date")
    OverdueRecompute.objects.update(status="failed", finished_at=NOW, error="the disk is full")
    assert "failed, and tried again: the disk is full" in text_of(page(client, made))


@pytest.mark.parametrize("given", [{"after_days": "-1"}, {"after_days": "4000"}, {"after_days": "2.5"}])
def test_what_is_no_number_of_days_is_said_beside_the_field(client, made: Reconciliation, given):
    act(client, MODEL, made, "overdue", counts_from="date", **given)
    made.refresh_from_db()
    assert made.overdue_after_days is None


def test_other_organizations_calendars_are_not_offered(client, made: Reconciliation):
    theirs = CalendarFactory(name="Elsewhere")
    form = client.get(reverse("admin:rules_reconciliation_act", args=[made.pk, "overdue"]))
    assert "Elsewhere" not in form.content.decode()
    fields = {"after_days": "1", "business_days": "on", "counts_from": "date"}
    act(client, MODEL, made, "overdue", calendar=theirs.pk, **fields)
    made.refresh_from_db()
    assert made.overdue_after_days is None


def test_it_is_saved_only_as_its_preview_showed_it(client, made: Reconciliation):
    url = reverse("admin:rules_reconciliation_act", args=[made.pk, "overdue"])
    fields = {"after_days": "3", "counts_from": "date", "overdue_from": "2026-03-01"}
    asked = client.get(url).content.decode()
    assert (asked.count('value="preview"'), asked.count('value="it"')) == (1, 0)
    first = client.post(url, {**fields, "do": "it"})
    told = text_of(first)
    assert 'value="it"' in first.content.decode()
    assert "What it would do" in told
    assert (
        "Overdue: 3 days after the booking date, at the earliest after 2026-03-01 . 1 item is open now."
        in told
    )
    assert "Overdue as it is 0 – Overdue by this policy 1 +1.00 EUR become overdue 1 +1.00 EUR" in told
    made.refresh_from_db()
    assert made.overdue_after_days is None
    shown = {"shown": SHOWN.search(first.content.decode())[1], "do": "it"}
    other = client.post(url, {**fields, **shown, "after_days": "4"})
    assert "Overdue: 4 days" in text_of(other)
    again = client.post(url, {**fields, **shown, "do": "preview"})
    assert "Overdue: 3 days" in text_of(again)
    made.refresh_from_db()
    assert made.overdue_after_days is None
    assert "It is saved." in text_of(client.post(url, {**fields, **shown}, follow=True))
    made.refresh_from_db()
    assert made.overdue_after_days == 3


def test_operators_see_it_and_may_not_change_it(feeds: Feeds, made: Reconciliation):
    operator, _membership = signed_in("operator", organization=feeds.organization)
    assert "Never by themselves" in text_of(page(operator, made))
    url = reverse("admin:rules_reconciliation_act", args=[made.pk, "overdue"])
    assert operator.post(url, {"after_days": "1", "counts_from": "date"}).status_code == 403
