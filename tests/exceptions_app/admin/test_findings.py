"""What investigations found, on the exception's page: facing the record, with one click to match them."""

from __future__ import annotations

from datetime import date

import pytest
from django.urls import reverse

from exceptions_app.models import Finding, Investigation
from exceptions_app.services.investigation_execution import investigation_execute
from ledgers.models import Record
from reconciliation.models import Match, OpenItem
from tests.clock import NOW
from tests.exceptions_app.admin.office import Office, new_office
from tests.factories.exceptions_app import FindingFactory, InvestigationFactory
from tests.organizations.backoffice.people import signed_in
from tests.reconciliation.admin.desk import text_of

pytestmark = pytest.mark.django_db(transaction=True)
DAY = date(2026, 3, 2)


@pytest.fixture
def office() -> Office:
    return new_office()


def looked(office: Office, **more) -> Investigation:
    done = {"status": "completed", "outcome": "match_found", "finished_at": NOW, "confidence": 0.97}
    told = {"recommendation_text": "1 of 1 is explained.\nBegin with:\n- the first"}
    return InvestigationFactory(exception=office.exception, **{**done, **told, **more})


def finding(office: Office, record: Record, *suggested: Record, **more) -> Finding:
    """As an investigation would have written it."""
    ids = [each.pk for each in suggested]
    given = {"cause": "equal_amount", "outcome": "match_found", "confidence": 0.97, **more}
    investigation = given.pop("investigation", None) or looked(office)
    return FindingFactory(investigation=investigation, record=record, suggested=ids, **given)


def take(found: Finding) -> str:
    return reverse("admin:exceptions_app_reconciliationexception_take", args=[found.pk])


def test_the_record_faces_what_may_belong_to_it_with_what_differs(office: Office):
    late = office.acquirer.overdue(17_50, DAY, reference="INV-7")
    paid = office.acquirer.paid(17_25, date(2026, 3, 9), reference="Payout")
    finding(office, late, paid, cause="fee", difference=25, facts={"fee": 25, "days": 7})
    answer = office.get(office.url)
    page = text_of(answer)
    assert "fee taken off · Very likely (97%) · 0.25 EUR between them" in page
    assert (
        "Overdue Date 2026-03-02 ≠ differs Reference INV-7 ≠ differs Amount +17.50 EUR credit ≠ differs"
        in page
    )
    assert (
        "What may belong to it Date 2026-03-09 ≠ differs Reference Payout ≠ differs Amount +17.25 EUR" in page
    )
    assert "1 of 1 is explained. The whole recommendation" in page
    for record in (late, paid):
        url = reverse("admin:reconciliation_streamrecord_change", args=[record.pk])
        assert f'href="{url}"' in answer.content.decode()


def test_what_agrees_is_matched_with_one_click(office: Office):
    late, paid = office.acquirer.overdue(17_50, DAY), office.acquirer.paid(17_50, date(2026, 3, 20))
    found = finding(office, late, paid)
    page = text_of(office.client.post(take(found), follow=True))
    match = Match.objects.get()
    assert f"{match} is made of them." in page
    assert f"Match {match.pk} {office.membership.user.shown_name} on" in page
    assert not OpenItem.objects.filter(record__in=[late, paid]).exists()
    again = text_of(office.client.post(take(found), follow=True))
    assert f"This suggestion is match {match.pk} already" in again
    assert Match.objects.count() == 1


def test_what_does_not_add_up_asks_first_and_takes_an_adjustment(office: Office):
    late, paid = office.acquirer.overdue(17_50, DAY), office.acquirer.paid(17_25, DAY)
    found = finding(office, late, paid, cause="fee", difference=25, facts={"fee": 25})
    assert "Match these …" in office.page()
    asked = text_of(office.get(take(found)))
    assert "0.25 EUR is left between the two sides." in asked
    refused = text_of(office.client.post(take(found)))
    assert "Ask for an adjustment" in refused
    assert not Match.objects.exists()
    office.client.post(take(found), {"create_adjustment": "on"})
    match = Match.objects.get()
    assert (match.difference, match.adjustment_id is not None) == (0, True)


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        ("duplicate", "there is nothing to match it with"),
        ("other_currency", "The two are in different currencies"),
    ],
)
def test_causes_without_a_match_are_greyed_with_what_to_do(office: Office, cause, words):
    late, other = office.acquirer.overdue(17_50, DAY), office.acquirer.paid(17_50, DAY)
    finding(office, late, other, cause=cause)
    assert words in office.page()


