"""The queue of exceptions: its columns and figures, its filters, export, and what is done to many at once."""

from __future__ import annotations

import csv
import io
from datetime import date

import pytest
from django.urls import reverse

from exceptions_app.models import Assignee, ReconciliationException
from ledgers.models import Record
from tests.clock import NOW
from tests.exceptions_app.admin.office import LIST, MODEL, Office, days_ago, new_office
from tests.factories.exceptions_app import (
    AssigneeFactory,
    InvestigationFactory,
    ReconciliationExceptionFactory,
    SweepFactory,
)
from tests.factories.organizations import MembershipFactory
from tests.organizations.backoffice.people import signed_in
from tests.reconciliation.admin.desk import text_of

pytestmark = pytest.mark.django_db
DAY = date(2026, 3, 2)


@pytest.fixture
def office() -> Office:
    return new_office()


def overdue(office: Office, minor: int, days: float, **more) -> Record:
    record = office.acquirer.add(office.acquirer.stream, minor, DAY, **more)
    office.acquirer.make_due(record, at=days_ago(days))
    return record


def other(office: Office, name: str, **more) -> ReconciliationException:
    """Another stream's exception, in a reconciliation of its own."""
    feeds = office.acquirer.feeds
    stream = feeds.stream(name)
    return ReconciliationExceptionFactory(
        reconciliation=feeds.reconciliation(stream), stream=stream, title=name, **more
    )


def test_a_row_says_what_is_overdue_for_how_long_and_whose_it_is(office: Office):
    overdue(office, 1250_00, 2)
    overdue(office, -200_00, 12)
    overdue(office, 9_00, 45, currency="USD")
    AssigneeFactory(exception=office.exception, user=office.membership.user)
    InvestigationFactory(
        exception=office.exception, status="completed", outcome="needs_review", finished_at=NOW
    )
    page = office.queue()
    assert "Records 3 Value +1,050.00 EUR Value +9.00 USD" in page
    assert "+1,050.00 EUR +9.00 USD 45 days" in page
    assert "under 7 days: 1 7 to 30 days: 1 30 to 90 days: 1 90 days and more: 0" in page
    assert f"{office.membership.user.shown_name} Needs review" in page


def test_active_ones_are_shown_unless_others_are_asked_for(office: Office):
    one = office.exception
    closed = {"status": "dismissed", "closed_at": NOW, "opened_at": None}
    dismissed = other(office, "old", **closed)
    looked = other(office, "looked", status="investigating")
    assert set(office.rows()) == {one, looked}
    assert office.rows(status="dismissed") == [dismissed]
    assert office.rows(status="open") == [one]
    assert set(office.rows(status="all")) == {one, looked, dismissed}
    assert set(office.rows(status="no such")) == {one, looked}


def test_what_has_been_open_the_longest_comes_first(office: Office):
    late = other(office, "late", opened_at=days_ago(1))
    early = other(office, "early", opened_at=days_ago(20))
    assert [row for row in office.rows() if row in (late, early)] == [early, late]


def test_it_is_filtered_by_owner(office: Office):
    mine, nobodys = office.exception, other(office, "nobody")
    theirs = AssigneeFactory(
        exception=other(office, "theirs"),
        user=MembershipFactory(organization=office.membership.organization).user,
    )
    AssigneeFactory(exception=mine, user=office.membership.user)
    assert office.rows(owner="me") == [mine]
    assert office.rows(owner="nobody") == [nobodys]
    assert office.rows(owner=theirs.user_id) == [theirs.exception]
    assert office.rows(owner=987654) == []


def test_it_is_filtered_by_how_long_something_is_overdue(office: Office):
    overdue(office, 5_00, 8)
    one = office.exception
    other(office, "nothing overdue")
    assert office.rows(overdue_days="7") == [one]
    assert office.rows(overdue_days="30") == []


def test_an_active_one_without_records_says_why(office: Office):
    other(office, "by hand")
    other(office, "had some", had_records_at=NOW)
    page = office.queue()
    assert "Opened by hand; nothing is overdue in it." in page
    assert "Nothing is overdue any more: the next sweep resolves it." in page


def test_a_closed_one_with_new_records_says_how_many(office: Office):
    row = office.exception
    ReconciliationException.objects.filter(pk=row.pk).update(
        status="dismissed", closed_at=days_ago(5), closed_by="system:test"
    )
    overdue(office, 5_00, 1)
    assert "1 new since it was closed" in office.queue(status="dismissed")


