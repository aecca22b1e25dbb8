"""Exceptions over HTTP: opened, listed, shown, changed, deleted; each success and each refusal."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

import pytest

from exceptions_app.models import ReconciliationException
from rules.models import Reconciliation
from tests.api.callers import without_correlation
from tests.api.exceptions.conftest import ACTIVE, EXCEPTIONS, SAID, STATUSES, UNKNOWN, listed
from tests.clock import NOW
from tests.factories.exceptions_app import (
    AssigneeFactory,
    CommentFactory,
    InvestigationFactory,
    ReconciliationExceptionFactory,
)
from tests.factories.organizations import MembershipFactory
from tests.factories.rules import ReconciliationFactory, ReconciliationStreamFactory

pytestmark = pytest.mark.django_db

FIGURES = {
    "record_count",
    "total_amount",
    "debit_count",
    "debit_sum",
    "credit_count",
    "credit_sum",
    "avg_age_days",
    "oldest_at",
    "newest_at",
}
DOCUMENTED = {
    "id",
    "reconciliation_id",
    "reconciliation_name",
    "data_stream_id",
    "data_stream_name",
    "data_stream_key",
    "title",
    "description",
    "status",
    "created_at",
    "updated_at",
    "opened_at",
    "closed_at",
    "assignees",
    "decimal_places",
    "aggregates",
    "comments",
    "investigation",
    "investigation_sessions",
}
OURS = {"currency", "new_since_closed"}
LATER = NOW + timedelta(hours=2)
SAID_LATER = "2026-03-31T11:00:00Z"


# --- opened --------------------------------------------------------------------------------------------------------------


def test_an_opened_one_has_all_that_the_contract_says(desk):
    desk.overdue(3, ("R1", 1750))
    body = desk.open(description="Ask the acquirer")
    assert set(body) == DOCUMENTED | OURS
    assert set(body["aggregates"]) >= FIGURES
    told = {name: body[name] for name in DOCUMENTED - {"id", "aggregates"}}
    assert told == {
        "reconciliation_id": desk.reconciliation.pk,
        "reconciliation_name": desk.reconciliation.name,
        "data_stream_id": desk.a.pk,
        "data_stream_name": desk.a.name,
        "data_stream_key": "card_acquirer",
        "title": f"{desk.a.name} — overdue records",
        "description": "Ask the acquirer",
        "status": "open",
        "created_at": SAID,
        "updated_at": SAID,
        "opened_at": SAID,
        "closed_at": None,
        "assignees": [],
        "decimal_places": 2,
        "comments": [],
        "investigation": None,
        "investigation_sessions": [],
    }


def test_ids_are_numbers_or_digits_and_blank_words_are_the_default(desk):
    body = desk.post(
        EXCEPTIONS,
        {
            "reconciliation_id": str(desk.reconciliation.pk),
            "data_stream_id": str(desk.b.pk),
            "title": " ",
            "description": None,
        },
    )
    assert (body["title"], body["description"]) == (f"{desk.b.name} — overdue records", None)


def test_a_title_of_its_own_and_the_longest_stream_name(desk):
    assert desk.open(title=" Late payouts ", status="investigating")["title"] == "Late payouts"
    desk.b.name = "n" * 255
    desk.b.save()
    assert desk.open(desk.b)["title"] == "n" * 255 + " — overdue records"


def test_with_people_to_whom_it_belongs(desk, organization):
    people = [MembershipFactory(organization=organization).user for _place in range(2)]
    body = desk.open(assignee_ids=[str(people[1].pk), people[0].pk, people[1].pk])
    assert body["assignees"] == [
        {"id": user.pk, "workos_user_id": user.external_id} for user in (people[1], people[0])
    ]


@pytest.mark.parametrize("status", STATUSES)
def test_opened_and_closed_at_follow_the_status_that_it_is_made_with(desk, status):
    body = desk.open(status=status)
    expected = (SAID, None) if status in ACTIVE else (None, SAID)
    assert (body["status"], body["opened_at"], body["closed_at"]) == (status, *expected)


@pytest.mark.parametrize(("first", "second"), list(product(STATUSES, STATUSES)))
def test_of_a_pair_one_is_active_at_most(desk, first, second):
    made = desk.open(status=first)
    if first in ACTIVE and second in ACTIVE:
        refused = desk.open(status=second, expect=422)
        assert (refused["reason"], refused["details"]) == ("exception.active", {"exception_id": made["id"]})
        assert refused["issues"][0]["path"] == ["data_stream_id"]
    else:
        assert desk.open(status=second)["id"] != made["id"]


def test_another_stream_or_reconciliation_has_its_own(desk):
    desk.open()
    desk.open(desk.b)
    other = desk.feeds.reconciliation(desk.a)
    desk.open(reconciliation_id=other.pk)


def test_in_a_ledgers_reconciliation_too(desk, organization):
    made = ReconciliationFactory(ledger__organization=organization)
    stream = ReconciliationStreamFactory(reconciliation=made).stream
    assert desk.open(stream, reconciliation_id=made.pk)["reconciliation_id"] == made.pk


def test_of_a_settlement_there_is_none(desk):
    Reconciliation.objects.filter(pk=desk.reconciliation.pk).update(kind="settlement")
    assert desk.open(expect=422)["reason"] == "reconciliation.owned"


@pytest.mark.parametrize(
    ("field", "reason"),
    [("reconciliation_id", "reconciliation.not_found"), ("data_stream_id", "stream.not_found")],
)
def test_what_is_not_there_is_404_byte_for_byte(desk, field, reason):
    theirs = ReconciliationStreamFactory(reconciliation=ReconciliationFactory())
    foreign = theirs.reconciliation_id if field == "reconciliation_id" else theirs.stream_id
    body = {"reconciliation_id": desk.reconciliation.pk, "data_stream_id": desk.a.pk}
    answers = [
        without_correlation(desk.client.post(EXCEPTIONS, body | {field: value}, format="json"))
        for value in (UNKNOWN, foreign, 0, -1)
    ]
    assert answers[0][0] == 404
    assert answers[0][1]["reason"] == reason
    assert answers.count(answers[0]) == len(answers)


def test_a_stream_of_another_reconciliation_is_422(desk):
    body = desk.open(desk.feeds.stream("wallet"), expect=422)
    assert (body["reason"], body["issues"][0]["path"]) == ("stream.not_wired", ["data_stream_id"])


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ({"reconciliation_id": None}, ["reconciliation_id"]),
        ({"data_stream_id": "card_acquirer"}, ["data_stream_id"]),
        ({"data_stream_id": 1.0}, ["data_stream_id"]),
        ({"status": "closed"}, ["status"]),
        ({"status": None}, ["status"]),
        ({"title": "t" * 301}, ["title"]),
        ({"title": ["t"]}, ["title"]),
        ({"description": "d" * 10_001}, ["description"]),
        ({"assignee_ids": [UNKNOWN]}, ["assignee_ids", 0]),
        ({"assignee_ids": ["anna"]}, ["assignee_ids", 0]),
        ({"assignee_ids": None}, ["assignee_ids"]),
        ({"assignee_ids": [1] * 101}, ["assignee_ids"]),
        ({"record_ids": [1]}, ["record_ids"]),
    ],
)
def test_what_cannot_be_used_is_422_and_named(desk, said, path):
    body = desk.open(expect=422, **said)
    assert body["issues"][0]["path"] == path
    assert body["error"] == body["message"]
    assert not ReconciliationException.objects.exists()


@pytest.mark.parametrize("field", ["reconciliation_id", "data_stream_id"])
def test_both_ids_are_needed(desk, field):
    body = {"reconciliation_id": desk.reconciliation.pk, "data_stream_id": desk.a.pk}
    del body[field]
    assert desk.post(EXCEPTIONS, body, expect=422)["issues"][0]["path"] == [field]


def test_only_members_who_are_there_now_can_have_it(desk, organization):
    left = MembershipFactory(organization=organization, ended_at=NOW).user
    asleep = MembershipFactory(organization=organization, user__is_active=False).user
    stranger = MembershipFactory().user
    body = desk.open(assignee_ids=[left.pk, asleep.pk, stranger.pk, UNKNOWN], expect=422)
    assert [issue["path"] for issue in body["issues"]] == [["assignee_ids", place] for place in range(4)]
    assert len({issue["message"] for issue in body["issues"]}) == 1


def test_a_repeat_under_the_same_key_gets_the_first_answer(desk):
    body = {"reconciliation_id": desk.reconciliation.pk, "data_stream_id": desk.a.pk}
    first = desk.post(EXCEPTIONS, body, **{"Idempotency-Key": "open-1"})
    assert desk.post(EXCEPTIONS, body, **{"Idempotency-Key": "open-1"}) == first
    assert ReconciliationException.objects.count() == 1


# --- listed --------------------------------------------------------------------------------------------------------------


def test_the_list_has_everything_but_the_filtered_figures_newest_first(desk):
    desk.overdue(3, ("R1", 1750))
    first, second = desk.open(), desk.open(desk.b)
    body = desk.get(EXCEPTIONS)
    assert (body["has_more"], body["offset"], set(body)) == (False, 0, {"data", "has_more", "offset"})
    assert body["data"] == [second, first]
    assert body["data"][1]["aggregates"]["record_count"] == 1


def test_pages_by_offset(desk):
    made = [desk.open(status="dismissed")["id"] for _place in range(3)][::-1]
    page = desk.get(EXCEPTIONS, limit=2, offset=0)
    assert ([row["id"] for row in page["data"]], page["has_more"]) == (made[:2], True)
    page = desk.get(EXCEPTIONS, limit=2, offset=2)
    assert ([row["id"] for row in page["data"]], page["has_more"], page["offset"]) == (made[2:], False, 2)


def test_by_default_a_page_has_25_and_at_most_100(desk):
    ReconciliationExceptionFactory.create_batch(
        30, reconciliation=desk.reconciliation, stream=desk.a, status="resolved", closed_at=NOW
    )
    page = desk.get(EXCEPTIONS)
    assert (len(page["data"]), page["has_more"]) == (25, True)
    assert len(desk.get(EXCEPTIONS, limit=100)["data"]) == 30


def test_filters_hold_together(desk):
    other = desk.feeds.reconciliation(desk.a)
    here, there = desk.open(), desk.open(reconciliation_id=other.pk)
    bank = desk.open(desk.b, status="resolved")
    assert listed(desk, reconciliation_id=desk.reconciliation.pk) == [bank["id"], here["id"]]
    assert listed(desk, reconciliation_id=desk.reconciliation.pk, status="open") == [here["id"]]
    assert listed(desk, data_stream_id=desk.a.pk) == [there["id"], here["id"]]
    assert listed(desk, status="dismissed") == listed(desk, reconciliation_id=UNKNOWN) == []


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ({"limit": 0}, ["limit"]),
        ({"limit": 101}, ["limit"]),
        ({"limit": "x"}, ["limit"]),
        ({"offset": -1}, ["offset"]),
        ({"offset": 100_001}, ["offset"]),
        ({"status": "closed"}, ["status"]),
        ({"reconciliation_id": "x"}, ["reconciliation_id"]),
        ({"direction": "credit"}, ["direction"]),
    ],
)
def test_a_question_that_cannot_be_understood_is_422(desk, query, path):
    assert desk.get(EXCEPTIONS, expect=422, **query)["issues"][0]["path"] == path


# --- shown -----------------------------------------------------------------------------------------------------------------


def test_what_hangs_on_it_is_shown(desk, organization):
    row = ReconciliationExceptionFactory(reconciliation=desk.reconciliation, stream=desk.a)
    user = MembershipFactory(organization=organization).user
    AssigneeFactory(exception=row, user=user)
    first = CommentFactory(exception=row, author=user)
    second = CommentFactory(exception=row, author=None, body="From a task")
    first.mentions.add(user)
    body = desk.show(row.pk)
    assert body["assignees"] == [{"id": user.pk, "workos_user_id": user.external_id}]
    assert body["comments"] == [
        {
            "id": first.pk,
            "body": first.body,
            "author_workos_id": user.external_id,
            "mentions": [user.pk],
            "created_at": SAID,
        },
        {
            "id": second.pk,
            "body": "From a task",
            "author_workos_id": None,
            "mentions": [],
            "created_at": SAID,
        },
    ]


def test_the_newest_investigation_and_the_newest_five(desk):
    row = ReconciliationExceptionFactory(reconciliation=desk.reconciliation, stream=desk.a)
    done = [
        InvestigationFactory(
            exception=row,
            status="completed",
            outcome="needs_review",
            recommendation_text="Look at record 903.",
            confidence=0.74,
            candidates_searched=12,
            suggested_record_ids=[903],
            filter_params={"direction": "credit"},
            finished_at=LATER,
        )
        for _place in range(5)
    ]
    failed = InvestigationFactory(exception=row, status="failed", error="x", finished_at=LATER)
    running = InvestigationFactory(exception=row, status="running")
    body = desk.show(row.pk)
    assert body["investigation"] == body["investigation_sessions"][0]
    ids = [session["id"] for session in body["investigation_sessions"]]
    assert ids == [running.pk, failed.pk, *[each.pk for each in done[:1:-1]]]
    assert body["investigation_sessions"][2] == {
        "id": done[-1].pk,
        "status": "completed",
        "outcome": "needs_review",
        "recommendation_text": "Look at record 903.",
        "confidence_score": 0.74,
        "candidate_records_searched": 12,
        "suggested_record_ids": [903],
        "filter_params": {"direction": "credit"},
        "completed_at": SAID_LATER,
        "created_at": SAID,
    }
    empty = ("outcome", "recommendation_text", "confidence_score", "candidate_records_searched")
    for session in body["investigation_sessions"][:2]:
        assert {session[name] for name in (*empty, "suggested_record_ids", "completed_at")} == {None}
    assert desk.get(EXCEPTIONS)["data"][0]["investigation_sessions"] == body["investigation_sessions"]
