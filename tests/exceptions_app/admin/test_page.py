"""The page of one exception: figures, records with filters, comments, owners, and its acts."""

from __future__ import annotations

from datetime import date

import pytest
from django.urls import reverse

from exceptions_app.models import Comment, ReconciliationException
from ledgers.models import Record
from tests.clock import NOW
from tests.exceptions_app.admin.office import MODEL, Office, days_ago, new_office
from tests.factories.exceptions_app import AssigneeFactory, ReconciliationExceptionFactory
from tests.factories.organizations import MembershipFactory
from tests.reconciliation.admin.desk import text_of

pytestmark = pytest.mark.django_db
DAY = date(2026, 3, 2)


@pytest.fixture
def office() -> Office:
    office = new_office()
    assert office.exception
    return office


def overdue(office: Office, minor: int, days: float, **more) -> Record:
    record = office.acquirer.add(office.acquirer.stream, minor, more.pop("day", DAY), **more)
    office.acquirer.make_due(record, at=days_ago(days))
    return record


def status(office: Office) -> str:
    return ReconciliationException.objects.get(pk=office.exception.pk).status


# --- figures and records -----------------------------------------------------------------------------------------------


def test_it_says_what_is_overdue_in_each_currency_and_for_how_long(office: Office):
    overdue(office, 1250_00, 2)
    overdue(office, -200_00, 12, day=date(2026, 3, 5))
    overdue(office, 9_00, 45, currency="USD")
    page = office.page()
    assert "3 records are overdue" in page
    assert "Net EUR +1,050.00 EUR 1 credit, 1,250.00 EUR 1 debit, −200.00 EUR" in page
    assert "Net USD +9.00 USD" in page
    assert "Overdue for 45 days" in page
    assert "2026-03-02 to 2026-03-05" in page


def test_records_stand_with_the_longest_overdue_first_and_lead_to_their_pages(office: Office):
    late = overdue(office, 5_00, 3, reference="LATE", counterparty="Nordwind")
    older = overdue(office, 7_00, 30, reference="OLDER", description="Order 7")
    answer = office.get(office.url)
    page = text_of(answer)
    assert page.index("OLDER Order 7 +7.00 EUR 30 days") < page.index("LATE Nordwind +5.00 EUR 3 days")
    for record in (late, older):
        url = reverse("admin:reconciliation_streamrecord_change", args=[record.pk])
        assert f'href="{url}"' in answer.content.decode()


@pytest.mark.parametrize(
    ("asked", "left"),
    [
        ({"amount_min": "5.00"}, {"FIVE", "NINE"}),
        ({"amount_max": "-2"}, {"DEBIT"}),
        ({"amount_min": "−3.00", "amount_max": "5"}, {"DEBIT", "FIVE"}),
        ({"date_from": "2026-03-05"}, {"NINE"}),
        ({"date_to": "2026-03-04"}, {"FIVE", "DEBIT"}),
        ({"direction": "debit"}, {"DEBIT"}),
        ({"counterparty": "nordWIND"}, {"FIVE", "NINE"}),
        ({"age_bucket": "7_30d"}, {"NINE"}),
        ({"direction": "credit", "age_bucket": "lt_7d"}, {"FIVE"}),
    ],
)
def test_the_seven_filters_stand_in_the_address(office: Office, asked, left):
    overdue(office, 5_00, 1, reference="FIVE", counterparty="Nordwind")
    overdue(office, -2_00, 2, reference="DEBIT", counterparty="Optik")
    overdue(office, 9_00, 20, reference="NINE", description="Nordwind again", day=date(2026, 3, 8))
    page = office.page(**asked)
    assert {name for name in ("FIVE", "DEBIT", "NINE") if name in page} == left
    fits = "1 record fits" if len(left) == 1 else f"{len(left)} records fit"
    assert fits in page
    assert "3 records are overdue" in page


def test_what_is_no_amount_or_day_is_said_and_restricts_nothing(office: Office):
    overdue(office, 5_00, 1, reference="FIVE")
    page = office.page(amount_min="five", date_from="2026-13-01", age_bucket="old")
    assert "amount_min: Write an amount like 1250.00" in page
    assert "date_from: Write a date like 2026-03-31." in page
    assert "age_bucket: Write one of" in page
    assert "FIVE" in page


def test_a_long_slice_is_turned_page_by_page(office: Office):
    for number in range(28):
        overdue(office, 100 + number, 40 - number, reference=f"REC-{number:02}")
    answer = office.get(office.url)
    assert "REC-24" in text_of(answer)
    assert "REC-25" not in text_of(answer)
    after = answer.context["after"]
    page = office.page(after=after)
    assert [name for name in ("REC-24", "REC-25", "REC-27") if name in page] == ["REC-25", "REC-27"]
    assert "REC-00" in office.page(after="nonsense_1")


def test_what_is_new_since_it_was_closed_is_marked(office: Office):
    ReconciliationException.objects.update(status="dismissed", closed_at=days_ago(5), closed_by="system:test")
    overdue(office, 5_00, 1)
    page = office.page()
    assert "1 of them was seen overdue after it was closed" in page
    assert "1 day new" in page