def test_the_last_sweep_stands_on_top(office: Office):
    assert "Nothing was swept yet." in office.queue()
    of = {"organization": office.membership.organization, "finished_at": days_ago(0)}
    SweepFactory(**of, status="completed", at=days_ago(1 / 24))
    assert "Swept 1 hour ago." in office.queue()
    SweepFactory(**of, status="failed", at=days_ago(0), error="Acquirer: the disk is full")
    assert "broke off" in office.queue()
    sweeps = text_of(office.get(reverse("admin:exceptions_app_sweep_changelist")))
    assert "Acquirer: the disk is full" in sweeps


def test_an_empty_queue_says_that_all_is_well_and_how_exceptions_come(office: Office):
    assert "Nothing is overdue. Exceptions open by themselves" in office.queue()


def test_a_page_takes_the_same_queries_however_many_rows_it_has(
    office: Office, django_assert_max_num_queries
):
    overdue(office, 5_00, 1)
    assert office.exception
    for number in range(26):
        AssigneeFactory(exception=other(office, f"s{number}"), user=office.membership.user)
    office.queue()
    with django_assert_max_num_queries(18):
        assert len(office.rows()) == 25


def test_it_is_exported_with_its_figures(office: Office):
    overdue(office, 1250_00, 12)
    assert office.exception
    answer = office.client.get(reverse(f"admin:{MODEL}_export", args=["csv"]))
    [row] = csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig")))
    assert (row["Records"], row["Value"], row["Currency"]) == ("1", "1250.00", "EUR")
    assert (row["Oldest, days overdue"], row["Overdue 7_30d"]) == ("12", "1")


# --- many at once ----------------------------------------------------------------------------------------------------------


def test_what_is_ticked_is_told_before_it_is_dismissed_and_each_result_after(office: Office):
    overdue(office, 1250_00, 12)
    one, two = office.exception, other(office, "second")
    told = text_of(office.tick("dismiss_ticked", one, two))
    assert "2 exceptions with 1 record; the oldest 12 days overdue." in told
    assert f"{one.title} ({one.reconciliation.name}, open): +1,250.00 EUR" in told
    page = office.bulk("dismiss-ticked", one, two)
    assert "2 done." in page
    assert f"{one.title} done" in page
    assert set(ReconciliationException.objects.values_list("status", flat=True)) == {"dismissed"}
    assert "second done" not in office.queue()


def test_one_that_is_gone_leaves_the_others_done_and_says_so(office: Office):
    one, gone = office.exception, other(office, "gone")
    ReconciliationException.objects.filter(pk=gone.pk).update(voided_at=NOW)
    page = office.bulk("resolve-ticked", one, gone)
    assert "1 done." in page
    assert f"Exception {gone.pk} There is no exception with this id." in page
    assert "None of these exceptions is here any more." in office.bulk("resolve-ticked", gone)


def test_many_are_assigned_beside_or_in_place_of_who_has_them(office: Office):
    one, two = office.exception, other(office, "second")
    colleague = MembershipFactory(organization=office.membership.organization).user
    AssigneeFactory(exception=one, user=colleague)
    assert "2 done." in office.bulk("assign-ticked", one, two, owners=[office.membership.user_id])
    assert set(Assignee.objects.filter(exception=one).values_list("user_id", flat=True)) == {
        colleague.pk,
        office.membership.user_id,
    }
    office.bulk("assign-ticked", one, owners=[office.membership.user_id], replace="on")
    assert [row.user_id for row in one.assignments.all()] == [office.membership.user_id]


def test_strangers_are_not_offered_as_owners_and_not_taken(office: Office):
    stranger = MembershipFactory().user
    one = office.exception
    page = office.tick("assign_ticked", one)
    assert f'value="{stranger.pk}"' not in page.content.decode()
    assert "Select a valid choice" in office.bulk("assign-ticked", one, owners=[stranger.pk])
    assert not one.assignments.exists()


def test_who_may_only_read_sees_the_queue_and_changes_nothing(office: Office):
    one = office.exception
    viewer = office.as_somebody("viewer")
    page = viewer.queue()
    assert one.title in page
    assert "Dismiss the ticked exceptions" not in page
    url = reverse(f"admin:{MODEL}_list_act", args=["dismiss-ticked"])
    assert viewer.client.post(url, {"exceptions": one.pk}).status_code == 403


def test_deleted_ones_and_those_of_others_are_not_listed(office: Office):
    ReconciliationExceptionFactory()
    other(office, "deleted", voided_at=NOW)
    books = other(office, "books gone")
    type(books.reconciliation).objects.filter(pk=books.reconciliation_id).update(voided_at=NOW)
    assert office.rows(status="all") == []
    client, _membership = signed_in("viewer")
    assert list(client.get(reverse(LIST)).context["cl"].result_list) == []
