"""Exceptions over HTTP: opened, listed, shown, changed, deleted; each success and each refusal."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

import pytest

from exceptions_app.models import ReconciliationException
from organizations.models import AuditEvent
from rules.models import Reconciliation
from tests.api.callers import client_with_key, without_correlation
from tests.api.exceptions.conftest import EXCEPTIONS, Desk
from tests.clock import NOW
from tests.factories.exceptions_app import (
    AssigneeFactory,
    CommentFactory,
    InvestigationFactory,
    ReconciliationExceptionFactory,
)
from tests.factories.ledgers import DataStreamFactory
from tests.factories.organizations import ApiKeyFactory, MembershipFactory, UserFactory
from tests.factories.rules import ReconciliationFactory, ReconciliationStreamFactory

pytestmark = pytest.mark.django_db

SAID = "2026-03-31T09:00:00Z"
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
STATUSES = ("open", "investigating", "dismissed", "resolved")
ACTIVE = {"open", "investigating"}
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


UNKNOWN = 987_654_321


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


def listed(desk: Desk, **query) -> list[int]:
    return [row["id"] for row in desk.get(EXCEPTIONS, **query)["data"]]


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


# --- gone with what it stands on -------------------------------------------------------------------------------------------


def test_deleted_it_is_gone_and_may_be_made_anew(desk):
    made = desk.open()
    desk.delete(f"{EXCEPTIONS}/{made['id']}")
    assert listed(desk) == []
    for ask in (desk.get, desk.delete):
        assert ask(f"{EXCEPTIONS}/{made['id']}", expect=404)["reason"] == "exception.not_found"
    desk.change(made["id"], expect=404, status="open")
    assert desk.open()["id"] != made["id"]


@pytest.mark.parametrize("gone", ["reconciliation", "stream"])
def test_of_a_deleted_reconciliation_or_stream_there_is_none(desk, gone):
    made = desk.open()
    row = desk.reconciliation if gone == "reconciliation" else desk.a
    row.voided_at, row.voided_by = NOW, "system:test"
    row.save()
    assert listed(desk) == []
    desk.get(f"{EXCEPTIONS}/{made['id']}", expect=404)
    desk.change(made["id"], expect=404, title="x")
    desk.post(f"{EXCEPTIONS}/{made['id']}/comments", {"body": "x"}, expect=404)


@pytest.mark.parametrize("tail", ["", "/records", "/history"])
def test_another_organizations_answers_as_one_that_is_not_there(desk, tail):
    theirs = ReconciliationExceptionFactory()
    answers = [
        without_correlation(desk.client.get(f"{EXCEPTIONS}/{pk}{tail}"))
        for pk in (theirs.pk, UNKNOWN, "x", "1.5")
    ]
    assert answers[0][0] == 404
    assert answers.count(answers[0]) == len(answers)


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


# --- changed ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("before", "after"), list(product(STATUSES, STATUSES)))
def test_every_move_sets_the_instants_that_it_should(desk, before, after):
    made = desk.open(status=before)
    desk.set_clock(LATER)
    body = desk.change(made["id"], status=after)
    was, is_ = before in ACTIVE, after in ACTIVE
    opened = SAID_LATER if is_ and not was else made["opened_at"]
    closed = None if is_ else SAID_LATER if was else SAID
    assert (body["status"], body["opened_at"], body["closed_at"]) == (after, opened, closed)
    assert body["updated_at"] == (SAID if before == after else SAID_LATER)
    assert desk.show(made["id"]) | {"filtered_aggregates": None} == body | {"filtered_aggregates": None}


def test_reopened_beside_another_active_one_is_422(desk):
    old, live = desk.open(status="dismissed"), desk.open()
    body = desk.change(old["id"], expect=422, status="investigating")
    assert (body["reason"], body["details"]) == ("exception.active", {"exception_id": live["id"]})
    assert body["issues"][0]["path"] == ["status"]
    desk.change(live["id"], status="resolved")
    assert desk.change(old["id"], status="open")["status"] == "open"


def test_what_is_left_out_stays(desk, organization):
    user = MembershipFactory(organization=organization).user
    made = desk.open(title="Late", description="Ask", assignee_ids=[user.pk])
    body = desk.change(made["id"], title=" Later ")
    assert (body["title"], body["description"], len(body["assignees"])) == ("Later", "Ask", 1)
    body = desk.change(made["id"], description=None, assignee_ids=[])
    assert (body["title"], body["description"], body["assignees"]) == ("Later", None, [])


def test_assignees_are_replaced_and_who_left_may_stay(desk, organization):
    anna, ben = (MembershipFactory(organization=organization) for _place in range(2))
    made = desk.open(assignee_ids=[anna.user_id])
    anna.ended_at = NOW
    anna.save()
    body = desk.change(made["id"], assignee_ids=[anna.user_id, ben.user_id])
    assert [each["id"] for each in body["assignees"]] == [anna.user_id, ben.user_id]
    desk.change(made["id"], assignee_ids=[ben.user_id])
    assert desk.change(made["id"], expect=422, assignee_ids=[anna.user_id])["reason"] == "exception.invalid"


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ({"title": ""}, ["title"]),
        ({"title": None}, ["title"]),
        ({"title": "t" * 301}, ["title"]),
        ({"status": "closed"}, ["status"]),
        ({"assignee_ids": [UNKNOWN]}, ["assignee_ids", 0]),
        ({"reconciliation_id": 1}, ["reconciliation_id"]),
        ({"data_stream_id": 1}, ["data_stream_id"]),
    ],
)
def test_a_change_that_cannot_be_is_422(desk, said, path):
    made = desk.open()
    assert desk.change(made["id"], expect=422, **said)["issues"][0]["path"] == path
    assert desk.show(made["id"])["updated_at"] == SAID


def test_closed_and_reopened_it_is_resolved_by_itself_only_if_it_has_records(desk):
    made = desk.open()
    row = ReconciliationException.objects.get(pk=made["id"])
    assert row.had_records_at is None
    desk.change(made["id"], status="resolved")
    desk.overdue(3, ("R1", 1750))
    desk.change(made["id"], status="open")
    row.refresh_from_db()
    assert row.had_records_at == NOW


# --- the trail -------------------------------------------------------------------------------------------------------------


def test_each_act_leaves_one_event(desk):
    made = desk.open()
    for status in ("investigating", "open", "dismissed", "resolved", "open", "open"):
        desk.change(made["id"], status=status)
    desk.change(made["id"], title="Late", assignee_ids=[])
    desk.post(f"{EXCEPTIONS}/{made['id']}/comments", {"body": "x"})
    desk.delete(f"{EXCEPTIONS}/{made['id']}")
    events = AuditEvent.objects.filter(subject_id=str(made["id"])).order_by("pk")
    events = events.filter(subject_type="exceptions_app.reconciliationexception")
    assert [event.action for event in events] == [
        "exception.opened",
        "exception.investigating",
        "exception.changed",
        "exception.dismissed",
        "exception.resolved",
        "exception.reopened",
        "exception.changed",
        "exception.commented",
        "exception.deleted",
    ]
    assert events[1].data == {"changes": {"status": ["open", "investigating"]}}
    assert f"rules.reconciliation:{desk.reconciliation.pk}" in events[0].subjects


# --- who may ---------------------------------------------------------------------------------------------------------------


def test_reading_and_writing_are_two_permissions(desk, organization):
    made = desk.open()
    reader = client_with_key(ApiKeyFactory(organization=organization, scopes=["exceptions:read"]))
    one = f"{EXCEPTIONS}/{made['id']}"
    assert reader.get(EXCEPTIONS).status_code == reader.get(one).status_code == 200
    refused = [
        reader.post(EXCEPTIONS, {}, format="json"),
        reader.patch(one, {"status": "open"}, format="json"),
        reader.delete(one),
        reader.post(f"{one}/comments", {"body": "x"}, format="json"),
    ]
    assert {answer.status_code for answer in refused} == {403}
    assert refused[0].json()["details"] == {"scope": "exceptions:write"}


def test_a_person_in_the_admin_may_too(desk, operator):
    assert operator.get(EXCEPTIONS).status_code == 200


def test_a_page_takes_as_many_queries_as_one_row(desk, django_assert_num_queries):
    streams = DataStreamFactory.create_batch(10, organization=desk.a.organization)
    for stream in streams:
        row = ReconciliationExceptionFactory(reconciliation=desk.reconciliation, stream=stream)
        CommentFactory(exception=row).mentions.add(UserFactory())
        AssigneeFactory(exception=row)
        InvestigationFactory(exception=row)
    desk.get(EXCEPTIONS)
    for limit in (1, 10):
        with django_assert_num_queries(7):
            assert len(desk.get(EXCEPTIONS, limit=limit)["data"]) == limit