def test_an_exception_without_records_says_so(office: Office):
    page = office.page()
    assert "0 records are overdue" in page
    assert "Opened by hand; nothing is overdue in it." in page
    assert "No record is overdue." in page


def test_it_takes_the_same_queries_however_many_records_and_comments_it_has(
    office: Office, django_assert_max_num_queries
):
    for number in range(30):
        overdue(office, 100 + number, 5, reference=f"R{number}")
        office.act("comment", body=f"Comment {number}", mentions=[office.membership.user_id])
    office.page()
    with django_assert_max_num_queries(40):
        office.page()


# --- acts ----------------------------------------------------------------------------------------------------------------


def test_it_is_taken_and_given_back(office: Office):
    assert "It is yours now." in office.act("take")
    page = office.page()
    assert f"Owners: {office.membership.user.shown_name}" in page
    assert "Give it back" in page
    assert "It is not yours any more." in office.act("give-back")
    assert "Nobody's yet" in office.page()


def test_it_is_assigned_to_members_only(office: Office):
    colleague = MembershipFactory(organization=office.membership.organization).user
    stranger = MembershipFactory().user
    assert "It is assigned." in office.act("assign", owners=[colleague.pk])
    assert colleague.shown_name in office.page()
    assert "Select a valid choice" in office.act("assign", owners=[stranger.pk])
    assert "It is assigned." in office.act("assign")
    assert not office.exception.assignments.exists()


def test_a_former_member_stays_its_owner_until_taken_off(office: Office):
    former = MembershipFactory(organization=office.membership.organization, ended_at=NOW).user
    AssigneeFactory(exception=office.exception, user=former)
    assert "It is assigned." in office.act("assign", owners=[former.pk, office.membership.user_id])
    assert office.exception.assignments.count() == 2


def test_its_life_is_worked_through_by_acts_and_greyed_ones_say_why(office: Office):
    assert "It is marked as being investigated." in office.act("investigating")
    assert "It is marked so already." in office.page()
    assert "It is resolved." in office.act("resolve")
    page = office.page()
    assert page.count("It is resolved already.") == 2
    assert "It is resolved. Reopen it first." in page
    assert "It is open again." in office.act("reopen")
    assert "It is dismissed." in office.act("dismiss")
    assert status(office) == "dismissed"


def test_an_act_that_became_impossible_meanwhile_says_why(office: Office):
    active = office.exception
    closed = ReconciliationExceptionFactory(
        reconciliation=active.reconciliation, stream=active.stream, status="dismissed", closed_at=NOW
    )
    url = reverse(f"admin:{MODEL}_act", args=[closed.pk, "reopen"])
    page = text_of(office.client.post(url, follow=True))
    assert f"Exception {active.pk} of this stream and reconciliation is open. Close that one first." in page


def test_its_words_are_edited(office: Office):
    assert "It is saved." in office.act("rename", title="March payouts", description="Ask the acquirer.")
    page = office.page()
    assert "March payouts" in page
    assert "Ask the acquirer." in page
    assert "This field is required." in office.act("rename", title="")


def test_it_is_deleted_and_leaves_the_queue(office: Office):
    one = office.exception
    assert "It is deleted." in office.act("delete")
    assert one not in office.rows(status="all")
    assert office.client.get(reverse(f"admin:{MODEL}_change", args=[one.pk])).status_code == 302


def test_comments_stand_oldest_first_with_whom_they_are_for(office: Office):
    office.act("comment", body="First <b>bold</b>", mentions=[office.membership.user_id])
    assert "Your comment is kept." in office.act("comment", body="Second")
    answer = office.get(office.url)
    assert "First &lt;b&gt;bold" in answer.content.decode()
    page = text_of(answer)
    assert f"for {office.membership.user.shown_name}" in page
    assert page.index("First") < page.index("Second")
    assert [row.body for row in Comment.objects.order_by("pk")] == ["First <b>bold</b>", "Second"]


def test_an_empty_comment_and_a_stranger_s_mention_are_refused(office: Office):
    assert "This field is required." in office.act("comment", body="")
    stranger = MembershipFactory().user
    assert "Select a valid choice" in office.act("comment", body="For you", mentions=[stranger.pk])
    assert not Comment.objects.exists()


def test_the_history_tells_who_changed_what(office: Office):
    office.act("take")
    office.act("dismiss")
    office.act("comment", body="Closed with the bank.")
    page = office.page()
    name = office.membership.user.shown_name
    assert f"changed {name} owners {name}" in page
    assert f"dismissed {name} status open → dismissed" in page
    assert f"commented {name}" in page


def test_who_may_only_read_sees_all_and_changes_nothing(office: Office):
    viewer = office.as_somebody("viewer")
    page = viewer.page()
    assert "Your role does not allow this." in page
    assert "Your role does not allow comments." in page
    for name in ("take", "dismiss", "comment", "delete", "investigate"):
        url = reverse(f"admin:{MODEL}_act", args=[office.exception.pk, name])
        assert viewer.client.post(url, {"body": "x"}).status_code == 403
    assert status(office) == "open"