def test_a_record_that_is_not_open_any_more_greys_its_finding(office: Office):
    late, paid = office.acquirer.overdue(17_50, DAY), office.acquirer.paid(17_50, DAY)
    found = finding(office, late, paid)
    other = office.acquirer.overdue(17_50, DAY)
    office.acquirer.feeds.match(office.acquirer.reconciliation, [other], [paid])
    assert f"Record {paid.pk} is not open any more." in office.page()
    page = text_of(office.client.post(take(found), follow=True))
    assert "Things have changed since the investigation" in page


def test_several_paid_at_once_stand_on_the_same_side(office: Office):
    one, two = office.acquirer.overdue(10_00, DAY), office.acquirer.overdue(7_50, DAY)
    paid = office.acquirer.paid(17_50, DAY)
    finding(office, one, paid, two, cause="combined_payment")
    page = office.page()
    assert "Together +17.50 EUR What may belong to it" in page


def test_a_record_s_row_leads_to_its_finding_also_on_a_later_page(office: Office):
    investigation = looked(office)
    records = [office.acquirer.overdue(100 + n, DAY, reference=f"R{n}") for n in range(13)]
    found = [finding(office, record, investigation=investigation) for record in records]
    answer = office.get(office.url)
    content = answer.content.decode()
    assert f'id="finding-{found[9].pk}"' in content
    assert f'id="finding-{found[10].pk}"' not in content
    place = f"finding=%3E{found[12].pk - 1}#finding-{found[12].pk}"
    assert place in content
    later = office.get(office.url, {"investigation": investigation.pk, "finding": f">{found[12].pk - 1}"})
    assert f'id="finding-{found[12].pk}"' in later.content.decode()


def test_earlier_investigations_are_listed_and_shown_when_asked_for(office: Office):
    first = looked(office, recommendation_text="What was seen first.")
    second = looked(office, recommendation_text="What is seen now.")
    page = office.page()
    assert f"Investigation {second.pk} Match found What is seen now." in page
    assert f"1 other investigation Investigation {first.pk}" in page
    assert "What was seen first." in office.page(investigation=first.pk)
    assert "What is seen now." in office.page(investigation=987_654_321)


def test_one_is_asked_for_and_its_end_is_waited_for(office: Office):
    office.acquirer.overdue(17_50, DAY)
    assert "An investigation is asked for." in office.act("investigate")
    answer = office.get(office.url)
    assert "It is under way." in text_of(answer)
    assert answer.headers["Refresh"] == "5"
    assert "An investigation is under way." in office.act("investigate")
    asked = Investigation.objects.get()
    investigation_execute(investigation_id=asked.pk, clock=lambda: NOW)
    answer = office.get(office.url)
    assert "Refresh" not in answer.headers
    assert "No match" in text_of(answer)


def test_the_filtered_records_alone_are_investigated(office: Office):
    office.acquirer.overdue(17_50, DAY)
    office.acquirer.overdue(99_00, DAY)
    page = office.get(office.url, {"amount_min": "50"}).content.decode()
    assert '<input type="hidden" name="amount_min" value="5000">' in page
    assert "is asked for" in office.act("investigate-filtered", amount_min="5000")
    assert Investigation.objects.get().filter_params == {"amount_min": 5000}


def test_one_that_failed_says_why(office: Office):
    InvestigationFactory(
        exception=office.exception, status="failed", finished_at=NOW, error="The disk is full. Ask again."
    )
    assert "The disk is full. Ask again." in office.page()


def test_who_may_not_decide_matches_is_told_so(office: Office):
    late, paid = office.acquirer.overdue(17_50, DAY), office.acquirer.paid(17_50, DAY)
    found = finding(office, late, paid)
    viewer = office.as_somebody("viewer")
    assert "Your role does not allow this." in viewer.page()
    viewer.client.post(take(found))
    assert not Match.objects.exists()


def test_another_organization_s_finding_is_not_there(office: Office):
    late, paid = office.acquirer.overdue(17_50, DAY), office.acquirer.paid(17_50, DAY)
    found = finding(office, late, paid)
    client, _membership = signed_in("admin")
    assert client.get(take(found)).status_code == 404
    assert client.post(take(found)).status_code == 404
    assert not Match.objects.exists()
